"""A tool described in the words of MCP, of Claude or of OpenAI, as our own description of it; pure."""

from collections.abc import Mapping
from typing import Any, Final

from returns.result import Failure, Result, Success

from llm_manager.domain.errors import ConfigurationError, LLMError
from llm_manager.domain.messages import ToolSpec

_SCHEMAS: Final = ("input_schema", "inputSchema", "parameters")
"""What Claude and we, MCP, and OpenAI call the schema of the arguments."""


def read_tool_spec(described: Mapping[str, Any]) -> Result[ToolSpec, LLMError]:
    """Read a description: ``inputSchema``, ``input_schema`` and ``{"type": "function", "function": {...}}`` mean the same.

    >>> read_tool_spec({"name": "now", "inputSchema": {"type": "object"}}).unwrap().input_schema
    {'type': 'object', 'properties': {}}
    """
    inner = described.get("function")
    told = inner if isinstance(inner, Mapping) else described
    name, description = told.get("name"), told.get("description")
    if not isinstance(name, str) or not name:
        return _wrong("a tool is described without a name")
    if description is not None and not isinstance(description, str):
        return _wrong(f"the description of the tool {name} is not a text")
    schema = next((told[key] for key in _SCHEMAS if told.get(key) is not None), {"type": "object"})
    if not isinstance(schema, Mapping) or schema.get("type", "object") != "object":
        return _wrong(f"the arguments of the tool {name} are not described as a JSON object")
    return Success(
        ToolSpec(name=name, description=description or "", input_schema={"type": "object", "properties": {}, **schema}),
    )


def _wrong(message: str) -> Result[ToolSpec, LLMError]:
    return Failure(ConfigurationError(message=message))
