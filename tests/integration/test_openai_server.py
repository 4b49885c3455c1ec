"""The chat completions client against a real server of that dialect, on loopback."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec
import pytest
from returns.result import Failure

from llm_manager.clients.catalogue import build_client
from llm_manager.clients.http import make_transport
from llm_manager.domain.configuration import ProviderSettings
from llm_manager.domain.errors import AuthenticationFailed, ContextTooLarge, LLMError
from llm_manager.domain.requests import JsonSchema, LLMRequest, Preferences
from llm_manager.domain.secrets import Secret
from llm_manager.domain.streaming import StreamFinished, TextDelta
from llm_manager.effects import settle
from llm_manager.real_world import real_world
from llm_manager.services.model_client import ClientParts, ModelClient
from tests.integration.serving import MODEL, EngineServer

pytestmark = pytest.mark.embedded

CAPITAL = LLMRequest(
    "What is the capital of France?",
    system="You are a helpful assistant.",
    preferences=Preferences(temperature=0.0, max_tokens=24, model=MODEL),
)


@asynccontextmanager
async def client_of(server: EngineServer, key: str | None = None) -> AsyncIterator[ModelClient]:
    """The client of llama.cpp's server, pointed at this one."""
    settings = ProviderSettings(base_url=server.base_url, api_key=None if key is None else Secret(key))
    parts = ClientParts(world=real_world({}), make_transport=lambda ca_bundle: make_transport(ca_bundle=ca_bundle))
    client = build_client("llama.cpp", settings, parts).unwrap()
    try:
        yield client
    finally:
        await client.close()


async def error_of(client: ModelClient, request: LLMRequest) -> LLMError:
    outcome = await settle(client.generate(request))
    assert isinstance(outcome, Failure)
    return outcome.failure()


async def test_it_answers(engine_server: EngineServer) -> None:
    async with client_of(engine_server) as client:
        response = (await settle(client.generate(CAPITAL))).unwrap()
    assert "Paris" in response.content
    assert (response.finish, response.provider, response.model) == ("stop", "llamacpp", MODEL)
    assert response.usage is not None
    assert response.usage.prompt_tokens == 27


async def test_a_stream_collects_to_the_whole_answer_with_usage(engine_server: EngineServer) -> None:
    async with client_of(engine_server) as client:
        whole = (await settle(client.generate(CAPITAL))).unwrap()
        events = [event.unwrap() async for event in client.stream(CAPITAL)]
    last = events[-1]
    assert isinstance(last, StreamFinished)
    assert last.response.content == whole.content
    assert "".join(event.text for event in events if isinstance(event, TextDelta)) == whole.content
    assert last.response.usage is not None
    assert whole.usage is not None
    assert last.response.usage.total_tokens == whole.usage.total_tokens


async def test_a_schema_is_obeyed(engine_server: EngineServer) -> None:
    schema = {
        "type": "object",
        "properties": {"city": {"type": "string", "maxLength": 20}, "large": {"type": "boolean"}},
        "required": ["city", "large"],
        "additionalProperties": False,
    }
    request = LLMRequest(
        "Name a city.", output=JsonSchema(schema=schema), preferences=Preferences(max_tokens=60, model=MODEL, temperature=0.0)
    )
    async with client_of(engine_server) as client:
        response = (await settle(client.generate(request))).unwrap()
    answer = msgspec.json.decode(response.content)
    assert list(answer) == ["city", "large"]
    assert isinstance(answer["large"], bool)


async def test_its_models_are_listed_and_it_is_healthy(engine_server: EngineServer) -> None:
    async with client_of(engine_server) as client:
        models = (await settle(client.list_models())).unwrap()
        health = (await settle(client.health())).unwrap()
    assert MODEL in [profile.name for profile in models]
    assert health.healthy, health.error_message


async def test_a_prompt_too_long_is_told_with_its_counts(engine_server: EngineServer) -> None:
    async with client_of(engine_server) as client:
        error = await error_of(client, LLMRequest("word " * 3000, preferences=Preferences(model=MODEL)))
        streamed = [event async for event in client.stream(LLMRequest("word " * 3000, preferences=Preferences(model=MODEL)))]
    assert isinstance(error, ContextTooLarge)
    assert error.limit == 2048
    assert error.token_count is not None
    assert error.token_count > 3000
    assert isinstance(streamed[0].failure(), ContextTooLarge)
    assert len(streamed) == 1


@pytest.mark.parametrize("key", ["sk-wrong-0000000000", None])
async def test_a_wrong_or_missing_key_is_refused(guarded_server: EngineServer, key: str | None) -> None:
    async with client_of(guarded_server, key) as client:
        error = await error_of(client, CAPITAL)
    assert isinstance(error, AuthenticationFailed)
    assert "sk-wrong" not in str(error)


async def test_the_right_key_opens(guarded_server: EngineServer) -> None:
    async with client_of(guarded_server, guarded_server.key) as client:
        assert "Paris" in (await settle(client.generate(CAPITAL))).unwrap().content
        assert (await settle(client.list_models())).unwrap()
