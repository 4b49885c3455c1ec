"""Gemini's client at work over a transport that plays recordings."""

import asyncio
import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pytest
from returns.result import Failure, Success

from llm_manager.clients.catalogue import build_client
from llm_manager.domain.attempts import Limits
from llm_manager.domain.configuration import ProviderSettings
from llm_manager.domain.embeddings import Embeddings, EmbedRequest
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
from llm_manager.domain.models import ModelProfile
from llm_manager.domain.requests import LLMRequest, Preferences
from llm_manager.domain.secrets import Secret
from llm_manager.domain.streaming import StreamFinished, TextDelta
from llm_manager.domain.usage import Priced, TokenCount, Usage
from llm_manager.effects import settle
from llm_manager.outcomes import Settled, sealed
from llm_manager.policies.abilities import ABILITIES
from llm_manager.services.model_client import ClientParts, ModelClient
from llm_manager.testing import fake_world
from llm_manager.testing.replaying import Replayed, replayed
from tests.clients.gemini.bodies import TEXT, TOOLS, chunk, split, sse

KEY = Secret("AIzaSyD-canary-0123456789abcdefghijklm")
BASE = "https://generativelanguage.googleapis.com/v1beta"
SSE = {"content-type": "text/event-stream"}


def playing(*exchanges: Mapping[str, Any], method: str = "POST", path: str = "*") -> Replayed:
    return replayed({"exchanges": [{"method": method, "path": path, **exchange} for exchange in exchanges]})


def client_of(played: Replayed, settings: ProviderSettings | None = None) -> ModelClient:
    parts = ClientParts(world=fake_world(), make_transport=lambda _: played.transport)
    built = sealed(build_client("google", settings or ProviderSettings(api_key=KEY), parts))
    assert isinstance(built, Success), built
    return built.unwrap()


async def heard(client: ModelClient) -> list[Settled[Any, LLMError]]:
    return [sealed(event) async for event in client.stream(LLMRequest("Hi"))]


async def test_an_answer() -> None:
    """The key goes in its header and nowhere else; the answer has price and times."""
    played = playing({"json": TEXT})
    response = (await settle(client_of(played).generate(LLMRequest("Hi", preferences=Preferences(max_tokens=3))))).unwrap()
    assert (response.content, response.model, response.provider) == ("The capital is Paris.", "gemini-3.8-flash", "gemini")
    assert response.cost.tag == "Priced"
    (sent,) = played.sent
    assert sent.url == f"{BASE}/models/gemini-3.8-flash:generateContent"
    assert (b"x-goog-api-key", KEY.reveal().encode()) in sent.headers
    assert all(name != b"authorization" for name, _ in sent.headers)
    assert "canary" not in sent.url
    assert b"canary" not in sent.body
    assert json.loads(sent.body)["generationConfig"] == {"maxOutputTokens": 3}


async def test_a_stream() -> None:
    """Asked for as events, told piece by piece, ending in the whole answer."""
    played = playing({"chunks": [sse(*split(TEXT))], "headers": SSE})
    events = [event.unwrap() for event in await heard(client_of(played))]
    assert "".join(event.text for event in events if isinstance(event, TextDelta)) == "The capital is Paris."
    last = events[-1]
    assert isinstance(last, StreamFinished)
    assert last.response.usage == Usage(input_tokens=93, cache_read_tokens=1024, output_tokens=14, reasoning_tokens=32)
    (sent,) = played.sent
    assert sent.url == f"{BASE}/models/gemini-3.8-flash:streamGenerateContent?alt=sse"
    assert (b"x-goog-api-key", KEY.reveal().encode()) in sent.headers


@pytest.mark.parametrize("cut", [True, False])
async def test_a_stream_that_is_cut(cut: bool) -> None:
    """Broken by the way, or ended before the model did: what was told is kept."""
    events = await heard(client_of(playing({"chunks": [sse(chunk({"text": "half"}))], "headers": SSE, "cut": cut})))
    error = events[-1].failure()
    assert isinstance(error, StreamInterrupted)
    assert error.partial == "half"


