"""Texts as vectors."""

from collections.abc import Iterable
from typing import Literal, TypeAlias

from attrs import field, frozen

from llm_manager.domain.errors import AttemptRecord
from llm_manager.domain.requests import CachePolicy, RequestMetadata, Sensitivity
from llm_manager.domain.usage import Cost, Unpriced, Usage

Vector: TypeAlias = tuple[float, ...]
Purpose: TypeAlias = Literal["query", "document"]

_NO_METADATA = RequestMetadata()
_NOT_PRICED = Unpriced(reason="not priced yet")


def _texts(given: str | Iterable[str]) -> tuple[str, ...]:
    return (given,) if isinstance(given, str) else tuple(given)


@frozen(kw_only=True)
class EmbedRequest:
    """Texts to be turned into vectors by one model; no other model stands in for it, since their vectors do not compare.

    ``dimensions`` and ``purpose`` are for models that take them. None for ``sensitivity`` lets the texts decide.
    """

    texts: tuple[str, ...] = field(converter=_texts, kw_only=False)
    model: str | None = None
    provider: str | None = None
    dimensions: int | None = None
    purpose: Purpose | None = None
    sensitivity: Sensitivity | None = None
    timeout_ms: int | None = None
    deadline_ms: int | None = None
    metadata: RequestMetadata = _NO_METADATA
    cache: CachePolicy = "use"


@frozen(kw_only=True)
class Embeddings:
    """One vector for each text, in their order; ``remembered`` of them came from the cache, free."""

    vectors: tuple[Vector, ...] = field(repr=False)
    model: str
    provider: str
    usage: Usage | None = None
    cost: Cost = _NOT_PRICED
    remembered: int = 0
    latency_seconds: float = 0.0
    attempts: tuple[AttemptRecord, ...] = ()
    notices: tuple[str, ...] = ()
