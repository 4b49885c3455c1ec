"""From a request to the bytes that are sent: the same request always gives the same bytes, written as not streamed."""

from typing import Any, Final

from returns.result import Result

from llm_manager.clients.contents import address_of, function_called, function_of, only_text, schema_in_words, schema_was_told
from llm_manager.clients.data.cohere import MOST_TOP_P, THINKING
from llm_manager.clients.fitting import Defaults, Sampling, UnfitError, left_out, sampling, tools_for, written
from llm_manager.clients.who import may_return
from llm_manager.domain.errors import LLMError
from llm_manager.domain.messages import ImageData, ImageUrl, Message, TextPart, UseTool
from llm_manager.domain.models import ModelProfile
from llm_manager.domain.requests import JsonSchema, LLMRequest, PlainText
from llm_manager.domain.wire_requests import WireRequest

CHAT: Final = "/chat"
_WHOLE: Final = b',"stream":false}'
_STREAMED: Final = b',"stream":true}'


def encode(request: LLMRequest, profile: ModelProfile, defaults: Defaults) -> Result[WireRequest, LLMError]:
    """Say a request in Cohere's words; what a model refuses is left out with a notice."""
    return written(request, CHAT, lambda notices: _body(request, profile, defaults, notices))


def streamed(body: bytes) -> bytes:
    """The same request, to be answered piece by piece.

    >>> streamed(b'{"model":"m","stream":false}')
    b'{"model":"m","stream":true}'
    """
    return body.removesuffix(_WHOLE) + _STREAMED


def _body(request: LLMRequest, profile: ModelProfile, defaults: Defaults, notices: list[str]) -> dict[str, Any]:
    strict = defaults.strict(request)
    turns = [_turn(message, profile) for message in request.messages if message.role != "system"]
    if request.prompt is not None:
        turns.append({"role": "user", "content": request.prompt})
    system = [] if request.system is None else [request.system]
    system += [only_text(message) for message in request.messages if message.role == "system"]
    body: dict[str, Any] = {"model": profile.name, "messages": turns}
    if request.tools or isinstance(request.tool_choice, UseTool):
        _add_tools(body, request, profile, notices, strict=strict)
    if not isinstance(request.output, PlainText):
        _add_form(body, system, request, profile, notices)
    if any(system):
        turns.insert(0, {"role": "system", "content": "\n\n".join(filter(None, system))})
    if not turns:
        raise UnfitError("there is nothing to ask: give a prompt or messages")
    body |= _settings(sampling(request, profile, defaults, notices), profile, notices, strict=strict)
    return {**body, "stream": False}


def _turn(message: Message, profile: ModelProfile) -> dict[str, Any]:
    match message.role:
        case "assistant":
            return _answered(message, profile)
        case "tool":
            return {"role": "tool", "tool_call_id": message.tool_call_id or "", "content": only_text(message)}
        case role if all(isinstance(part, TextPart) for part in message.content):
            return {"role": role, "content": message.text}
        case role:
            return {"role": role, "content": [_part(part, profile) for part in message.content]}


def _answered(message: Message, profile: ModelProfile) -> dict[str, Any]:
    """What the model said, with its own thoughts; before calls of tools its text is the plan of them."""
    text = only_text(message)
    blocks = [{"type": "thinking", "thinking": each.text} for each in message.thoughts if each.text and may_return(each, profile)]
    if not message.tool_calls:
        return {"role": "assistant", "content": [*blocks, {"type": "text", "text": text}] if blocks else text}
    calls = [function_called(call) for call in message.tool_calls]
    plan = {"tool_plan": text} if text else {}
    return {"role": "assistant", **({"content": blocks} if blocks else {}), **plan, "tool_calls": calls}


def _part(part: object, profile: ModelProfile) -> dict[str, Any]:
    if isinstance(part, TextPart):
        return {"type": "text", "text": part.text}
    if not isinstance(part, ImageUrl | ImageData):
        raise UnfitError(f"{profile.provider} reads no documents: send their text, or their pages as images")
    if not profile.vision:
        raise UnfitError(f"{profile.name} takes no images")
    return {"type": "image_url", "image_url": {"url": address_of(part)}}


def _add_tools(body: dict[str, Any], request: LLMRequest, profile: ModelProfile, notices: list[str], *, strict: bool) -> None:
    """Cohere forces no tool by its name, so the model is offered that one alone; its older models are forced to nothing."""
    tools, choice = tools_for(request, profile), request.tool_choice
    if isinstance(choice, UseTool):
        named, choice = choice.name, "required"
        if len(tools) < len(request.tools):
            notices.append(f"{profile.name} is forced to no tool by its name: it was offered {named} and no other")
    if choice != "auto" and "tool_choice" in profile.unsupported:
        if choice == "none":
            return
        left_out(f"{profile.name} cannot be made to call a tool", "it was only offered some", notices, strict=strict)
    elif choice != "auto":
        body["tool_choice"] = choice.upper()
    body["tools"] = [function_of(tool) for tool in tools]


def _add_form(body: dict[str, Any], system: list[str], request: LLMRequest, profile: ModelProfile, notices: list[str]) -> None:
    """The form of the answer: as a setting, or in words beside tools. JSON without a schema wants the words in any case."""
    form = request.output if isinstance(request.output, JsonSchema) else None
    beside_tools = "tools" in body
    if not beside_tools:
        body["response_format"] = {"type": "json_object"}
        if form is not None and profile.json_schema:
            body["response_format"]["json_schema"] = dict(form.schema)
            return
    if form is None:
        system.append("Answer with one JSON object and nothing else.")
    else:
        system.append(schema_in_words(form))
    if beside_tools:
        notices.append(f"{profile.name} takes no form of JSON beside tools: it was told so in words, and may not keep to it")
    elif form is not None:
        notices.append(schema_was_told(profile))


def _settings(wanted: Sampling, profile: ModelProfile, notices: list[str], *, strict: bool) -> dict[str, Any]:
    top_p = wanted.top_p
    if top_p is not None and top_p > MOST_TOP_P:
        left_out(f"{profile.name} takes no top_p above {MOST_TOP_P}", f"it was told {MOST_TOP_P}", notices, strict=strict)
        top_p = MOST_TOP_P
    told: dict[str, Any] = {
        "max_tokens": wanted.max_tokens,
        "temperature": wanted.temperature,
        "p": top_p,
        "stop_sequences": wanted.stop or None,
        "seed": wanted.seed,
    }
    if wanted.reasoning is not None and profile.reasoning:
        told["thinking"] = THINKING[wanted.reasoning]
    elif wanted.reasoning not in (None, "off"):
        left_out(f"{profile.name} does not think before it answers", "reasoning was left out", notices, strict=strict)
    return {name: value for name, value in told.items() if value is not None}
