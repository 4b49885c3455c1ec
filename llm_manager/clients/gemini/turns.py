"""A conversation as Gemini's turns: two roles, and the results of calls made together in one turn."""

import re
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec

from llm_manager.clients.contents import base64_of, only_text
from llm_manager.clients.data.gemini_manners import UNSIGNED, wants_signatures
from llm_manager.clients.fitting import UnfitError
from llm_manager.clients.who import may_return
from llm_manager.domain.messages import DocumentData, DocumentUrl, ImageData, ImageUrl, Message, Part, TextPart
from llm_manager.domain.models import ModelProfile
from llm_manager.domain.requests import LLMRequest

_DATA_URL: Final = re.compile(r"data:(?P<type>[\w.+-]{1,60}/[\w.+-]{1,80});base64,(?P<data>[A-Za-z0-9+/=_-]*)\Z")
_IMAGE_TYPES: Final = {
    "png": "image/png",
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "webp": "image/webp",
    "heic": "image/heic",
    "heif": "image/heif",
}


def instructions_of(request: LLMRequest) -> list[str]:
    """What the system says, wherever in the conversation it stands: Gemini hears it before all else."""
    system = [] if request.system is None else [request.system]
    return [text for text in (*system, *(only_text(each) for each in request.messages if each.role == "system")) if text]


def turns_of(request: LLMRequest, profile: ModelProfile) -> list[dict[str, Any]]:
    """Everything else that is said, in order."""
    turns: list[dict[str, Any]] = []
    names: dict[str, str] = {}
    results: list[dict[str, Any]] | None = None
    for message in request.messages:
        if message.role == "tool":
            if results is None:
                results = []
                turns.append({"role": "user", "parts": results})
            results.append(_result(message, names))
            continue
        if message.role == "assistant":
            names.update((call.id, call.name) for call in message.tool_calls)
            turns.append({"role": "model", "parts": _said(message, profile)})
        elif message.role == "user":
            turns.append({"role": "user", "parts": [_part(part, profile) for part in message.content] or [{"text": ""}]})
        results = None
    if request.prompt is not None:
        turns.append({"role": "user", "parts": [{"text": request.prompt}]})
    return turns


def _said(message: Message, profile: ModelProfile) -> list[dict[str, Any]]:
    """What the model said, with the proofs of its thinking where they were; another model's are left out."""
    ours = [thought for thought in message.thoughts if thought.signature and may_return(thought, profile)]
    parts: list[dict[str, Any]] = [
        {"text": thought.text, "thought": True, "thoughtSignature": thought.signature} for thought in ours if thought.text
    ]
    text = only_text(message)
    *earlier, last = [thought.signature for thought in ours if not thought.text] or [""]
    parts.extend({"text": "", "thoughtSignature": signature} for signature in earlier)
    if last:
        parts.append({"text": text, "thoughtSignature": last})
    elif text:
        parts.append({"text": text})
    parts.extend(_calls(message, profile))
    return parts or [{"text": ""}]


def _calls(message: Message, profile: ModelProfile) -> list[dict[str, Any]]:
    """The calls; a model that wants the first of them signed is told when nobody signed it."""
    parts: list[dict[str, Any]] = []
    for call in message.tool_calls:
        part: dict[str, Any] = {"functionCall": {"id": call.id, "name": call.name, "args": _arguments(call.arguments)}}
        if call.signature and may_return(call, profile):
            part["thoughtSignature"] = call.signature
        parts.append(part)
    if parts and wants_signatures(profile.name) and not any("thoughtSignature" in part for part in parts):
        parts[0]["thoughtSignature"] = UNSIGNED
    return parts


def _arguments(text: str) -> object:
    """The arguments as they were written; what is no object, and Gemini would refuse, is wrapped into one."""
    try:
        written = text.encode()
        return msgspec.Raw(written) if isinstance(msgspec.json.decode(written), dict) else {"arguments": text}
    except UnicodeEncodeError:
        raise
    except (ValueError, RecursionError):
        return {"arguments": text}


def _result(message: Message, names: Mapping[str, str]) -> dict[str, Any]:
    name = names.get(message.tool_call_id or "")
    if name is None:
        raise UnfitError("a tool's message answers no call that was made before it")
    said = {"error" if message.tool_failed else "output": only_text(message)}
    return {"functionResponse": {"id": message.tool_call_id, "name": name, "response": said}}


def _part(part: Part, profile: ModelProfile) -> dict[str, Any]:
    if isinstance(part, TextPart):
        return {"text": part.text}
    if isinstance(part, ImageUrl | ImageData):
        if not profile.vision:
            raise UnfitError(f"{profile.name} takes no images")
        return _image(part)
    if not profile.documents:
        raise UnfitError(f"{profile.name} takes no documents")
    return _document(part)


def _document(document: DocumentUrl | DocumentData) -> dict[str, Any]:
    if isinstance(document, DocumentUrl):
        return {"fileData": {"mimeType": document.media_type, "fileUri": document.url}}
    return _inline(document.data, document.media_type)


def _image(image: ImageUrl | ImageData) -> dict[str, Any]:
    if isinstance(image, ImageData):
        return _inline(image.data, image.media_type)
    carried = _DATA_URL.match(image.url)
    if carried is not None:
        return {"inlineData": {"mimeType": carried["type"], "data": carried["data"]}}
    kind = _IMAGE_TYPES.get(_suffix(image.url))
    return {"fileData": {"fileUri": image.url} if kind is None else {"mimeType": kind, "fileUri": image.url}}


def _suffix(url: str) -> str:
    try:
        return urlsplit(url).path.rpartition(".")[2].lower()
    except ValueError:
        return ""


def _inline(data: bytes, media_type: str) -> dict[str, Any]:
    return {"inlineData": {"mimeType": media_type, "data": base64_of(data)}}
