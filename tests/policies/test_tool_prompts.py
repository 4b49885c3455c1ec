"""Tools told in a system prompt."""

from hypothesis import given

from llm_manager.domain.messages import ToolSpec
from llm_manager.policies.tool_prompts import build_tool_prompt
from llm_manager.testing.values import json_objects, texts

WEATHER = ToolSpec(
    name="get_weather",
    description="The weather in a city.",
    input_schema={"type": "object", "properties": {"city": {"type": "string", "description": "Où?"}}, "required": ["city"]},
)


def test_each_tool_has_its_name_its_description_and_its_parameters() -> None:
    assert build_tool_prompt((WEATHER, ToolSpec(name="now"))) == (
        "# Available Tools\n\n"
        '## get_weather\nThe weather in a city.\nParameters: {"city": {"type": "string", "description": "Où?"}}\n\n'
        "## now\nParameters: {}"
    )


def test_no_tools_are_told_as_such() -> None:
    assert build_tool_prompt(()) == "# Available Tools"


@given(texts, json_objects)
def test_every_tool_can_be_told(description: str, schema: dict[str, object]) -> None:
    assert "## x" in build_tool_prompt((ToolSpec(name="x", description=description, input_schema=schema),))
    assert "## x" in build_tool_prompt((ToolSpec(name="x", input_schema={"properties": object()}),))
