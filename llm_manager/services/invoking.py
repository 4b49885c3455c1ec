"""Calling a function of the user's, whatever way of waiting it has."""

from collections.abc import Callable
from inspect import isawaitable, iscoroutinefunction
from typing import Any

from returns.future import FutureResult
from returns.result import Failure, Success

from llm_manager.effects import settle
from llm_manager.outcomes import Settled
from llm_manager.services.world import RunBlocking


async def invoked(run_blocking: RunBlocking, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
    """Await an async function, run any other through ``run_blocking``; what it gives is awaited or settled if it can be."""
    if iscoroutinefunction(function) or iscoroutinefunction(type(function).__call__):
        return await _come(function(*args, **kwargs))

    def work() -> Settled[Any, Exception]:
        try:
            return Success(function(*args, **kwargs))
        except Exception as error:  # noqa: BLE001 - raised again below: not every exception can leave a thread by itself
            return Failure(error)

    done = await run_blocking(work)
    if isinstance(done, Failure):
        raise done.failure()
    return await _come(done.unwrap())


async def _come(made: Any) -> Any:
    while isawaitable(made):
        made = await settle(made) if isinstance(made, FutureResult) else await made
    return made