async def test_a_body_that_breaks_after_the_model_ended() -> None:
    """Is no whole answer either: more might have come."""
    events = await heard(client_of(playing({"chunks": [sse(chunk({"text": "all"}, finish="STOP"))], "headers": SSE, "cut": True})))
    assert isinstance(events[-1].failure(), StreamInterrupted)


async def test_a_stream_refused() -> None:
    """With a list of one error, as Gemini answers a stream that it does not begin."""
    body = [{"error": {"code": 429, "message": "slow down", "status": "RESOURCE_EXHAUSTED"}}]
    (event,) = await heard(client_of(playing({"status": 429, "json": body})))
    assert isinstance(event.failure(), RateLimitExceeded)


async def test_a_whole_answer_to_a_stream() -> None:
    """Is understood."""
    events = await heard(client_of(playing({"json": TOOLS, "headers": {"content-type": "application/json"}})))
    assert [type(event.unwrap()).__name__ for event in events] == ["ToolCallDelta"] * 3 + ["StreamFinished"]


async def test_settings_are_obeyed() -> None:
    """Address, project, headers, model, limits."""
    played = playing({"json": TEXT})
    settings = ProviderSettings(
        api_key=KEY,
        base_url="https://proxy.example/google/v1beta/",
        project="my-project",
        custom_headers={"X-Team": "blue"},
        default_model="gemini-2.5-flash",
        max_tokens=11,
        temperature=0.5,
        timeout_ms=7000,
    )
    await settle(client_of(played, settings).generate(LLMRequest("Hi")))
    (sent,) = played.sent
    assert sent.url == "https://proxy.example/google/v1beta/models/gemini-2.5-flash:generateContent"
    fields = dict(sent.headers)
    assert (fields[b"x-goog-user-project"], fields[b"X-Team"]) == (b"my-project", b"blue")
    assert json.loads(sent.body)["generationConfig"] == {"maxOutputTokens": 11, "temperature": 0.5}
    assert sent.limits == Limits(connect_seconds=5.0, silence_seconds=7.0, attempt_seconds=7.0)


def test_a_key_is_needed() -> None:
    """Its variable is named."""
    parts = ClientParts(world=fake_world(), make_transport=lambda _: playing().transport)
    built = build_client("gemini", ProviderSettings(), parts)
    assert isinstance(built, Failure)
    assert isinstance(built.failure(), ConfigurationError)
    assert "GEMINI_API_KEY" in repr(built)


async def test_a_token_takes_the_place_of_a_key() -> None:
    """Asked for each time, for questions too, and sent as a bearer."""
    tokens = iter(["ya29.first-0123456789abcdef", "ya29.second-0123456789abcdef", "ya29.third-0123456789abcdef"])

    async def source() -> Secret:
        return Secret(next(tokens))

    played = replayed({"exchanges": [{"path": "*", "json": TEXT}, {"method": "GET", "path": "*", "json": {"models": []}}]})
    client = client_of(played, ProviderSettings(token_source=source, api_key=KEY))
    await settle(client.generate(LLMRequest("Hi")))
    await settle(client.generate(LLMRequest("Hi")))
    await settle(client.list_models())
    sent = [[value for name, value in envelope.headers if name == b"authorization"] for envelope in played.sent]
    assert sent == [[f"Bearer ya29.{word}-0123456789abcdef".encode()] for word in ("first", "second", "third")]
    assert all(name != b"x-goog-api-key" for envelope in played.sent for name, _ in envelope.headers)
    assert "ya29" not in repr(client)


async def test_a_token_source_that_fails_is_a_failed_authentication() -> None:
    """For whole answers, streams and questions; its words, which may hold a secret, are not told, and nothing is sent."""

    async def source() -> Secret:
        raise RuntimeError("refresh token 1//canary-secret was refused")

    played = playing({"json": TEXT})
    client = client_of(played, ProviderSettings(token_source=source))
    failures: list[LLMError] = [
        (await settle(client.generate(LLMRequest("Hi")))).failure(),
        (await heard(client))[-1].failure(),
        (await settle(client.list_models())).failure(),
        (await settle(client.count_tokens(LLMRequest("Hi")))).failure(),
        (await settle(client.embed(EmbedRequest("Hi")))).failure(),
    ]
    for error in failures:
        assert isinstance(error, AuthenticationFailed)
        assert "RuntimeError" in error.message
        assert "canary" not in repr(error)
    assert played.sent == []
    health = (await settle(client.health())).unwrap()
    assert "canary" not in repr(health)


