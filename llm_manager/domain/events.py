"""What happens, told by one journal; times are seconds on the world's monotonic clock, spans are seconds."""

from decimal import Decimal
from typing import ClassVar, Final, Literal, TypeAlias

from attrs import field, frozen

from llm_manager.domain.errors import LLMError
from llm_manager.domain.requests import RequestMetadata
from llm_manager.domain.usage import Cost, Most, Unpriced, Usage

Operation: TypeAlias = Literal["chat", "embed", "moderate", "create_image", "count_tokens"]
"""What a model is asked to do."""

_UNTOLD: Final = Unpriced(reason="nobody told what it took")


@frozen(kw_only=True)
class AttemptStarted:
    """A model was asked."""

    tag: ClassVar[Literal["AttemptStarted"]] = "AttemptStarted"
    at: float
    call_id: str
    number: int
    provider: str
    model: str
    operation: Operation = "chat"
    key_fingerprint: str | None = None
    """Which key was sent, never the key; None when there is none, or a token that is fetched for each request."""
    metadata: RequestMetadata = field(factory=RequestMetadata)
    """On whose behalf it was sent, and is billed; others may share its answer."""


@frozen(kw_only=True)
class AttemptFailed:
    """A model did not answer."""

    tag: ClassVar[Literal["AttemptFailed"]] = "AttemptFailed"
    at: float
    call_id: str
    number: int
    provider: str
    model: str
    seconds: float
    error: LLMError
    operation: Operation = "chat"
    metadata: RequestMetadata = field(factory=RequestMetadata)
    key_fingerprint: str | None = None
    most: Most | None = None


@frozen(kw_only=True)
class AttemptAnswered:
    """A model answered over the wire: a hit or a shared flight is not one of these."""

    tag: ClassVar[Literal["AttemptAnswered"]] = "AttemptAnswered"
    at: float
    call_id: str
    number: int
    provider: str
    model: str
    seconds: float
    usage: Usage | None
    cost: Cost
    operation: Operation = "chat"
    tokens_per_second: float | None = None
    """How fast it wrote, where its server tells."""
    metadata: RequestMetadata = field(factory=RequestMetadata)
    key_fingerprint: str | None = None
    most: Most | None = None
    prefix_saved_usd: Decimal | None = None
    """What it saved that the provider had kept the beginning of the prompt; None where it kept none, or nobody knows."""


@frozen(kw_only=True)
class AttemptLeft:
    """A model was asked, and nobody waits for its answer any more, which may be billed: its caller went away, or another was quicker."""

    tag: ClassVar[Literal["AttemptLeft"]] = "AttemptLeft"
    at: float
    call_id: str
    number: int
    provider: str
    model: str
    seconds: float
    operation: Operation = "chat"
    metadata: RequestMetadata = field(factory=RequestMetadata)
    key_fingerprint: str | None = None
    most: Most | None = None


@frozen(kw_only=True)
class MovedOn:
    """The call goes on: with another model, or with the same one again, after a pause."""

    tag: ClassVar[Literal["MovedOn"]] = "MovedOn"
    at: float
    call_id: str
    from_model: str
    to_model: str
    after_seconds: float
    error_tag: str


@frozen(kw_only=True)
class CacheHit:
    """An answer was remembered, or shared with an equal call under way; ``usage`` and ``saved`` are what it took when it was made."""

    tag: ClassVar[Literal["CacheHit"]] = "CacheHit"
    at: float
    call_id: str
    provider: str
    model: str
    shared: bool
    operation: Operation = "chat"
    usage: Usage | None = None
    saved: Cost = _UNTOLD
    metadata: RequestMetadata = field(factory=RequestMetadata)


@frozen(kw_only=True)
class SimilarFound:
    """An answer to a similar prompt was found, and used where it was ``accepted``; ``saved`` is what it took when it was made."""

    tag: ClassVar[Literal["SimilarFound"]] = "SimilarFound"
    at: float
    call_id: str
    provider: str
    model: str
    score: float
    accepted: bool
    usage: Usage | None = None
    saved: Cost = _UNTOLD
    metadata: RequestMetadata = field(factory=RequestMetadata)


