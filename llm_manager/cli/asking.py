"""From what was typed to a request: the prompt, a prompt from standard input, images from files."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final, TextIO

from returns.result import Failure, Success

from llm_manager.domain.errors import InvalidRequest, LLMError
from llm_manager.domain.messages import ImageData, ImageUrl, Message, Part, TextPart
from llm_manager.domain.requests import LLMRequest, Preferences, Sensitivity, TaskType
from llm_manager.outcomes import Settled
from llm_manager.policies.names import AUTO

_STARTS: Final = ((b"\x89PNG\r\n\x1a\n", "image/png"), (b"\xff\xd8\xff", "image/jpeg"), (b"GIF8", "image/gif"))


def make_request(
    prompt: str,
    *,
    stdin: TextIO,
    system: str | None = None,
    model: str | None = None,
    provider: str | None = None,
    max_tokens: int | None = None,
    temperature: float | None = None,
    task_type: TaskType | None = None,
    sensitivity: Sensitivity | None = None,
    images: Sequence[str] = (),
    fallback: bool = False,
    timeout_seconds: float | None = None,
) -> Settled[LLMRequest, LLMError]:
    """Make the request; ``-`` takes the prompt from ``stdin``, images are web addresses or files that are read now.

    Who is named is asked and nobody else, unless ``fallback`` lets others stand in.
    """
    try:
        asked = stdin.read() if prompt == "-" else prompt
    except UnicodeDecodeError as error:
        return Failure(InvalidRequest(message=f"standard input is no text in {error.encoding}, at byte {error.start}"))
    if not asked.strip() and not images:
        return Failure(InvalidRequest(message="the prompt is empty: give it as an argument, or - to read standard input"))
    parts: list[Part] = []
    for image in images:
        part = read_image(image)
        if isinstance(part, Failure):
            return part
        parts.append(part.unwrap())
    named = model is not None or provider not in (None, AUTO)
    preferences = Preferences(max_tokens=max_tokens, temperature=temperature, model=model, provider=provider, exact=named and not fallback)
    return Success(
        LLMRequest(
            prompt=None if parts else asked,
            messages=(Message(role="user", content=(TextPart(text=asked), *parts)),) if parts else (),
            system=system,
            task_type=task_type,
            sensitivity=sensitivity,
            preferences=preferences,
            timeout_ms=None if timeout_seconds is None else max(1, round(timeout_seconds * 1000)),
        )
    )


def read_image(place: str) -> Settled[Part, LLMError]:
    """An image by its web address, or read from a file whose first bytes tell its kind."""
    if place.startswith(("https://", "http://")):
        return Success(ImageUrl(url=place))
    try:
        data = Path(place).read_bytes()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "not a file name"
        return Failure(InvalidRequest(message=f"the image {place} cannot be read: {reason}"))
    kind = media_type(data)
    if kind is None:
        return Failure(InvalidRequest(message=f"{place} is no PNG, JPEG, GIF or WebP image"))
    return Success(ImageData(data=data, media_type=kind))


def media_type(data: bytes) -> str | None:
    """The kind of an image, by its first bytes."""
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    return next((kind for start, kind in _STARTS if data.startswith(start)), None)
