"""A client by itself: deadlines, times, prices."""

import asyncio
from collections.abc import Callable
from typing import Never

import pytest
from attrs import evolve
from returns.result import Failure, Success

from llm_manager.clients.direct import DirectDeps, generating_directly, streaming_directly
from llm_manager.domain.attempts import Attempt
from llm_manager.domain.configuration import PerformanceSettings
from llm_manager.domain.errors import InvalidRequest, LLMError, NetworkError, RequestTimeout
from llm_manager.domain.models import FREE, Endpoint, ModelProfile
from llm_manager.domain.requests import LLMRequest, Preferences
from llm_manager.domain.responses import LLMResponse
from llm_manager.domain.streaming import StreamFinished, TextDelta
from llm_manager.domain.usage import Usage
from llm_manager.domain.wire_requests import WireRequest
from llm_manager.effects import settle
from llm_manager.outcomes import Settled
from llm_manager.services.steps import Events, OpenStream
from llm_manager.testing import fake_world, run_virtual

WIRE = WireRequest(path="/x", body=b"{}", notices=("left out",))
SAID = LLMResponse(content="hi", model="m", provider="p", usage=Usage(input_tokens=3))
ANSWERED: Settled[LLMResponse, LLMError] = Success(SAID)
REFUSED: LLMError = InvalidRequest(message="no")


def deps_of(seconds: float, seen: list[Attempt], outcome: Settled[LLMResponse, LLMError] = ANSWERED) -> DirectDeps:
    async def answer(attempt: Attempt) -> Settled[LLMResponse, LLMError]:
        seen.append(attempt)
        await asyncio.sleep(seconds)
        return outcome

    async def events() -> Events:
        await asyncio.sleep(1.0)
        yield Success(StreamFinished(response=SAID))

    async def open_stream(attempt: Attempt) -> Settled[OpenStream, LLMError]:
        seen.append(attempt)
        await asyncio.sleep(seconds)
        return outcome if isinstance(outcome, Failure) else Success(OpenStream(first=TextDelta(text="hi"), rest=events()))

    return DirectDeps(
        world=fake_world(),
        performance=PerformanceSettings(timeout_ms=10_000),
        endpoint=Endpoint(provider="p", base_url="http://localhost:1/v1", locality="local"),
        default=ModelProfile(name="m", provider="p", price=FREE, max_output_tokens=100),
        profile=lambda name: ModelProfile(name=name, provider="p"),
        key=None,
        encode=lambda _, __: Success(WIRE),
        answer=answer,
        open=open_stream,
    )


def answered(deps: DirectDeps, request: LLMRequest) -> Settled[LLMResponse, LLMError]:
    async def run() -> Settled[LLMResponse, LLMError]:
        return await settle(generating_directly(deps)(request))

    return run_virtual(run())


def heard(deps: DirectDeps, request: LLMRequest) -> list[object]:
    async def run() -> list[object]:
        return [event async for event in streaming_directly(deps)(request)]

    return run_virtual(run())


def test_an_answer_is_completed_with_what_the_client_knows() -> None:
    """Price, time, notices and the id of the call."""
    response = answered(deps_of(2.0, []), LLMRequest("x")).unwrap()
    assert (response.latency_seconds, response.cost.tag, response.notices, response.call_id) == (2.0, "Priced", ("left out",), "id-1")


def test_a_stream_is_completed_too() -> None:
    """With the time of its first event."""
    first, last = heard(deps_of(2.0, []), LLMRequest("x"))
    assert first == Success(TextDelta(text="hi"))
    assert isinstance(last, Success)
    response = last.unwrap().response
    assert (response.latency_seconds, response.time_to_first_token_seconds, response.call_id) == (3.0, 2.0, "id-1")


