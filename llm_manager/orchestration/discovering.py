"""Looking for local servers once, before the first call, when nothing is configured."""

import asyncio
import threading
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any

from attrs import evolve
from returns.result import Failure

from llm_manager.cells import Cell, PerLoop
from llm_manager.domain.events import ServersProbed
from llm_manager.domain.plans import Unavailable
from llm_manager.effects import settle
from llm_manager.services.journal import Journal
from llm_manager.services.model_client import ModelClient

PROBE_SECONDS = 0.2
_MOST = 8
"""Models of a server that was found, as it lists them: the newest first."""


def discovering(
    servers: Mapping[str, ModelClient],
    journal: Journal,
    now: Callable[[], float],
    learn: Callable[[Mapping[str, ModelClient], tuple[Unavailable, ...]], None],
    ready: Callable[[], Coroutine[Any, Any, None]],
) -> Callable[[], Coroutine[Any, Any, None]]:
    """Probe the usual local servers side by side, once, for 200 ms; later calls return at once. A key is never sent there.

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
                probes = {name: group.create_task(_probed(client)) for name, client in servers.items()}
            told = {name: probe.result() for name, probe in probes.items()}
            found = {name: one for name, one in told.items() if isinstance(one, ModelClient)}
            absent = tuple(Unavailable(provider=name, reason=one) for name, one in told.items() if isinstance(one, str))
            with one_at_a_time:
                if probed.read():
                    return
                learn(found, absent)
                probed.swap(lambda _: True)
            journal.emit(ServersProbed(at=now(), found=tuple(found), absent=tuple(gone.provider for gone in absent)))

    return discover


async def _probed(client: ModelClient) -> ModelClient | str:
    """The client, offering what its server has; or why it is not there."""
    absent = f"no server answered at {client.endpoint.base_url}"
    try:
        async with asyncio.timeout(PROBE_SECONDS):
            outcome = await settle((client.probe or client.health)())
    except TimeoutError:
        return absent
    if isinstance(outcome, Failure) or not outcome.unwrap().healthy:
        return absent
    return having(client, outcome.unwrap().models)


def having(client: ModelClient, names: Sequence[str]) -> ModelClient | str:
    """A client that offers what its server has told; one that tells nothing offers what it did.

    Only models to chat with, and none that its server would pass on to a cloud: that is asked only by name. A server
    that keeps models, and has none of these, is none to be asked.
    """
    described = [client.profile(name) for name in names]
    usable = [profile for profile in described if profile.kind == "chat" and not profile.offloaded][:_MOST]
    if usable:
        return evolve(client, profiles=tuple(sorted(usable, key=lambda profile: profile.tier != "default")))
    if client.local_models is None:
        return client
    fetch = f"llm-manager models pull {client.profiles[0].name}"
    return f"the server at {client.endpoint.base_url} has no model to ask; fetch one with: {fetch}"
