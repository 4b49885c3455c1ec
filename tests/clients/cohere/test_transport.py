"""Cohere's client at work over a transport that plays recordings, and against a server that misbehaves."""

import json
import os
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pytest
from returns.result import Failure, Success

from llm_manager.clients.catalogue import build_client
from llm_manager.clients.http import make_transport
from llm_manager.domain.configuration import NetworkSettings, ProviderSettings
from llm_manager.domain.embeddings import EmbedRequest
from llm_manager.domain.errors import (
    AuthenticationFailed,
    ConfigurationError,
    InvalidRequest,
    LLMError,
    MalformedResponse,
    ModelUnavailable,
    NetworkError,
    RateLimitExceeded,
    StreamInterrupted,
)
from llm_manager.domain.messages import ToolSpec
from llm_manager.domain.requests import LLMRequest, Preferences
from llm_manager.domain.secrets import Secret
from llm_manager.domain.streaming import StreamFinished, TextDelta
from llm_manager.domain.usage import Priced, TokenCount, Usage
from llm_manager.effects import settle
from llm_manager.outcomes import Settled, sealed
from llm_manager.real_world import real_world
from llm_manager.services.model_client import ClientParts, ModelClient
from llm_manager.testing import fake_world
from llm_manager.testing.replaying import Replayed, replayed
from tests.clients.cohere.bodies import TEXT, TOOLS, split, sse, text
from tests.loopback import Chunked, Respond, fault_server

KEY = Secret("co-canary-0123456789abcdefghijklmnopqrst")
BASE = "https://api.cohere.com"
SSE = {"content-type": "text/event-stream"}
VECTORS = {
    "id": "e-1",
    "embeddings": {"float": [[0.1, -0.2], [0.3, 0.4]]},
    "texts": ["a", "b"],
    "meta": {"api_version": {"version": "2"}, "billed_units": {"input_tokens": 4}},
}
LISTED = {
    "models": [
        {"name": "command-a-03-2025", "endpoints": ["generate", "chat"], "finetuned": False, "context_length": 288000},
        {"name": "embed-v4.0", "endpoints": ["embed"], "context_length": 128000},
        {"name": "rerank-v4.0-pro", "endpoints": ["rerank"], "context_length": 32768},
        {"name": "brand-new", "context_length": "long"},
        {"name": ""},
        7,
    ],
    "next_page_token": "",
}


def playing(*exchanges: Mapping[str, Any], method: str = "POST", path: str = "*") -> Replayed:
    return replayed({"exchanges": [{"method": method, "path": path, **exchange} for exchange in exchanges]})


def client_of(played: Replayed, settings: ProviderSettings | None = None) -> ModelClient:
    parts = ClientParts(world=fake_world(), make_transport=lambda _: played.transport)
    built = sealed(build_client("cohere", settings or ProviderSettings(api_key=KEY), parts))
    assert isinstance(built, Success), built
    return built.unwrap()


async def heard(client: ModelClient) -> list[Settled[Any, LLMError]]:
    return [sealed(event) async for event in client.stream(LLMRequest("Hi"))]


async def test_an_answer() -> None:
    """The key is a bearer's and goes nowhere else; what was billed has its price."""
    played = playing({"json": TEXT})
    response = (await settle(client_of(played).generate(LLMRequest("Hi", preferences=Preferences(max_tokens=3))))).unwrap()
    assert (response.content, response.model, response.provider) == ("LLMs stand for Large Language Models.", "command-a-03-2025", "cohere")
    assert isinstance(response.cost, Priced)
    assert response.cost.usd == Decimal("0.00012")
    (sent,) = played.sent
    assert sent.url == f"{BASE}/v2/chat"
    assert (b"authorization", b"Bearer " + KEY.reveal().encode()) in sent.headers
    assert b"canary" not in sent.body
    assert json.loads(sent.body)["max_tokens"] == 3