async def test_a_token_source_that_gives_no_secret() -> None:
    """Is told so, without what it gave."""

    async def source() -> Any:
        return "ya29.canary"

    error = (await settle(client_of(playing({"json": TEXT}), ProviderSettings(token_source=source)).generate(LLMRequest("Hi")))).failure()
    assert isinstance(error, AuthenticationFailed)
    assert "str" in error.message
    assert "canary" not in repr(error)


async def test_a_token_source_that_is_cancelled_stays_so() -> None:
    """Somebody else's cancellation is never an outcome."""

    async def source() -> Secret:
        raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        await settle(client_of(playing({"json": TEXT}), ProviderSettings(token_source=source)).generate(LLMRequest("Hi")))


MODELS = {
    "models": [
        {
            "name": "models/gemini-3.8-flash",
            "displayName": "Gemini 3.8 Flash",
            "inputTokenLimit": 2_000_000,
            "outputTokenLimit": 70_000,
            "supportedGenerationMethods": ["generateContent", "countTokens"],
            "thinking": True,
        },
        {"name": "models/gemini-embedding-2", "inputTokenLimit": 8192, "supportedGenerationMethods": ["embedContent"]},
        {"name": "models/imagen-5", "supportedGenerationMethods": ["predict"]},
        {"name": "models/gemini-9-live", "inputTokenLimit": -1, "supportedGenerationMethods": ["bidiGenerateContent"]},
        {"name": "models/"},
        {"name": 3},
        "x",
    ],
    "nextPageToken": "a/b=",
}
MORE = {"models": [{"name": "tunedModels/mine", "thinking": "x"}]}


async def test_the_models_page_by_page() -> None:
    """Without the folder before their names, with what they say of themselves; the key is in no address."""
    played = playing({"json": MODELS}, {"json": MORE}, method="GET", path="/v1beta/models")
    models = (await settle(client_of(played).list_models())).unwrap()
    assert [(model.name, model.kind) for model in models] == [
        ("gemini-3.8-flash", "chat"),
        ("gemini-embedding-2", "embedding"),
        ("imagen-5", "image"),
        ("gemini-9-live", "other"),
        ("tunedModels/mine", "chat"),
    ]
    first = models[0]
    assert (first.context_window, first.max_output_tokens, first.reasoning, first.tier) == (2_000_000, 70_000, True, "default")
    assert [sent.url for sent in played.sent] == [f"{BASE}/models?pageSize=1000", f"{BASE}/models?pageSize=1000&pageToken=a%2Fb%3D"]


async def test_a_list_without_end_is_read_in_part() -> None:
    """A server that always names a next page is asked twenty times."""
    played = playing({"json": {**MORE, "nextPageToken": "again"}}, method="GET")
    assert len((await settle(client_of(played).list_models())).unwrap()) == 20
    assert len(played.sent) == 20


@pytest.mark.parametrize(
    ("exchange", "error"),
    [
        ({"json": {"data": []}}, MalformedResponse),
        ({"json": []}, MalformedResponse),
        ({"text": "<html>"}, MalformedResponse),
        ({"status": 400, "json": {"error": {"code": 400, "details": [{"reason": "API_KEY_INVALID"}]}}}, AuthenticationFailed),
    ],
)
async def test_no_list(exchange: dict[str, Any], error: type) -> None:
    """Another kind of server, a page, a refusal: told by the list and by health."""
    played = playing(exchange, method="GET")
    assert isinstance((await settle(client_of(played).list_models())).failure(), error)
    health = (await settle(client_of(played).health())).unwrap()
    assert not health.healthy
    assert health.error_message


