"""What lists of models tell: kinds, windows, prices, abilities; and a window that is asked about before a long request."""

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from returns.result import Failure

from llm_manager.clients.catalogue import build_client
from llm_manager.clients.openai_chat.offers import loaded_window, told_of
from llm_manager.domain.configuration import ProviderSettings
from llm_manager.domain.errors import ContextTooLarge
from llm_manager.domain.models import KnownPrice, ModelProfile, UnknownPrice
from llm_manager.domain.requests import LLMRequest, Preferences
from llm_manager.domain.secrets import Secret
from llm_manager.effects import settle
from llm_manager.outcomes import sealed
from llm_manager.policies.model_search import cheapest, search_models
from llm_manager.services.model_client import ClientParts, ModelClient
from llm_manager.testing import fake_world
from llm_manager.testing.replaying import Replayed, replayed
from tests.clients.openai_chat.bodies import OPENAI, split, sse

KNOWN = ModelProfile(name="m", provider="openrouter")
TODAY = "2026-11-20"


def routed(name: str, prompt: str, completion: str, **more: Any) -> dict[str, Any]:
    """A row of OpenRouter's list."""
    return {
        "id": name,
        "canonical_slug": name,
        "context_length": 200_000,
        "architecture": {"input_modalities": ["text", "image", "file"], "output_modalities": ["text"], "tokenizer": "GPT"},
        "pricing": {"prompt": prompt, "completion": completion, "request": "0", "image": "0", "input_cache_read": "0.00000025"},
        "top_provider": {"context_length": 200_000, "max_completion_tokens": 64_000, "is_moderated": False},
        "per_request_limits": None,
        "supported_parameters": ["max_tokens", "temperature", "stop", "tools", "tool_choice", "reasoning", "structured_outputs"],
        **more,
    }


ROUTED = [
    routed("anthropic/claude-x", "0.000003", "0.000015"),
    routed("openai/gpt-x", "0.00000125", "1e-5"),
    routed("openrouter/auto", "-1", "-1"),
    routed("small/free:free", "0", "0", supported_parameters=["max_tokens"]),
]


def client_of(played: Replayed, name: str) -> ModelClient:
    parts = ClientParts(world=fake_world(), make_transport=lambda _: played.transport)
    return build_client(name, ProviderSettings(api_key=Secret("sk-test-key")), parts).unwrap()


async def listed(name: str, *exchanges: dict[str, Any]) -> tuple[ModelProfile, ...]:
    played = replayed({"exchanges": [{"method": "GET", **exchange} for exchange in exchanges]})
    return (await settle(client_of(played, name).list_models())).unwrap()


async def test_openrouter_tells_prices_windows_and_abilities() -> None:
    """Prices per token become prices per million, stamped with the day; a price that depends is not known."""
    models = await listed("openrouter", {"path": "/api/v1/models", "json": {"data": ROUTED}})
    claude, gpt, auto, free = models
    assert isinstance(claude.price, KnownPrice)
    assert (claude.price.input_usd, claude.price.output_usd) == (Decimal(3), Decimal(15))
    assert claude.price.cache_read_usd == Decimal("0.25")
    assert claude.price.version.startswith("openrouter 20")
    assert isinstance(gpt.price, KnownPrice)
    assert (gpt.price.input_usd, gpt.price.output_usd) == (Decimal("1.25"), Decimal(10))
    assert auto.price == UnknownPrice()
    assert (claude.context_window, claude.max_output_tokens, claude.vision, claude.documents) == (200_000, 64_000, True, True)
    assert (claude.tools, claude.json_schema, claude.reasoning, claude.unsupported) == (True, True, True, ("top_p", "seed"))
    assert (free.tools, free.json_schema, free.reasoning) == (False, False, False)


async def test_what_is_listed_can_be_searched_and_compared() -> None:
    """The cheapest that can do what is asked for."""
    models = await listed("openrouter", {"path": "/api/v1/models", "json": {"data": ROUTED}})
    assert [model.name for model in search_models(models, "claude", provider="openrouter")] == ["anthropic/claude-x"]
    chosen = cheapest(search_models(models, provider="openrouter", tools=True))
    assert chosen is not None
    assert chosen.name == "openai/gpt-x"
    free = cheapest(models)
    assert free is not None
    assert free.name == "small/free:free"


async def test_kinds_by_the_servers_own_words_or_by_the_name() -> None:
    """Nobody chats with a model that makes vectors."""
    rows = [{"id": "a", "type": "chat"}, {"id": "b", "type": "embedding"}, {"id": "c", "type": "image"}, {"id": "bge-x", "type": 3}]
    models = await listed("together", {"path": "/v1/models", "json": [*rows, {"id": "meta/guard", "type": "moderation"}]})
    assert [model.kind for model in models] == ["chat", "embedding", "image", "embedding", "chat"]
    names = ("gpt-4o", "text-embedding-3-small", "whisper-1", "dall-e-3", "omni-moderation-latest", "gpt-9-new")
    models = await listed("openai", {"path": "/v1/models", "json": {"data": [{"id": name} for name in names]}})
    assert [model.kind for model in models] == ["chat", "embedding", "other", "image", "moderation", "chat"]


