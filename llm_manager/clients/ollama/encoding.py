"""From a request to the bytes that are sent: the same request always gives the same bytes, written as not streamed.

A conversation goes to ``/api/chat``. A model that has learnt none (`only_continues`) gets its prompt as it stands, through
``/api/generate``, and goes on with it.
"""

from collections.abc import Mapping
from math import isfinite
from typing import Any, Final

import msgspec
from returns.result import Failure, Result

from llm_manager.clients.contents import base64_of, function_of, schema_in_words, schema_was_told
from llm_manager.clients.data.ollama import REASONING_BY_LEVEL
from llm_manager.clients.fitting import Defaults, Sampling, UnfitError, left_out, sampling, tools_for, written
from llm_manager.clients.ollama.context import context_for, refused
from llm_manager.clients.ollama.naming import only_continues
from llm_manager.clients.who import may_return
from llm_manager.domain.configuration import ProviderSettings
from llm_manager.domain.errors import LLMError
from llm_manager.domain.messages import ImageData, ImageUrl, Message, TextPart, ToolCall, UseTool
from llm_manager.domain.models import ModelProfile
from llm_manager.domain.requests import AnyJson, JsonSchema, LLMRequest, PlainText
from llm_manager.domain.wire_requests import WireRequest

CHAT: Final = "/api/chat"
GENERATE: Final = "/api/generate"
_WHOLE: Final = b',"stream":false}'
_STREAMED: Final = b',"stream":true}'
_WRITTEN_WRONG: Final = "invalid_json"


def encode(
    request: LLMRequest, profile: ModelProfile, defaults: Defaults, machine: Mapping[str, int], keep_alive: str | float | None = None
) -> Result[WireRequest, LLMError]:
    """Say a request in Ollama's words; ``machine`` are options of this machine (threads, layers on the GPU)."""
    context = context_for(request, profile, defaults)
    too_large = refused(context, profile.name)
    if too_large is not None:
        return Failure(too_large)
    fixed: dict[str, Any] = {"truncate": False, "shift": False}
    if keep_alive is not None:
        fixed["keep_alive"] = keep_alive
    fixed["stream"] = False
    strict = defaults.strict(request)

    def body(notices: list[str]) -> dict[str, Any]:
        said = _completion(request, profile) if only_continues(profile.name) else _chat(request, profile, notices, strict=strict)
        if not isinstance(request.output, PlainText):
            said["format"] = _form(request.output, said, profile, notices)
        wanted = sampling(request, profile, defaults, notices)
        if (think := _thinking(wanted, profile, notices, strict=strict)) is not None:
            said["think"] = think
        said["options"] = {"num_ctx": context.num_ctx, **machine, **_options(wanted)}
        return {**said, **fixed}

    return written(request, GENERATE if only_continues(profile.name) else CHAT, body)


def streamed(body: bytes) -> bytes:
    """The same request, to be answered piece by piece.

    >>> streamed(b'{"model":"m","stream":false}')
    b'{"model":"m","stream":true}'
    """
    return body.removesuffix(_WHOLE) + _STREAMED


def machine_options(settings: ProviderSettings) -> dict[str, int]:
    """What settings say of the machine: these are used when a model is loaded."""
    wanted = {"num_thread": settings.threads, "num_gpu": settings.gpu_layers}
    return {name: value for name, value in wanted.items() if value is not None}


def keep_alive_of(settings: ProviderSettings) -> str | float | None:
    """How long a model stays in memory: a duration such as ``5m``, or seconds, as a number, below 0 for ever.

    >>> keep_alive_of(ProviderSettings(keep_alive="10m")), keep_alive_of(ProviderSettings(keep_alive="-1"))
    ('10m', -1.0)
    """
    told = settings.keep_alive
    if told is None:
        return None
    try:
        seconds = float(told)
    except ValueError:
        return told
    return seconds if isfinite(seconds) else told


def _completion(request: LLMRequest, profile: ModelProfile) -> dict[str, Any]:
    if request.messages or request.system is not None or request.tools:
        raise UnfitError(f"{profile.name} only continues a text: give it a prompt and nothing else")
    return {"model": profile.name, "prompt": request.prompt or "", "raw": True}


