"""Tools in the words of others."""

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from returns.result import Failure, Result

from llm_manager.domain.errors import ConfigurationError
from llm_manager.domain.messages import ToolSpec
from llm_manager.outcomes import sealed
from llm_manager.testing.values import json_objects
from llm_manager.tools.descriptions import read_tool_spec

SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
WEATHER = ToolSpec(name="weather", description="Tell it.", input_schema=SCHEMA)


@pytest.mark.parametrize(
    "described",
    [
        {"name": "weather", "description": "Tell it.", "inputSchema": SCHEMA, "annotations": {}},
        {"name": "weather", "description": "Tell it.", "input_schema": SCHEMA},
        {"type": "function", "function": {"name": "weather", "description": "Tell it.", "parameters": SCHEMA}},
        {"type": "function", "name": "weather", "description": "Tell it.", "parameters": SCHEMA, "strict": True},
    ],
    ids=["MCP", "Claude", "OpenAI chat", "OpenAI responses"],
)
def test_everybodys_words_mean_the_same(described: Mapping[str, Any]) -> None:
    assert read_tool_spec(described).unwrap() == WEATHER


def test_what_is_not_said_is_nothing() -> None:
    assert read_tool_spec({"name": "now"}).unwrap() == ToolSpec(name="now")
    assert read_tool_spec({"name": "now", "inputSchema": None, "description": None}).unwrap() == ToolSpec(name="now")


@pytest.mark.parametrize(
    "described",
    [
        {},
        {"name": ""},
        {"name": 1},
        {"name": "x", "description": 3},
        {"name": "x", "inputSchema": []},
        {"name": "x", "inputSchema": {"type": "string"}},
        {"function": {}},
    ],
)
def test_what_is_no_description_is_refused(described: Mapping[str, Any]) -> None:
    read = sealed(read_tool_spec(described))
    assert isinstance(read, Failure)
    assert isinstance(read.failure(), ConfigurationError)


@given(json_objects)
def test_any_object_is_read_or_refused(described: dict[str, Any]) -> None:
    assert isinstance(read_tool_spec({"name": "x", **described}), Result)
