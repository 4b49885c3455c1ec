"""Laws of layers: what is not a layer's business goes through it untouched.

A law takes ``make``, which makes the layer anew, and ``ask``, which gives the n-th of many different questions: attempts
for most layers, calls for those around a whole call. Each runs on virtual time.
"""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from contextlib import aclosing
from typing import Any, Never, TypeAlias, TypeVar

from returns.result import Failure, Success

from llm_manager.domain.errors import LLMError, StreamInterrupted
from llm_manager.domain.responses import LLMResponse
from llm_manager.domain.streaming import StreamEvent, StreamFinished, TextDelta
from llm_manager.outcomes import Settled
from llm_manager.services.steps import Events, OpenStream, Step
from llm_manager.testing.samples import ERRORS
from llm_manager.testing.virtual_loop import run_virtual

_Asked = TypeVar("_Asked")

AnswerLayer: TypeAlias = Callable[[Step[_Asked, LLMResponse]], Step[_Asked, LLMResponse]]
StreamLayer: TypeAlias = Callable[[Step[_Asked, OpenStream]], Step[_Asked, OpenStream]]
Ask: TypeAlias = Callable[[int], _Asked]

_ANSWER = LLMResponse(content="Once upon a time", model="m", provider="p")
_TOLD: tuple[StreamEvent, ...] = (
    TextDelta(text="Once "),
    TextDelta(text="upon "),
    TextDelta(text="a time"),
    StreamFinished(response=_ANSWER),
)
_LOOP_TURNS = 20


class _PlannedBugError(Exception):
    """A bug of the step, planted by a law."""


def answers_pass(make: Callable[[], AnswerLayer[_Asked]], ask: Ask[_Asked]) -> None:
    """An answer comes out as it went in, and the step is asked once, with the very question."""

    async def law() -> None:
        seen: list[_Asked] = []

        async def step(asked: _Asked) -> Settled[LLMResponse, LLMError]:
            seen.append(asked)
            return Success(_ANSWER)

        assert await make()(step)(ask(0)) == Success(_ANSWER)
        assert seen == [ask(0)]

    run_virtual(law())


def failures_pass(make: Callable[[], AnswerLayer[_Asked]], ask: Ask[_Asked]) -> None:
    """Every failure comes out as it went in, and is not tried again."""

    async def law() -> None:
        for error in ERRORS:
            times = 0

            async def step(_: _Asked, error: LLMError = error) -> Settled[LLMResponse, LLMError]:
                nonlocal times
                times += 1
                return Failure(error)

            assert await make()(step)(ask(0)) == Failure(error)
            assert times == 1, f"{error.tag} was tried {times} times"

    run_virtual(law())


def cancellation_passes(make: Callable[[], AnswerLayer[_Asked]], ask: Ask[_Asked]) -> None:
    """Cancelling who waits cancels the step, and is no value."""

    async def law() -> None:
        cancelled = False

        async def step(_: _Asked) -> Settled[LLMResponse, LLMError]:
            nonlocal cancelled
            try:
                return await _for_ever()
            except asyncio.CancelledError:
                cancelled = True
                raise

        assert await _cancelled(make()(step)(ask(0)))
        await _turns()
        assert cancelled, "the step was left running"

    run_virtual(law())


def bugs_crash(make: Callable[[], AnswerLayer[_Asked]], ask: Ask[_Asked]) -> None:
    """An exception of the step is a bug: it is raised, never a value."""

    async def law() -> None:
        async def step(_: _Asked) -> Settled[LLMResponse, LLMError]:
            raise _PlannedBugError

        try:
            outcome = await make()(step)(ask(0))
        except _PlannedBugError:
            return
        raise AssertionError(f"the bug became {outcome!r}")

    run_virtual(law())


def questions_stay_apart(make: Callable[[], AnswerLayer[_Asked]], ask: Ask[_Asked]) -> None:
    """Different questions at the same time each get their own answer."""

    async def law() -> None:
        asked = [ask(number) for number in range(8)]

        async def step(one: _Asked) -> Settled[LLMResponse, LLMError]:
            number = asked.index(one)
            await asyncio.sleep(8 - number)
            return Success(LLMResponse(content=f"answer {number}", model="m", provider="p"))

        layered = make()(step)
        outcomes = await asyncio.gather(*(layered(one) for one in asked))
        told = [outcome.unwrap().content for outcome in outcomes if not isinstance(outcome, Failure)]
        assert told == [f"answer {number}" for number in range(8)]

    run_virtual(law())


def events_pass(make: Callable[[], StreamLayer[_Asked]], ask: Ask[_Asked]) -> None:
    """Every event of a stream comes out as it went in, in order, and the source is closed after the last."""

    async def law() -> None:
        source = _Source(tuple(Success(event) for event in _TOLD))
        assert await _heard(make()(source.open), ask(0)) == [Success(event) for event in _TOLD]
        assert source.closed

    run_virtual(law())


def single_events_pass(make: Callable[[], StreamLayer[_Asked]], ask: Ask[_Asked]) -> None:
    """A stream whose first event is its last is whole."""

    async def law() -> None:
        ending = Success(StreamFinished(response=_ANSWER))
        source = _Source((ending,))
        assert await _heard(make()(source.open), ask(0)) == [ending]
        assert source.closed

    run_virtual(law())


