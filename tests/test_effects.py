"""The doors between steps and effects keep values, failures, bugs and cancellation apart."""

import asyncio
from typing import assert_never

import pytest
from returns.future import FutureFailure, FutureResult, FutureSuccess
from returns.result import Failure, Result, Success, safe

from llm_manager.effects import publish, settle
from llm_manager.outcomes import Settled, sealed


@publish
async def half(number: int, *, strict: bool = True) -> Settled[int, str]:
    """Halve an even number."""
    if strict and number % 2:
        return Failure("odd")
    if number < 0:
        raise KeyError("a bug")
    return Success(number // 2)


async def test_a_published_step_is_an_effect() -> None:
    """Values and failures cross both doors unchanged, and effects compose on the seam."""
    effect = half(4)
    assert isinstance(effect, FutureResult)
    assert await settle(effect) == Success(2)
    assert await settle(half(3)) == Failure("odd")
    assert await settle(half(3, strict=False)) == Success(1)
    assert await settle(half(8).bind(half).map(str)) == Success("2")
    assert await settle(half(3).lash(lambda told: FutureSuccess(len(told)))) == Success(3)
    assert await settle(FutureFailure("x")) == Failure("x")


def test_a_published_step_keeps_its_name() -> None:
    """Tracebacks and documentation say what it is."""
    assert half.__name__ == "half"
    assert half.__doc__ == "Halve an even number."


async def test_bugs_crash() -> None:
    """An exception is no failure."""
    with pytest.raises(KeyError):
        await settle(half(-2))


async def test_cancellation_passes() -> None:
    """Cancelling who waits cancels the step and is no value."""
    began, cancelled = asyncio.Event(), asyncio.Event()

    @publish
    async def wait() -> Settled[None, str]:
        began.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.set()
            raise
        return Success(None)

    task = asyncio.create_task(settle(wait()))
    await began.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert cancelled.is_set()


async def test_an_effect_may_be_settled_again() -> None:
    """One after the other: the step ran once."""
    times = 0

    @publish
    async def count() -> Settled[int, str]:
        nonlocal times
        times += 1
        return Success(times)

    effect = count()
    assert await settle(effect) == await settle(effect) == Success(1)


def test_a_sealed_result_is_one_of_two() -> None:
    """Matching over it is exhaustive."""

    def told(outcome: Result[int, str]) -> str:
        match sealed(outcome):
            case Success(number):
                return f"{number + 1}"
            case Failure(reason):
                return reason.upper()
            case other:
                assert_never(other)

    assert told(Success(1)) == "2"
    assert told(Failure("no")) == "NO"
    assert told(safe(exceptions=(ValueError,))(int)("7").alt(str)) == "8"
