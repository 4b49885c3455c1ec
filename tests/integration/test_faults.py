"""Servers that misbehave, met by a whole manager: each call ends in the right error, in time, within its budget, and tells no secret."""

import asyncio
import json
import logging
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import aclosing
from email.utils import formatdate
from typing import Any

import pytest
from attrs import evolve, field, frozen
from returns.result import Failure, Success

from llm_manager.domain.configuration import BreakerSettings, LLMConfig, ProviderSettings
from llm_manager.domain.error_questions import describe
from llm_manager.domain.errors import (
    AuthenticationFailed,
    ConfigurationError,
    InvalidRequest,
    LLMError,
    MalformedResponse,
    ModelUnavailable,
    NetworkError,
    QuotaExhausted,
    RateLimitExceeded,
    RequestTimeout,
    StreamInterrupted,
)
from llm_manager.domain.events import CallCancelled
from llm_manager.domain.requests import CachePolicy, LLMRequest, Preferences
from llm_manager.domain.responses import LLMResponse
from llm_manager.domain.secrets import Secret
from llm_manager.domain.streaming import StreamFinished, TextDelta
from llm_manager.domain.wire import to_json
from llm_manager.effects import settle
from llm_manager.orchestration.collecting import collect
from llm_manager.outcomes import Settled, sealed
from llm_manager.real_world import real_world
from llm_manager.services.manager import LLMManager
from llm_manager.services.world import World
from tests.integration.managers import Told, config_of, managing
from tests.loopback import (
    Answer,
    Chunked,
    Cut,
    Endless,
    FaultServer,
    Hang,
    Raw,
    Received,
    Reset,
    fault_server,
    gzipped,
    html_page,
    json_reply,
    rate_limited,
    redirect,
    refused_url,
    sse,
)

KEY = "sk-canary-key-0123456789"
PROMPT = "canary-prompt hunter2"
WALL = 1_800_000_000.0
SECONDS = 5.0
"""What every call here is given; the pauses between attempts are noted and not slept."""
MAX_RETRIES = 3

ASK = LLMRequest(PROMPT, timeout_ms=3000, deadline_ms=round(SECONDS * 1000), preferences=Preferences(max_tokens=8))
GOOD = {"choices": [{"index": 0, "message": {"role": "assistant", "content": "fine"}, "finish_reason": "stop"}], "model": "m"}


def piece(text: str) -> dict[str, Any]:
    return {"choices": [{"index": 0, "delta": {"content": text}, "finish_reason": None}], "model": "m"}


def fitting(received: Received) -> Answer:
    """A right answer, whole or streamed, as it is asked for."""
    if received.json().get("stream"):
        return sse(piece("fine"), {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}], "model": "m"})
    return json_reply(GOOD)


@frozen
class Ended:
    """How a call ended, and what it took."""

    outcome: Settled[LLMResponse, LLMError]
    seconds: float
    text: str
    """What a stream had told before it ended."""
    told: Told = field(repr=False)
    pauses: list[float]

    @property
    def error(self) -> LLMError:
        assert isinstance(self.outcome, Failure), self.outcome
        return self.outcome.failure()


def hasty_world(pauses: list[float]) -> World:
    """The real world, but for its wall clock, which stands still, and its sleep, which only notes how long it would be."""

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)
        await asyncio.sleep(0)

    return evolve(real_world({}), sleep=sleep, wall=lambda: WALL)


def pointed_at(url: str, **more: Any) -> LLMConfig:
    return config_of(
        {"openai": ProviderSettings(base_url=f"{url}/v1", api_key=Secret(KEY), default_model="m", **more)}, max_retries=MAX_RETRIES
    )


async def whole(manager: LLMManager, request: LLMRequest) -> tuple[Settled[LLMResponse, LLMError], str]:
    return await settle(manager.generate(request)), ""


