"""What is wrong with a request whoever is asked: found before anything is planned or sent, with the field and the remedy."""

from collections.abc import Mapping
from math import isfinite
from typing import Final, get_args

from llm_manager.domain.errors import InvalidRequest
from llm_manager.domain.messages import Message, Role, TextPart, ToolSpec, UseTool
from llm_manager.domain.requests import JsonSchema, LLMRequest, Preferences
from llm_manager.policies.deadlines import Patient

MOST_CHARACTERS: Final = 50_000_000
"""A text longer than this is no prompt."""
MOST_TOOLS: Final = 10_000
_LONGEST_NAME: Final = 128
_ROLES: Final = frozenset(get_args(Role))
_USUAL: Final = Preferences()


def check_request(request: LLMRequest) -> InvalidRequest | None:
    """Say what no provider could answer in this request; None when there is nothing.

    >>> check_request(LLMRequest(" ")).message
    'prompt: it is empty; give it a text, or messages'
    >>> check_request(LLMRequest("Hello")) is None
    True
    """
    prompt = request.prompt
    wrong = None
    if not request.messages:
        if prompt is None or not prompt or prompt.isspace():
            wrong = "prompt: it is empty; give it a text, or messages"
    else:
        wrong = _conversation(request)
    if wrong is None and ((prompt and len(prompt) > MOST_CHARACTERS) or (request.system and len(request.system) > MOST_CHARACTERS)):
        wrong = _TOO_LONG.format("prompt" if prompt and len(prompt) > MOST_CHARACTERS else "system")
    if wrong is None and request.preferences is not _USUAL:
        wrong = _preferences(request.preferences)
    if wrong is None and (request.tools or request.tool_choice != "auto"):
        wrong = _tools(request)
    if wrong is None and isinstance(request.output, JsonSchema) and not _is_object(request.output.schema):
        wrong = "output.schema: it is no JSON object; give a schema as a mapping"
    if wrong is None and (request.timeout_ms is not None or request.deadline_ms is not None):
        wrong = patience_fault(request)
    return None if wrong is None else InvalidRequest(message=wrong, request=request)


_TOO_LONG: Final = f"{{}}: it has more than {MOST_CHARACTERS} characters; send a part of it"


def _conversation(request: LLMRequest) -> str | None:
    """Roles, contents, and that each tool's result answers a call of the message before it, which leaves none unanswered."""
    waiting: set[str] = set()
    for index, message in enumerate(request.messages):
        wrong = _message(message)
        if wrong is None and message.role == "tool":
            wrong = _result(message.tool_call_id, waiting)
        elif wrong is None and waiting:
            wrong = _unanswered(waiting)
        elif wrong is None and message.tool_calls:
            waiting = {call.id for call in message.tool_calls}
            if len(waiting) != len(message.tool_calls):
                wrong = "two of its tool calls have the same id; give each its own"
        if wrong is not None:
            return f"messages[{index}]: {wrong}"
    if waiting:
        return f"messages[{len(request.messages) - 1}]: {_unanswered(waiting)}"
    if request.prompt is not None and (not request.prompt or request.prompt.isspace()):
        return "prompt: it is empty; leave it out when messages say everything"
    return None


def _message(message: Message) -> str | None:
    if message.role not in _ROLES:
        return f"its role is none of {', '.join(get_args(Role))}; name one of them"
    if message.tool_calls and message.role != "assistant":
        return "only an assistant calls tools; set its role to assistant"
    if message.role == "user" and not any(not isinstance(part, TextPart) or part.text for part in message.content):
        return "it is empty; give it a content, or leave it out"
    if any(isinstance(part, TextPart) and len(part.text) > MOST_CHARACTERS for part in message.content):
        return _TOO_LONG.format("content")
    return None


def _result(answered: str | None, waiting: set[str]) -> str | None:
    if not answered:
        return "a tool's result names no call; set tool_call_id to the id of the call it answers"
    if answered not in waiting:
        return "a tool's result answers no open call; it must follow the assistant's message with that call, once"
    waiting.discard(answered)
    return None


def _unanswered(waiting: set[str]) -> str:
    return f"{len(waiting)} tool call{' has' if len(waiting) == 1 else 's have'} no result before it goes on; add a tool message for each"


def _preferences(said: Preferences) -> str | None:
    if said.max_tokens is not None and said.max_tokens < 1:
        return "preferences.max_tokens: it is less than 1; leave it out for no limit"
    if said.temperature is not None and not (isfinite(said.temperature) and said.temperature >= 0):
        return "preferences.temperature: it is no number of at least 0; give one, mostly up to 1 or 2"
    if said.top_p is not None and not 0 <= said.top_p <= 1:
        return "preferences.top_p: it is not from 0 to 1; give a share"
    if not _are_texts(said.stop):
        return "preferences.stop: it holds an empty text, or is one text; give a tuple of texts"
    return None


def _tools(request: LLMRequest) -> str | None:
    if len(request.tools) > MOST_TOOLS:
        return f"tools: there are more than {MOST_TOOLS}; send those that this request needs"
    names: set[str] = set()
    for index, tool in enumerate(request.tools):
        wrong = "another one has the same name; rename one of them" if tool.name in names else _tool(tool)
        if wrong is not None:
            return f"tools[{index}]: {wrong}"
        names.add(tool.name)
    choice = request.tool_choice
    if isinstance(choice, UseTool) and choice.name not in names:
        return "tool_choice: it names none of the tools; name one that is in tools"
    if choice == "required" and not names:
        return "tool_choice: a call is required and there are no tools; give some, or choose auto"
    return None


def _are_texts(stop: object) -> bool:
    """The same as for `_is_object`."""
    return isinstance(stop, tuple | list) and all(isinstance(each, str) and each for each in stop)


def _is_object(schema: object) -> bool:
    """Callers without types may give anything."""
    return isinstance(schema, Mapping)


def _tool(tool: ToolSpec) -> str | None:
    if not tool.name or len(tool.name) > _LONGEST_NAME or not tool.name.isprintable() or " " in tool.name:
        return f"its name is empty, longer than {_LONGEST_NAME} characters or holds spaces; use letters, digits, _ and -"
    if not _is_object(tool.input_schema) or tool.input_schema.get("type", "object") != "object":
        return 'its input_schema describes no object; begin it with {"type": "object"}'
    return None


def patience_fault(asked: Patient) -> str | None:
    """What is wrong with the time that is given; None when there is nothing."""
    if asked.timeout_ms is not None and asked.timeout_ms < 1:
        return "timeout_ms: it is less than 1; leave it out for the usual patience"
    if asked.deadline_ms is not None and asked.deadline_ms < 1:
        return "deadline_ms: it is less than 1; leave it out for no deadline of its own"
    return None