async def test_a_stream() -> None:
    """Asked for as events, told piece by piece, ending in the whole answer."""
    played = playing({"chunks": [sse(*split(TEXT))], "headers": SSE})
    events = [event.unwrap() for event in await heard(client_of(played))]
    assert "".join(event.text for event in events if isinstance(event, TextDelta)) == "LLMs stand for Large Language Models."
    last = events[-1]
    assert isinstance(last, StreamFinished)
    assert last.response.usage == Usage(input_tokens=8, cache_read_tokens=4, output_tokens=9)
    (sent,) = played.sent
    assert json.loads(sent.body)["stream"] is True


@pytest.mark.parametrize("cut", [True, False])
async def test_a_stream_that_is_cut(cut: bool) -> None:
    """Broken by the way, or ended before the model did: what was told is kept."""
    error = (await heard(client_of(playing({"chunks": [sse(text("half"))], "headers": SSE, "cut": cut}))))[-1].failure()
    assert isinstance(error, StreamInterrupted)
    assert error.partial == "half"


async def test_a_stream_refused_and_a_stream_answered_whole() -> None:
    (event,) = await heard(client_of(playing({"status": 429, "json": {"message": "Please wait and try again later"}})))
    assert isinstance(event.failure(), RateLimitExceeded)
    events = await heard(client_of(playing({"json": TOOLS, "headers": {"content-type": "application/json"}})))
    assert [type(event.unwrap()).__name__ for event in events] == ["TextDelta", "ToolCallDelta", "ToolCallDelta", "StreamFinished"]


async def test_settings_are_obeyed() -> None:
    """Address, headers, model and limits."""
    played = playing({"json": TEXT})
    settings = ProviderSettings(
        api_key=KEY,
        base_url="https://proxy.example/cohere/v2/",
        custom_headers={"X-Client-Name": "blue"},
        default_model="command-r7b-12-2024",
        max_tokens=11,
        timeout_ms=7000,
    )
    await settle(client_of(played, settings).generate(LLMRequest("Hi")))
    (sent,) = played.sent
    assert sent.url == "https://proxy.example/cohere/v2/chat"
    assert dict(sent.headers)[b"X-Client-Name"] == b"blue"
    assert (json.loads(sent.body)["model"], json.loads(sent.body)["max_tokens"]) == ("command-r7b-12-2024", 11)
    assert sent.limits.attempt_seconds == 7.0


def test_a_key_is_needed() -> None:
    """Its variable is named."""
    parts = ClientParts(world=fake_world(), make_transport=lambda _: playing().transport)
    built = sealed(build_client("cohere", ProviderSettings(), parts))
    assert isinstance(built, Failure)
    error = built.failure()
    assert isinstance(error, ConfigurationError)
    assert "COHERE_API_KEY" in error.message


async def test_vectors() -> None:
    """With what they are for, whole or not at all, priced by what is billed."""
    played = playing({"json": VECTORS})
    client = client_of(played)
    assert (client.texts_per_call, client.usual) == (96, {"embed": "embed-v4.0"})
    made = (await settle(client.embed(EmbedRequest(("a", "b"), dimensions=256, purpose="query")))).unwrap()
    assert (made.vectors, made.model, made.usage) == (((0.1, -0.2), (0.3, 0.4)), "embed-v4.0", Usage(input_tokens=4))
    assert isinstance(made.cost, Priced)
    (sent,) = played.sent
    assert sent.url == f"{BASE}/v2/embed"
    assert json.loads(sent.body) == {
        "model": "embed-v4.0",
        "texts": ["a", "b"],
        "input_type": "search_query",
        "embedding_types": ["float"],
        "truncate": "NONE",
        "output_dimension": 256,
    }


async def test_an_older_model_makes_vectors_of_one_length() -> None:
    played = playing({"json": {"embeddings": {"float": [[1.0]]}}})
    asked = EmbedRequest("a", model="embed-english-v3.0", dimensions=256)
    made = (await settle(client_of(played).embed(asked))).unwrap()
    assert (made.usage, made.notices) == (None, ("embed-english-v3.0 takes no dimensions: they were left out",))
    assert json.loads(played.sent[0].body)["input_type"] == "search_document"


