"""The two doors between plain steps and published effects.

Belongs here: `publish` and `settle`, the only code that knows what a `FutureResult` is made of.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any, ParamSpec, TypeVar, overload

from returns.future import FutureResult
from returns.result import Result

from llm_manager.outcomes import Settled, sealed

_Params = ParamSpec("_Params")
_Value = TypeVar("_Value")
_Error = TypeVar("_Error")


@overload
def publish(
    step: Callable[_Params, Coroutine[Any, Any, Settled[_Value, _Error]]],
) -> Callable[_Params, FutureResult[_Value, _Error]]: ...
@overload
def publish(
    step: Callable[_Params, Coroutine[Any, Any, Result[_Value, _Error]]],
) -> Callable[_Params, FutureResult[_Value, _Error]]: ...
def publish(
    step: Callable[_Params, Coroutine[Any, Any, Result[_Value, _Error]]],
) -> Callable[_Params, FutureResult[_Value, _Error]]:
    """Publish an ``async def`` that returns a `Result` as a service."""

    @wraps(step)
    def published(*args: _Params.args, **kwargs: _Params.kwargs) -> FutureResult[_Value, _Error]:
        return FutureResult(step(*args, **kwargs))

    return published


async def settle(pending: FutureResult[_Value, _Error]) -> Settled[_Value, _Error]:
    """Await an effect once and hand back its typed outcome."""
    return sealed(await pending._inner_value)  # awaiting the effect itself puts this into two more wrappers, on every call
