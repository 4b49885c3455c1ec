"""Whether texts may be shown, by a provider's own rules."""

from collections.abc import Iterable, Mapping

from attrs import field, frozen

from llm_manager.domain.errors import AttemptRecord
from llm_manager.domain.requests import RequestMetadata, Sensitivity
from llm_manager.domain.usage import Cost, Unpriced, Usage

_NO_METADATA = RequestMetadata()
_NOT_PRICED = Unpriced(reason="not priced yet")


def _texts(given: str | Iterable[str]) -> tuple[str, ...]:
    return (given,) if isinstance(given, str) else tuple(given)


@frozen(kw_only=True)
class ModerationRequest:
    """Texts to be judged. None for ``sensitivity`` lets the texts decide."""

    texts: tuple[str, ...] = field(converter=_texts, kw_only=False)
    model: str | None = None
    provider: str | None = None
    sensitivity: Sensitivity | None = None
    timeout_ms: int | None = None
    deadline_ms: int | None = None
    metadata: RequestMetadata = _NO_METADATA


@frozen(kw_only=True)
class Verdict:
    """What is said of one text: by category whether it is flagged, and how surely, 0 to 1."""

    flagged: bool
    categories: Mapping[str, bool] = field(factory=dict)
    scores: Mapping[str, float] = field(factory=dict)


@frozen(kw_only=True)
class Moderation:
    """One verdict for each text, in their order."""

    verdicts: tuple[Verdict, ...]
    model: str
    provider: str
    usage: Usage | None = None
    cost: Cost = _NOT_PRICED
    latency_seconds: float = 0.0
    attempts: tuple[AttemptRecord, ...] = ()
    notices: tuple[str, ...] = ()
