"""Whatever a server sends is an outcome: good answers and streams, mutated at random from a seed, a hundred thousand of them.

``LLM_MANAGER_MUTATIONS`` asks for another number at each client, ``LLM_MANAGER_SEED`` for others.
"""

import json
import os
import random
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import Any

import pytest
from attrs import evolve
from msgspec.structs import replace
from returns.result import Failure, Success

from llm_manager.clients.catalogue import build_client
from llm_manager.domain.attempts import Attempt
from llm_manager.domain.configuration import ProviderSettings
from llm_manager.domain.errors import LLMError, RequestTimeout
from llm_manager.domain.messages import ToolSpec
from llm_manager.domain.requests import LLMRequest
from llm_manager.domain.responses import LLMResponse
from llm_manager.domain.secrets import Secret
from llm_manager.domain.streaming import StreamEvent
from llm_manager.domain.usage import Usage
from llm_manager.domain.wire_requests import WireReply
from llm_manager.outcomes import Settled
from llm_manager.services.model_client import ClientParts, ModelClient
from llm_manager.services.transport import Envelope, Transport, WireStream
from llm_manager.testing import attempt_for, fake_world, run_virtual
from llm_manager.testing.laws import streams_lawfully
from tests.laws.dialects import SERVERS, Called, Saying, Server
from tests.laws.test_dialect_laws import EXTREMES

COUNT = int(os.environ.get("LLM_MANAGER_MUTATIONS", "20000"))
SEED = int(os.environ.get("LLM_MANAGER_SEED", "20261120"))
STATUSES = (200, 200, 200, 201, 204, 302, 400, 401, 402, 403, 404, 408, 409, 413, 422, 424, 429, 498, 499, 500, 502, 503, 504, 529, 599)
HEADERS: tuple[tuple[tuple[str, str], ...], ...] = (
    (),
    (("content-type", "application/json"),),
    (("retry-after", "nan"), ("x-request-id", "\x00")),
    (("retry-after-ms", "-1"), ("retry-after", "Wed, 21 Oct 2099 07:28:00 GMT")),
    (("x-should-retry", "true"), ("request-id", "r" * 500)),
    (("anthropic-ratelimit-requests-reset", "soon"), ("x-ratelimit-reset-requests", "6m0s")),
)
USAGE = Usage(input_tokens=7, cache_read_tokens=3, cache_write_tokens=2, output_tokens=5, reasoning_tokens=1)
SAYINGS = (
    Saying(text="Hello, Wörld 👋", usage=USAGE),
    Saying(text="a", thinking="hm", calls=(Called(name="look", arguments={"q": "x", "n": 1}, id="call_1"),), usage=USAGE),
    Saying(text="", calls=tuple(Called(name="find", arguments={}, id=f"c{number}") for number in range(3)), usage=USAGE),
    Saying(text="cut", cut_by_length=True, usage=USAGE),
)
ERRORS = (
    {"error": {"message": "prompt is too long: 9 tokens > 8 maximum", "type": "invalid_request_error", "code": 429, "status": "INTERNAL"}},
    {"error": {"details": [{"@type": "x/google.rpc.RetryInfo", "retryDelay": "46s"}, {"reason": "API_KEY_INVALID"}], "code": 400}},
    {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}},
    {"error": "model 'x' not found", "signin_url": "https://x.example"},
    {"detail": [{"loc": ["body"], "msg": "no"}]},
    {"id": "x", "message": "too many tokens: total number of tokens in the prompt cannot exceed 8 - received 9"},
)
VALUES: tuple[Any, ...] = (None, True, -1, 2**70, 1e308, "", "x", [], {}, [None], {"type": 7}, "\ud800")

Mutate = Callable[[random.Random, bytes], bytes]


def flipped(dice: random.Random, data: bytes) -> bytes:
    """One byte is another one."""
    at = dice.randrange(len(data) or 1)
    return data[:at] + bytes([dice.randrange(256)]) + data[at + 1 :]


def without(dice: random.Random, data: bytes) -> bytes:
    """A stretch is missing."""
    at = dice.randrange(len(data) or 1)
    return data[:at] + data[at + dice.randrange(1, 20) :]


def doubled(dice: random.Random, data: bytes) -> bytes:
    """A stretch stands twice."""
    at = dice.randrange(len(data) or 1)
    end = at + dice.randrange(1, 40)
    return data[:end] + data[at:end] + data[end:]


def cut(dice: random.Random, data: bytes) -> bytes:
    """The end is missing."""
    return data[: dice.randrange(len(data) + 1)]


def changed(dice: random.Random, value: Any) -> Any:
    """A value somewhere in plain data is another one, or gone."""
    if isinstance(value, dict) and value and dice.random() < 0.9:
        key = dice.choice(list(value))
        if dice.random() < 0.15:
            return {name: each for name, each in value.items() if name != key}
        return {**value, key: changed(dice, value[key])}
    if isinstance(value, list) and value and dice.random() < 0.9:
        at = dice.randrange(len(value))
        return [*value[:at], changed(dice, value[at]), *value[at + 1 :]]
    return dice.choice(VALUES)


BYTES: tuple[Mutate, ...] = (flipped, without, doubled, cut)


