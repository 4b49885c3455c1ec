"""The messages client against a real server of that dialect, on loopback, and the official SDK beside it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from anthropic import AsyncAnthropic
from anthropic.types import TextBlock
from returns.result import Failure

from llm_manager.clients.catalogue import build_client
from llm_manager.clients.http import make_transport
from llm_manager.domain.configuration import ProviderSettings
from llm_manager.domain.errors import AuthenticationFailed, ContextTooLarge, LLMError
from llm_manager.domain.messages import Message, ToolCall, ToolSpec
from llm_manager.domain.requests import LLMRequest, Preferences
from llm_manager.domain.secrets import Secret
from llm_manager.domain.streaming import StreamFinished, TextDelta
from llm_manager.effects import settle
from llm_manager.real_world import real_world
from llm_manager.services.model_client import ClientParts, ModelClient
from tests.integration.serving import MODEL, EngineServer

pytestmark = pytest.mark.embedded

COLD = Preferences(temperature=0.0, max_tokens=24, model=MODEL)
CAPITAL = LLMRequest("What is the capital of France?", system="You are a helpful assistant.", preferences=COLD)
WEATHER = ToolSpec(
    name="weather",
    description="Tells the weather of a city",
    input_schema={"type": "object", "properties": {"city": {"type": "string", "maxLength": 12}}, "required": ["city"]},
)


@asynccontextmanager
async def client_of(server: EngineServer, key: str | None = None) -> AsyncIterator[ModelClient]:
    """The client of Claude, pointed at this server."""
    settings = ProviderSettings(base_url=server.base_url, api_key=None if key is None else Secret(key), default_model=MODEL)
    parts = ClientParts(world=real_world({}), make_transport=lambda ca_bundle: make_transport(ca_bundle=ca_bundle))
    client = build_client("claude", settings, parts).unwrap()
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
    assert (response.finish, response.provider, response.model) == ("stop", "anthropic", MODEL)
    assert response.usage is not None
    assert response.usage.prompt_tokens == 27
    assert response.notices == ()


async def test_a_stream_collects_to_the_whole_answer_with_usage(engine_server: EngineServer) -> None:
    async with client_of(engine_server) as client:
        whole = (await settle(client.generate(CAPITAL))).unwrap()
        events = [event.unwrap() async for event in client.stream(CAPITAL)]
    last = events[-1]
    assert isinstance(last, StreamFinished)
    assert last.response.content == whole.content == "".join(event.text for event in events if isinstance(event, TextDelta))
    assert last.response.usage is not None
    assert whole.usage is not None
    assert last.response.usage.total_tokens == whole.usage.total_tokens


async def test_the_official_sdk_reads_the_same(engine_server: EngineServer) -> None:
    """The same server, asked in the same words, told by Anthropic's own reader."""
    async with client_of(engine_server) as client:
        ours = (await settle(client.generate(CAPITAL))).unwrap()
    async with AsyncAnthropic(api_key="k", base_url=engine_server.base_url.removesuffix("/v1"), max_retries=0) as sdk:
        message = await sdk.messages.create(
            model=MODEL,
            max_tokens=24,
            system="You are a helpful assistant.",
            messages=[{"role": "user", "content": "What is the capital of France?"}],
            extra_body={"temperature": 0.0},
        )
    assert ours.content == "".join(block.text for block in message.content if isinstance(block, TextBlock))
    assert ours.usage is not None
    assert ours.usage.completion_tokens == message.usage.output_tokens
    assert message.stop_reason == "end_turn"


async def test_a_conversation_with_tools_is_understood(engine_server: EngineServer) -> None:
    """Its model, too small to call any, is shown tools, a call and the call's answer; whole and streamed."""
    request = LLMRequest(
        messages=(
            Message(role="user", content="What is the weather in Paris?"),
            Message(role="assistant", tool_calls=(ToolCall(id="toolu_1", name="weather", arguments='{"city": "Paris"}'),)),
            Message(role="tool", tool_call_id="toolu_1", content="Sunny, 21 degrees."),
        ),
        tools=(WEATHER,),
        preferences=COLD,
    )
    bare = LLMRequest("What is the weather in Paris?", preferences=COLD)
    async with client_of(engine_server) as client:
        response = (await settle(client.generate(request))).unwrap()
        events = [event.unwrap() async for event in client.stream(request)]
        counted, without = [(await settle(client.count_tokens(each))).unwrap().tokens for each in (request, bare)]
    assert response.content
    last = events[-1]
    assert isinstance(last, StreamFinished)
    assert last.response.content == response.content
    assert counted > without


async def test_tokens_are_counted_as_they_are_read(engine_server: EngineServer) -> None:
    async with client_of(engine_server) as client:
        counted = (await settle(client.count_tokens(CAPITAL))).unwrap()
        response = (await settle(client.generate(CAPITAL))).unwrap()
    assert response.usage is not None
    assert (counted.tokens, counted.exact, counted.model) == (response.usage.prompt_tokens, True, MODEL)


async def test_its_models_are_listed_and_it_is_healthy(engine_server: EngineServer) -> None:
    async with client_of(engine_server) as client:
        models = (await settle(client.list_models())).unwrap()
        health = (await settle(client.health())).unwrap()
    assert MODEL in [profile.name for profile in models]
    assert health.healthy, health.error_message


async def test_a_prompt_too_long_is_told_with_its_counts(engine_server: EngineServer) -> None:
    long = LLMRequest("word " * 3000, preferences=COLD)
    async with client_of(engine_server) as client:
        error = await error_of(client, long)
        (streamed,) = [event async for event in client.stream(long)]
    assert isinstance(error, ContextTooLarge)
    assert error.limit == 2048
    assert error.token_count is not None
    assert error.token_count > 3000
    assert isinstance(streamed.failure(), ContextTooLarge)


@pytest.mark.parametrize("key", ["sk-wrong-0000000000", None])
async def test_a_wrong_or_missing_key_is_refused(guarded_server: EngineServer, key: str | None) -> None:
    async with client_of(guarded_server, key) as client:
        error = await error_of(client, CAPITAL)
    assert isinstance(error, AuthenticationFailed)
    assert "sk-wrong" not in str(error)


async def test_the_right_key_opens(guarded_server: EngineServer) -> None:
    async with client_of(guarded_server, guarded_server.key) as client:
        assert "Paris" in (await settle(client.generate(CAPITAL))).unwrap().content