@pytest.mark.parametrize(
    ("request_", "deadline"),
    [
        (LLMRequest("x"), 10_000),
        (LLMRequest("x", timeout_ms=500), 500),
        (LLMRequest("x", deadline_ms=200), 200),
        (LLMRequest("x", preferences=Preferences(max_tokens=1000)), 50_000),
    ],
    ids=range(4),
)
def test_patience_has_an_end(request_: LLMRequest, deadline: int) -> None:
    """The attempt's own deadline becomes a value."""
    outcome = answered(deps_of(1000.0, []), request_)
    assert isinstance(outcome, Failure)
    error = outcome.failure()
    assert isinstance(error, RequestTimeout)
    assert (error.timeout_ms, error.phase, error.model) == (deadline, "attempt", "m")


def test_a_stream_must_begin_in_time() -> None:
    """Its beginning is bounded like an answer."""
    (only,) = heard(deps_of(1000.0, []), LLMRequest("x"))
    assert isinstance(only, Failure)
    assert isinstance(only.failure(), RequestTimeout)


def test_a_stream_that_only_trickles_ends_with_the_call() -> None:
    """Each piece comes in time, and their number has no end."""
    closed: list[bool] = []

    async def trickle() -> Events:
        try:
            while True:
                await asyncio.sleep(1.0)
                yield Success(TextDelta(text="."))
        finally:
            closed.append(True)

    async def open_stream(_: Attempt) -> Settled[OpenStream, LLMError]:
        return Success(OpenStream(first=TextDelta(text="hi"), rest=trickle()))

    events = heard(evolve(deps_of(0.0, []), open=open_stream), LLMRequest("x", deadline_ms=3500))
    assert events[:-1] == [Success(TextDelta(text=text)) for text in ("hi", ".", ".", ".")]
    assert isinstance(last := events[-1], Failure)
    assert isinstance(error := last.failure(), RequestTimeout)
    assert (error.phase, error.timeout_ms, closed) == ("total", 3500, [True])


@pytest.mark.parametrize("ask", [answered, lambda deps, request: heard(deps, request)[0]], ids=["whole", "streamed"])
def test_failures_pass(ask: Callable[[DirectDeps, LLMRequest], object]) -> None:
    """Those of encoding before anything is sent, those of the provider as they are."""
    seen: list[Attempt] = []
    refusing = evolve(deps_of(0.0, seen), encode=lambda _, __: Failure(REFUSED))
    assert ask(refusing, LLMRequest("x")) == Failure(REFUSED)
    assert not seen
    broken: LLMError = NetworkError(model="m", message="gone")
    assert ask(deps_of(0.0, seen, Failure(broken)), LLMRequest("x")) == Failure(broken)
    assert seen[0].model.name == "m"


def test_the_named_model_is_asked() -> None:
    """The default's profile only for the default."""
    seen: list[Attempt] = []
    answered(deps_of(0.0, seen), LLMRequest("x", preferences=Preferences(model="other")))
    answered(deps_of(0.0, seen), LLMRequest("x", preferences=Preferences(model="m")))
    assert [(attempt.model.name, attempt.model.price) == ("m", FREE) for attempt in seen] == [False, True]


@pytest.mark.parametrize("streamed", [False, True])
def test_anyone_elses_timeout_is_not_ours(streamed: bool) -> None:
    """The caller's own patience stays the caller's: it is raised, not told."""

    async def run() -> None:
        deps = deps_of(1000.0, [])
        async with asyncio.timeout(1.0):
            if streamed:
                async for _ in streaming_directly(deps)(LLMRequest("x")):
                    raise AssertionError
            else:
                await settle(generating_directly(deps)(LLMRequest("x")))

    with pytest.raises(TimeoutError):
        run_virtual(run())


@pytest.mark.parametrize("streamed", [False, True])
def test_a_timeout_raised_inside_is_a_bug_and_passes(streamed: bool) -> None:
    """Only our own deadline is turned into a value."""

    async def raising(_: Attempt) -> Never:
        raise TimeoutError

    deps = evolve(deps_of(0.0, []), answer=raising, open=raising)
    with pytest.raises(TimeoutError):
        heard(deps, LLMRequest("x")) if streamed else answered(deps, LLMRequest("x"))