async def test_the_second_page_may_fail() -> None:
    """Then the list is none."""
    played = playing({"json": MODELS}, {"status": 503, "json": {}}, method="GET")
    assert isinstance((await settle(client_of(played).list_models())).failure(), ModelUnavailable)
    assert isinstance((await settle(client_of(replayed({"exchanges": []})).list_models())).failure(), NetworkError)


async def test_health() -> None:
    """Well when it lists its models; one page is enough to know."""
    played = playing({"json": MODELS}, method="GET")
    health = (await settle(client_of(played).health())).unwrap()
    assert (health.healthy, health.provider, health.error_message) == (True, "gemini", None)
    assert health.models[:2] == ("gemini-3.8-flash", "gemini-embedding-2")
    assert len(played.sent) == 1


async def test_tokens_are_counted_by_the_model_itself() -> None:
    """Of the whole request, with its tools and instructions."""
    played = playing({"json": {"totalTokens": 31, "promptTokensDetails": []}})
    request = LLMRequest("Hi", system="be brief", tools=(ToolSpec(name="look"),), timeout_ms=400)
    counted = (await settle(client_of(played).count_tokens(request))).unwrap()
    assert counted == TokenCount(tokens=31, model="gemini-3.8-flash", provider="gemini", exact=True)
    (sent,) = played.sent
    assert sent.url == f"{BASE}/models/gemini-3.8-flash:countTokens"
    asked = json.loads(sent.body)["generateContentRequest"]
    assert asked["model"] == "models/gemini-3.8-flash"
    assert sorted(asked) == ["contents", "model", "systemInstruction", "tools"]
    assert sent.limits.attempt_seconds == 0.4
    named = LLMRequest("Hi", preferences=Preferences(model="gemini-4-argon"))
    assert (await settle(client_of(played).count_tokens(named))).unwrap().model == "gemini-4-argon"


@pytest.mark.parametrize(
    ("exchange", "error"),
    [
        ({"json": {"tokens": 3}}, MalformedResponse),
        ({"json": {"totalTokens": -3}}, MalformedResponse),
        ({"text": "{"}, MalformedResponse),
        ({"status": 404, "json": {"error": {"code": 404, "message": "no", "status": "NOT_FOUND"}}}, ModelUnavailable),
    ],
)
async def test_tokens_that_cannot_be_counted(exchange: dict[str, Any], error: type) -> None:
    """Are not guessed here."""
    assert isinstance((await settle(client_of(playing(exchange)).count_tokens(LLMRequest("Hi")))).failure(), error)


async def test_a_request_that_cannot_be_said_cannot_be_counted() -> None:
    """Nothing is sent; nor is anything counted when nobody answers."""
    played = playing({"json": {}})
    assert isinstance((await settle(client_of(played).count_tokens(LLMRequest()))).failure(), InvalidRequest)
    assert played.sent == []
    assert isinstance((await settle(client_of(replayed({"exchanges": []})).count_tokens(LLMRequest("x")))).failure(), NetworkError)


VECTORS = {"embeddings": [{"values": [0.25, -1, 3e-5]}, {"values": [1.0, 0.0, 2.0]}], "usageMetadata": {"promptTokenCount": 1_000_000}}


async def embedded(played: Replayed, asked: EmbedRequest) -> Settled[Embeddings, LLMError]:
    return await settle(client_of(played).embed(asked))


async def test_vectors() -> None:
    """One for each text, each a content of its own; with what they cost."""
    played = playing({"json": VECTORS})
    answer = (await embedded(played, EmbedRequest(("a", "b"), dimensions=3, purpose="query"))).unwrap()
    assert answer.vectors == ((0.25, -1.0, 3e-5), (1.0, 0.0, 2.0))
    assert (answer.model, answer.provider, answer.usage) == ("gemini-embedding-2", "gemini", Usage(input_tokens=1_000_000))
    assert isinstance(answer.cost, Priced)
    assert answer.cost.usd == Decimal("0.2")
    (sent,) = played.sent
    assert sent.url == f"{BASE}/models/gemini-embedding-2:batchEmbedContents"
    assert json.loads(sent.body)["requests"] == [
        {
            "model": "models/gemini-embedding-2",
            "outputDimensionality": 3,
            "content": {"parts": [{"text": f"task: search result | query: {text}"}]},
        }
        for text in "ab"
    ]


