"""What happens, told by one journal; times are seconds on the world's monotonic clock, spans are seconds."""

from decimal import Decimal
from typing import ClassVar, Final, Literal, TypeAlias

from msgspec import Struct, field

from llm_manager.domain.errors import LLMError
from llm_manager.domain.requests import RequestMetadata
from llm_manager.domain.usage import Cost, Most, Unpriced, Usage

Operation: TypeAlias = Literal["chat", "embed", "moderate", "create_image", "count_tokens"]
"""What a model is asked to do."""

_UNTOLD: Final = Unpriced(reason="nobody told what it took")


class AttemptStarted(Struct, frozen=True, kw_only=True):
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
    metadata: RequestMetadata = field(default_factory=RequestMetadata)
    """On whose behalf it was sent, and is billed; others may share its answer."""


class AttemptFailed(Struct, frozen=True, kw_only=True):
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
    metadata: RequestMetadata = field(default_factory=RequestMetadata)
    key_fingerprint: str | None = None
    most: Most | None = None


class AttemptAnswered(Struct, frozen=True, kw_only=True):
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
    metadata: RequestMetadata = field(default_factory=RequestMetadata)
    key_fingerprint: str | None = None
    most: Most | None = None
    prefix_saved_usd: Decimal | None = None
    """What it saved that the provider had kept the beginning of the prompt; None where it kept none, or nobody knows."""


class AttemptLeft(Struct, frozen=True, kw_only=True):
    """A model was asked, and nobody waits for its answer any more, which may be billed: its caller went away, or another was quicker."""

    tag: ClassVar[Literal["AttemptLeft"]] = "AttemptLeft"
    at: float
    call_id: str
    number: int
    provider: str
    model: str
    seconds: float
    operation: Operation = "chat"
    metadata: RequestMetadata = field(default_factory=RequestMetadata)
    key_fingerprint: str | None = None
    most: Most | None = None


class MovedOn(Struct, frozen=True, kw_only=True):
    """The call goes on: with another model, or with the same one again, after a pause."""

    tag: ClassVar[Literal["MovedOn"]] = "MovedOn"
    at: float
    call_id: str
    from_model: str
    to_model: str
    after_seconds: float
    error_tag: str


class CacheHit(Struct, frozen=True, kw_only=True):
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
    metadata: RequestMetadata = field(default_factory=RequestMetadata)


class SimilarFound(Struct, frozen=True, kw_only=True):
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
    metadata: RequestMetadata = field(default_factory=RequestMetadata)


class CacheFailed(Struct, frozen=True, kw_only=True):
    """What remembers answers or vectors failed, and counts as remembering nothing; told once until all is well again."""

    tag: ClassVar[Literal["CacheFailed"]] = "CacheFailed"
    at: float
    error: LLMError


class SharingLost(Struct, frozen=True, kw_only=True):
    """The Redis that processes share cannot be reached: limits hold for each of them alone, budgets of days and months refuse."""

    tag: ClassVar[Literal["SharingLost"]] = "SharingLost"
    at: float
    place: str
    error: LLMError


class SharingRegained(Struct, frozen=True, kw_only=True):
    """It can be reached again, after so many seconds."""

    tag: ClassVar[Literal["SharingRegained"]] = "SharingRegained"
    at: float
    place: str
    seconds: float


class Answered(Struct, frozen=True, kw_only=True):
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


class CallFailed(Struct, frozen=True, kw_only=True):
    """A call of the manager ended with an error."""

    tag: ClassVar[Literal["CallFailed"]] = "CallFailed"
    at: float
    call_id: str
    seconds: float
    error: LLMError
    metadata: RequestMetadata


class CallCancelled(Struct, frozen=True, kw_only=True):
    """The caller went away before the end: its task was cancelled, or its stream closed early."""

    tag: ClassVar[Literal["CallCancelled"]] = "CallCancelled"
    at: float
    call_id: str
    seconds: float
    metadata: RequestMetadata


class ServersProbed(Struct, frozen=True, kw_only=True):
    """Local servers were looked for, because nothing was configured."""

    tag: ClassVar[Literal["ServersProbed"]] = "ServersProbed"
    at: float
    found: tuple[str, ...]
    absent: tuple[str, ...]


class ToolCalled(Struct, frozen=True, kw_only=True):
    """A tool was called for a model; what it was given and what it gave are not told."""

    tag: ClassVar[Literal["ToolCalled"]] = "ToolCalled"
    at: float
    call_id: str
    step: int
    tool: str
    seconds: float
    error: LLMError | None = None


class BreakerChanged(Struct, frozen=True, kw_only=True):
    """An endpoint is shut, tried again, or open to all again."""

    tag: ClassVar[Literal["BreakerChanged"]] = "BreakerChanged"
    at: float
    provider: str
    endpoint: str
    phase: Literal["closed", "open", "half_open"]


class Paused(Struct, frozen=True, kw_only=True):
    """Nothing more is sent on a quota for so many seconds, since its endpoint asked for that."""

    tag: ClassVar[Literal["Paused"]] = "Paused"
    at: float
    provider: str
    endpoint: str
    key_fingerprint: str | None
    seconds: float


class BudgetAlert(Struct, frozen=True, kw_only=True):
    """A budget, or the purse ``of`` a name in it, has come to a share of its limit; amounts are in ``unit``."""

    tag: ClassVar[Literal["BudgetAlert"]] = "BudgetAlert"
    at: float
    budget: str
    of: str
    unit: Literal["usd", "tokens", "requests"]
    share: Decimal
    spent: Decimal
    limit: Decimal


class UsageReset(Struct, frozen=True, kw_only=True):
    """The budgets of a period were begun anew because somebody said so."""

    tag: ClassVar[Literal["UsageReset"]] = "UsageReset"
    at: float
    period: Literal["run", "day", "month"]


class KeyChanged(Struct, frozen=True, kw_only=True):
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
