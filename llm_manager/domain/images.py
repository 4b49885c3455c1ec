"""Images made from words."""

from attrs import field, frozen

from llm_manager.domain.errors import AttemptRecord
from llm_manager.domain.messages import ImageData, ImageUrl
from llm_manager.domain.requests import RequestMetadata, Sensitivity
from llm_manager.domain.usage import Cost, Unpriced, Usage

_NO_METADATA = RequestMetadata()
_NOT_PRICED = Unpriced(reason="not priced yet")


@frozen(kw_only=True)
class ImageRequest:
    """A picture to be made; ``size`` is as the provider writes it (``1024x1024``). None for ``sensitivity`` lets the prompt decide."""

    prompt: str = field(kw_only=False)
    model: str | None = None
    provider: str | None = None
    size: str | None = None
    quality: str | None = None
    count: int = 1
    sensitivity: Sensitivity | None = None
    timeout_ms: int | None = None
    deadline_ms: int | None = None
    metadata: RequestMetadata = _NO_METADATA


@frozen(kw_only=True)
class MadeImage:
    """One picture, as its bytes or as an address that may soon expire; ``revised_prompt`` is what was really drawn."""

    image: ImageData | ImageUrl
    revised_prompt: str = field(default="", repr=False)


@frozen(kw_only=True)
class MadeImages:
    """The pictures made."""

    images: tuple[MadeImage, ...]
    model: str
    provider: str
    usage: Usage | None = None
    cost: Cost = _NOT_PRICED
    latency_seconds: float = 0.0
    attempts: tuple[AttemptRecord, ...] = ()
    notices: tuple[str, ...] = ()