@pytest.mark.parametrize(
    ("purpose", "said"),
    [
        (None, {"content": {"parts": [{"text": "a"}]}}),
        ("query", {"taskType": "RETRIEVAL_QUERY", "content": {"parts": [{"text": "a"}]}}),
        ("document", {"taskType": "RETRIEVAL_DOCUMENT", "content": {"parts": [{"text": "a"}]}}),
    ],
)
async def test_the_purpose_of_vectors(purpose: Any, said: dict[str, Any]) -> None:
    """As a field to the older model."""
    played = playing({"json": {"embeddings": [{"values": [1]}]}})
    answer = (await embedded(played, EmbedRequest("a", model="gemini-embedding-001", purpose=purpose))).unwrap()
    assert (answer.usage, answer.cost.tag) == (None, "Unpriced")
    assert json.loads(played.sent[0].body)["requests"] == [{"model": "models/gemini-embedding-001", **said}]


@pytest.mark.parametrize(
    "told",
    [{"embeddings": [{"values": [1]}]}, {"embeddings": [{"values": [1]}, {"values": []}]}, {"embeddings": [{"values": ["x"]}] * 2}, {}, []],
    ids=range(5),
)
async def test_vectors_that_are_none(told: Any) -> None:
    """Too few, empty, or no numbers."""
    assert isinstance((await embedded(playing({"json": told}), EmbedRequest(("a", "b")))).failure(), MalformedResponse)


async def test_texts_that_cannot_be_embedded() -> None:
    """None, too many at once, or what JSON cannot say: nothing is sent. An error does not repeat them."""
    played = playing({"json": VECTORS})
    for texts in ((), ("x",) * 101, ("\ud800",)):
        assert isinstance((await embedded(played, EmbedRequest(texts))).failure(), InvalidRequest)
    assert played.sent == []
    secret = "the patient's name is Ada Lovelace"
    echo = {"error": {"code": 400, "message": f"bad text: {secret}", "status": "INVALID_ARGUMENT"}}
    error = (await embedded(playing({"status": 400, "json": echo}), EmbedRequest(secret))).failure()
    assert isinstance(error, InvalidRequest)
    assert "Ada" not in repr(error)
    assert isinstance((await embedded(replayed({"exchanges": []}), EmbedRequest("x"))).failure(), NetworkError)


def test_what_it_can_do() -> None:
    """Is what the table of abilities says."""
    client = client_of(playing({"json": {}}))
    assert client.able == ABILITIES["gemini"]
    assert client.texts_per_call == 100
    assert client.usual == {"embed": "gemini-embedding-2"}


async def test_what_it_cannot_do_names_who_can() -> None:
    """As a value."""
    from llm_manager.domain.moderation import ModerationRequest

    error = (await settle(client_of(playing({"json": {}})).moderate(ModerationRequest("x")))).failure()
    assert isinstance(error, ConfigurationError)
    assert "openai" in error.message


def test_models_on_offer() -> None:
    """One for each tier, the default first; any other name is described by assumption."""
    client = client_of(playing({"json": {}}))
    assert [(profile.name, profile.tier) for profile in client.profiles] == [
        ("gemini-3.8-flash", "default"),
        ("gemini-3.5-flash-lite", "fast"),
        ("gemini-4-argon", "best"),
    ]
    described: ModelProfile = client.profile("gemini-9-nova")
    assert (described.vision, described.documents, described.tools, described.unsupported) == (True, True, True, ())
    assert client.profile("gemini-4-neon").unsupported == ("temperature", "top_p")
    assert client.profile("gemini-2.5-pro").replaced_by == "gemini-3.8-flash"
    assert client.profile("gemini-2.0-flash").retired
