"""Real providers of chat completions, asked when their keys are in the environment; without them the tests are skipped and say so.

OPENAI_API_KEY=... pytest -m live tests/integration/test_live_openai_compatible.py
"""

import os
from collections.abc import AsyncIterator

import pytest

from llm_manager.clients.catalogue import build_client
from llm_manager.clients.http import make_transport
from llm_manager.domain.configuration import ProviderSettings
from llm_manager.domain.embeddings import EmbedRequest
from llm_manager.domain.messages import Message, ToolSpec
from llm_manager.domain.models import KnownPrice
from llm_manager.domain.moderation import ModerationRequest
from llm_manager.domain.requests import LLMRequest, Preferences
from llm_manager.domain.secrets import Secret
from llm_manager.domain.streaming import StreamFinished
from llm_manager.effects import settle
from llm_manager.policies.model_search import cheapest
from llm_manager.policies.names import KEY_VARIABLES
from llm_manager.real_world import real_world
from llm_manager.services.model_client import ClientParts, ModelClient

pytestmark = pytest.mark.live

SHORT = LLMRequest("Say hello in one word.", preferences=Preferences(max_tokens=200))
TOOL = ToolSpec(
    name="weather",
    description="The weather of a city.",
    input_schema={"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"], "additionalProperties": False},
)


@pytest.fixture(params=["openai", "openrouter", "groq", "together"])
async def client(request: pytest.FixtureRequest) -> AsyncIterator[ModelClient]:
    """The client of a provider whose key is there."""
    variable = KEY_VARIABLES[request.param]
    key = os.environ.get(variable)
    if not key:
        pytest.skip(f"set {variable} to ask {request.param}")
    parts = ClientParts(world=real_world({}), make_transport=lambda ca_bundle: make_transport(ca_bundle=ca_bundle))
    built = build_client(request.param, ProviderSettings(api_key=Secret(key)), parts).unwrap()
    yield built
    await built.close()


async def test_it_answers_whole_and_streamed(client: ModelClient) -> None:
    answer = (await settle(client.generate(SHORT))).unwrap()
    assert answer.content
    assert answer.usage is not None
    events = [event.unwrap() async for event in client.stream(SHORT)]
    assert isinstance(events[-1], StreamFinished)


async def test_it_calls_a_tool_and_reads_the_result(client: ModelClient) -> None:
    question = Message(role="user", content="What is the weather in Oslo? Use the tool.")
    asked = LLMRequest(messages=(question,), tools=(TOOL,), tool_choice="required")
    first = (await settle(client.generate(asked))).unwrap()
    assert first.tool_calls
    results = tuple(Message(role="tool", content="rain, 7 degrees", tool_call_id=call.id) for call in first.tool_calls)
    then = LLMRequest(messages=(question, first.message, *results), tools=(TOOL,))
    assert (await settle(client.generate(then))).unwrap().content


async def test_its_models_are_listed(client: ModelClient) -> None:
    models = (await settle(client.list_models())).unwrap()
    assert client.profiles[0].name in {model.name for model in models}
    if client.endpoint.provider == "openrouter":
        chosen = cheapest(models)
        assert chosen is not None
        assert isinstance(chosen.price, KnownPrice)


async def test_what_it_does_besides_chat(client: ModelClient) -> None:
    if "embed" in client.able:
        assert len((await settle(client.embed(EmbedRequest(["a", "b"])))).unwrap().vectors) == 2
    if "moderate" in client.able:
        assert len((await settle(client.moderate(ModerationRequest("hello")))).unwrap().verdicts) == 1
    if "count_tokens" in client.able:
        assert (await settle(client.count_tokens(SHORT))).unwrap().tokens > 3
    if client.credits is not None:
        assert (await settle(client.credits())).unwrap().total_usd is not None
