"""Asking endpoints that are shut how they are, once their time is over, so that no call has to try them.

One task for each event loop, begun by a call that finds somebody shut; it ends when nobody is, with the loop, or when it is stopped.
"""

import asyncio
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import suppress
from typing import Any

from attrs import frozen
from returns.result import Failure

from llm_manager.domain.configuration import BreakerSettings
from llm_manager.domain.errors import LLMError, ModelUnavailable
from llm_manager.domain.models import Endpoint
from llm_manager.effects import settle
from llm_manager.services.guards import Breakers
from llm_manager.services.journal import Journal
from llm_manager.services.model_client import ModelClient
from llm_manager.services.world import World

CHECK_SECONDS = 10.0
"""How long an endpoint may take to say how it is."""
_SHORTEST_SECONDS = 0.001


@frozen(kw_only=True)
class Rechecking:
    """``begin_if_shut`` sees to it that this loop's task is under way, if anybody is shut and it is wanted.

    ``stop`` ends the tasks of all loops and waits for this one's.
    """

    begin_if_shut: Callable[[], None]
    stop: Callable[[], Coroutine[Any, Any, None]]


@frozen(kw_only=True)
class RecheckingDeps:
    """Whose breakers are looked after, and who may be asked."""

    world: World
    journal: Journal
    settings: BreakerSettings
    breakers: Breakers
    clients: Callable[[], Mapping[str, ModelClient]]
    forbidden: Callable[[Endpoint], str | None]


def rechecking(deps: RecheckingDeps) -> Rechecking:
    """Make the keeper of the tasks; none is begun."""
    tasks: dict[asyncio.AbstractEventLoop, asyncio.Task[None]] = {}

    def begin_if_shut() -> None:
        if not deps.breakers.shut():
            return
        loop = asyncio.get_running_loop()
        if loop in tasks and not tasks[loop].done():
            return
        for other in [each for each in list(tasks) if each.is_closed()]:
            tasks.pop(other, None)
        tasks[loop] = task = loop.create_task(_look_after(deps), name="llm-manager: endpoints that are shut")
        task.add_done_callback(lambda done: tasks.pop(loop, None) if tasks.get(loop) is done else None)

    async def stop() -> None:
        here = asyncio.get_running_loop()
        mine = tasks.pop(here, None)
        for loop, task in list(tasks.items()):
            with suppress(RuntimeError):  # the loop is closed, and its task with it
                loop.call_soon_threadsafe(task.cancel)
        if mine is not None:
            mine.cancel()
            await asyncio.gather(mine, return_exceptions=True)

    return Rechecking(begin_if_shut=begin_if_shut if deps.settings.check_in_background else lambda: None, stop=stop)


async def _look_after(deps: RecheckingDeps) -> None:
    """Ask each endpoint that is shut when it is due, and again after as long, until none is left."""
    now, again = deps.world.now, dict[str, float]()
    while waits := [(max(wait, again.get(client.endpoint.identity, 0.0) - now()), client) for client, wait in _shut(deps)]:
        due = [client for wait, client in waits if wait <= 0.0]
        if not due:
            await deps.world.sleep(max(_SHORTEST_SECONDS, min(wait for wait, _ in waits)))
            continue
        again.update({client.endpoint.identity: now() + deps.settings.open_seconds for client in due})
        async with asyncio.TaskGroup() as group:
            for client in due:
                group.create_task(_ask(client, deps))


def _shut(deps: RecheckingDeps) -> Iterator[tuple[ModelClient, float]]:
    """Who is shut and may be asked, and in how many seconds that makes sense."""
    standing = {(each.provider, each.endpoint): each.probe_in_seconds for each in deps.breakers.standing()}
    for client in deps.clients().values():
        wait = standing.get((client.endpoint.provider, client.endpoint.base_url))
        if wait is not None and deps.forbidden(client.endpoint) is None:
            yield client, wait


async def _ask(client: ModelClient, deps: RecheckingDeps) -> None:
    """Let calls through on trial when it says that it is well; keep it shut for as long again when it does not answer."""
    probe = deps.breakers.check(client.endpoint, deps.journal.emit)
    if probe is None:
        return
    fault: LLMError | None = None
    try:
        fault = await _fault(client)
        if fault is None:
            probe.opened(None)
    finally:
        probe.ended(fault)


async def _fault(client: ModelClient) -> LLMError | None:
    scope = asyncio.timeout(CHECK_SECONDS)
    try:
        async with scope:
            outcome = await settle(client.health())
    except TimeoutError:
        if not scope.expired():
            raise
        return _unwell(client, f"it did not say how it is within {CHECK_SECONDS:g} s")
    if isinstance(outcome, Failure):
        return outcome.failure()
    told = outcome.unwrap()
    return None if told.healthy else _unwell(client, told.error_message or "it said that it is not well")


def _unwell(client: ModelClient, message: str) -> LLMError:
    return ModelUnavailable(model=client.endpoint.provider, message=message, reason="server")
