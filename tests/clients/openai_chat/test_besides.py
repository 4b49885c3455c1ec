"""What clients do besides chat: one request each, read into values or errors whatever comes back."""

import base64
import json
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from returns.future import FutureResult
from returns.result import Failure, Success

from llm_manager.clients.catalogue import build_client
from llm_manager.clients.data.openai_chat import PROVIDERS
from llm_manager.clients.openai_chat import counting, embeddings, images, moderations
from llm_manager.clients.openai_chat.credits import read_credits
from llm_manager.clients.who import Who
from llm_manager.domain.configuration import ProviderSettings
from llm_manager.domain.embeddings import EmbedRequest
from llm_manager.domain.errors import (
    AuthenticationFailed,
    ConfigurationError,
    ContentFiltered,
    InvalidRequest,
    LLMError,
    MalformedResponse,
    RateLimitExceeded,
)
from llm_manager.domain.images import ImageRequest
from llm_manager.domain.messages import DocumentUrl, ImageData, ImageUrl, Message, ToolSpec
from llm_manager.domain.moderation import ModerationRequest
from llm_manager.domain.requests import LLMRequest, Preferences
from llm_manager.domain.secrets import Secret
from llm_manager.domain.usage import Credits, Priced, Unpriced, Usage
from llm_manager.domain.wire_requests import WireReply
from llm_manager.effects import settle
from llm_manager.outcomes import Settled, sealed
from llm_manager.policies.abilities import ABILITIES
from llm_manager.services.model_client import ClientParts, ModelClient
from llm_manager.testing import fake_world, run_virtual
from llm_manager.testing.replaying import Replayed, replayed
from tests.clients.openai_chat.besides_bodies import CREDITS, DALL_E, DRAWN, FLOATS, MODERATED, PACKED, PIXEL, VECTORS, embedded, packed

KEY = Secret("sk-canary-0123456789")
WHO = Who(provider="openai", model="m")


def playing(path: str, *answers: Any, status: int = 200, method: str = "POST") -> Replayed:
    return replayed({"exchanges": [{"method": method, "path": path, "status": status, "json": answer} for answer in answers]})


def client_of(played: Replayed, name: str = "openai", **more: Any) -> ModelClient:
    parts = ClientParts(world=fake_world(), make_transport=lambda _: played.transport)
    return build_client(name, ProviderSettings(api_key=KEY, **more), parts).unwrap()


def told(effect: FutureResult[Any, LLMError]) -> Settled[Any, LLMError]:
    async def wait() -> Settled[Any, LLMError]:
        return await settle(effect)

    return run_virtual(wait())


def body(played: Replayed) -> Mapping[str, Any]:
    sent: Mapping[str, Any] = json.loads(played.sent[-1].body)
    return sent


@pytest.mark.parametrize("name", PROVIDERS)
def test_clients_can_what_the_table_says(name: str) -> None:
    """And what they cannot is an error that names who can."""
    client = client_of(replayed({"exchanges": []}), name)
    assert client.able == ABILITIES[name]
    asked: dict[str, Callable[[], FutureResult[Any, LLMError]]] = {
        "embed": lambda: client.embed(EmbedRequest("x")),
        "moderate": lambda: client.moderate(ModerationRequest("x")),
        "create_image": lambda: client.create_image(ImageRequest("x")),
        "count_tokens": lambda: client.count_tokens(LLMRequest("x")),
    }
    for ability, ask in asked.items():
        outcome = told(ask())
        assert isinstance(outcome.failure(), ConfigurationError) is (ability not in ABILITIES[name])
    assert (client.credits is not None) is (name == "openrouter")


@pytest.mark.parametrize(("name", "answer"), [("openai", PACKED), ("openai", FLOATS), ("together", FLOATS)])
def test_embeddings(name: str, answer: Any) -> None:
    """Packed where that is understood, in the order of the texts, with usage, price and times."""
    path = "/v1/embeddings"
    played = playing(path, {**answer, "data": answer["data"][::-1]})
    made = told(client_of(played, name).embed(EmbedRequest(["a", "b"], dimensions=3))).unwrap()
    assert made.vectors == VECTORS
    assert (made.provider, made.model, made.usage) == (name, "text-embedding-3-small", Usage(input_tokens=8))
    sent = body(played)
    assert (sent["input"], sent["dimensions"]) == (["a", "b"], 3)
    assert sent["model"] == PROVIDERS[name].embedding_model
    assert sent.get("encoding_format") == ("base64" if name == "openai" else None)
    if name == "openai":
        assert made.cost == Priced(usd=Decimal("0.00000016"), price_version="genai-prices 0.2.3")


