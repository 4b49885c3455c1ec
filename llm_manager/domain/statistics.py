"""What has been seen of each model."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Final

from attrs import field, frozen

from llm_manager.domain.events import Operation
from llm_manager.domain.usage import Usage


@frozen(kw_only=True)
class Histogram:
    """How many ``answers`` took how long: ``counts`` of neighbouring buckets, the first of which is number ``first``."""

    first: int = 0
    counts: tuple[int, ...] = ()
    answers: int = 0


@frozen(kw_only=True)
class Latencies:
    """How long the newest answers took: those since the counting last began anew, and as many as were counted before that."""

    newer: Histogram = field(factory=Histogram)
    older: Histogram = field(factory=Histogram)


@frozen(kw_only=True)
class ModelStatistics:
    """Attempts at one model: answered, failed, or ``left`` by their callers. ``latency_seconds`` is a moving average
    over successes only, ``seconds`` their sum.

    ``rated`` counts the attempts that tell of the model, all but those that a mistake of the caller ended or that were left;
    ``success_rate`` is a moving average over them. The two estimates follow in steps and are what routes may read:
    between two versions of the `Statistics` they stand still. ``tokens_per_second`` is a moving average over the answers
    whose server told how fast it wrote. ``doubtful`` counts the failed and left attempts that may have been billed all the same.
    """

    provider: str
    model: str
    attempts: int = 0
    successes: int = 0
    rated: int = 0
    seconds: float = 0.0
    latency_seconds: float | None = None
    success_rate: float | None = None
    latency_estimate_seconds: float | None = None
    success_estimate: float | None = None
    usage: Usage = field(factory=Usage)
    cost_usd: Decimal = Decimal(0)
    unpriced: int = 0
    errors: Mapping[str, int] = field(factory=dict)
    operation: Operation = "chat"
    tokens_per_second: float | None = None
    latencies: Latencies = field(factory=Latencies)
    doubtful: int = 0
    left: int = 0


@frozen(kw_only=True)
class Spending:
    """What the calls on behalf of one name took: how many they were, and what their own attempts cost.

    A call that was answered from the cache, or shares the request of an equal one, counts and takes nothing; the request is paid
    for by whose call sent it, whether that waits for the answer or not. ``unpriced`` answers have a cost that is not known;
    ``doubtful`` counts failed and left attempts that may have been billed.
    """

    calls: int = 0
    failed: int = 0
    cancelled: int = 0
    tokens: int = 0
    cost_usd: Decimal = Decimal(0)
    unpriced: int = 0
    doubtful: int = 0


OTHERS: Final = "others"
"""The name under which all those are summed for which there is no room."""


@frozen(kw_only=True)
class Statistics:
    """All calls so far. ``calls`` counts calls of the manager, ``cached`` those that cost nothing; models by ``provider/name``,
    and by ``provider/name operation`` for what is no chat.

    ``version`` changes when an estimate moves enough to matter to a route. Of models, features, users and tenants the most
    used are kept, and the rest is summed under ``others``.
    """

    calls: int = 0
    answered: int = 0
    failed: int = 0
    cancelled: int = 0
    cached: int = 0
    models: Mapping[str, ModelStatistics] = field(factory=dict)
    version: int = 0
    features: Mapping[str, Spending] = field(factory=dict)
    users: Mapping[str, Spending] = field(factory=dict)
    tenants: Mapping[str, Spending] = field(factory=dict)


@frozen(kw_only=True)
class ProviderSummary:
    """What one provider was asked and gave; latencies are those of its newest answers, None when there are none."""

    requests: int = 0
    successful: int = 0
    tokens: int = 0
    cost_usd: Decimal = Decimal(0)
    unpriced: int = 0
    doubtful: int = 0
    errors: Mapping[str, int] = field(factory=dict)
    median_latency_ms: float | None = None
    p95_latency_ms: float | None = None


@frozen(kw_only=True)
class Summary:
    """Totals over all calls, a table for people. ``average_latency_ms`` is over answered attempts, None when there are none."""

    total_requests: int
    successful: int
    failed: int
    cancelled: int
    cached: int
    total_tokens: int
    cost_usd: Decimal
    unpriced: int
    average_latency_ms: float | None
    errors: Mapping[str, int]
    by_provider: Mapping[str, ProviderSummary]
    doubtful: int = 0
    by_feature: Mapping[str, Spending] = field(factory=dict)
    by_user: Mapping[str, Spending] = field(factory=dict)
    by_tenant: Mapping[str, Spending] = field(factory=dict)
