"""Tool calls by models that have none: told in words, held to a form by a JSON schema, read back from JSON.

A model calls a tool by writing ``{"call": {"name": ..., "arguments": {...}}}``. One that may also answer in words does
so by a call of one more tool, so that its choice is part of the form. Clients whose model always needs this use the
pieces; `emulated` and `read_emulated` do it for any model that obeys a JSON schema.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any, Final

from attrs import evolve

from llm_manager.domain.messages import Message, TextPart, ToolCall, ToolSpec, UseTool
from llm_manager.domain.requests import AnyJson, JsonSchema, LLMRequest
from llm_manager.domain.responses import LLMResponse
from llm_manager.policies.fences import unfenced
from llm_manager.policies.schemas import strict_schema
from llm_manager.policies.tool_calls import sendable
from llm_manager.policies.tool_prompts import build_tool_prompt

NOTICE: Final = "The tools were told in words, and called by a JSON schema."
_ANSWER: Final = "final_answer"
_WORDS: Final = {"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"], "additionalProperties": False}
_DEFINITIONS: Final = ("$defs", "definitions")


def emulated(request: LLMRequest) -> LLMRequest:
    """Make a request with tools into one without, whose answer is JSON: a call of one of the tools, or the answer itself."""
    messages = tuple(_joined(in_words(request.messages)))
    tools = tools_to_call(request)
    if not tools:
        return evolve(request, messages=messages, tools=(), tool_choice="auto")
    answer = answering(request) if request.tool_choice == "auto" else None
    may_call = tools if answer is None else (*tools, answer)
    return evolve(
        request,
        messages=messages,
        system="\n\n".join(filter(None, (request.system, told_calls(tools, answer)))),
        tools=(),
        tool_choice="auto",
        output=JsonSchema(schema=strict_schema(call_schema(may_call)), name="call"),
    )


def read_emulated(response: LLMResponse, request: LLMRequest) -> LLMResponse:
    """Read the answer to an emulated request: as a call, or as the answer; one that is neither stays as it is."""
    if not (tools_to_call(request) and response.complete):
        return response
    call = read_call(response.content, f"call_{response.call_id or response.request_id or 0}")
    notices = (*response.notices, NOTICE)
    if call is None:
        return evolve(response, notices=notices)
    if request.tool_choice == "auto" and call.name == answering(request).name:
        return evolve(response, content=_said(call, request), finish="stop", notices=notices)
    return evolve(response, content="", finish="tool_calls", tool_calls=(call,), notices=notices)


def tools_to_call(request: LLMRequest) -> tuple[ToolSpec, ...]:
    """The tools that the request lets the model call."""
    match request.tool_choice:
        case "none":
            return ()
        case UseTool(name=name):
            return tuple(tool for tool in request.tools if tool.name == name)
        case _:
            return request.tools


def answering(request: LLMRequest) -> ToolSpec:
    """The tool that stands for the answer itself, in the form that the request wants; no other has its name."""
    names, name = {tool.name for tool in request.tools}, _ANSWER
    while name in names:
        name += "_"
    schema = request.output.schema if isinstance(request.output, JsonSchema) else _WORDS
    form = " as JSON" if isinstance(request.output, AnyJson) else ""
    return ToolSpec(name=name, description=f"Once the tools have told you all you need, answer the user{form}", input_schema=schema)


def told_calls(tools: Iterable[ToolSpec], answer: ToolSpec | None = None) -> str:
    """What the system message says about the tools, about calling one, and about the ``answer`` if there is a choice."""
    told = (
        f"{build_tool_prompt(tools)}\n\n"
        'Call the one that helps, by answering with {"call": {"name": ..., "arguments": {...}}} and nothing else.'
    )
    if answer is None:
        return told
    form = ", ".join(f"{_json(name)}: ..." for name in _names(answer.input_schema.get("properties")))
    return f'{told}\n{answer.description} with {{"call": {{"name": {_json(answer.name)}, "arguments": {{{form}}}}}}}.'


def call_schema(tools: Iterable[ToolSpec]) -> dict[str, Any]:
    """The JSON schema of a call of one of the tools; what their schemas define moves to its root."""
    definitions: dict[str, Any] = {}
    calls = [_one_call(tool, place, definitions) for place, tool in enumerate(tools)]
    return {
        "type": "object",
        "properties": {"call": calls[0] if len(calls) == 1 else {"anyOf": calls}},
        "required": ["call"],
        "additionalProperties": False,
        **({"$defs": definitions} if definitions else {}),
    }


def in_words(messages: Iterable[Message]) -> tuple[Message, ...]:
    """The messages for a model that knows neither calls nor results: both are said by those who speak."""
    names: dict[str, str] = {}
    said: list[Message] = []
    for message in messages:
        names |= {call.id: call.name for call in message.tool_calls}
        if message.role == "tool":
            name = names.get(message.tool_call_id or "", "the tool")
            told = f"{name} failed: " if message.tool_failed else f"The answer of {name} is: "
            said.append(Message(role="user", content=(TextPart(text=told), *message.content)))
        elif message.tool_calls:
            calls = "\n".join(map(_written_call, message.tool_calls))
            text = f"{message.text}\n{calls}" if message.text else calls
            said.append(Message(role=message.role, content=text))
        else:
            said.append(message)
    return tuple(said)


def read_call(text: str, call_id: str) -> ToolCall | None:
    """The call that an answer holds, or None when it holds none."""
    try:
        written = json.loads(unfenced(text))
    except (ValueError, RecursionError):
        return None
    call = written.get("call") if isinstance(written, Mapping) else None
    if not isinstance(call, Mapping) or not isinstance(name := call.get("name"), str):
        return None
    arguments = call.get("arguments", {})
    return ToolCall(id=call_id, name=sendable(name), arguments=sendable(_json(arguments))) if isinstance(arguments, Mapping) else None


def _joined(messages: Iterable[Message]) -> Iterable[Message]:
    """Join what users say in a row: many templates let them speak once before they are answered."""
    last: Message | None = None
    for message in messages:
        if last is not None and last.role == message.role == "user":
            last = Message(role="user", content=(*last.content, TextPart(text="\n\n"), *message.content))
            continue
        if last is not None:
            yield last
        last = message
    if last is not None:
        yield last


def _said(call: ToolCall, request: LLMRequest) -> str:
    if isinstance(request.output, JsonSchema):
        return call.arguments
    said = json.loads(call.arguments).get("text", "")
    return said if isinstance(said, str) else _json(said)


def _written_call(call: ToolCall) -> str:
    return f'{{"call": {{"name": {_json(call.name)}, "arguments": {call.arguments.strip() or "{}"}}}}}'


def _one_call(tool: ToolSpec, place: int, definitions: dict[str, Any]) -> dict[str, Any]:
    own = {f"{kind}/{name}": f"tool{place}_{name}" for kind in _DEFINITIONS for name in _names(tool.input_schema.get(kind))}
    moved = _moved(tool.input_schema, {f"#/{old}": f"#/$defs/{new}" for old, new in own.items()})
    for old, new in own.items():
        kind, _, name = old.partition("/")
        definitions[new] = moved[kind][name]
    return {
        "type": "object",
        "properties": {
            "name": {"type": "string", "enum": [tool.name]},
            "arguments": {key: value for key, value in moved.items() if key not in _DEFINITIONS},
        },
        "required": ["name", "arguments"],
        "additionalProperties": False,
    }


def _names(definitions: Any) -> Iterable[str]:
    return definitions if isinstance(definitions, Mapping) else ()


def _moved(schema: Any, places: Mapping[str, str]) -> Any:
    """The schema with its references led to where the definitions are now."""
    if isinstance(schema, Mapping):
        return {
            key: places.get(value, value) if key == "$ref" and isinstance(value, str) else _moved(value, places)
            for key, value in schema.items()
        }
    return [_moved(each, places) for each in schema] if isinstance(schema, list | tuple) else schema


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str)
