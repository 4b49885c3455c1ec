"""The running count of one model while a run of events is folded; it lives inside one fold and is never shared."""

from decimal import Decimal

from llm_manager.domain.statistics import ModelStatistics
from llm_manager.domain.usage import Usage
from llm_manager.policies.latencies import with_latencies

LATENCY_WEIGHT = 0.1
"""How far the newest of many answers moves the average latency."""

SUCCESS_WEIGHT = 0.05
"""How far the newest of many attempts moves the success rate."""

LATENCY_STEP = 1.25
"""By which factor latency must have moved before routes hear of it."""

SUCCESS_STEP = 0.05
"""By how much the success rate must have moved before routes hear of it."""


class Tally:
    """`ModelStatistics` in the making; ``moves`` counts how often an estimate took a step."""

    __slots__ = (
        "cost",
        "doubtful",
        "errors",
        "latency",
        "latency_estimate",
        "lost",
        "moves",
        "rated",
        "seconds",
        "speed",
        "start",
        "success_estimate",
        "success_rate",
        "successes",
        "times",
        "tokens",
        "unpriced",
        "waits",
    )

    def __init__(self, start: ModelStatistics) -> None:
        self.start = start
        self.times = start.attempts
        self.successes = start.successes
        self.rated = start.rated
        self.seconds = start.seconds
        self.latency = start.latency_seconds
        self.success_rate = start.success_rate
        self.latency_estimate = start.latency_estimate_seconds
        self.success_estimate = start.success_estimate
        self.tokens: list[Usage] = []
        self.cost = start.cost_usd
        self.unpriced = start.unpriced
        self.errors = start.errors
        self.speed = start.tokens_per_second
        self.waits: list[float] = []
        self.doubtful = start.doubtful
        self.lost = start.left
        self.moves = 0

    def answered(self, seconds: float, usage: Usage | None, usd: Decimal | None, speed: float | None = None) -> None:
        """Count an answer."""
        self.times += 1
        successes = self.successes = self.successes + 1
        self.seconds += seconds
        self.waits.append(seconds)
        if usage is not None:
            self.tokens.append(usage)
        if usd is None:
            self.unpriced += 1
        else:
            self.cost += usd
        if speed is not None:
            self.speed = _moved(self.speed, speed, self.successes, LATENCY_WEIGHT)
        latency = self.latency = _moved(self.latency, seconds, successes, LATENCY_WEIGHT)
        estimate = self.latency_estimate
        if estimate is None or latency > estimate * LATENCY_STEP or latency * LATENCY_STEP < estimate:
            self.latency_estimate = latency
            self.moves += 1
        self._rate(1.0)

    def failed(self, tag: str, *, about_model: bool, doubtful: bool) -> None:
        """Count a failure; the success rate hears only of those that tell of the model."""
        self.times += 1
        self.doubtful += doubtful
        self.errors = {**self.errors, tag: self.errors.get(tag, 0) + 1}
        if about_model:
            self._rate(0.0)

    def left(self) -> None:
        """Count one that nobody waited for any more, which tells nothing of the model and may be billed."""
        self.times += 1
        self.lost += 1
        self.doubtful += 1

    def closed(self) -> ModelStatistics:
        """The statistics as they are now."""
        start = self.start
        return ModelStatistics(
            provider=start.provider,
            model=start.model,
            attempts=self.times,
            successes=self.successes,
            rated=self.rated,
            seconds=self.seconds,
            latency_seconds=self.latency,
            success_rate=self.success_rate,
            latency_estimate_seconds=self.latency_estimate,
            success_estimate=self.success_estimate,
            usage=_total(start.usage, self.tokens),
            cost_usd=self.cost,
            unpriced=self.unpriced,
            errors=self.errors,
            operation=start.operation,
            tokens_per_second=self.speed,
            latencies=with_latencies(start.latencies, self.waits) if self.waits else start.latencies,
            doubtful=self.doubtful,
            left=self.lost,
        )

    def _rate(self, value: float) -> None:
        self.rated += 1
        rate = self.success_rate = _moved(self.success_rate, value, self.rated, SUCCESS_WEIGHT)
        if self.success_estimate is None or abs(rate - self.success_estimate) >= SUCCESS_STEP:
            self.success_estimate = rate
            self.moves += 1


def _moved(average: float | None, value: float, count: int, least_weight: float) -> float:
    """Move an average towards a value: the plain mean at first, then never by less than the least weight."""
    if average is None:
        return value
    weight = 1 / count
    return average + (value - average) * (weight if weight > least_weight else least_weight)


def _total(start: Usage, used: list[Usage]) -> Usage:
    if not used:
        return start
    read, remembered, kept, written, reasoned, kept_long = (
        start.input_tokens,
        start.cache_read_tokens,
        start.cache_write_tokens,
        start.output_tokens,
        start.reasoning_tokens,
        start.cache_write_long_tokens,
    )
    for each in used:  # one pass, and no `sum` for each bucket: this is a quarter of what an event costs
        read += each.input_tokens
        remembered += each.cache_read_tokens
        kept += each.cache_write_tokens
        written += each.output_tokens
        reasoned += each.reasoning_tokens
        kept_long += each.cache_write_long_tokens
    return Usage(
        input_tokens=read,
        cache_read_tokens=remembered,
        cache_write_tokens=kept,
        output_tokens=written,
        reasoning_tokens=reasoned,
        cache_write_long_tokens=kept_long,
    )