def test_a_model_that_takes_no_dimensions_is_not_asked_for_them() -> None:
    """Which is told."""
    played = playing("/v1/embeddings", PACKED)
    made = told(client_of(played).embed(EmbedRequest(["a", "b"], model="text-embedding-ada-002", dimensions=3))).unwrap()
    assert "dimensions" not in body(played)
    assert "takes no dimensions" in made.notices[0]


@pytest.mark.parametrize("texts", [[], ["x"] * 2049, ["\ud800"]])
def test_texts_that_cannot_be_sent(texts: list[str]) -> None:
    """None, more than fit in a call, or such as JSON cannot say."""
    played = playing("/v1/embeddings", PACKED)
    client = client_of(played)
    assert client.texts_per_call == 2048
    assert isinstance(told(client.embed(EmbedRequest(texts))).failure(), InvalidRequest)
    assert not played.sent


NOT_VECTORS: tuple[Any, ...] = (
    embedded(packed(VECTORS[0])),
    embedded(packed(VECTORS[0]), packed((1.0,))),
    embedded("AAA", "AAAA"),
    embedded("AAAA", "!!!!"),
    embedded([], []),
    embedded(packed((float("nan"),)), packed((1.0,))),
    {"data": [{"embedding": [1.0], "index": 0}, {"embedding": [1.0], "index": 0}]},
    {"data": [{"embedding": [1.0]}, {"embedding": ["x"]}]},
    {"data": 3},
    [],
    "x",
)


@pytest.mark.parametrize("answer", NOT_VECTORS, ids=range(len(NOT_VECTORS)))
def test_what_is_not_one_vector_for_each_text(answer: Any) -> None:
    """Malformed, never a vector at the wrong text."""
    assert isinstance(told(client_of(playing("/v1/embeddings", answer)).embed(EmbedRequest(["a", "b"]))).failure(), MalformedResponse)


def test_vectors_without_numbers_of_their_own_are_in_order() -> None:
    """Some servers leave the index out, and the usage."""
    answer = {"data": [{"embedding": list(vector)} for vector in VECTORS]}
    made = told(client_of(playing("/v1/embeddings", answer), "vllm").embed(EmbedRequest(["a", "b"]))).unwrap()
    assert (made.vectors, made.usage, made.model) == (VECTORS, None, "BAAI/bge-m3")


def test_errors_of_all_kinds_are_judged_as_in_chat() -> None:
    """By status, or inside a good answer; the texts do not reach them."""
    wrong = {"error": {"message": "no: the patient's name is Ada", "code": "invalid_api_key"}}
    request = EmbedRequest("the patient's name is Ada")
    error = told(client_of(playing("/v1/embeddings", wrong, status=401)).embed(request)).failure()
    assert isinstance(error, AuthenticationFailed)
    assert "Ada" not in repr(error)
    inside = {"error": {"code": 429, "message": "slow down"}}
    openrouter = client_of(playing("/api/v1/embeddings", inside), "openrouter")
    assert isinstance(told(openrouter.embed(request)).failure(), RateLimitExceeded)


def test_moderation() -> None:
    """One verdict for each text; what was not judged is left out."""
    played = playing("/v1/moderations", MODERATED)
    made = told(client_of(played).moderate(ModerationRequest(["kill", "kiss"]))).unwrap()
    assert [verdict.flagged for verdict in made.verdicts] == [True, False]
    assert made.verdicts[0].categories["violence"]
    assert made.verdicts[0].scores["violence"] == 0.9
    assert body(played) == {"model": "omni-moderation-latest", "input": ["kill", "kiss"]}
    thin = {"results": [{"flagged": False, "categories": {"illicit": None}, "category_scores": {"illicit": None, "hate": 1}}]}
    (verdict,) = told(client_of(playing("/v1/moderations", thin)).moderate(ModerationRequest("x"))).unwrap().verdicts
    assert (verdict.categories, verdict.scores) == ({}, {"hate": 1.0})


