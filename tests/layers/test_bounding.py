"""What bounding adds to the laws of layers: our deadline is a value, anyone else's cancellation passes."""

import asyncio

import pytest
from msgspec.structs import replace
from returns.result import Failure, Success

from llm_manager.domain.attempts import Attempt
from llm_manager.domain.errors import LLMError, RequestTimeout
from llm_manager.domain.requests import LLMRequest
from llm_manager.domain.responses import LLMResponse
from llm_manager.domain.streaming import StreamEvent, TextDelta
from llm_manager.layers.bounding import bounding
from llm_manager.outcomes import Settled
from llm_manager.services.steps import Events, OpenStream
from llm_manager.testing import attempt_for, run_virtual


def attempt(*, deadline: float, call_deadline: float = 100.0) -> Attempt:
    made = attempt_for(LLMRequest("hi")).unwrap()
    return replace(made, deadline=deadline, call_deadline=call_deadline, total_seconds=call_deadline)


def now() -> float:
    return asyncio.get_running_loop().time()


ANSWER = LLMResponse(content="hello", model="m", provider="p")


def test_an_attempt_that_is_late_is_a_value_and_says_which_patience_ran_out() -> None:
    async def slow(_: Attempt) -> Settled[LLMResponse, LLMError]:
        await asyncio.sleep(10.0)
        return Success(ANSWER)

    bounded = bounding(now)(slow)
    late = run_virtual(bounded(attempt(deadline=2.0)))
    assert isinstance(late, Failure)
    assert isinstance(error := late.failure(), RequestTimeout)
    assert error.phase == "attempt"
    total = run_virtual(bounded(attempt(deadline=2.0, call_deadline=2.0)))
    assert isinstance(total, Failure)
    assert isinstance(error := total.failure(), RequestTimeout)
    assert (error.phase, error.timeout_ms) == ("total", 2_000)


def test_a_timeout_of_somebody_elses_passes_as_the_exception_it_is() -> None:
    async def raising(_: Attempt) -> Settled[LLMResponse, LLMError]:
        raise TimeoutError("a bug below")

    with pytest.raises(TimeoutError, match="a bug below"):
        run_virtual(bounding(now)(raising)(attempt(deadline=2.0)))


async def _ticking(seconds: float) -> Events:
    for number in range(1000):
        await asyncio.sleep(seconds)
        yield Success(TextDelta(text=str(number)))


async def _open(_: Attempt) -> Settled[OpenStream, LLMError]:
    return Success(OpenStream(first=TextDelta(text="first"), rest=_ticking(1.0)))


def test_a_stream_is_ended_at_the_calls_deadline_while_it_waits() -> None:
    async def read() -> tuple[float, list[Settled[StreamEvent, LLMError]]]:
        opened = (await bounding(now)(_open)(attempt(deadline=1.0, call_deadline=3.5))).unwrap()
        events = [event async for event in opened.rest]
        return now(), events

    ended, events = run_virtual(read())
    assert ended == 3.5
    assert len(events) == 4
    assert isinstance(events[-1], Failure)
    assert isinstance(events[-1].failure(), RequestTimeout)


def test_a_stream_whose_reader_dawdles_is_ended_at_its_next_look() -> None:
    async def read() -> list[Settled[StreamEvent, LLMError]]:
        opened = (await bounding(now)(_open)(attempt(deadline=1.0, call_deadline=3.5))).unwrap()
        events = []
        async for event in opened.rest:
            events.append(event)
            await asyncio.sleep(5.0)
        return events

    events = run_virtual(read())
    assert [isinstance(event, Failure) for event in events] == [False, True]


def test_a_readers_cancellation_passes_through_a_stream_and_closes_it() -> None:
    closed = False

    async def closing() -> Events:
        nonlocal closed
        try:
            async for event in _ticking(1.0):
                yield event
        finally:
            closed = True

    async def open_(_: Attempt) -> Settled[OpenStream, LLMError]:
        return Success(OpenStream(first=TextDelta(text="first"), rest=closing()))

    async def read() -> None:
        opened = (await bounding(now)(open_)(attempt(deadline=1.0))).unwrap()
        async with asyncio.timeout(2.5):
            async for _ in opened.rest:
                pass

    with pytest.raises(TimeoutError):
        run_virtual(read())
    assert closed


def test_the_deadline_and_a_cancellation_at_the_same_moment_end_as_a_cancellation() -> None:
    async def read() -> str:
        opened = (await bounding(now)(_open)(attempt(deadline=1.0, call_deadline=3.5))).unwrap()

        async def drain() -> None:
            async for _ in opened.rest:
                pass

        task = asyncio.create_task(drain())
        asyncio.get_running_loop().call_at(3.5, task.cancel)
        try:
            await task
        except asyncio.CancelledError:
            return "cancelled"
        return "ended"

    assert run_virtual(read()) == "cancelled"