def bodies(server: Server, dice: random.Random) -> bytes:
    """A whole answer or an error that something has happened to."""
    kind = dice.random()
    if kind < 0.02:
        return dice.choice(list(EXTREMES.values()))
    plain: Any = dice.choice(ERRORS) if kind < 0.3 else server.whole(server.able(dice.choice(SAYINGS)))
    for _ in range(dice.randrange(4)):
        plain = changed(dice, plain)
    data = json.dumps(plain).encode()
    return dice.choice(BYTES)(dice, data) if dice.random() < 0.3 else data


def streams(server: Server, dice: random.Random) -> list[bytes]:
    """The frames of a stream that something has happened to, in chunks of any size."""
    saying = server.able(dice.choice(SAYINGS))
    events = server.events(saying, [saying.text[:2], saying.text[2:]])
    at = dice.randrange(len(events))
    mutated = [*events]
    match dice.randrange(4):
        case 0:
            del mutated[at]
        case 1:
            mutated.insert(at, dice.choice(events))
        case 2:
            mutated[at] = (events[at][0], dice.choice(ERRORS))
        case _:
            mutated[at] = (events[at][0], changed(dice, events[at][1]))
    body = b"".join(evolve(server, events=lambda *_: mutated).frames(saying, []))
    if dice.random() < 0.3:
        body = dice.choice(BYTES)(dice, body)
    middle = dice.randrange(len(body) + 1)
    return [body[:middle], body[middle:]]


def lost(envelope: Envelope) -> RequestTimeout:
    """How a body may break off."""
    return RequestTimeout(model=envelope.model, timeout_ms=1, phase="stall")


def transport(server: Server, dice: random.Random) -> Transport:
    """A carrier whose every answer has been mutated; some bodies break off."""

    async def send(envelope: Envelope) -> Settled[WireReply, LLMError]:
        return Success(WireReply(status=dice.choice(STATUSES), headers=dice.choice(HEADERS), body=bodies(server, dice)))

    async def chunks(envelope: Envelope) -> AsyncGenerator[Settled[bytes, LLMError], None]:
        for chunk in streams(server, dice):
            yield Success(chunk)
        if dice.random() < 0.05:
            yield Failure(lost(envelope))

    async def open_stream(envelope: Envelope) -> Settled[WireStream, LLMError]:
        kind = dice.choice(["application/json", "", server.content_type, server.content_type])
        status = 200 if dice.random() < 0.9 else dice.choice(STATUSES)
        return Success(WireStream(status=status, headers=(("content-type", kind),), chunks=chunks(envelope)))

    async def close() -> None:
        """There is nothing to close."""

    return Transport(send=send, open=open_stream, close=close)


def client(server: Server, dice: random.Random) -> ModelClient:
    """The client of the dialect's provider over such a carrier."""
    parts = ClientParts(world=fake_world(), make_transport=lambda _: transport(server, dice))
    return build_client(server.provider, ProviderSettings(api_key=Secret("sk-test"), default_model=server.model), parts).unwrap()


def times(server: Server, share: int = 1) -> int:
    """How often to ask; through Claude's SDK a refusal takes a thousand times as long as through the codec alone."""
    return COUNT // (share * (5 if server.provider == "anthropic" else 1))


def attempt(asked: ModelClient) -> Attempt:
    """One try of its default model."""
    request = LLMRequest("hello", tools=(ToolSpec(name="look"), ToolSpec(name="find")))
    made = attempt_for(request, model=asked.profiles[0], endpoint=asked.endpoint, key=asked.key).unwrap()
    return replace(made, wire=asked.encode(request, asked.profiles[0]).unwrap())


@pytest.mark.parametrize("server", SERVERS.values(), ids=list(SERVERS))
def test_any_answer_is_an_outcome(server: Server) -> None:
    """Of any status and headers: an answer whose parts have their types, or an error."""
    dice, count = random.Random(SEED), times(server)

    async def ask() -> tuple[int, int]:
        asked = client(server, dice)
        again, good = attempt(asked), 0
        for _ in range(count):
            outcome = await asked.answer(again)
            if isinstance(outcome, Failure):
                assert isinstance(outcome.failure(), LLMError)
                continue
            good += 1
            answer = outcome.unwrap()
            assert isinstance(answer, LLMResponse)
            assert isinstance(answer.content, str)
            assert all(type(call.arguments) is str and type(call.name) is str for call in answer.tool_calls)
            assert answer.usage is None or answer.usage.total_tokens >= 0
        return good, count - good

    good, bad = run_virtual(ask())
    assert good > count // 50
    assert bad > count // 50


@pytest.mark.parametrize("server", SERVERS.values(), ids=list(SERVERS))
def test_any_stream_is_lawful(server: Server) -> None:
    """Its events have one ending, the last of them."""
    dice, count = random.Random(SEED), times(server, 4)

    async def listen() -> tuple[int, int]:
        asked = client(server, dice)
        again, good = attempt(asked), 0
        for _ in range(count):
            opened = await asked.open(again)
            if isinstance(opened, Failure):
                assert isinstance(opened.failure(), LLMError)
                continue
            told: list[Settled[StreamEvent, LLMError]] = [Success(opened.unwrap().first)]
            async with aclosing(opened.unwrap().rest) as rest:
                told.extend([event async for event in rest])
            streams_lawfully(told)
            good += not isinstance(told[-1], Failure)
        return good, count - good

    good, bad = run_virtual(listen())
    assert good > count // 50
    assert bad > count // 50
