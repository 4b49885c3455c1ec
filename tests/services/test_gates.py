"""Gates are passed in their order, and whoever let a request through is told once how it ended."""

import asyncio

import pytest
from attrs import evolve
from msgspec.structs import replace
from returns.result import Failure, Success

from llm_manager.domain.attempts import AnyAttempt, Attempt
from llm_manager.domain.errors import CircuitOpen, LLMError, NetworkError
from llm_manager.domain.rate_limits import RateLimits
from llm_manager.domain.requests import LLMRequest
from llm_manager.domain.responses import LLMResponse
from llm_manager.domain.streaming import StreamFinished, TextDelta
from llm_manager.domain.usage import Usage
from llm_manager.layers.gating import gating
from llm_manager.outcomes import Settled
from llm_manager.services.gates import Emit, End, Gate, Pass, Replied, pass_all
from llm_manager.services.steps import Events, OpenStream
from llm_manager.testing import attempt_for, run_virtual

ATTEMPT = replace(attempt_for(LLMRequest("hi")).unwrap(), deadline=10.0, call_deadline=100.0)
ANSWER = LLMResponse(content="ab", model="m", provider="p", usage=Usage(input_tokens=1, output_tokens=2))
SHUT = CircuitOpen(model="m", endpoint="e")
LIMITS = RateLimits(requests_left=3)
Told = list[tuple[str, End | RateLimits]]


def no_emit(_: object) -> None: ...


def now() -> float:
    return asyncio.get_running_loop().time()


def gate(name: str, told: Told, *, refusal: LLMError | None = None, seconds: float = 0.0) -> Gate:
    """Lets through what it is not told to refuse, after a while, and notes what it hears."""

    async def entering(attempt: AnyAttempt, emit: Emit) -> Settled[Pass, LLMError]:
        await asyncio.sleep(seconds)
        if refusal is not None:
            return Failure(refusal)
        return Success(Pass(ended=lambda how: told.append((name, how)), opened=lambda limits: told.append((f"{name} opened", limits))))

    return entering


def test_one_that_refuses_ends_those_before_it_last_one_first() -> None:
    told: Told = []
    gates = [gate("a", told), gate("b", told), gate("c", told, refusal=SHUT), gate("d", told)]
    assert run_virtual(pass_all(gates, ATTEMPT, no_emit)) == Failure(SHUT)
    assert told == [("b", SHUT), ("a", SHUT)]


def test_a_cancelled_wait_ends_those_before_it() -> None:
    told: Told = []

    async def cancelled() -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1.0):
                await pass_all([gate("a", told), gate("b", told, seconds=5.0)], ATTEMPT, no_emit)

    run_virtual(cancelled())
    assert told == [("a", None)]


async def _opened(*events: Settled[TextDelta | StreamFinished, LLMError]) -> Settled[OpenStream, LLMError]:
    async def rest() -> Events:
        for event in events[1:]:
            yield event

    return Success(OpenStream(first=events[0].unwrap(), rest=rest(), rate_limits=LIMITS))


def test_an_answer_tells_what_it_took() -> None:
    async def answering(_: Attempt) -> Settled[LLMResponse, LLMError]:
        return Success(evolve(ANSWER, rate_limits=LIMITS))

    told: Told = []
    gated = gating([gate("a", told), gate("b", told)], no_emit, now)(answering)
    assert isinstance(run_virtual(gated(ATTEMPT)), Success)
    assert [name for name, _ in told] == ["b", "a"]
    replied = told[0][1]
    assert isinstance(replied, Replied)
    assert (replied.usage, replied.rate_limits) == (ANSWER.usage, LIMITS)


def test_a_failure_and_a_bug_are_told_too() -> None:
    broken = NetworkError(model="m", message="reset")

    async def failing(_: Attempt) -> Settled[LLMResponse, LLMError]:
        return Failure(broken)

    async def raising(_: Attempt) -> Settled[LLMResponse, LLMError]:
        raise ZeroDivisionError

    told: Told = []
    assert run_virtual(gating([gate("a", told)], no_emit, now)(failing)(ATTEMPT)) == Failure(broken)
    with pytest.raises(ZeroDivisionError):
        run_virtual(gating([gate("a", told)], no_emit, now)(raising)(ATTEMPT))
    assert told == [("a", broken), ("a", None)]


def test_a_stream_is_told_when_it_opens_and_when_it_ends() -> None:
    finished = StreamFinished(response=ANSWER)

    async def read(*, whole: bool) -> Told:
        told: Told = []
        gated = gating([gate("a", told)], no_emit, now)(lambda _: _opened(Success(TextDelta(text="ab")), Success(finished)))
        opened = (await gated(ATTEMPT)).unwrap()
        assert told == [("a opened", LIMITS)]
        if whole:
            assert [event async for event in opened.rest] == [Success(finished)]
        await opened.rest.aclose()
        return told[1:]

    ((_, ended),) = run_virtual(read(whole=True))
    assert isinstance(ended, Replied)
    assert ended.usage == ANSWER.usage
    assert run_virtual(read(whole=False)) == [("a", None)]


def test_a_stream_that_breaks_tells_its_error() -> None:
    broken = NetworkError(model="m", message="cut")

    async def read() -> Told:
        told: Told = []
        gated = gating([gate("a", told)], no_emit, now)(lambda _: _opened(Success(TextDelta(text="ab")), Failure(broken)))
        opened = (await gated(ATTEMPT)).unwrap()
        assert [event async for event in opened.rest] == [Failure(broken)]
        return told

    assert run_virtual(read())[1:] == [("a", broken)]


def test_who_waited_has_its_own_time_begin_anew_within_its_calls() -> None:
    async def deadline_after(seconds: float) -> float:
        seen: list[float] = []

        async def noting(attempt: Attempt) -> Settled[LLMResponse, LLMError]:
            seen.append(attempt.deadline)
            return Success(ANSWER)

        await gating([gate("a", [], seconds=seconds)], no_emit, now)(noting)(ATTEMPT)
        return seen[0]

    assert run_virtual(deadline_after(0.0)) == 10.0
    assert run_virtual(deadline_after(30.0)) == 40.0
    assert run_virtual(deadline_after(99.0)) == 100.0
