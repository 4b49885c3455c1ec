"""What goes along with a prompt: images and documents, by address or read from files that are named."""

from pathlib import Path
from typing import Final

from returns.result import Failure, Success

from llm_manager.cli.files import bytes_of, text_of
from llm_manager.domain.errors import InvalidRequest, LLMError
from llm_manager.domain.messages import DocumentData, DocumentUrl, ImageData, ImageUrl, Part, TextPart
from llm_manager.outcomes import Settled

_STARTS: Final = ((b"\x89PNG\r\n\x1a\n", "image/png"), (b"\xff\xd8\xff", "image/jpeg"), (b"GIF8", "image/gif"))
_WEB: Final = ("https://", "http://")


def read_image(place: str) -> Settled[Part, LLMError]:
    """An image by its web address, or read from a file whose first bytes tell its kind."""
    if place.startswith(_WEB):
        return Success(ImageUrl(url=place))
    data = bytes_of(place)
    if isinstance(data, Failure):
        return data
    kind = media_type(data.unwrap())
    if kind is None:
        return Failure(InvalidRequest(message=f"{place} is no PNG, JPEG, GIF or WebP image"))
    return Success(ImageData(data=data.unwrap(), media_type=kind))


def read_document(place: str) -> Settled[Part, LLMError]:
    """A PDF by its web address or from a ``.pdf`` file; any other file is text, which every model reads, under its name."""
    if place.startswith(_WEB):
        return Success(DocumentUrl(url=place))
    name = Path(place).name
    if Path(place).suffix.lower() == ".pdf":
        data = bytes_of(place)
        if isinstance(data, Failure):
            return data
        if b"%PDF-" not in data.unwrap()[:1024]:
            return Failure(InvalidRequest(message=f"{place} is no PDF, whatever its name says"))
        return Success(DocumentData(data=data.unwrap(), name=name))
    text = text_of(place)
    if isinstance(text, Failure):
        return text
    if "\0" in text.unwrap():
        return Failure(InvalidRequest(message=f"{place} is neither PDF nor text: convert it first"))
    return Success(TextPart(text=f"{name}:\n\n{text.unwrap()}"))


def media_type(data: bytes) -> str | None:
    """The kind of an image, by its first bytes."""
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    return next((kind for start, kind in _STARTS if data.startswith(start)), None)