@pytest.mark.parametrize("answer", [{"results": []}, {"results": [{}]}, [], {"results": [{"flagged": "yes"}]}])
def test_what_is_not_one_verdict_for_each_text(answer: Any) -> None:
    """Malformed: nobody takes it for harmless."""
    outcome = told(client_of(playing("/v1/moderations", answer)).moderate(ModerationRequest("x")))
    assert isinstance(outcome.failure(), MalformedResponse)


def test_nothing_to_judge() -> None:
    """Is refused before it is sent."""
    assert isinstance(told(client_of(replayed({"exchanges": []})).moderate(ModerationRequest([]))).failure(), InvalidRequest)
    down = client_of(playing("/v1/moderations", {"error": {"message": "no"}}, status=401))
    assert isinstance(told(down.moderate(ModerationRequest("x"))).failure(), AuthenticationFailed)


def test_images() -> None:
    """Its bytes, in the form that the answer names, with usage and price."""
    played = playing("/v1/images/generations", DRAWN)
    made = told(client_of(played).create_image(ImageRequest("a cat", size="1024x1024", quality="high"))).unwrap()
    (image,) = made.images
    assert image.image == ImageData(data=PIXEL, media_type="image/webp")
    assert made.usage == Usage(input_tokens=50, output_tokens=1056)
    assert made.cost == Priced(usd=Decimal("0.03193"), price_version="genai-prices 0.2.3")
    assert body(played) == {"model": "gpt-image-2.5-flare", "prompt": "a cat", "n": 1, "size": "1024x1024", "quality": "high"}
    assert played.sent[0].limits.attempt_seconds == 180.0


def test_dall_e() -> None:
    """Its pictures are asked for as bytes; what was really drawn is told, and that it is retired."""
    played = playing("/v1/images/generations", DALL_E)
    made = told(client_of(played).create_image(ImageRequest("a cat", model="dall-e-3", count=2, timeout_ms=9000))).unwrap()
    assert [type(image.image) for image in made.images] == [ImageData, ImageUrl]
    assert [image.revised_prompt for image in made.images] == ["A tabby cat", "A black cat"]
    assert body(played) == {"model": "dall-e-3", "prompt": "a cat", "n": 2, "response_format": "b64_json"}
    assert isinstance(made.cost, Unpriced)
    assert "gpt-image-2.5-flare" in made.notices[0]
    assert played.sent[0].limits.attempt_seconds == 9.0


def test_images_whose_size_is_two_numbers() -> None:
    """Together's; a size that is written otherwise is refused."""
    played = playing("/v1/images/generations", {"data": [{"url": "https://x.example/1.png"}]})
    client = client_of(played, "together")
    told(client.create_image(ImageRequest("a cat", size="512x256"))).unwrap()
    assert {key: body(played)[key] for key in ("width", "height", "response_format")} == {
        "width": 512,
        "height": 256,
        "response_format": "base64",
    }
    assert isinstance(told(client.create_image(ImageRequest("a cat", size="large"))).failure(), InvalidRequest)


@pytest.mark.parametrize(
    "answer", [{"data": []}, {"data": [{}]}, {"data": [{"b64_json": "!"}]}, {"data": [{"url": "file:///etc/passwd"}]}, {"data": 1}, []]
)
def test_what_is_no_picture(answer: Any) -> None:
    """Malformed."""
    outcome = told(client_of(playing("/v1/images/generations", answer)).create_image(ImageRequest("x")))
    assert isinstance(outcome.failure(), MalformedResponse)


def test_a_picture_that_is_refused() -> None:
    """The prompt's content is at fault, not the provider."""
    refusal = {"error": {"code": "moderation_blocked", "type": "image_generation_user_error", "message": "rejected by the safety system"}}
    outcome = told(client_of(playing("/v1/images/generations", refusal, status=400)).create_image(ImageRequest("x")))
    assert isinstance(outcome.failure(), ContentFiltered)


def test_a_drawing_in_lines() -> None:
    """Is told by the name that the web has for it."""
    reply = WireReply(status=200, body=json.dumps({**DRAWN, "output_format": "svg"}).encode())
    (made,) = images.decode(reply, WHO, 0.0).unwrap().images
    assert isinstance(made.image, ImageData)
    assert made.image.media_type == "image/svg+xml"