async def streamed(manager: LLMManager, request: LLMRequest) -> tuple[Settled[LLMResponse, LLMError], str]:
    text: list[str] = []
    last: Settled[LLMResponse, LLMError] | None = None
    async with aclosing(manager.stream(request)) as events:
        async for event in events:
            assert last is None, "nothing comes after the end"
            if isinstance(event, Failure):
                last = Failure(event.failure())
            elif isinstance(happened := event.unwrap(), StreamFinished):
                last = Success(happened.response)
            elif isinstance(happened, TextDelta):
                text.append(happened.text)
    assert last is not None
    return last, "".join(text)


Asking = Callable[[LLMManager, LLMRequest], Any]


async def ended(config: LLMConfig, ask: Asking = whole, request: LLMRequest = ASK) -> Ended:
    """Make one call and close the manager."""
    pauses: list[float] = []
    async with managing(config, hasty_world(pauses)) as (manager, told):
        began = time.perf_counter()
        outcome, text = await ask(manager, request)
        seconds = time.perf_counter() - began
    return Ended(outcome, seconds, text, told, pauses)


@pytest.fixture(autouse=True)
def _nothing_told(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Every test here runs with all loggers at DEBUG, and none of them may tell the key or the prompt."""
    caplog.set_level(logging.DEBUG)
    for name in ("httpx2", "httpcore2", "llm_manager", "asyncio"):
        caplog.set_level(logging.DEBUG, logger=name)
    yield
    assert {record.name.partition(".")[0] for record in caplog.get_records("call")} >= {"httpcore2", "llm_manager"}
    for record in caplog.get_records("call"):
        assert_tells_nothing(record.getMessage() + repr(record.__dict__))


def assert_tells_nothing(text: str) -> None:
    assert "canary" not in text
    assert "hunter2" not in text


def assert_safe(call: Ended) -> None:
    """No form of an error tells the key or the prompt: shown, described, written as JSON, or in the journal."""
    for shown in (repr(call.error), str(call.error), describe(call.error), to_json(call.error).decode(), repr(call.told.events)):
        assert_tells_nothing(shown)


async def assert_left(server: FaultServer) -> None:
    """Every connection has been closed."""
    assert await server.until(lambda known: known.left == known.connections), (server.connections, server.left)


LATE = RequestTimeout


def patient_with(answer: Answer) -> LLMRequest:
    """Little patience with those who are silent on purpose, and much with those who only have much to say."""
    silent = isinstance(answer, Hang) or (isinstance(answer, Chunked) and answer.gap_seconds > 0.0)
    return evolve(ASK, timeout_ms=300) if silent else ASK


WHOLE: Mapping[str, tuple[Answer, type[LLMError], int]] = {
    "reset after reading": (Reset("after_reading"), NetworkError, 2),
    "reset amid the body": (Reset("amid_body"), NetworkError, 2),
    "cut": (Cut(), NetworkError, 2),
    "closed at once": (Raw(b""), NetworkError, 2),
    "no HTTP": (Raw(b"SSH-2.0-OpenSSH\r\n\r\n"), NetworkError, 2),
    "hangs": (Hang(), LATE, 2),
    "hangs and reads nothing": (Hang("before_reading"), LATE, 0),
    "hangs amid its head": (Hang("amid_head"), LATE, 2),
    "hangs amid its body": (Hang("amid_body"), LATE, 2),
    "drips": (Chunked([b" "] * 50, gap_seconds=0.05, headers=(("Content-Type", "application/json"),)), LATE, 2),
    "a page of HTML": (html_page(), MalformedResponse, 2),
    "a page of HTML with a 502": (html_page(502), ModelUnavailable, 4),
    "JSON that is no answer": (json_reply({"hello": "world"}), MalformedResponse, 2),
    "an empty answer": (json_reply({**GOOD, "choices": []}), MalformedResponse, 2),
    "500": (json_reply({"error": {"message": "boom"}}, 500), ModelUnavailable, 4),
    "503": (json_reply({"error": {"message": "overloaded"}}, 503), ModelUnavailable, 4),
    "429": (rate_limited(), RateLimitExceeded, 4),
    "429 for good": (rate_limited(body={"error": {"message": "pay", "code": "insufficient_quota"}}), QuotaExhausted, 1),
    "401": (json_reply({"error": {"message": f"Incorrect API key provided: {KEY}"}}, 401), AuthenticationFailed, 1),
    "400": (json_reply({"error": {"message": f"cannot read {PROMPT!r}"}}, 400), InvalidRequest, 1),
    "404": (json_reply({"error": {"message": "no such model", "code": "model_not_found"}}, 404), ModelUnavailable, 1),
    "gzip bomb": (gzipped(b"0" * 40_000_000), MalformedResponse, 2),
    "an unknown compression": (gzipped(b"{}", "br"), MalformedResponse, 2),
    "without end": (Endless(b"x" * 4_000_000, headers=(("Content-Type", "application/json"),)), MalformedResponse, 2),
}
"""The answer, the error it ends in, and how many requests the server sees."""


@pytest.mark.parametrize(("answer", "kind", "most"), WHOLE.values(), ids=WHOLE)
async def test_a_whole_answer(answer: Answer, kind: type[LLMError], most: int) -> None:
    with fault_server(answer) as server:
        call = await ended(pointed_at(server.url), request=patient_with(answer))
        await assert_left(server)
    assert isinstance(call.error, kind), call.error
    assert_safe(call)
    assert call.seconds < SECONDS
    assert len(server.requests) == most
    assert server.connections <= 1 + MAX_RETRIES
    assert len(call.told.asked) <= 1 + MAX_RETRIES


STREAMED: Mapping[str, tuple[Answer, type[LLMError], int, str]] = {
    "reset after reading": (Reset("after_reading"), NetworkError, 2, ""),
    "cut before its first word": (sse(done=False, cut=True), NetworkError, 2, ""),
    "ended before its first word": (sse(done=False), StreamInterrupted, 2, ""),
    "cut amid its words": (sse(piece("one "), piece("two"), done=False, cut=True), StreamInterrupted, 1, "one two"),
    "ended amid its words": (sse(piece("one "), piece("two"), done=False), StreamInterrupted, 1, "one two"),
    "silent from the start": (Hang(), LATE, 2, ""),
    "silent and deaf": (Hang("before_reading"), LATE, 0, ""),
    "silent amid its head": (Hang("amid_head"), LATE, 2, ""),
    "silent after its head": (Hang("amid_body"), LATE, 2, ""),
    "silent amid its words": (sse(piece("one "), piece("two"), gap_seconds=0.7), StreamInterrupted, 1, "one "),
    "an error amid its words": (sse(piece("one "), {"error": {"message": "boom", "code": 500}}), StreamInterrupted, 1, "one "),
    "not a stream at all": (html_page(), MalformedResponse, 2, ""),
    "no JSON in it": (sse("{oops"), MalformedResponse, 2, ""),
    "500": (json_reply({"error": {"message": "boom"}}, 500), ModelUnavailable, 4, ""),
    "429": (rate_limited(), RateLimitExceeded, 4, ""),
    "401": (json_reply({"error": {"message": f"Incorrect API key provided: {KEY}"}}, 401), AuthenticationFailed, 1, ""),
    "without end": (Endless(b"x" * 65_536), StreamInterrupted, 2, ""),
    "without an end of its words": (Endless(b"data: " + json.dumps(piece("la" * 100_000)).encode() + b"\n\n"), StreamInterrupted, 1, "la"),
}
"""The answer, the error it ends in, the requests that the server sees, and what was told before."""


@pytest.mark.parametrize(("answer", "kind", "most", "text"), STREAMED.values(), ids=STREAMED)
async def test_a_stream(answer: Answer, kind: type[LLMError], most: int, text: str) -> None:
    """What was told is kept, and what was told is never told again."""
    with fault_server(answer) as server:
        call = await ended(pointed_at(server.url), streamed, patient_with(answer))
        await assert_left(server)
    assert isinstance(call.error, kind), call.error
    assert_safe(call)
    assert call.text.startswith(text)
    assert bool(call.text) == bool(text)
    if isinstance(call.error, StreamInterrupted):
        assert call.error.partial == call.text
    assert call.seconds < SECONDS
    assert len(server.requests) == most


async def test_a_reset_at_once_is_seen_while_connecting_or_just_after() -> None:
    for ask in (whole, streamed):
        with fault_server(Reset("before_reading")) as server:
            call = await ended(pointed_at(server.url), ask)
        assert isinstance(call.error, NetworkError | ModelUnavailable)
        assert_safe(call)
        assert server.requests == []
        assert 2 <= server.connections <= 1 + MAX_RETRIES


async def test_nobody_listens() -> None:
    """Soon told: one re-send, whatever `max_retries` says."""
    for ask in (whole, streamed):
        with refused_url() as url:
            call = await ended(pointed_at(url), ask)
        assert isinstance(call.error, ModelUnavailable)
        assert call.error.reason == "not_running"
        assert_safe(call)
        assert len(call.told.asked) == 2, "who does not run is asked once more, and not again"


async def test_a_slow_drip_within_the_limit_is_read_to_its_end() -> None:
    """The limit is on silence: a stream may last longer."""
    words = [piece("la ") for _ in range(10)]
    end = {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}], "model": "m"}
    with fault_server(sse(*words, end, gap_seconds=0.05)) as server:
        call = await ended(pointed_at(server.url), streamed, evolve(ASK, timeout_ms=300))
    assert call.outcome.unwrap().content == call.text == "la " * 10
    assert call.seconds > 0.4


async def test_the_deadline_ends_a_stream_that_drips_for_ever() -> None:
    with fault_server(sse(*[piece("la ")] * 500, gap_seconds=0.01)) as server:
        call = await ended(pointed_at(server.url), streamed, evolve(ASK, deadline_ms=300))
        await assert_left(server)
    assert isinstance(call.error, RequestTimeout)
    assert call.error.phase == "total"
    assert call.text
    assert 0.25 < call.seconds < 3.0


async def test_the_deadline_counts_attempts_together() -> None:
    """Three servers that hang share one deadline; the third is not given more than is left."""
    names = ("openai", "lmstudio", "llamacpp")
    with fault_server(Hang()) as server:
        providers = {name: ProviderSettings(base_url=f"{server.url}/v1", api_key=Secret(KEY), default_model="m") for name in names}
        call = await ended(config_of(providers, fallback_order=names), request=evolve(ASK, timeout_ms=200, deadline_ms=500))
        await assert_left(server)
    assert_safe(call)
    assert call.seconds < 3.0
    assert call.told.asked == list(names)
    assert len(server.requests) == 3


RETRY_AFTER: Mapping[str, tuple[Answer, float]] = {
    "seconds": (rate_limited(("Retry-After", "1")), 1.0),
    "parts of a second": (rate_limited(("Retry-After", "0.25")), 0.25),
    "a date": (rate_limited(("Retry-After", formatdate(WALL + 2, usegmt=True))), 2.0),
    "milliseconds": (rate_limited(("retry-after-ms", "1500"), ("Retry-After", "9")), 1.5),
    "the account's reset": (rate_limited(("x-ratelimit-remaining-tokens", "0"), ("x-ratelimit-reset-tokens", "6m0s")), 360.0),
    "the reset of requests": (rate_limited(("x-ratelimit-remaining-requests", "0"), ("x-ratelimit-reset-requests", "12ms")), 0.012),
    "words": (rate_limited(body={"error": {"message": "Please try again in 1.2s.", "code": "rate_limit_exceeded"}}), 1.2),
}


@pytest.mark.parametrize(("refusal", "wanted"), RETRY_AFTER.values(), ids=RETRY_AFTER)
async def test_every_form_of_retry_after_is_obeyed(refusal: Answer, wanted: float) -> None:
    """The pause is what was asked for, less what has passed, and a little more; one of more than two minutes is not waited for."""
    with fault_server(refusal, fitting) as server:
        call = await ended(pointed_at(server.url), request=evolve(ASK, deadline_ms=600_000))
    if wanted > 120:
        assert isinstance(call.error, RateLimitExceeded)
        assert call.error.retry_after_seconds == pytest.approx(wanted)
        assert len(server.requests) == 1
        return
    assert call.outcome.unwrap().content == "fine"
    (pause,) = call.pauses or [0.0]
    assert wanted - 0.05 < pause <= 1.1 * wanted + 0.1
    assert len(server.requests) == 2


@pytest.mark.parametrize("nonsense", ["", "soon", "-5", "NaN", "1e400", "Thu, 01 Jan 1970 00:00:00 GMT", "9" * 400])
async def test_a_retry_after_that_says_nothing_is_a_pause_of_ours(nonsense: str) -> None:
    with fault_server(rate_limited(("Retry-After", nonsense)), fitting) as server:
        call = await ended(pointed_at(server.url))
    assert call.outcome.unwrap().content == "fine"
    assert all(0.0 <= pause <= 0.5 for pause in call.pauses)


async def test_pauses_grow_and_are_bounded() -> None:
    with fault_server(rate_limited()) as server:
        call = await ended(pointed_at(server.url))
    assert len(server.requests) == 4
    assert all(pause <= ceiling for pause, ceiling in zip(call.pauses, (0.5, 1.0, 2.0), strict=True))


@pytest.mark.parametrize("ask", [whole, streamed])
@pytest.mark.parametrize("status", [301, 302, 307, 308])
async def test_a_redirect_is_never_followed(ask: Asking, status: int) -> None:
    """The other server sees nothing: no request, no connection, no key."""
    with fault_server(fitting) as other, fault_server(redirect(f"{other.url}/v1/chat/completions", status)) as server:
        call = await ended(pointed_at(server.url), ask)
    assert isinstance(call.error, ConfigurationError)
    assert_safe(call)
    assert (len(server.requests), len(other.requests), other.connections) == (1, 0, 0)


@pytest.mark.parametrize("ask", [whole, streamed])
@pytest.mark.parametrize("status", [200, 400, 401, 403, 404, 422, 429, 500])
@pytest.mark.parametrize("part", ["all", "header", "key", "prompt"])
async def test_a_server_that_repeats_what_it_was_sent_gives_nothing_away(ask: Asking, status: int, part: str) -> None:
    """What was sent comes back as a message, as a code, as the id of the call, and in text that is no JSON."""

    def echo(received: Received) -> Answer:
        header = received.headers["authorization"]
        parts = {"all": f"{received.headers} {received.body.decode()}", "header": header, "key": KEY, "prompt": PROMPT}
        sent = parts[part]
        told = {"error": {"message": sent, "type": sent, "code": sent, "param": sent, "metadata": {"raw": sent}}}
        reply = json_reply(told, status, (("x-request-id", sent),))
        return reply if received.number % 2 == 0 else evolve(reply, body=sent.encode())

    with fault_server(echo) as server:
        call = await ended(pointed_at(server.url), ask)
    assert_safe(call)
    assert len(server.requests) <= 1 + MAX_RETRIES


@pytest.mark.parametrize("ask", [whole, streamed])
@pytest.mark.parametrize(
    "broken",
    [
        Reset("after_reading"),
        Cut(),
        Hang(),
        html_page(),
        html_page(502),
        rate_limited(),
        json_reply({}, 500),
        json_reply({"error": {}}, 401),
    ],
    ids=["reset", "cut", "hang", "html", "502", "429", "500", "401"],
)
async def test_another_server_answers_in_its_place(ask: Asking, broken: Answer) -> None:
    """At once, with one request to each, and the answer tells of both."""
    with fault_server(broken) as ill, fault_server(fitting) as well:
        providers = {
            "openai": ProviderSettings(base_url=f"{ill.url}/v1", api_key=Secret(KEY), default_model="m"),
            "vllm": ProviderSettings(base_url=f"{well.url}/v1", default_model="m"),
        }
        call = await ended(config_of(providers, fallback_order=("openai", "vllm")), ask, patient_with(broken))
        await assert_left(ill)
        await assert_left(well)
    answer = call.outcome.unwrap()
    assert (answer.content, answer.provider) == ("fine", "vllm")
    assert [record.error is None for record in answer.attempts] == [False, True]
    assert call.pauses == []
    assert (len(ill.requests), len(well.requests)) == (1, 1)
    assert "authorization" not in well.requests[0].headers
    assert_tells_nothing(repr(answer))


async def test_a_server_that_recovers_is_asked_again_and_the_ledger_tells() -> None:
    with fault_server(Reset("after_reading"), json_reply({}, 500), rate_limited(("Retry-After", "1")), fitting) as server:
        call = await ended(pointed_at(server.url))
    answer = call.outcome.unwrap()
    assert [type(record.error) for record in answer.attempts] == [NetworkError, ModelUnavailable, RateLimitExceeded, type(None)]
    assert len(server.requests) == 4


async def test_many_rows_against_a_server_that_fails_now_and_then() -> None:
    """Every row has one outcome, in its place; the failures of some are nobody else's."""

    def moody(received: Received) -> Answer:
        row = int(received.json()["messages"][-1]["content"].split()[-1])
        ill: dict[int, Answer] = {0: json_reply({}, 400), 1: Reset("after_reading"), 2: html_page()}
        return ill.get(row % 10) or fitting(received)

    with fault_server(moody) as server:
        pauses: list[float] = []
        async with managing(evolve(pointed_at(server.url), breaker=BreakerSettings(enabled=False)), hasty_world(pauses)) as (manager, _):
            rows = (evolve(ASK, prompt=f"row {number}") for number in range(100))
            async with aclosing(manager.generate_all(rows, concurrency=16, in_order=True)) as answers:
                came = [(position, sealed(outcome)) async for position, outcome in answers]
        await assert_left(server)
    assert [position for position, _ in came] == list(range(100))
    kinds = [type(outcome.failure()) if isinstance(outcome, Failure) else None for _, outcome in came]
    assert kinds == [InvalidRequest, NetworkError, MalformedResponse, *[None] * 7] * 10
    assert 10 + 10 + 10 + 70 < len(server.requests) <= 10 + 20 + 20 + 70  # on a busy machine the share of re-sends keeps some back


@pytest.mark.parametrize("ask", [whole, streamed])
@pytest.mark.parametrize("cache", ["use", "off"])
async def test_a_deadline_of_somebody_else_passes_through(ask: Asking, cache: CachePolicy) -> None:
    """The caller's own timeout is the caller's: it is no value, the journal calls it left, and no task or connection stays."""
    with fault_server(Hang()) as server:
        async with managing(pointed_at(server.url), hasty_world([])) as (manager, told):
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.1):
                    await ask(manager, evolve(ASK, cache=cache))
            assert await server.until(lambda known: known.left == known.connections == 1)
            assert len(told.of(CallCancelled)) == 1
            assert len(asyncio.all_tasks()) == 1
    assert len(server.requests) == 1


async def test_closing_ends_what_is_under_way_with_a_value() -> None:
    """A manager closed amid a call and amid a stream: both end in an error that is a value, and no connection stays."""
    with fault_server(Hang(), sse(piece("one"), *[piece("la")] * 100, gap_seconds=0.05)) as server:
        async with managing(config_of(pointed_at(server.url).providers, max_retries=0)) as (manager, _):
            call = asyncio.ensure_future(settle(manager.generate(ASK)))
            assert await server.until(lambda known: len(known.requests) == 1)
            events = manager.stream(ASK)
            assert isinstance(await anext(events), Success)
        outcome = await call
        rest = await collect(events)
        await assert_left(server)
    assert isinstance(outcome, Failure)
    assert isinstance(rest, Failure)
