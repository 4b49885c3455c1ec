"""Tools told in words, for models that have no place for them in a request."""

import json
from collections.abc import Iterable
from typing import Any

from llm_manager.domain.messages import ToolSpec


def build_tool_prompt(tools: Iterable[ToolSpec]) -> str:
    """Describe tools in a system prompt: name, description and parameters of each.

    >>> print(build_tool_prompt([ToolSpec(name="now", description="The time.")]))
    # Available Tools
    <BLANKLINE>
    ## now
    The time.
    Parameters: {}
    """
    return "\n\n".join(("# Available Tools", *map(_described, tools)))


def _described(tool: ToolSpec) -> str:
    parameters = f"Parameters: {_json(tool.input_schema.get('properties', {}))}"
    return "\n".join(filter(None, (f"## {tool.name}", tool.description, parameters)))


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)
