"""What is wrong with messages, their parts and tools: each by itself, and in the order in which they are said."""

from typing import Final, assert_never, get_args

from llm_manager.domain.messages import (
    DocumentData,
    DocumentUrl,
    ImageData,
    ImageUrl,
    Message,
    Part,
    Role,
    TextPart,
    Thought,
    ToolCall,
    ToolSpec,
)
from llm_manager.policies.value_faults import choice_fault, is_object, kind, text_fault

MOST_TOOLS: Final = 10_000
_LONGEST_NAME: Final = 128
_ROLES: Final = get_args(Role)


def messages_fault(messages: object) -> str | None:
    """Say which of the messages is none, or holds what no message can."""
    if not isinstance(messages, tuple | list):
        return f"messages: it is of type {kind(messages)}; give a tuple of messages"
    for index, message in enumerate(messages):
        wrong = _message(message)
        if wrong is not None:
            return f"messages[{index}]: {wrong}"
    return None


def _message(message: object) -> str | None:
    if not isinstance(message, Message):
        return f'it is of type {kind(message)}; give a Message: Message(role="user", content="...")'
    role = message.role
    if role not in _ROLES:
        return f"its role: {choice_fault(role, _ROLES)}"
    for part in message.content:
        wrong = _part(part)
        if wrong is not None:
            return f"content: {wrong}"
    if message.tool_calls and (role != "assistant" or not _are_calls(message.tool_calls)):
        if role != "assistant":
            return "only an assistant calls tools; set its role to assistant"
        return "its tool_calls are none; give a tuple of ToolCalls, their arguments as the text of a JSON object"
    answered: object = message.tool_call_id
    if answered is not None and not isinstance(answered, str):
        return f"its tool_call_id is of type {kind(answered)}; give the id of the call it answers"
    if message.thoughts and not _are_thoughts(message.thoughts):
        return "its thoughts are none; give those of an answer as they came"
    if role == "user" and not any(not isinstance(part, TextPart) or part.text for part in message.content):
        return "it is empty; give it a content, or leave it out"
    return None


def _part(part: object) -> str | None:
    if isinstance(part, TextPart):
        return text_fault(part.text)
    return _other_part(part) if isinstance(part, Part) else f"a part of it is of type {kind(part)}; give a text, or parts such as ImageUrl"


def _other_part(part: Part) -> str | None:
    match part:
        case ImageUrl(url=url) | DocumentUrl(url=url):
            return _named("its url", text_fault(url))
        case ImageData(data=data, media_type=media_type) | DocumentData(data=data, media_type=media_type):
            return _bytes(data) or _named("its media_type", text_fault(media_type))
        case TextPart(text=text):
            return text_fault(text)
        case _:
            assert_never(part)


def _bytes(data: object) -> str | None:
    return None if isinstance(data, bytes) else f"its data is of type {kind(data)}; give the bytes of the file"


def _named(place: str, wrong: str | None) -> str | None:
    return None if wrong is None else f"{place}: {wrong}"


def _are_calls(calls: object) -> bool:
    return isinstance(calls, tuple | list) and all(
        isinstance(call, ToolCall) and _are_texts(call.id, call.name, call.arguments) for call in calls
    )


def _are_texts(*values: object) -> bool:
    return all(isinstance(value, str) for value in values)


def _are_thoughts(thoughts: object) -> bool:
    return isinstance(thoughts, tuple | list) and all(isinstance(thought, Thought) for thought in thoughts)


def order_fault(messages: tuple[Message, ...]) -> str | None:
    """Say which tool's result answers no call of the message before it, or which call is left unanswered."""
    waiting: set[str] = set()
    for index, message in enumerate(messages):
        wrong = None
        if message.role == "tool":
            wrong = _result(message.tool_call_id, waiting)
        elif waiting:
            wrong = _unanswered(waiting)
        elif message.tool_calls:
            waiting = {call.id for call in message.tool_calls}
            if len(waiting) != len(message.tool_calls):
                wrong = "two of its tool calls have the same id; give each its own"
        if wrong is not None:
            return f"messages[{index}]: {wrong}"
    return f"messages[{len(messages) - 1}]: {_unanswered(waiting)}" if waiting else None


def _result(answered: str | None, waiting: set[str]) -> str | None:
    if not answered:
        return "a tool's result names no call; set tool_call_id to the id of the call it answers"
    if answered not in waiting:
        return "a tool's result answers no open call; it must follow the assistant's message with that call, once"
    waiting.discard(answered)
    return None


def _unanswered(waiting: set[str]) -> str:
    return f"{len(waiting)} tool call{' has' if len(waiting) == 1 else 's have'} no result before it goes on; add a tool message for each"


def tools_fault(tools: object) -> str | None:
    """Say which of the tools is none, or cannot be named."""
    if not isinstance(tools, tuple | list):
        return f"tools: it is of type {kind(tools)}; give a tuple of ToolSpecs"
    if len(tools) > MOST_TOOLS:
        return f"tools: there are more than {MOST_TOOLS}; send those that this request needs"
    names: set[str] = set()
    for index, tool in enumerate(tools):
        wrong = _tool(tool)
        if wrong is None and tool.name in names:
            wrong = "another one has the same name; rename one of them"
        if wrong is not None:
            return f"tools[{index}]: {wrong}"
        names.add(tool.name)
    return None


def _tool(tool: object) -> str | None:
    if not isinstance(tool, ToolSpec):
        return f"it is of type {kind(tool)}; give a ToolSpec, or let manager.call_tools call it"
    name: object = tool.name
    if not isinstance(name, str) or not name or len(name) > _LONGEST_NAME or not name.isprintable() or " " in name:
        return f"its name is empty, longer than {_LONGEST_NAME} characters or holds spaces; use letters, digits, _ and -"
    if (wrong := text_fault(tool.description)) is not None:
        return f"its description: {wrong}"
    if not is_object(tool.input_schema) or tool.input_schema.get("type", "object") != "object":
        return 'its input_schema describes no object; begin it with {"type": "object"}'
    return None
