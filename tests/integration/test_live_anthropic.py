"""Claude itself, when a key is in the environment: a few small, cheap calls that no recording can vouch for."""

import os
from collections.abc import AsyncIterator

import pytest

from llm_manager.clients.catalogue import build_client
from llm_manager.clients.http import make_transport
from llm_manager.domain.configuration import ProviderSettings
from llm_manager.domain.messages import Message, ToolSpec
from llm_manager.domain.requests import JsonSchema, LLMRequest, Preferences
from llm_manager.domain.secrets import Secret
from llm_manager.domain.streaming import StreamFinished
from llm_manager.effects import settle
from llm_manager.real_world import real_world
from llm_manager.services.model_client import ClientParts, ModelClient

KEY = os.environ.get("ANTHROPIC_API_KEY", "")

pytestmark = [pytest.mark.live, pytest.mark.skipif(not KEY, reason="ANTHROPIC_API_KEY is not set: Claude itself is not asked")]

SMALL = Preferences(max_tokens=2000)
CAPITAL = LLMRequest("What is the capital of France? Answer in one word.", preferences=SMALL)
NOW = ToolSpec(name="now", description="Tells what time it is")


@pytest.fixture
async def client() -> AsyncIterator[ModelClient]:
    """The client as settings would build it."""
    parts = ClientParts(world=real_world(), make_transport=lambda ca_bundle: make_transport(ca_bundle=ca_bundle))
    built = build_client("claude", ProviderSettings(api_key=Secret(KEY)), parts).unwrap()
    yield built
    await built.close()


async def test_it_answers_whole_and_streamed(client: ModelClient) -> None:
    whole = (await settle(client.generate(CAPITAL))).unwrap()
    events = [event.unwrap() async for event in client.stream(CAPITAL)]
    last = events[-1]
    assert isinstance(last, StreamFinished)
    for response in (whole, last.response):
        assert "Paris" in response.content
        assert response.complete
        assert response.cost.tag == "Priced"
        assert response.usage is not None


async def test_its_counter_and_its_list(client: ModelClient) -> None:
    counted = (await settle(client.count_tokens(CAPITAL))).unwrap()
    models = (await settle(client.list_models())).unwrap()
    assert counted.exact
    assert counted.tokens > 5
    assert {profile.name for profile in client.profiles} <= {model.name for model in models}


async def test_a_tool_loop_with_thinking(client: ModelClient) -> None:
    """Thinking goes back with the call that it led to."""
    question = Message(role="user", content="What time is it? Use the tool.")
    thoughtful = Preferences(max_tokens=3000, reasoning="low")
    called = (await settle(client.generate(LLMRequest(messages=(question,), tools=(NOW,), preferences=thoughtful)))).unwrap()
    (call,) = called.tool_calls
    messages = (question, called.message, Message(role="tool", tool_call_id=call.id, content="12:34"))
    answered = (await settle(client.generate(LLMRequest(messages=messages, tools=(NOW,), preferences=thoughtful)))).unwrap()
    assert "12:34" in answered.content


async def test_a_schema_is_kept_to(client: ModelClient) -> None:
    schema = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"], "additionalProperties": False}
    request = LLMRequest("What is the capital of France?", output=JsonSchema(schema=schema), preferences=SMALL)
    assert '"Paris"' in (await settle(client.generate(request))).unwrap().content


async def test_what_is_no_longer_taken_is_not_sent(client: ModelClient) -> None:
    """A temperature is left out with a notice, and the call succeeds."""
    warm = LLMRequest("Say hi.", preferences=Preferences(max_tokens=2000, temperature=0.2))
    assert "temperature" in (await settle(client.generate(warm))).unwrap().notices[0]
