"""Tool calls by a model that knows none: told in words, enforced by a JSON schema, read back from JSON.

A model without tools of its own cannot choose between talking and calling. So the caller's choice decides, and under
``auto`` the turn does: it calls a tool when the user has spoken, and talks when a tool has answered.
"""

from typing import Any

import msgspec

from llm_manager.domain.messages import ToolCall, ToolSpec, UseTool
from llm_manager.domain.requests import LLMRequest


class _Written(msgspec.Struct):
    name: str
    arguments: dict[str, Any] = {}


def callable_tools(request: LLMRequest) -> tuple[ToolSpec, ...]:
    """The tools of which the answer must call one; none when the answer is to be words."""
    match request.tool_choice:
        case UseTool(name=name):
            return tuple(tool for tool in request.tools if tool.name == name)
        case "required":
            return request.tools
        case "none":
            return ()
        case "auto":
            conversation = request.conversation()
            return () if conversation and conversation[-1].role == "tool" else request.tools


def call_schema(tools: tuple[ToolSpec, ...]) -> dict[str, Any]:
    """The JSON schema of a call of one of the tools."""
    calls = [_one_call(tool) for tool in tools]
    return calls[0] if len(calls) == 1 else {"anyOf": calls}


def told_tools(tools: tuple[ToolSpec, ...]) -> str:
    """What the system message says about the tools."""
    described = "\n".join(
        msgspec.json.encode({"name": tool.name, "description": tool.description, "parameters": dict(tool.input_schema)}).decode()
        for tool in tools
    )
    return (
        f"You have these tools:\n{described}\n"
        'Call the one that helps, by answering with {"name": ..., "arguments": {...}} and nothing else.'
    )


def written_call(call: ToolCall) -> str:
    """A call of an earlier turn, in the form in which the model writes one."""
    return f'{{"name": {msgspec.json.encode(call.name).decode()}, "arguments": {call.arguments or "{}"}}}'


def read_call(text: str, call_id: str) -> ToolCall | None:
    """The call that the answer holds, or None when it holds none."""
    try:
        written = msgspec.json.decode(text, type=_Written)
    except msgspec.MsgspecError:
        return None
    return ToolCall(id=call_id, name=written.name, arguments=msgspec.json.encode(written.arguments).decode())


def _one_call(tool: ToolSpec) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {"name": {"const": tool.name}, "arguments": dict(tool.input_schema)},
        "required": ["name", "arguments"],
        "additionalProperties": False,
    }
