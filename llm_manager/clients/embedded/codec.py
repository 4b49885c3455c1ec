"""Requests and answers in the engine's own words; pure, and total in what it reads."""

import re
from collections.abc import Mapping
from typing import Any

import msgspec
from attrs import evolve, frozen
from returns.result import Failure, Result, Success

from llm_manager.clients.embedded.errors import Complaint, complained
from llm_manager.clients.embedded.profile import PROVIDER
from llm_manager.clients.embedded.tools import call_schema, callable_tools, read_call, told, written_call
from llm_manager.domain.configuration import ProviderSettings
from llm_manager.domain.errors import InvalidRequest, LLMError, MalformedResponse, StreamInterrupted
from llm_manager.domain.messages import Message, ToolSpec
from llm_manager.domain.models import ModelProfile
from llm_manager.domain.requests import AnyJson, JsonSchema, LLMRequest, PlainText
from llm_manager.domain.responses import Finish, LLMResponse
from llm_manager.domain.streaming import StreamEvent, StreamFinished, TextDelta, ToolCallDelta
from llm_manager.domain.usage import Usage
from llm_manager.domain.wire_requests import WireRequest
from llm_manager.outcomes import Settled

PATH = "embedded"
DEFAULT_MAX_TOKENS = 512
_SYSTEM = "You are a helpful assistant."
_RANDOM_SEED = 2**32 - 1
"""The engine takes this one to mean that it should choose; all below it are seeds."""
_MARKERS = re.compile(r"<\|(im_start|im_end|endoftext)\|>")

_TOOLS_NOTICE = "This model has no tool calling of its own: it was made to call one by a JSON schema."


class _Delta(msgspec.Struct):
    content: str | None = None


class _Choice(msgspec.Struct):
    delta: _Delta = msgspec.field(default_factory=_Delta)
    finish_reason: str | None = None


class _PromptDetails(msgspec.Struct):
    cached_tokens: int = 0


class _Usage(msgspec.Struct):
    prompt_tokens: int = 0
    completion_tokens: int = 0
    prompt_tokens_details: _PromptDetails = msgspec.field(default_factory=_PromptDetails)


class _Chunk(msgspec.Struct):
    id: str = ""
    choices: list[_Choice] = []
    usage: _Usage | None = None
    error: Complaint | None = None


_CHUNKS = msgspec.json.Decoder(_Chunk)


def encode(request: LLMRequest, profile: ModelProfile, settings: ProviderSettings) -> Result[WireRequest, LLMError]:
    """Write the request as it is sent; the same request always gives the same bytes."""
    if request.has_images:
        return _wrong(request, "the embedded model cannot see: send the request without images, or to another model")
    asked = request.preferences
    max_tokens = next(limit for limit in (asked.max_tokens, settings.max_tokens, DEFAULT_MAX_TOKENS) if limit is not None)
    if max_tokens < 1:
        return _wrong(request, "max_tokens must be at least 1")
    tools = callable_tools(request)
    if not tools and request.tools and request.tool_choice not in ("auto", "none"):
        return _wrong(request, "tool_choice names a tool that the request does not have")
    if not request.conversation():
        return _wrong(request, "the request says nothing: give a prompt or messages")
    temperature = settings.temperature if asked.temperature is None else asked.temperature
    window = profile.context_window or max_tokens
    body: dict[str, Any] = {
        "model": profile.name,
        "messages": _messages(request, tools),
        "max_tokens": min(max_tokens, window),
        **({} if temperature is None else {"temperature": temperature}),
        **({} if asked.top_p is None else {"top_p": asked.top_p}),
        **({} if asked.seed is None else {"seed": asked.seed % _RANDOM_SEED}),
        **({"stop": stop} if (stop := [word for word in asked.stop if word]) else {}),
        **_form(request, tools),
    }
    try:
        encoded = msgspec.json.encode(body)
    except (UnicodeEncodeError, TypeError, RecursionError, msgspec.MsgspecError) as error:
        return _wrong(request, f"the request cannot be written as JSON: {type(error).__name__}")
    return Success(WireRequest(path=PATH, body=encoded, notices=(_TOOLS_NOTICE,) if tools else ()))


def as_stream(body: bytes) -> str:
    """The same request, asked for piece by piece: every request is, so that it can be stopped between two tokens."""
    asked = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
    streamed = {
        **asked,
        "stream": msgspec.Raw(b"true"),
        "stream_options": msgspec.Raw(b'{"include_usage":true}'),
    }
    return msgspec.json.encode(streamed).decode()


@frozen(kw_only=True)
class Heard:
    """An answer as far as it has come. ``tools`` says that its text is a call, to be read when it is whole."""

    model: str
    tools: bool
    notices: tuple[str, ...] = ()
    id: str = ""
    text: str = ""
    finish: str | None = None
    usage: Usage | None = None