@frozen(kw_only=True)
class CacheFailed:
    """What remembers answers or vectors failed, and counts as remembering nothing; told once until all is well again."""

    tag: ClassVar[Literal["CacheFailed"]] = "CacheFailed"
    at: float
    error: LLMError


@frozen(kw_only=True)
class SharingLost:
    """The Redis that processes share cannot be reached: limits hold for each of them alone, budgets of days and months refuse."""

    tag: ClassVar[Literal["SharingLost"]] = "SharingLost"
    at: float
    place: str
    error: LLMError


@frozen(kw_only=True)
class SharingRegained:
    """It can be reached again, after so many seconds."""

    tag: ClassVar[Literal["SharingRegained"]] = "SharingRegained"
    at: float
    place: str
    seconds: float


@frozen(kw_only=True)
class Answered:
    """A call of the manager ended with an answer."""

    tag: ClassVar[Literal["Answered"]] = "Answered"
    at: float
    call_id: str
    provider: str
    model: str
    seconds: float
    usage: Usage | None
    cost: Cost
    cached: bool
    metadata: RequestMetadata


@frozen(kw_only=True)
class CallFailed:
    """A call of the manager ended with an error."""

    tag: ClassVar[Literal["CallFailed"]] = "CallFailed"
    at: float
    call_id: str
    seconds: float
    error: LLMError
    metadata: RequestMetadata


@frozen(kw_only=True)
class CallCancelled:
    """The caller went away before the end: its task was cancelled, or its stream closed early."""

    tag: ClassVar[Literal["CallCancelled"]] = "CallCancelled"
    at: float
    call_id: str
    seconds: float
    metadata: RequestMetadata


@frozen(kw_only=True)
class ServersProbed:
    """Local servers were looked for, because nothing was configured."""

    tag: ClassVar[Literal["ServersProbed"]] = "ServersProbed"
    at: float
    found: tuple[str, ...]
    absent: tuple[str, ...]


@frozen(kw_only=True)
class ToolCalled:
    """A tool was called for a model; what it was given and what it gave are not told."""

    tag: ClassVar[Literal["ToolCalled"]] = "ToolCalled"
    at: float
    call_id: str
    step: int
    tool: str
    seconds: float
    error: LLMError | None = None


@frozen(kw_only=True)
class BreakerChanged:
    """An endpoint is shut, tried again, or open to all again."""

    tag: ClassVar[Literal["BreakerChanged"]] = "BreakerChanged"
    at: float
    provider: str
    endpoint: str
    phase: Literal["closed", "open", "half_open"]


@frozen(kw_only=True)
class Paused:
    """Nothing more is sent on a quota for so many seconds, since its endpoint asked for that."""

    tag: ClassVar[Literal["Paused"]] = "Paused"
    at: float
    provider: str
    endpoint: str
    key_fingerprint: str | None
    seconds: float


@frozen(kw_only=True)
class BudgetAlert:
    """A budget, or the purse ``of`` a name in it, has come to a share of its limit; amounts are in ``unit``."""

    tag: ClassVar[Literal["BudgetAlert"]] = "BudgetAlert"
    at: float
    budget: str
    of: str
    unit: Literal["usd", "tokens", "requests"]
    share: Decimal
    spent: Decimal
    limit: Decimal


@frozen(kw_only=True)
class UsageReset:
    """The budgets of a period were begun anew because somebody said so."""

    tag: ClassVar[Literal["UsageReset"]] = "UsageReset"
    at: float
    period: Literal["run", "day", "month"]


@frozen(kw_only=True)
class KeyChanged:
    """Another key is used from now on, or one is not used any more; only fingerprints are told."""

    tag: ClassVar[Literal["KeyChanged"]] = "KeyChanged"
    at: float
    provider: str
    key_fingerprint: str
    change: Literal["preferred", "cooling", "refused", "retired", "added"]


Event: TypeAlias = (
    AttemptStarted
    | AttemptFailed
    | AttemptAnswered
    | AttemptLeft
    | MovedOn
    | CacheHit
    | SimilarFound
    | CacheFailed
    | SharingLost
    | SharingRegained
    | Answered
    | CallFailed
    | CallCancelled
    | ServersProbed
    | ToolCalled
    | BreakerChanged
    | Paused
    | BudgetAlert
    | UsageReset
    | KeyChanged
)
