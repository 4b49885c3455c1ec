"""From a request to the bytes that are sent: the same request always gives the same bytes, written as not streamed."""

import re
from typing import Any, Final

from returns.result import Result

from llm_manager.clients.contents import address_of, function_called, function_of, only_text, schema_in_words, schema_was_told
from llm_manager.clients.data.shapes import ProviderFacts
from llm_manager.clients.fitting import Defaults, Sampling, UnfitError, sampling, tools_for, written
from llm_manager.clients.openai_chat.prompt_caching import cache_options
from llm_manager.clients.openai_chat.reasoning import effort_of, unreasoned
from llm_manager.domain.errors import LLMError
from llm_manager.domain.messages import DocumentData, DocumentUrl, Message, TextPart, UseTool
from llm_manager.domain.models import ModelProfile
from llm_manager.domain.requests import AnyJson, JsonSchema, LLMRequest, PlainText
from llm_manager.domain.wire_requests import WireRequest

PATH: Final = "/chat/completions"
_STREAMED: Final = b',"stream":true,"stream_options":{"include_usage":true}}'
_NOT_IN_A_NAME: Final = re.compile(r"[^a-zA-Z0-9_-]")
_AN_OBJECT: Final = {"type": "object"}


def encode(request: LLMRequest, profile: ModelProfile, facts: ProviderFacts, defaults: Defaults) -> Result[WireRequest, LLMError]:
    """Say a request in the words of chat completions; what a model refuses is left out with a notice."""
    return written(request, PATH, lambda notices: body_of(request, profile, facts, defaults, notices))


def streamed(body: bytes) -> bytes:
    """The same request, to be answered piece by piece.

    >>> streamed(b'{"model":"m"}')
    b'{"model":"m","stream":true,"stream_options":{"include_usage":true}}'
    """
    return body[:-1] + _STREAMED


def body_of(request: LLMRequest, profile: ModelProfile, facts: ProviderFacts, defaults: Defaults, notices: list[str]) -> dict[str, Any]:
    """The request in this dialect's words; it may raise `UnfitError`."""
    messages: list[dict[str, Any]] = []
    if request.system is not None:
        messages.append({"role": "system", "content": request.system})
    for message in request.messages:
        messages.append(_message(message, profile, facts))
    if request.prompt is not None:
        messages.append({"role": "user", "content": request.prompt})
    if not messages:
        raise UnfitError("there is nothing to ask: give a prompt or messages")
    body: dict[str, Any] = {"model": profile.name, "messages": messages}
    if request.tools or isinstance(request.tool_choice, UseTool):
        _add_tools(body, request, profile, facts)
    if not isinstance(request.output, PlainText):
        _add_form(body, request.output, profile, facts, notices)
    keeps_prompts = profile.name.startswith(facts.prompt_caching)
    wanted = sampling(request, profile, defaults, notices, keeps_prompts=keeps_prompts)
    _add_sampling(body, wanted, profile, facts)
    if wanted.reasoning is not None:
        strict = defaults.strict(request)
        effort = effort_of(wanted.reasoning, profile, facts, notices, strict=strict)
        if effort is not None:
            body["reasoning_effort"] = effort
        body.update(unreasoned(wanted.reasoning, facts))
    if keeps_prompts and (kept := cache_options(request, profile, facts, defaults, longest="30m")) is not None:
        body["prompt_cache_options"] = kept
    return body


def _add_sampling(body: dict[str, Any], wanted: Sampling, profile: ModelProfile, facts: ProviderFacts) -> None:
    if wanted.max_tokens is not None:
        body[facts.reasoning_limit if profile.name.startswith(facts.reasoning) else "max_tokens"] = wanted.max_tokens
    if wanted.temperature is not None:
        body["temperature"] = wanted.temperature
    if wanted.top_p is not None:
        body["top_p"] = wanted.top_p
    if wanted.stop:
        body["stop"] = wanted.stop
    if wanted.seed is not None:
        body["seed"] = wanted.seed


def _message(message: Message, profile: ModelProfile, facts: ProviderFacts) -> dict[str, Any]:
    match message.role:
        case "user":
            return {"role": "user", "content": _content(message, profile, facts)}
        case "assistant" if message.tool_calls:
            calls = [function_called(call) for call in message.tool_calls]
            return {"role": "assistant", "content": only_text(message) or None, "tool_calls": calls}
        case "tool":
            return {"role": "tool", "tool_call_id": message.tool_call_id or "", "content": only_text(message)}
        case role:
            return {"role": role, "content": only_text(message)}


def _content(message: Message, profile: ModelProfile, facts: ProviderFacts) -> str | list[dict[str, Any]]:
    if len(message.content) == 1 and isinstance(only := message.content[0], TextPart):
        return only.text
    parts: list[dict[str, Any]] = []
    for part in message.content:
        if isinstance(part, TextPart):
            parts.append({"type": "text", "text": part.text})
            continue
        if isinstance(part, DocumentUrl | DocumentData):
            parts.append(_document(part, profile, facts))
            continue
        if not profile.vision:
            raise UnfitError(f"{profile.name} takes no images")
        parts.append({"type": "image_url", "image_url": {"url": address_of(part)}})
    return parts or ""


def _document(document: DocumentUrl | DocumentData, profile: ModelProfile, facts: ProviderFacts) -> dict[str, Any]:
    if not profile.documents:
        raise UnfitError(f"{profile.name} takes no documents")
    if isinstance(document, DocumentUrl):
        if not facts.fetches_documents:
            raise UnfitError(f"{profile.provider} fetches no documents: send the file itself")
        return {"type": "file", "file": {"filename": "document", "file_data": document.url}}
    return {"type": "file", "file": {"filename": document.name or "document", "file_data": address_of(document)}}


def _add_tools(body: dict[str, Any], request: LLMRequest, profile: ModelProfile, facts: ProviderFacts) -> None:
    tools, choice = tools_for(request, profile), request.tool_choice
    by_name = isinstance(choice, UseTool) and facts.named_tool_choice
    body["tools"] = [function_of(tool) for tool in (request.tools if by_name else tools)]
    if isinstance(choice, UseTool):
        body["tool_choice"] = {"type": "function", "function": {"name": choice.name}} if by_name else "required"
    elif choice != "auto":
        body["tool_choice"] = choice


def _add_form(body: dict[str, Any], form: AnyJson | JsonSchema, profile: ModelProfile, facts: ProviderFacts, notices: list[str]) -> None:
    if isinstance(form, AnyJson):
        body["response_format"] = {"type": "json_object"} if facts.json_object else _schema("answer", _AN_OBJECT, strict=False)
    elif profile.json_schema:
        body["response_format"] = _schema(form.name, dict(form.schema), strict=True)
    else:
        body["messages"].insert(0, {"role": "system", "content": schema_in_words(form)})
        body["response_format"] = {"type": "json_object"} if facts.json_object else _schema("answer", _AN_OBJECT, strict=False)
        notices.append(schema_was_told(profile))


def _schema(name: str, schema: dict[str, Any], *, strict: bool) -> dict[str, Any]:
    return {"type": "json_schema", "json_schema": {"name": fitting_name(name), "strict": strict, "schema": schema}}


def fitting_name(name: str) -> str:
    """A schema's name, as far as it may be said."""
    return _NOT_IN_A_NAME.sub("_", name)[:64] or "answer"
