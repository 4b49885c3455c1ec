"""The dialect of responses, and what is no chat, against a real server on loopback."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from returns.result import Failure

from llm_manager.clients.catalogue import build_client
from llm_manager.clients.http import make_transport
from llm_manager.domain.configuration import ProviderSettings
from llm_manager.domain.embeddings import EmbedRequest
from llm_manager.domain.errors import AuthenticationFailed, ContextTooLarge, LLMError
from llm_manager.domain.messages import Message, ToolSpec
from llm_manager.domain.requests import LLMRequest, Preferences
from llm_manager.domain.secrets import Secret
from llm_manager.domain.streaming import StreamFinished, TextDelta
from llm_manager.effects import settle
from llm_manager.real_world import real_world
from llm_manager.services.model_client import ClientParts, ModelClient
from tests.integration.serving import EngineServer

pytestmark = pytest.mark.embedded

CODEX = "codex-mini-latest"
CAPITAL = LLMRequest(
    "What is the capital of France?",
    system="You are a helpful assistant.",
    preferences=Preferences(max_tokens=24, model=CODEX),
)


@asynccontextmanager
async def client_of(server: EngineServer, name: str = "openai", key: str | None = None) -> AsyncIterator[ModelClient]:
    """The client of a provider, pointed at this server."""
    settings = ProviderSettings(base_url=server.base_url, api_key=None if key is None else Secret(key))
    parts = ClientParts(world=real_world({}), make_transport=lambda ca_bundle: make_transport(ca_bundle=ca_bundle))
    client = build_client(name, settings, parts).unwrap()
    try:
        yield client
    finally:
        await client.close()


async def test_it_answers_through_responses(engine_server: EngineServer) -> None:
    async with client_of(engine_server) as client:
        wire = client.encode(CAPITAL, client.profile(CODEX)).unwrap()
        response = (await settle(client.generate(CAPITAL))).unwrap()
    assert wire.path == "/responses"
    assert response.content
    assert response.provider == "openai"
    assert response.usage is not None
    assert response.usage.prompt_tokens == 27


async def test_a_stream_ends_as_its_protocol_demands(engine_server: EngineServer) -> None:
    async with client_of(engine_server) as client:
        events = [event.unwrap() async for event in client.stream(CAPITAL)]
    last = events[-1]
    assert isinstance(last, StreamFinished)
    assert last.response.content
    assert "".join(event.text for event in events if isinstance(event, TextDelta)) == last.response.content
    assert last.response.usage is not None
    assert last.response.usage.prompt_tokens == 27


async def test_a_conversation_with_a_tool_and_its_result(engine_server: EngineServer) -> None:
    """Whether the model calls the tool is its own affair; that the server takes every kind of item is ours."""
    tool = ToolSpec(name="weather", description="of a city", input_schema={"type": "object", "properties": {"city": {"type": "string"}}})
    asked = LLMRequest("What is the weather in Oslo?", tools=(tool,), preferences=Preferences(max_tokens=40, model=CODEX))
    async with client_of(engine_server) as client:
        first = (await settle(client.generate(asked))).unwrap()
        calls = tuple(Message(role="tool", content="rain", tool_call_id=call.id) for call in first.tool_calls)
        messages = (
            Message(role="user", content="What is the weather in Oslo?"),
            first.message,
            *calls,
            Message(role="user", content="so?"),
        )
        then = LLMRequest(messages=messages, tools=(tool,), preferences=Preferences(max_tokens=8, model=CODEX))
        assert (await settle(client.generate(then))).unwrap().usage is not None


async def error_of(client: ModelClient, request: LLMRequest) -> LLMError:
    outcome = await settle(client.generate(request))
    assert isinstance(outcome, Failure)
    return outcome.failure()


async def test_a_prompt_too_long_is_told_with_its_counts(engine_server: EngineServer) -> None:
    async with client_of(engine_server) as client:
        error = await error_of(client, LLMRequest("word " * 3000, preferences=Preferences(model=CODEX)))
        streamed = [event async for event in client.stream(LLMRequest("word " * 3000, preferences=Preferences(model=CODEX)))]
    assert isinstance(error, ContextTooLarge)
    assert error.limit == 2048
    assert isinstance(streamed[0].failure(), ContextTooLarge)
    assert len(streamed) == 1


async def test_a_wrong_key_is_refused(guarded_server: EngineServer) -> None:
    async with client_of(guarded_server, key="sk-wrong-0000000000") as client:
        assert isinstance(await error_of(client, CAPITAL), AuthenticationFailed)


@pytest.mark.parametrize("name", ["openai", "llamacpp"])
async def test_tokens_are_counted_by_the_server(engine_server: EngineServer, name: str) -> None:
    """As many as it then reads."""
    async with client_of(engine_server, name) as client:
        assert (await settle(client.count_tokens(CAPITAL))).unwrap().tokens == 27


async def test_a_server_without_vectors_says_so(engine_server: EngineServer) -> None:
    async with client_of(engine_server, "llamacpp") as client:
        error = (await settle(client.embed(EmbedRequest("x")))).failure()
    assert error.tag in ("ModelUnavailable", "InvalidRequest")
