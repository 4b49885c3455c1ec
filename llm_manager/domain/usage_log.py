"""What the usage log is asked, and what it tells: attempts, cached answers and money, by whatever they are grouped."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Literal, TypeAlias

from attrs import field, frozen

from llm_manager.domain.usage import Usage

UsageKey: TypeAlias = Literal["hour", "day", "month", "provider", "model", "operation", "feature", "user", "tenant", "run", "key", "error"]
"""What usage may be grouped by; hours, days and months are those of UTC, ``model`` is ``provider/name``, ``key`` a key's fingerprint."""


@frozen(kw_only=True)
class UsageQuery:
    """Which entries are meant: from ``since`` until before ``until``, in seconds since 1970, of these names only, None for all.

    ``by`` groups them; ``top`` keeps the dearest groups alone. ``dearest`` is how many of the dearest calls are listed too.
    """

    since: float | None = None
    until: float | None = None
    by: tuple[UsageKey, ...] = ()
    provider: str | None = None
    model: str | None = None
    operation: str | None = None
    feature: str | None = None
    user: str | None = None
    tenant: str | None = None
    run: str | None = None
    top: int | None = None
    dearest: int = 0


@frozen(kw_only=True)
class UsageTotals:
    """What some requests took. ``requests`` were sent: ``successful``, ``failed``, or ``left`` by their callers.

    ``unpriced`` answers have a cost that is not known and not in ``cost_usd``; ``doubtful`` requests failed or were left and may have
    been billed. ``remembered`` answers came from the cache or were shared: what they took when they were made is ``saved_usd`` and
    ``saved_tokens``, and ``unknown_saved`` of them have a cost that is not known. ``prefix_saved_usd`` is what it saved that
    providers had kept the beginning of prompts: less than nothing where to keep it cost more. Latencies are of successful requests,
    percentiles off by less than 5 %; None where there are none.
    """

    requests: int = 0
    successful: int = 0
    failed: int = 0
    left: int = 0
    usage: Usage = field(factory=Usage)
    cost_usd: Decimal = Decimal(0)
    unpriced: int = 0
    doubtful: int = 0
    remembered: int = 0
    saved_usd: Decimal = Decimal(0)
    saved_tokens: int = 0
    unknown_saved: int = 0
    prefix_saved_usd: Decimal = Decimal(0)
    average_latency_ms: float | None = None
    median_latency_ms: float | None = None
    p95_latency_ms: float | None = None
    p99_latency_ms: float | None = None
    errors: Mapping[str, int] = field(factory=dict)

    @property
    def total_tokens(self) -> int:
        """All tokens, read and written."""
        return self.usage.total_tokens


@frozen(kw_only=True)
class UsageGroup:
    """What the requests took that share these names, one for each of the query's ``by``; None is said by none of them."""

    of: tuple[str | None, ...]
    totals: UsageTotals


@frozen(kw_only=True)
class DearCall:
    """One call with all its requests: when it ended, in seconds since 1970, whom it asked, for whom, and what it cost."""

    call_id: str
    at: float
    models: tuple[str, ...]
    operation: str
    feature: str | None
    user: str | None
    tenant: str | None
    run: str | None
    requests: int
    tokens: int
    cost_usd: Decimal


@frozen(kw_only=True)
class UsageReport:
    """What was used: altogether, by group, and by the dearest calls.

    Groups are in the order of time where they are grouped by it, else the dearest first. ``lost`` entries could not be kept.
    ``first`` and ``last`` are when the entries came that it is made of, in seconds since 1970; None when there are none.
    """

    query: UsageQuery
    total: UsageTotals
    groups: tuple[UsageGroup, ...] = ()
    dearest: tuple[DearCall, ...] = ()
    lost: int = 0
    first: float | None = None
    last: float | None = None


@frozen(kw_only=True)
class PastSpending:
    """What the requests took that fall to one purse: money in millionths of a millionth of a dollar.

    Those of which nobody told what they took count with the most they can have taken, which ``unknown_...`` tells apart.
    """

    purse: str
    usd_parts: int = 0
    tokens: int = 0
    requests: int = 0
    unknown_usd_parts: int = 0
    unknown_tokens: int = 0
    unknown_requests: int = 0