LOADED = {
    "object": "list",
    "data": [
        {"id": "openai/gpt-oss-20b", "type": "llm", "state": "loaded", "max_context_length": 131072, "loaded_context_length": 4096},
        {"id": "qwen-vl", "type": "vlm", "state": "not-loaded", "max_context_length": 32768},
        {"id": "nomic", "type": "embeddings", "state": "not-loaded", "max_context_length": 2048},
    ],
}
LM_STUDIO = {"method": "GET", "path": "/api/v0/models", "json": LOADED}


async def test_lm_studio_tells_the_window_it_loaded() -> None:
    """Not the one that the model has."""
    models = await listed("lmstudio", LM_STUDIO)
    assert [(model.context_window, model.kind) for model in models] == [(4096, "chat"), (32768, "chat"), (2048, "embedding")]
    assert models[1].vision


@pytest.mark.parametrize("answer", [{"status": 404, "json": {"error": "no"}}, {"json": {"error": "Unexpected endpoint or method"}}])
async def test_an_older_lm_studio_is_asked_in_the_usual_way(answer: dict[str, Any]) -> None:
    """It has no list of its own."""
    models = await listed("lmstudio", {"path": "/api/v0/models", **answer}, {"path": "/v1/models", "json": {"data": [{"id": "x"}]}})
    assert [model.name for model in models] == ["x"]


CHAT = "/v1/chat/completions"


def long_request(words: int) -> LLMRequest:
    return LLMRequest("word " * words, preferences=Preferences(model="openai/gpt-oss-20b"))


async def test_a_request_that_the_loaded_window_cannot_hold_is_not_sent() -> None:
    """Whole or streamed; one that may fit is."""
    played = replayed({"exchanges": [LM_STUDIO, {"path": CHAT, "json": OPENAI}]})
    client = client_of(played, "lmstudio")
    error = (await settle(client.generate(long_request(6000)))).failure()
    assert isinstance(error, ContextTooLarge)
    assert (error.limit, error.token_count) == (4096, 7504)
    (event,) = [sealed(event) async for event in client.stream(long_request(6000))]
    assert isinstance(event, Failure)
    assert isinstance(event.failure(), ContextTooLarge)
    assert [sent.method for sent in played.sent] == ["GET", "GET"]
    assert (await settle(client.generate(long_request(4000)))).unwrap().content == "positive"


@pytest.mark.parametrize(
    "answer", [{"status": 404, "text": "no"}, {"json": {"data": []}}, {"json": {"data": [{"id": "other"}]}}, {"json": 3}]
)
async def test_a_server_that_does_not_tell_is_asked_as_it_is(answer: dict[str, Any]) -> None:
    """Its own word counts, then."""
    played = replayed({"exchanges": [{"method": "GET", "path": "/api/v0/models", **answer}, {"path": CHAT, "json": OPENAI}]})
    assert (await settle(client_of(played, "lmstudio").generate(long_request(6000)))).unwrap().content == "positive"
    gone = replayed({"exchanges": [{"path": CHAT, "chunks": [sse(*split(OPENAI))], "headers": {"content-type": "text/event-stream"}}]})
    events = [event.unwrap() async for event in client_of(gone, "lmstudio").stream(long_request(6000))]
    assert events[-1].response.content == "positive"  # type: ignore[union-attr]  # the last event of a stream that went well


async def test_a_short_request_costs_no_question() -> None:
    """Nearly all are short."""
    played = replayed({"exchanges": [{"path": CHAT, "json": OPENAI}]})
    await settle(client_of(played, "lmstudio").generate(LLMRequest("Hi")))
    assert len(played.sent) == 1


def test_odd_rows() -> None:
    """What is not as it should be leaves what is known."""
    for architecture in ({}, {"output_modalities": "text"}, {"input_modalities": [3]}):
        told = told_of({"id": "m", "architecture": architecture, "pricing": 3, "top_provider": []}, KNOWN, TODAY)
        assert (told.price, told.kind, told.tools) == (UnknownPrice(), "chat", True)
    assert told_of(routed("m", "1", "2", architecture={"output_modalities": ["embeddings"]}), KNOWN, TODAY).kind == "embedding"
    assert told_of(routed("m", "1", "2", architecture={"output_modalities": ["image"]}), KNOWN, TODAY).kind == "image"
    assert told_of(routed("m", "1", "2", architecture={"output_modalities": ["video"]}), KNOWN, TODAY).kind == "other"
    assert told_of(routed("m", "1e999", "2"), KNOWN, TODAY).price == UnknownPrice()
    assert loaded_window({"state": "not-loaded", "loaded_context_length": 5}) is None
    assert loaded_window({"loaded_context_length": True}) is None


rows = st.dictionaries(
    st.sampled_from(["type", "architecture", "pricing", "top_provider", "supported_parameters", "context_length", "meta", "shutdown_date"]),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4),
        lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["prompt", "completion", "n_ctx"]), inner, max_size=2),
        max_leaves=5,
    ),
)


@settings(max_examples=100, deadline=None)
@given(rows)
def test_any_row_is_described(row: dict[str, Any]) -> None:
    """Whatever stands in it."""
    json.dumps(row, default=str)
    assert isinstance(told_of({"id": "m", **row}, KNOWN, TODAY), ModelProfile)