def opening_failures_pass(make: Callable[[], StreamLayer[_Asked]], ask: Ask[_Asked]) -> None:
    """A stream that does not open fails as the step did, and is not tried again."""

    async def law() -> None:
        for error in ERRORS:
            times = 0

            async def step(_: _Asked, error: LLMError = error) -> Settled[OpenStream, LLMError]:
                nonlocal times
                times += 1
                return Failure(error)

            assert await _heard(make()(step), ask(0)) == [Failure(error)]
            assert times == 1, f"{error.tag} was tried {times} times"

    run_virtual(law())


def late_failures_pass(make: Callable[[], StreamLayer[_Asked]], ask: Ask[_Asked]) -> None:
    """A failure after some events comes after these events, last."""

    async def law() -> None:
        broken = Failure(StreamInterrupted(model="m", partial="Once upon "))
        source = _Source((Success(_TOLD[0]), Success(_TOLD[1]), broken))
        assert await _heard(make()(source.open), ask(0)) == [Success(_TOLD[0]), Success(_TOLD[1]), broken]
        assert source.closed

    run_virtual(law())


def leaving_closes(make: Callable[[], StreamLayer[_Asked]], ask: Ask[_Asked]) -> None:
    """Closing a stream early, at any event, closes its source at once."""

    async def law() -> None:
        for heard in range(3):
            source = _Source(tuple(Success(event) for event in _TOLD))
            opened = await make()(source.open)(ask(0))
            assert not isinstance(opened, Failure)
            rest = opened.unwrap().rest
            for _ in range(heard):
                await anext(rest)
            await rest.aclose()
            assert source.closed, f"left open after {heard + 1} events"

    run_virtual(law())


def cancellation_passes_streams(make: Callable[[], StreamLayer[_Asked]], ask: Ask[_Asked]) -> None:
    """Cancelling who waits for the next event closes the source, and is no value."""

    async def law() -> None:
        source = _Source((Success(_TOLD[0]),), then_silent=True)
        assert await _cancelled(_heard(make()(source.open), ask(0)))
        await _turns()
        assert source.closed, "the source was left open"

    run_virtual(law())


def bugs_crash_streams(make: Callable[[], StreamLayer[_Asked]], ask: Ask[_Asked]) -> None:
    """An exception in the midst of a stream is raised to who reads it."""

    async def law() -> None:
        source = _Source((Success(_TOLD[0]),), then_bug=True)
        try:
            heard = await _heard(make()(source.open), ask(0))
        except _PlannedBugError:
            return
        raise AssertionError(f"the bug became {heard!r}")

    run_virtual(law())


ANSWER_LAYER_LAWS: Mapping[str, Callable[[Callable[[], AnswerLayer[Any]], Ask[Any]], None]] = {
    "answers pass": answers_pass,
    "failures pass": failures_pass,
    "cancellation passes": cancellation_passes,
    "bugs crash": bugs_crash,
    "questions stay apart": questions_stay_apart,
}
"""For layers around steps that give whole answers."""

STREAM_LAYER_LAWS: Mapping[str, Callable[[Callable[[], StreamLayer[Any]], Ask[Any]], None]] = {
    "events pass": events_pass,
    "single events pass": single_events_pass,
    "opening failures pass": opening_failures_pass,
    "late failures pass": late_failures_pass,
    "leaving closes": leaving_closes,
    "cancellation passes": cancellation_passes_streams,
    "bugs crash": bugs_crash_streams,
}
"""For layers around steps that open streams."""


class _Source:
    """A step that opens a stream of the events given, and knows whether it was closed."""

    def __init__(self, told: tuple[Settled[StreamEvent, LLMError], ...], *, then_silent: bool = False, then_bug: bool = False) -> None:
        self.closed = False
        self._told = told
        self._then_silent = then_silent
        self._then_bug = then_bug

    async def open(self, _: object) -> Settled[OpenStream, LLMError]:
        rest = self._tell()
        first = await anext(rest)
        assert not isinstance(first, Failure)
        return Success(OpenStream(first=first.unwrap(), rest=rest))

    async def _tell(self) -> Events:
        try:
            for event in self._told:
                yield event
            if self._then_bug:
                raise _PlannedBugError
            if self._then_silent:
                await _for_ever()
        finally:
            self.closed = True


async def _heard(open_: Step[_Asked, OpenStream], asked: _Asked) -> list[Settled[StreamEvent, LLMError]]:
    opened = await open_(asked)
    if isinstance(opened, Failure):
        return [opened]
    reply = opened.unwrap()
    heard: list[Settled[StreamEvent, LLMError]] = [Success(reply.first)]
    async with aclosing(reply.rest) as rest:
        heard.extend([event async for event in rest])
    return heard


async def _cancelled(work: Coroutine[Any, Any, object]) -> bool:
    task = asyncio.create_task(work)
    await _turns()
    task.cancel()
    await asyncio.wait({task})
    return task.cancelled()


async def _turns() -> None:
    for _ in range(_LOOP_TURNS):
        await asyncio.sleep(0)


async def _for_ever() -> Never:
    await asyncio.get_running_loop().create_future()
    raise AssertionError("nobody sets this future")