def hear(heard: Heard, chunk: str) -> Settled[tuple[Heard, tuple[StreamEvent, ...]], LLMError]:
    """Take in one more piece of the answer, and say what it tells."""
    try:
        read = _CHUNKS.decode(chunk)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        return Failure(MalformedResponse(model=heard.model, message=f"the engine's words are not understood: {type(error).__name__}"))
    if read.error is not None:
        return Failure(complained(read.error, heard.model))
    text = "".join(choice.delta.content or "" for choice in read.choices)
    after = evolve(
        heard,
        id=heard.id or read.id,
        text=heard.text + text,
        finish=next((choice.finish_reason for choice in read.choices if choice.finish_reason), heard.finish),
        usage=heard.usage if read.usage is None else _usage(read.usage),
    )
    return Success((after, (TextDelta(text=text),) if text and not heard.tools else ()))


def ended(heard: Heard) -> Settled[tuple[StreamEvent, ...], LLMError]:
    """What the end of the answer tells; an end that was not announced is a failure."""
    if heard.finish is None:
        return Failure(StreamInterrupted(model=heard.model, message="the engine stopped in mid-answer", partial=heard.text))
    response = LLMResponse(
        content=heard.text,
        model=heard.model,
        provider=PROVIDER,
        finish=_finish(heard.finish),
        usage=heard.usage,
        notices=heard.notices,
        request_id=heard.id or None,
    )
    if not heard.tools:
        return Success((StreamFinished(response=response),))
    if response.finish != "stop":
        return Success((TextDelta(text=heard.text), StreamFinished(response=response)))
    call = read_call(heard.text, f"call_{heard.id or '0'}")
    if call is None:
        return Failure(MalformedResponse(model=heard.model, message="the engine wrote no tool call where it had to"))
    called = evolve(response, content="", finish="tool_calls", tool_calls=(call,))
    delta = ToolCallDelta(index=0, id=call.id, name=call.name, arguments=call.arguments)
    return Success((delta, StreamFinished(response=called)))


def _messages(request: LLMRequest, tools: tuple[ToolSpec, ...]) -> list[Mapping[str, str]]:
    conversation = request.conversation()
    if not any(message.role == "system" for message in conversation):
        conversation = (Message(role="system", content=_SYSTEM), *conversation)
    names = {call.id: call.name for message in conversation for call in message.tool_calls}
    said = [_said(message, names) for message in conversation]
    if tools:
        first = next(place for place, message in enumerate(conversation) if message.role == "system")
        said[first] = _adding(said[first], f"\n\n{told(tools)}")
    elif conversation[-1].role == "tool" and isinstance(request.output, PlainText):
        said[-1] = _adding(said[-1], "\nTell me in a sentence.")
    return [{"role": role, "content": _harmless(text)} for role, text in said]


def _said(message: Message, names: Mapping[str, str]) -> tuple[str, str]:
    """One message as the model's template knows them: a role and a text."""
    if message.role == "tool":
        return "user", f"The answer of {names.get(message.tool_call_id or '', 'the tool')} is: {message.text}"
    calls = "\n".join(written_call(call) for call in message.tool_calls)
    return message.role, "\n".join(filter(None, (message.text, calls)))


def _adding(said: tuple[str, str], more: str) -> tuple[str, str]:
    role, text = said
    return role, text + more


def _harmless(text: str) -> str:
    """The text with the template's own markers broken, so that no message can pass for another."""
    return _MARKERS.sub(r"<| \1 |>", text) if "<|" in text else text


def _form(request: LLMRequest, tools: tuple[ToolSpec, ...]) -> dict[str, Any]:
    if tools:
        return _obeying("call", call_schema(tools))
    match request.output:
        case PlainText():
            return {}
        case AnyJson():
            return {"response_format": {"type": "json_object"}}
        case JsonSchema(schema=schema, name=name):
            return _obeying(name, schema)


def _obeying(name: str, schema: Mapping[str, Any]) -> dict[str, Any]:
    return {"response_format": {"type": "json_schema", "json_schema": {"name": name, "schema": dict(schema)}}}


def _finish(word: str) -> Finish:
    match word:
        case "stop" | "length" | "tool_calls":
            return word
        case _:
            return "other"


def _usage(usage: _Usage) -> Usage:
    cached = min(usage.prompt_tokens_details.cached_tokens, usage.prompt_tokens)
    return Usage(input_tokens=usage.prompt_tokens - cached, cache_read_tokens=cached, output_tokens=usage.completion_tokens)


def _wrong(request: LLMRequest, message: str) -> Result[WireRequest, LLMError]:
    return Failure(InvalidRequest(message=message, request=request))
