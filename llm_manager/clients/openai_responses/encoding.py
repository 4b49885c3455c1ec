"""From a request to the bytes that are sent: the same request always gives the same bytes, written as not streamed."""

from typing import Any, Final

from attrs import evolve
from returns.result import Result

from llm_manager.clients.contents import address_of, only_text, schema_in_words, schema_was_told
from llm_manager.clients.data.shapes import ProviderFacts
from llm_manager.clients.fitting import Defaults, UnfitError, sampling, tools_for, written
from llm_manager.clients.openai_chat.encoding import fitting_name
from llm_manager.clients.openai_chat.prompt_caching import cache_options
from llm_manager.clients.openai_chat.reasoning import effort_of
from llm_manager.clients.openai_responses.answers import proof_of
from llm_manager.domain.errors import LLMError
from llm_manager.domain.messages import DocumentUrl, ImageData, ImageUrl, Message, Part, TextPart, ToolSpec, UseTool
from llm_manager.domain.models import ModelProfile
from llm_manager.domain.requests import AnyJson, LLMRequest, PlainText
from llm_manager.domain.wire_requests import WireRequest

PATH: Final = "/responses"
_STREAMED: Final = b',"stream":true}'
_NEVER_TAKEN: Final = ("stop", "seed")


def encode(request: LLMRequest, profile: ModelProfile, facts: ProviderFacts, defaults: Defaults) -> Result[WireRequest, LLMError]:
    """Say a request in the words of responses: the provider shall keep nothing, and what a model refuses is left out with a notice."""
    return written(request, PATH, lambda notices: body_of(request, profile, facts, defaults, notices))


def streamed(body: bytes) -> bytes:
    """The same request, to be answered piece by piece.

    >>> streamed(b'{"model":"m"}')
    b'{"model":"m","stream":true}'
    """
    return body[:-1] + _STREAMED


def body_of(request: LLMRequest, profile: ModelProfile, facts: ProviderFacts, defaults: Defaults, notices: list[str]) -> dict[str, Any]:
    """The request in this dialect's words; it may raise `UnfitError`."""
    items: list[dict[str, Any]] = []
    for message in request.messages:
        _add_message(items, message, profile)
    if request.prompt is not None:
        items.append({"role": "user", "content": request.prompt})
    instructions = request.system
    if not items:
        if instructions is None:
            raise UnfitError("there is nothing to ask: give a prompt or messages")
        items.append({"role": "system", "content": instructions})
        instructions = None
    body: dict[str, Any] = {"model": profile.name, "input": items, "store": False}
    if instructions is not None:
        body["instructions"] = instructions
    if request.tools or isinstance(request.tool_choice, UseTool):
        _add_tools(body, request, profile)
    if not isinstance(request.output, PlainText):
        _add_form(body, request, profile, notices)
    fitted = evolve(profile, unsupported=(*profile.unsupported, *_NEVER_TAKEN))
    wanted = sampling(request, fitted, defaults, notices, keeps_prompts=profile.name.startswith(facts.prompt_caching))
    if wanted.max_tokens is not None:
        body["max_output_tokens"] = wanted.max_tokens
    if wanted.temperature is not None:
        body["temperature"] = wanted.temperature
    if wanted.top_p is not None:
        body["top_p"] = wanted.top_p
    strict = defaults.strict(request)
    effort = effort_of(wanted.reasoning, profile, facts, notices, strict=strict)
    if effort is not None:
        body["reasoning"] = {"effort": effort}
    kept = cache_options(request, profile, facts, defaults, longest="12h")
    if kept is not None:
        body["prompt_cache_options"] = kept
    if profile.reasoning:
        body["include"] = ["reasoning.encrypted_content"]
    return body


def _add_message(items: list[dict[str, Any]], message: Message, profile: ModelProfile) -> None:
    match message.role:
        case "user":
            items.append({"role": "user", "content": _content(message, profile)})
        case "assistant":
            items.extend(_thoughts(message) if profile.reasoning else ())
            text = only_text(message)
            if text or not message.tool_calls:
                items.append({"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": text}]})
            items.extend(
                {"type": "function_call", "call_id": call.id, "name": call.name, "arguments": call.arguments} for call in message.tool_calls
            )
        case "tool":
            items.append({"type": "function_call_output", "call_id": message.tool_call_id or "", "output": only_text(message)})
        case role:
            items.append({"role": role, "content": only_text(message)})


def _thoughts(message: Message) -> list[dict[str, Any]]:
    """The thinking that came from this dialect, sent back as it came; what another provider signed says nothing here."""
    told: list[dict[str, Any]] = []
    for thought in message.thoughts:
        proof = proof_of(thought.signature)
        if proof is not None:
            summary = [{"type": "summary_text", "text": thought.text}] if thought.text else []
            told.append({"type": "reasoning", "id": proof.id, "summary": summary, "encrypted_content": proof.encrypted_content})
    return told


def _content(message: Message, profile: ModelProfile) -> str | list[dict[str, Any]]:
    if len(message.content) == 1 and isinstance(only := message.content[0], TextPart):
        return only.text
    return [_part(part, profile) for part in message.content] or ""


def _part(part: Part, profile: ModelProfile) -> dict[str, Any]:
    if isinstance(part, TextPart):
        return {"type": "input_text", "text": part.text}
    if isinstance(part, ImageUrl | ImageData):
        if not profile.vision:
            raise UnfitError(f"{profile.name} takes no images")
        return {"type": "input_image", "image_url": address_of(part), "detail": "auto"}
    if not profile.documents:
        raise UnfitError(f"{profile.name} takes no documents")
    if isinstance(part, DocumentUrl):
        return {"type": "input_file", "file_url": part.url}
    return {"type": "input_file", "filename": part.name or "document", "file_data": address_of(part)}


def _add_tools(body: dict[str, Any], request: LLMRequest, profile: ModelProfile) -> None:
    tools_for(request, profile)
    choice = request.tool_choice
    body["tools"] = [_tool(tool) for tool in request.tools]
    if isinstance(choice, UseTool):
        body["tool_choice"] = {"type": "function", "name": choice.name}
    elif choice != "auto":
        body["tool_choice"] = choice


def _tool(tool: ToolSpec) -> dict[str, Any]:
    """A tool; ``strict`` is said because silence means it here, and would refuse schemas that are good elsewhere."""
    return {
        "type": "function",
        "name": tool.name,
        "description": tool.description,
        "parameters": dict(tool.input_schema),
        "strict": False,
    }


def _add_form(body: dict[str, Any], request: LLMRequest, profile: ModelProfile, notices: list[str]) -> None:
    form = request.output
    if isinstance(form, AnyJson | PlainText):
        body["text"] = {"format": {"type": "json_object"}}
    elif profile.json_schema:
        told = {"type": "json_schema", "name": fitting_name(form.name), "strict": True, "schema": dict(form.schema)}
        body["text"] = {"format": told}
    else:
        body["input"].insert(0, {"role": "system", "content": schema_in_words(form)})
        body["text"] = {"format": {"type": "json_object"}}
        notices.append(schema_was_told(profile))
