"""Looking for local servers once, before the first call, when nothing is configured."""

import asyncio
import threading
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

from returns.result import Failure

from llm_manager.cells import Cell, PerLoop
from llm_manager.domain.events import ServersProbed
from llm_manager.domain.plans import Unavailable
from llm_manager.effects import settle
from llm_manager.services.journal import Journal
from llm_manager.services.model_client import ModelClient

PROBE_SECONDS = 0.2


def discovering(
    servers: Mapping[str, ModelClient],
    journal: Journal,
    now: Callable[[], float],
    learn: Callable[[Mapping[str, ModelClient], tuple[Unavailable, ...]], None],
    ready: Callable[[], Coroutine[Any, Any, None]],
) -> Callable[[], Coroutine[Any, Any, None]]:
    """Probe the usual local servers side by side, once, for 200 ms; later calls return at once.

    ``ready`` is awaited before, so that what must be loaded to send anything is not taken from the 200 ms. Of several
    event loops that probe at once, the first to finish is believed.
    """
    lock: PerLoop[asyncio.Lock] = PerLoop(asyncio.Lock)
    one_at_a_time = threading.Lock()
    probed = Cell(not servers)

    async def discover() -> None:
        if probed.read():
            return
        async with lock.get():
            if probed.read():
                return
            await ready()
            async with asyncio.TaskGroup() as group:
                probes = {name: group.create_task(_answers(client)) for name, client in servers.items()}
            found = {name: servers[name] for name, probe in probes.items() if probe.result()}
            absent = tuple(name for name in servers if name not in found)
            with one_at_a_time:
                if probed.read():
                    return
                learn(found, tuple(Unavailable(provider=name, reason=_absence(servers[name])) for name in absent))
                probed.swap(lambda _: True)
            journal.emit(ServersProbed(at=now(), found=tuple(found), absent=absent))

    return discover


async def _answers(client: ModelClient) -> bool:
    try:
        async with asyncio.timeout(PROBE_SECONDS):
            health = await settle(client.health())
    except TimeoutError:
        return False
    return not isinstance(health, Failure) and health.unwrap().healthy


def _absence(client: ModelClient) -> str:
    return f"no server answered at {client.endpoint.base_url}"