def _chat(request: LLMRequest, profile: ModelProfile, notices: list[str], *, strict: bool) -> dict[str, Any]:
    messages: list[dict[str, Any]] = []
    if request.system is not None:
        messages.append({"role": "system", "content": request.system})
    if request.messages:
        names = {call.id: call.name for message in request.messages for call in message.tool_calls}
        messages += [_message(message, profile, names, notices) for message in request.messages]
    if request.prompt is not None:
        messages.append({"role": "user", "content": request.prompt})
    if not messages:
        raise UnfitError("there is nothing to ask: give a prompt or messages")
    body: dict[str, Any] = {"model": profile.name, "messages": messages}
    if request.tools or isinstance(request.tool_choice, UseTool):
        _add_tools(body, request, profile, notices, strict=strict)
    return body


def _message(message: Message, profile: ModelProfile, names: Mapping[str, str], notices: list[str]) -> dict[str, Any]:
    said: dict[str, Any] = {"role": message.role, "content": message.text}
    images = [_image(part, message, profile) for part in message.content if not isinstance(part, TextPart)]
    if images:
        said["images"] = images
    own = "".join(thought.text for thought in message.thoughts if may_return(thought, profile))
    if own:
        said["thinking"] = own
    if message.tool_calls:
        said["tool_calls"] = [_call(call, notices) for call in message.tool_calls]
    if message.role == "tool":
        said["tool_name"] = names.get(message.tool_call_id or "", "")
        said["tool_call_id"] = message.tool_call_id or ""
    return said


def _image(part: object, message: Message, profile: ModelProfile) -> str:
    if message.role != "user":
        raise UnfitError(f"a {message.role} message can hold text only")
    if isinstance(part, ImageUrl):
        raise UnfitError("ollama fetches no images: send the bytes of the image (ImageData)")
    if not isinstance(part, ImageData):
        raise UnfitError("ollama reads no documents: send their text, or their pages as images")
    if not profile.vision:
        raise UnfitError(f"{profile.name} takes no images")
    return base64_of(part.data)


def _call(call: ToolCall, notices: list[str]) -> dict[str, Any]:
    """A call of an earlier turn; arguments are sent as an object, so what the model wrote wrong is wrapped in one."""
    try:
        arguments = msgspec.json.decode(call.arguments)
    except (ValueError, RecursionError):
        arguments = None
    if not isinstance(arguments, dict):
        notices.append(f"the arguments of an earlier call of {call.name} are no JSON object: they are sent under {_WRITTEN_WRONG!r}")
        arguments = {_WRITTEN_WRONG: call.arguments}
    return {"id": call.id, "function": {"name": call.name, "arguments": arguments}}


def _add_tools(body: dict[str, Any], request: LLMRequest, profile: ModelProfile, notices: list[str], *, strict: bool) -> None:
    tools, choice = tools_for(request, profile), request.tool_choice
    if choice == "none":
        return
    if choice != "auto":
        instead = f"it was offered {tools[0].name} and no other" if isinstance(choice, UseTool) else "it was only offered some"
        left_out("ollama cannot make a model call a tool", instead, notices, strict=strict)
    body["tools"] = [function_of(tool) for tool in tools]


def _form(form: AnyJson | JsonSchema, body: dict[str, Any], profile: ModelProfile, notices: list[str]) -> Any:
    if isinstance(form, AnyJson):
        return "json"
    if profile.json_schema:
        return dict(form.schema)
    if "messages" not in body:
        raise UnfitError(f"{profile.name} obeys no JSON schema")
    body["messages"].insert(0, {"role": "system", "content": schema_in_words(form)})
    notices.append(schema_was_told(profile))
    return "json"


def _thinking(wanted: Sampling, profile: ModelProfile, notices: list[str], *, strict: bool) -> bool | str | None:
    """Whether to think, and for some models how much; a model that never thinks is asked for nothing of the kind."""
    level = wanted.reasoning
    if level is None:
        return None
    if not profile.reasoning:
        if level != "off":
            left_out(f"{profile.name} does not think before it answers", "reasoning was left out", notices, strict=strict)
        return None
    if profile.name.startswith(REASONING_BY_LEVEL):
        if level == "off":
            left_out(f"{profile.name} always thinks", "it was told to think little", notices, strict=strict)
        return "low" if level == "off" else level
    return level != "off"


def _options(wanted: Sampling) -> dict[str, Any]:
    told = {
        "temperature": wanted.temperature,
        "top_p": wanted.top_p,
        "seed": wanted.seed,
        "stop": wanted.stop or None,
        "num_predict": wanted.max_tokens,
    }
    return {name: value for name, value in told.items() if value is not None}
