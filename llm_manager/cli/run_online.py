"""Waiting for the connection: nobody is asked anything but how he is, ever more rarely, until somebody elsewhere is reached."""

from collections.abc import Callable, Iterable
from typing import Final

from returns.result import Failure

from llm_manager.domain.errors import NetworkError, RequestTimeout
from llm_manager.domain.models import Health
from llm_manager.effects import settle
from llm_manager.policies.offline_waits import pause_before_look
from llm_manager.services.manager import LLMManager
from llm_manager.services.world import World

_UNREACHED: Final = (NetworkError.tag, RequestTimeout.tag)


async def until_online(manager: LLMManager, provider: str | None, world: World, tell: Callable[[str], None]) -> None:
    """Return once ``provider`` can be reached, or anybody elsewhere when none is named. Looks begin 5 s apart and become a minute."""
    looks = 0
    while not await reached(manager, provider):
        looks += 1
        if looks == 1:
            tell(f"offline: {provider or 'no provider elsewhere'} cannot be reached; waiting until it can, Ctrl-C to leave it for later")
        await world.sleep(pause_before_look(looks, world.rng.random()))
    if looks:
        tell("online again: the run goes on")


async def reached(manager: LLMManager, provider: str | None) -> bool:
    """Look once. A provider that answers anything, if only that it is unwell, is reached."""
    looked = await settle(manager.health())
    if isinstance(looked, Failure):
        return manager.standing().online is not False
    here = [health for health in looked.unwrap() if health.provider == provider]
    return not _unreached(here) if here else manager.standing().online is not False


def _unreached(looked: Iterable[Health]) -> bool:
    return all(not health.healthy and health.error_tag in _UNREACHED for health in looked)