@pytest.mark.parametrize(
    ("asked", "exchange", "error"),
    [
        (EmbedRequest(()), {"json": VECTORS}, InvalidRequest),
        (EmbedRequest(("a",) * 97), {"json": VECTORS}, InvalidRequest),
        (EmbedRequest("\ud800"), {"json": VECTORS}, InvalidRequest),
        (EmbedRequest("a"), {"json": VECTORS}, MalformedResponse),
        (EmbedRequest(("a", "b")), {"json": {"embeddings": {"float": [[], [1.0]]}}}, MalformedResponse),
        (EmbedRequest("a"), {"text": "<html>"}, MalformedResponse),
        (EmbedRequest("a"), {"status": 401, "json": {"message": "invalid api token"}}, AuthenticationFailed),
        (EmbedRequest("a"), {"cut": True, "text": ""}, NetworkError),
    ],
    ids=range(8),
)
async def test_no_vectors(asked: EmbedRequest, exchange: dict[str, Any], error: type) -> None:
    outcome = await settle(client_of(playing(exchange)).embed(asked))
    assert isinstance(outcome, Failure)
    assert type(outcome.failure()) is error


async def test_counting() -> None:
    """By the model's tokenizer, above the version of the API; an estimate, since what is put around the texts is not told."""
    played = playing({"json": {"tokens": [10002, 2261, 2012], "token_strings": ["token", "ize", " me"]}})
    request = LLMRequest("b", system="a", tools=(ToolSpec(name="look"),))
    counted = (await settle(client_of(played).count_tokens(request))).unwrap()
    assert counted == TokenCount(tokens=3, model="command-a-03-2025", provider="cohere", exact=False)
    (sent,) = played.sent
    assert sent.url == f"{BASE}/v1/tokenize"
    body = json.loads(sent.body)
    assert (body["model"], body["text"].splitlines()[:2], '"look"' in body["text"]) == ("command-a-03-2025", ["a", "b"], True)


@pytest.mark.parametrize("prompt", ["", "x" * 65_537])
async def test_what_the_tokenizer_does_not_take_is_estimated(prompt: str) -> None:
    """Nothing is sent."""
    played = playing({"text": ""})
    counted = (await settle(client_of(played).count_tokens(LLMRequest(prompt)))).unwrap()
    assert (counted.exact, played.sent) == (False, [])


@pytest.mark.parametrize(
    ("prompt", "exchange", "error"),
    [
        ("a", {"json": {"tokens": 3}}, MalformedResponse),
        ("a", {"status": 404, "json": {"message": "model 'x' not found"}}, ModelUnavailable),
        ("\ud800", {"json": {}}, InvalidRequest),
        ("a", {"cut": True, "text": ""}, NetworkError),
    ],
)
async def test_no_count(prompt: str, exchange: dict[str, Any], error: type) -> None:
    outcome = await settle(client_of(playing(exchange)).count_tokens(LLMRequest(prompt)))
    assert isinstance(outcome, Failure)
    assert type(outcome.failure()) is error


async def test_a_tool_that_is_no_json_is_not_counted() -> None:
    bad = LLMRequest("a", tools=(ToolSpec(name="look", input_schema={"x": object()}),))
    assert isinstance((await settle(client_of(playing({"text": ""})).count_tokens(bad))).failure(), InvalidRequest)


async def test_models() -> None:
    """What each is for, its window, and its price by what is known; they tell that the server is well."""
    played = playing({"json": LISTED}, {"json": LISTED}, method="GET")
    client = client_of(played)
    models = {model.name: model for model in (await settle(client.list_models())).unwrap()}
    assert {name: model.kind for name, model in models.items()} == {
        "command-a-03-2025": "chat",
        "embed-v4.0": "embedding",
        "rerank-v4.0-pro": "other",
        "brand-new": "chat",
    }
    assert models["command-a-03-2025"].context_window == 288_000
    assert played.sent[0].url == f"{BASE}/v1/models?page_size=1000"
    health = (await settle(client.health())).unwrap()
    assert (health.healthy, health.models) == (True, tuple(models))