def test_counting_tokens() -> None:
    """By the server's own count, of what it would be sent."""
    request = LLMRequest("hi", system="s", tools=(ToolSpec(name="t"),), preferences=Preferences(max_tokens=3))
    played = playing("/v1/responses/input_tokens", {"object": "response.input_tokens", "input_tokens": 11})
    count = told(client_of(played).count_tokens(request)).unwrap()
    assert (count.tokens, count.model, count.provider, count.exact) == (11, "gpt-4o-mini", "openai", True)
    assert set(body(played)) == {"model", "input", "instructions", "tools"}
    played = playing("/v1/chat/completions/input_tokens", {"input_tokens": 12})
    assert told(client_of(played, "llamacpp").count_tokens(request)).unwrap().tokens == 12
    played = playing("/tokenize", {"count": 13, "max_model_len": 4096, "tokens": [1, 2]})
    assert told(client_of(played, "vllm").count_tokens(request)).unwrap().tokens == 13
    assert set(body(played)) == {"model", "messages", "tools"}


def test_what_cannot_be_counted() -> None:
    """What cannot be said, an answer without a number, an error."""
    unfit = LLMRequest(messages=(Message(role="user", content=[DocumentUrl(url="https://x.example")]),))
    assert isinstance(told(client_of(replayed({"exchanges": []}), "vllm").count_tokens(unfit)).failure(), InvalidRequest)
    answer: Any
    for answer in ({}, [], {"input_tokens": "x"}):
        assert isinstance(
            told(client_of(playing("/v1/responses/input_tokens", answer)).count_tokens(LLMRequest("x"))).failure(), MalformedResponse
        )
    down = client_of(playing("/v1/responses/input_tokens", {"error": {"message": "no"}}, status=401))
    assert isinstance(told(down.count_tokens(LLMRequest("x"))).failure(), AuthenticationFailed)


def test_credits() -> None:
    """What was bought, what is spent, what is left."""
    client = client_of(playing("/api/v1/credits", CREDITS, method="GET"), "openrouter")
    assert client.credits is not None
    assert told(client.credits()).unwrap() == Credits(
        provider="openrouter", total_usd=Decimal("100.5"), used_usd=Decimal("25.75"), left_usd=Decimal("74.75")
    )
    answer: Any
    for answer in ({"data": {}}, [], {"data": {"total_credits": "1", "total_usage": 1}}):
        other = client_of(playing("/api/v1/credits", answer, method="GET"), "openrouter")
        assert other.credits is not None
        assert isinstance(told(other.credits()).failure(), MalformedResponse)


def test_no_server_is_an_error() -> None:
    """Of every function."""
    client = client_of(replayed({"exchanges": []}))
    for effect in (
        client.embed(EmbedRequest("x")),
        client.moderate(ModerationRequest("x")),
        client.create_image(ImageRequest("x")),
        client.count_tokens(LLMRequest("x")),
    ):
        assert told(effect).failure().tag == "NetworkError"
    router = client_of(replayed({"exchanges": []}), "openrouter")
    assert router.credits is not None
    assert told(router.credits()).failure().tag == "NetworkError"


words = st.sampled_from(["data", "results", "embedding", "index", "flagged", "b64_json", "url", "usage", "input_tokens", "count", "error"])
anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.sampled_from(["", "AAAA", "https://x", base64.b64encode(PIXEL).decode()]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=150, deadline=None)
@given(st.sampled_from([200, 201, 302, 401, 429, 500]), st.binary(max_size=30) | anything.map(lambda value: json.dumps(value).encode()))
def test_any_bytes_are_a_value_or_an_error(status: int, raw: bytes) -> None:
    """For every one of the readers."""
    reply = WireReply(status=status, body=raw)
    for outcome in (
        embeddings.decode(reply, WHO, 0.0, count=1),
        moderations.decode(reply, WHO, 0.0, count=1),
        images.decode(reply, WHO, 0.0),
        counting.decode(reply, WHO, 0.0),
        read_credits(reply, WHO, 0.0),
    ):
        assert isinstance(sealed(outcome), Success | Failure)
