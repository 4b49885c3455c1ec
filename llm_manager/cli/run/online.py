"""Waiting for the connection: nobody is asked anything but how he is, ever more rarely, until somebody elsewhere is reached."""

from collections.abc import Callable, Iterable
from functools import partial
from typing import Final

from attrs import frozen
from returns.result import Failure

from llm_manager.cells import Cell
from llm_manager.domain.errors import LLMError, ModelUnavailable, NetworkError, RequestTimeout
from llm_manager.domain.models import Health
from llm_manager.effects import settle
from llm_manager.outcomes import Settled, sealed
from llm_manager.policies.connectivity import is_away
from llm_manager.policies.offline_waits import pause_before_look
from llm_manager.runs.jobs import Job
from llm_manager.runs.running import Running, run_rows
from llm_manager.runs.surveying import Survey, survey
from llm_manager.runs.tallies import with_in_vain
from llm_manager.services.manager import LLMManager
from llm_manager.services.run_store import RunLog
from llm_manager.services.world import World

_UNREACHED: Final = (NetworkError.tag, RequestTimeout.tag, ModelUnavailable.tag)


@frozen(kw_only=True)
class Going:
    """What a run goes on by: whom it asks how things are, and who may end it. ``waiting`` is told what it waits for meanwhile.

    ``reopen`` lets requests through again after a run that gave up on its server.
    """

    manager: LLMManager
    world: World
    tell: Callable[[str], None]
    waiting: Cell[str | None]
    ended: Callable[[], bool]
    reopen: Callable[[], None]


async def asked_whenever_online(job: Job, found: Survey, log: RunLog, running: Running, going: Going) -> LLMError | None:
    """Ask all rows, and those that got nowhere again, whenever whom they need can be reached; gives what else stopped the run."""
    world, tally = going.world, running.tally
    provider = None if running.model is None else running.model.provider
    barren = 0
    while True:
        if found.requests:
            going.waiting.swap(lambda _: f"{provider or 'the model'} cannot be reached")
            if barren:
                await world.sleep(pause_before_look(barren, world.rng.random()))
            await until_online(going.manager, provider, world, going.tell)
            going.waiting.swap(lambda _: None)
        before = tally.read().done
        stopped = await run_rows(job, found, log, running)
        if stopped is None or not is_away(stopped) or going.ended():
            return stopped
        barren = 0 if tally.read().done > before else barren + 1
        again: Settled[Survey, LLMError] = sealed(await world.run_blocking(lambda: survey(job, log.standings)))
        if isinstance(again, Failure):
            return again.failure()
        found = again.unwrap()
        tally.swap(partial(with_in_vain, count=0))
        going.reopen()


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
    """Look once. A provider that answers is reached, if only to refuse; one that does not run, or is overloaded, is not."""
    looked = await settle(manager.health())
    if isinstance(looked, Failure):
        return manager.standing().online is not False
    here = [health for health in looked.unwrap() if health.provider == provider]
    return not _unreached(here) if here else manager.standing().online is not False


def _unreached(looked: Iterable[Health]) -> bool:
    return all(not health.healthy and health.error_tag in _UNREACHED for health in looked)