@pytest.mark.parametrize("exchange", [{"json": {"models": 3}}, {"json": []}, {"status": 401, "json": {"message": "invalid api token"}}])
async def test_no_models(exchange: dict[str, Any]) -> None:
    client = client_of(playing(exchange, exchange, method="GET"))
    assert isinstance(await settle(client.list_models()), Failure)
    health = (await settle(client.health())).unwrap()
    assert (health.healthy, health.error_message is not None) == (False, True)


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (Respond(status=502, body=b"<html>bad gateway</html>"), ModelUnavailable),
        (Respond(status=302, headers=[("Location", "http://127.0.0.1:1/")]), ConfigurationError),
        (Respond(status=200, headers=[("Content-Type", "text/html")], body=b"<html>welcome</html>"), MalformedResponse),
    ],
    ids=range(3),
)
async def test_a_server_that_misbehaves(answer: Respond, error: type) -> None:
    """Over the real transport, whole and as a stream."""
    settings = NetworkSettings()
    with fault_server(lambda _: answer) as server:
        parts = ClientParts(world=real_world(), make_transport=lambda ca_bundle: make_transport(network=settings, ca_bundle=ca_bundle))
        client = build_client("cohere", ProviderSettings(api_key=KEY, base_url=f"{server.url}/v2"), parts).unwrap()
        outcome = await settle(client.generate(LLMRequest("Hi")))
        events = await heard(client)
        await client.close()
    assert isinstance(outcome, Failure)
    assert type(outcome.failure()) is error
    assert type(events[-1].failure()) is error


async def test_a_stream_over_the_real_transport() -> None:
    """In chunks that end anywhere."""
    body = sse(*split(TEXT))
    chunks = [body[at : at + 37] for at in range(0, len(body), 37)]
    with fault_server(lambda _: Chunked(chunks, headers=[("Content-Type", "text/event-stream")])) as server:
        parts = ClientParts(
            world=real_world(), make_transport=lambda ca_bundle: make_transport(network=NetworkSettings(), ca_bundle=ca_bundle)
        )
        client = build_client("cohere", ProviderSettings(api_key=KEY, base_url=f"{server.url}/v2"), parts).unwrap()
        last = (await heard(client))[-1].unwrap()
        await client.close()
    assert isinstance(last, StreamFinished)
    assert last.response.content == "LLMs stand for Large Language Models."


LIVE_KEY = os.environ.get("COHERE_API_KEY", "")


@pytest.mark.live
@pytest.mark.skipif(not LIVE_KEY, reason="COHERE_API_KEY is not set")
async def test_cohere_itself() -> None:
    """Text, a stream, a tool, counting, vectors, models: as Cohere answers today."""
    parts = ClientParts(world=real_world(), make_transport=lambda ca_bundle: make_transport(network=NetworkSettings(), ca_bundle=ca_bundle))
    client = build_client("cohere", ProviderSettings(api_key=Secret(LIVE_KEY), default_model="command-r7b-12-2024"), parts).unwrap()
    try:
        answer = (await settle(client.generate(LLMRequest("What is the capital of France? One word.")))).unwrap()
        assert "Paris" in answer.content
        assert answer.usage is not None
        assert isinstance((await heard(client))[-1].unwrap(), StreamFinished)
        asked = LLMRequest("Look up the weather in Oslo.", tools=(ToolSpec(name="look"),), tool_choice="required")
        assert (await settle(client.generate(asked))).unwrap().tool_calls
        assert (await settle(client.count_tokens(LLMRequest("Hi")))).unwrap().tokens > 0
        assert len((await settle(client.embed(EmbedRequest("a", dimensions=256)))).unwrap().vectors[0]) == 256
        assert (await settle(client.list_models())).unwrap()
    finally:
        await client.close()
