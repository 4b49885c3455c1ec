"""What has been seen of each model."""

from collections.abc import Mapping
from decimal import Decimal

from attrs import field, frozen

from llm_manager.domain.usage import Usage


@frozen(kw_only=True)
class ModelStatistics:
    """Attempts at one model. ``latency_seconds`` is a moving average over successes only."""

    provider: str
    model: str
    attempts: int = 0
    successes: int = 0
    latency_seconds: float | None = None
    success_rate: float | None = None
    usage: Usage = field(factory=Usage)
    cost_usd: Decimal = Decimal(0)
    unpriced: int = 0
    errors: Mapping[str, int] = field(factory=dict)


@frozen(kw_only=True)
class Statistics:
    """All calls so far. ``calls`` counts calls of the manager, ``cached`` those that cost nothing; models by ``provider/name``.

    ``version`` changes when an estimate moves enough to matter to a route.
    """

    calls: int = 0
    answered: int = 0
    failed: int = 0
    cancelled: int = 0
    cached: int = 0
    models: Mapping[str, ModelStatistics] = field(factory=dict)
    version: int = 0
