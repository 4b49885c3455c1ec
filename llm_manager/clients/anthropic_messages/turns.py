"""Messages as this dialect takes them: turns of user and assistant, made of blocks, and a system prompt apart from them."""

import re
from collections.abc import Iterable
from typing import Any, Final

import msgspec

from llm_manager.clients.anthropic_messages.thinking import returned
from llm_manager.clients.contents import base64_of, only_text
from llm_manager.clients.fitting import UnfitError
from llm_manager.domain.messages import DocumentData, DocumentUrl, ImageData, ImageUrl, Message, Part, TextPart, ToolCall
from llm_manager.domain.models import ModelProfile

Block = dict[str, Any]

_IMAGES: Final = ("image/jpeg", "image/png", "image/gif", "image/webp")
_PDF: Final = "application/pdf"
_DATA_URL: Final = re.compile(r"data:([a-z]+/[a-z0-9.+-]+);base64,([A-Za-z0-9+/]*={0,2})\Z")
_NOT_IN_AN_ID: Final = re.compile(r"[^a-zA-Z0-9_-]")


def system_texts(messages: Iterable[Message], first: str | None) -> list[str]:
    """The texts of the system prompt: it stands apart here, wherever its messages stood."""
    texts = [] if first is None else [first]
    texts += [only_text(message) for message in messages if message.role == "system"]
    return [text for text in texts if text.strip()]


def turns(messages: Iterable[Message], prompt: str | None, profile: ModelProfile, *, takes_back: bool) -> list[Block]:
    """The turns in order; answers of tools go to the model together, in one turn of the user's, as it demands."""
    told: list[Block] = []
    for message in messages:
        if message.role == "system":
            continue
        blocks = _blocks(message, profile, takes_back=takes_back)
        role = "assistant" if message.role == "assistant" else "user"
        if not blocks:
            continue
        if message.role == "tool" and told and told[-1]["role"] == role:
            told[-1]["content"] += blocks
        else:
            told.append({"role": role, "content": blocks})
    if prompt is not None and prompt.strip():
        told.append({"role": "user", "content": [{"type": "text", "text": prompt}]})
    return told


def _blocks(message: Message, profile: ModelProfile, *, takes_back: bool) -> list[Block]:
    match message.role:
        case "assistant":
            thoughts = returned(message.thoughts, profile) if takes_back else []
            text = only_text(message)
            said = [{"type": "text", "text": text}] if text.strip() else []
            return [*thoughts, *said, *(_call(call) for call in message.tool_calls)]
        case "tool":
            result: Block = {"type": "tool_result", "tool_use_id": _id(message.tool_call_id)}
            if parts := _parts(message.content, profile):
                result["content"] = parts[0]["text"] if len(parts) == 1 and parts[0]["type"] == "text" else parts
            return [{**result, "is_error": True} if message.tool_failed else result]
        case _:
            return _parts(message.content, profile)


def _call(call: ToolCall) -> Block:
    """A call as the model made it. What it wrote and is no object is sent back inside one: the tool's answer says what was wrong."""
    written = call.arguments.strip() or "{}"
    try:
        given: object = msgspec.Raw(written.encode()) if isinstance(msgspec.json.decode(written), dict) else {"value": written}
    except (ValueError, RecursionError):
        given = {"value": written}
    return {"type": "tool_use", "id": _id(call.id), "name": call.name, "input": given}


def _id(told: str | None) -> str:
    """An id as this dialect allows it; ids of other providers may hold more."""
    return _NOT_IN_AN_ID.sub("_", told or "") or "call"


def _parts(parts: Iterable[Part], profile: ModelProfile) -> list[Block]:
    return [_part(part, profile) for part in parts if not (isinstance(part, TextPart) and not part.text.strip())]


def _part(part: Part, profile: ModelProfile) -> Block:
    match part:
        case TextPart(text=text):
            return {"type": "text", "text": text}
        case ImageUrl(url=url):
            return {"type": "image", "source": _image_source(url, profile)}
        case ImageData(data=data, media_type=kind):
            return {"type": "image", "source": _image(base64_of(data), kind, profile)}
        case DocumentUrl(url=url, media_type=kind):
            if kind != _PDF:
                raise UnfitError(f"{profile.provider} fetches PDF documents only: send the text of this one")
            return {"type": "document", "source": _fit(profile, {"type": "url", "url": url})}
        case DocumentData(data=data, media_type=kind, name=name):
            source = _document(data, kind)
            return {"type": "document", "source": _fit(profile, source), **({"title": name} if name else {})}


def _image_source(url: str, profile: ModelProfile) -> Block:
    """Where an image is to be fetched; one that stands in its own address is sent."""
    inside = _DATA_URL.match(url)
    if inside is not None:
        return _image(inside[2], inside[1], profile)
    if url.startswith("data:"):
        raise UnfitError("an image in a data: address must be written as base64")
    return {"type": "url", "url": _seen(profile, url)}


def _image(data: str, kind: str, profile: ModelProfile) -> Block:
    if kind not in _IMAGES:
        raise UnfitError(f"{profile.provider} takes no images of type {kind}; it takes JPEG, PNG, GIF and WebP")
    return {"type": "base64", "media_type": kind, "data": _seen(profile, data)}


def _seen(profile: ModelProfile, told: str) -> str:
    if not profile.vision:
        raise UnfitError(f"{profile.name} takes no images")
    return told


def _document(data: bytes, kind: str) -> Block:
    if kind == _PDF:
        return {"type": "base64", "media_type": _PDF, "data": base64_of(data)}
    if not kind.startswith("text/"):
        raise UnfitError(f"documents of type {kind} cannot be sent: PDF and text can")
    try:
        return {"type": "text", "media_type": "text/plain", "data": data.decode("utf-8")}
    except UnicodeDecodeError:
        raise UnfitError(f"the document of type {kind} is not text in UTF-8") from None


def _fit(profile: ModelProfile, source: Block) -> Block:
    """A document's source, for a model that reads such; plain text any model reads."""
    if not profile.documents and source["type"] != "text":
        raise UnfitError(f"{profile.name} takes no documents")
    return source
