"""How things stand in what lets requests through: read from its cells, never folded from the journal."""

from decimal import Decimal
from typing import Literal, TypeAlias

from attrs import field, frozen

from llm_manager.domain.configuration import BudgetUnit
from llm_manager.domain.rate_limits import RateLimits

BreakerPhase: TypeAlias = Literal["closed", "open", "half_open"]


@frozen(kw_only=True)
class BreakerStanding:
    """The breaker of one endpoint. ``probe_in_seconds`` is when an open one lets a probe through, ``probes`` how many are under way."""

    provider: str
    endpoint: str
    phase: BreakerPhase = "closed"
    failures: int = 0
    """One after the other, up to now."""
    probes: int = 0
    probe_in_seconds: float | None = None
    cause: str | None = field(default=None, eq=False)
    """The last failure in words, of one that is not closed."""


@frozen(kw_only=True)
class ScopeStanding:
    """One quota: of an endpoint, and of one key there or of all. Limits are per minute; None is not known.

    ``told`` is what the provider said last. ``concurrency`` is how many may be under way now, learned or set.
    """

    provider: str
    endpoint: str
    key_fingerprint: str | None = None
    under_way: int = 0
    waiting: int = 0
    concurrency: int | None = None
    requests_per_second: float | None = None
    """How fast requests are sent, where that was learned from refusals."""
    requests: int | None = None
    requests_left: int | None = None
    tokens: int | None = None
    tokens_left: int | None = None
    paused_seconds: float = 0.0
    ready_in_seconds: float | None = 0.0
    """When the next one may leave, as far as time decides that; None while it waits for another one to end."""
    told: RateLimits | None = None


@frozen(kw_only=True)
class BudgetStanding:
    """One budget, or one purse of a budget that is kept apart for each name; amounts are in ``unit``.

    ``reserved`` is held for calls under way, ``unknown`` is the part of ``spent`` that may have been billed and was not told.
    ``waiting`` calls wait for others to end, and ``above_reserved`` calls took more than their worst case said.
    """

    budget: str
    of: str = ""
    unit: BudgetUnit
    limit: Decimal
    spent: Decimal
    reserved: Decimal
    unknown: Decimal
    left: Decimal
    resets_at: float | None = None
    waiting: int = 0
    above_reserved: int = 0


@frozen(kw_only=True)
class KeyStanding:
    """One key of a provider, by its fingerprint; ``reason`` says why it is not used now."""

    provider: str
    fingerprint: str
    usable: bool = True
    leases: int = 0
    uses: int = 0
    reason: str | None = None
    back_in_seconds: float | None = None


@frozen(kw_only=True)
class SharingStanding:
    """Whether the Redis that processes share is ``reached``. While it is not, limits hold for each process alone, budgets of days and
    months refuse, and nothing is shared; ``error`` says why, and ``seconds`` for how long."""

    place: str
    reached: bool = True
    seconds: float = 0.0
    error: str | None = None


@frozen(kw_only=True)
class Standing:
    """Everything that lets requests through or holds them back, as it is now."""

    breakers: tuple[BreakerStanding, ...] = ()
    scopes: tuple[ScopeStanding, ...] = ()
    budgets: tuple[BudgetStanding, ...] = ()
    keys: tuple[KeyStanding, ...] = ()
    online: bool | None = None
    """Whether any endpoint that is not local was reached lately; None when none was asked."""
    sharing: SharingStanding | None = None
    """What is shared with other processes; None where nothing is."""
