"""Gemini's client over real sockets, against a server that misbehaves by script; and Google's own, where a key is there."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from attrs import evolve
from returns.result import Failure, Success

from llm_manager.clients.catalogue import build_client
from llm_manager.clients.http import make_transport
from llm_manager.domain.configuration import ProviderSettings
from llm_manager.domain.embeddings import EmbedRequest
from llm_manager.domain.errors import (
    ConfigurationError,
    LLMError,
    MalformedResponse,
    ModelUnavailable,
    NetworkError,
    QuotaExhausted,
    RequestTimeout,
    StreamInterrupted,
)
from llm_manager.domain.messages import ToolSpec
from llm_manager.domain.requests import JsonSchema, LLMRequest, Preferences
from llm_manager.domain.secrets import Secret
from llm_manager.domain.streaming import StreamFinished, TextDelta
from llm_manager.effects import settle
from llm_manager.outcomes import Settled, sealed
from llm_manager.real_world import real_world
from llm_manager.services.model_client import ClientParts, ModelClient
from tests.clients.gemini.bodies import TEXT, chunk, split, sse
from tests.loopback import Answer, Chunked, Cut, Hang, Raw, Reset, fault_server, html_page, json_reply, redirect, refused_url

KEY = Secret("AIzaSyD-canary-0123456789abcdefghijklm")
GOOD = json_reply(TEXT)
STREAM = Chunked([sse(piece) for piece in split(TEXT)])
HALF = sse(chunk({"text": "half"}))


@asynccontextmanager
async def client_at(url: str | None, *, key: Secret = KEY, timeout_ms: int = 3000) -> AsyncIterator[ModelClient]:
    parts = ClientParts(world=real_world({}), make_transport=lambda ca_bundle: make_transport(ca_bundle=ca_bundle))
    address = None if url is None else f"{url}/v1beta"
    client = build_client("gemini", ProviderSettings(base_url=address, api_key=key, timeout_ms=timeout_ms), parts).unwrap()
    try:
        yield client
    finally:
        await client.close()


async def heard(client: ModelClient, request: LLMRequest | None = None) -> list[Settled[Any, LLMError]]:
    return [sealed(event) async for event in client.stream(request or LLMRequest("Hi"))]


async def test_an_answer_and_a_stream() -> None:
    """The same, whichever way, with the key in its header."""
    with fault_server(GOOD, STREAM, GOOD) as server:
        async with client_at(server.url) as client:
            whole = (await settle(client.generate(LLMRequest("Hi")))).unwrap()
            last = (await heard(client))[-1].unwrap()
            again = await settle(client.generate(LLMRequest("Hi")))
    assert isinstance(last, StreamFinished)
    assert (last.response.content, last.response.usage) == (whole.content, whole.usage)
    assert isinstance(again, Success)
    assert [request.path for request in server.requests] == [
        "/v1beta/models/gemini-3.8-flash:generateContent",
        "/v1beta/models/gemini-3.8-flash:streamGenerateContent?alt=sse",
        "/v1beta/models/gemini-3.8-flash:generateContent",
    ]
    assert {request.headers["x-goog-api-key"] for request in server.requests} == {KEY.reveal()}


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (Cut(), NetworkError),
        (Reset("amid_body"), NetworkError),
        (Raw(b"garbage\r\n\r\n"), NetworkError),
        (Hang(), RequestTimeout),
        (html_page(), MalformedResponse),
        (html_page(503), ModelUnavailable),
        (redirect("https://elsewhere.example/"), ConfigurationError),
        (json_reply([{"error": {"code": 402, "message": "pay", "status": "X"}}], 402), QuotaExhausted),
    ],
    ids=range(8),
)
async def test_a_server_that_misbehaves(answer: Answer, error: type) -> None:
    """Each fault is its error, in time, for answers and for streams; the key is in none."""
    with fault_server(answer) as server:
        async with client_at(server.url, timeout_ms=300) as client:
            outcome = await settle(client.generate(LLMRequest("Hi")))
            (event,) = await heard(client)
    assert isinstance(outcome, Failure)
    assert type(outcome.failure()) is error
    assert type(event.failure()) is error
    assert "canary" not in repr((outcome, event))


async def test_nobody_listens() -> None:
    """Then it is told so, and nothing was sent."""
    with refused_url() as url:
        async with client_at(url) as client:
            error = (await settle(client.generate(LLMRequest("Hi")))).failure()
    assert isinstance(error, ModelUnavailable)
    assert error.reason == "not_running"


@pytest.mark.parametrize(
    "answer",
    [
        Chunked([HALF]),
        Chunked([HALF], cut=True),
        Chunked([HALF, sse(chunk(finish="STOP"))], cut=True),
        Chunked([HALF, b"data: {garbage\r\n\r\n"]),
        Chunked([HALF, HALF], gap_seconds=5.0),
    ],
    ids=["ended", "cut", "cut at the very end", "garbage", "stalled"],
)
async def test_a_stream_that_breaks(answer: Chunked) -> None:
    """What was told is kept, and it is no whole answer."""
    with fault_server(answer) as server:
        async with client_at(server.url, timeout_ms=300) as client:
            events = await heard(client)
    error = events[-1].failure()
    assert isinstance(error, StreamInterrupted)
    assert error.partial == "half"


async def test_a_stream_in_odd_pieces() -> None:
    """Bytes as they come."""
    body = sse(*split(TEXT))
    with fault_server(Chunked([body[at : at + 7] for at in range(0, len(body), 7)])) as server:
        async with client_at(server.url) as client:
            events = [event.unwrap() for event in await heard(client)]
    assert "".join(event.text for event in events if isinstance(event, TextDelta)) == "The capital is Paris."


LIVE_KEY = os.environ.get("GEMINI_API_KEY", "")


@pytest.mark.live
@pytest.mark.skipif(not LIVE_KEY, reason="GEMINI_API_KEY is not set")
async def test_gemini_itself() -> None:
    """Text, a stream, a tool, a schema, counting, vectors, models: as Google answers today."""
    asked = LLMRequest("What is the capital of France? One word.", preferences=Preferences(model="gemini-3.5-flash-lite", max_tokens=200))
    async with client_at(None, key=Secret(LIVE_KEY), timeout_ms=60_000) as client:
        answer = (await settle(client.generate(asked))).unwrap()
        assert "Paris" in answer.content
        assert answer.usage is not None
        last = (await heard(client, asked))[-1].unwrap()
        assert isinstance(last, StreamFinished)
        assert "Paris" in last.response.content
        look = ToolSpec(name="weather", input_schema={"type": "object", "properties": {"city": {"type": "string"}}})
        called = (await settle(client.generate(evolve(asked, prompt="Weather in Oslo?", tools=(look,), tool_choice="required")))).unwrap()
        assert called.tool_calls[0].name == "weather"
        schema = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
        formed = (await settle(client.generate(evolve(asked, output=JsonSchema(schema=schema))))).unwrap()
        assert "Paris" in formed.content
        assert (await settle(client.count_tokens(asked))).unwrap().tokens > 3
        vectors = (await settle(client.embed(EmbedRequest(("a", "b"), dimensions=768)))).unwrap().vectors
        assert [len(vector) for vector in vectors] == [768, 768]
        assert "gemini-3.5-flash-lite" in {model.name for model in (await settle(client.list_models())).unwrap()}
