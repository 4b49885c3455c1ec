"""Tools called by the real model: by the client that knows it has none, and told in words to a server that knows nothing of them."""

from pathlib import Path

import pytest
from attrs import evolve
from returns.result import Success

from llm_manager.domain.events import ToolCalled
from llm_manager.domain.requests import LLMRequest, Preferences
from llm_manager.effects import settle
from llm_manager.services.tools import ToolRun
from llm_manager.tools.from_function import tool_from_function
from tests.integration.managers import Told, config_of, managing, served
from tests.integration.serving import EngineServer

pytestmark = pytest.mark.embedded

COLD = Preferences(temperature=0.0, seed=7, max_tokens=60)
QUESTION = LLMRequest("What is the weather in Paris?", preferences=COLD, cache="off")
MUST_CALL = evolve(QUESTION, tool_choice="required")
"""A model this small seldom chooses a tool when it may talk instead."""


def get_weather(city: str) -> str:
    """The weather in a city."""
    return f"In {city} it is 18 degrees and sunny."


WEATHER = tool_from_function(get_weather).unwrap()


def assert_called(run: ToolRun, told: Told) -> None:
    first = run.steps[0]
    assert (first.call.name, first.error) == ("get_weather", None)
    assert "Paris" in first.result
    assert [message.role for message in run.messages][:2] == ["assistant", "tool"]
    assert len(told.of(ToolCalled)) == len(run.steps)
    assert run.usage is not None


async def test_the_embedded_model_calls_and_talks(weights: Path) -> None:
    async with managing(config_of({}, weights=weights)) as (manager, told):
        outcome = await settle(manager.call_tools(QUESTION, [WEATHER]))
        assert isinstance(outcome, Success)
        run = outcome.unwrap()
        assert_called(run, told)
        assert (run.complete, len(run.responses)) == (True, 2)
        assert "18" in run.response.content


async def test_the_embedded_model_calls_what_it_is_told_of_in_words(weights: Path) -> None:
    async with managing(config_of({}, weights=weights)) as (manager, told):
        run = (await settle(manager.call_tools(MUST_CALL, [WEATHER], emulate=True, max_steps=3))).unwrap()
        assert_called(run, told)


async def test_a_server_that_obeys_schemas_calls_tools(engine_server: EngineServer) -> None:
    config = config_of({"lmstudio": served(engine_server.base_url)})
    async with managing(config) as (manager, told):
        run = (await settle(manager.call_tools(MUST_CALL, [WEATHER], emulate=True, max_steps=3))).unwrap()
        assert_called(run, told)
