"""Sums of many log rows become `UsageTotals`."""

from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final

import msgspec

from llm_manager.domain.statistics import Histogram
from llm_manager.domain.usage import Usage
from llm_manager.domain.usage_log import UsageKey, UsageTotals
from llm_manager.policies.budget_rules import amount_of
from llm_manager.policies.latencies import percentile_over
from llm_manager.policies.remembering import usd_of
from llm_manager.policies.usage_entries import parts_of

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_LAST_HOUR: Final = (datetime(9999, 12, 31, tzinfo=UTC) - _EPOCH) // timedelta(hours=1)
TIMES: Final[Mapping[UsageKey, str]] = {"hour": "%Y-%m-%d %H:00", "day": "%Y-%m-%d", "month": "%Y-%m"}
"""How a moment is called when usage is grouped by it; by UTC."""


PAID: Final = ("answered", "failed", "left")
"""How what was sent ended."""
REMEMBERED: Final = ("hit", "shared", "similar")
"""How what was not sent was answered."""
TOKENS: Final = (
    "input_tokens",
    "cache_read_tokens",
    "cache_write_tokens",
    "cache_write_long_tokens",
    "output_tokens",
    "reasoning_tokens",
)


class Sums(msgspec.Struct):
    """What is added up of rows: ``amounts`` by name, answers by the bucket of their latency, failures by tag."""

    amounts: Counter[str]
    buckets: Counter[int]
    errors: Counter[str]

    def count(self, alike: "Alike", outcome: str) -> None:
        """Count rows that ended alike."""
        amounts, ours = alike.amounts, self.amounts
        rows = amounts["rows"]
        if outcome in REMEMBERED:
            ours["remembered"] += rows
            ours["saved_micros"] += amounts["cost_micros"]
            ours["saved_rest"] += amounts["cost_rest"]
            ours["saved_tokens"] += sum(amounts[name] for name in TOKENS)
            ours["unknown_saved"] += rows - amounts["priced"]
            return
        ours[outcome] += rows
        for name in (*TOKENS, "cost_micros", "cost_rest", "prefix_nanos"):
            ours[name] += amounts[name]
        if outcome == "answered":
            ours["unpriced"] += rows - amounts["priced"]
            ours["milliseconds"] += amounts["milliseconds"]
        else:
            ours["doubtful"] += amounts["billable"]
        self.buckets.update(alike.buckets)
        self.errors.update(alike.errors)


class Alike(msgspec.Struct):
    """Rows of one outcome: what they took together in ``amounts``, answers by the bucket of their latency, failures by tag."""

    amounts: Mapping[str, int]
    buckets: Counter[int]
    errors: Counter[str]


def no_sums() -> Sums:
    """Nothing yet."""
    return Sums(Counter(), Counter(), Counter())


def moment(key: UsageKey, hour: int) -> str:
    """The name of the hour, day or month that an hour falls into, counted since 1970."""
    return (_EPOCH + timedelta(hours=min(max(0, hour), _LAST_HOUR))).strftime(TIMES[key])


def totals_of(sums: Sums) -> UsageTotals:
    """The totals of sums."""
    amounts = sums.amounts
    successful, latencies = amounts["answered"], (_histogram(sums.buckets),)
    return UsageTotals(
        requests=successful + amounts["failed"] + amounts["left"],
        successful=successful,
        failed=amounts["failed"],
        left=amounts["left"],
        usage=Usage(
            input_tokens=amounts["input_tokens"],
            cache_read_tokens=amounts["cache_read_tokens"],
            cache_write_tokens=amounts["cache_write_tokens"],
            output_tokens=amounts["output_tokens"],
            reasoning_tokens=amounts["reasoning_tokens"],
            cache_write_long_tokens=amounts["cache_write_long_tokens"],
        ),
        cost_usd=amount_of(parts_of(amounts["cost_micros"], amounts["cost_rest"]), "usd"),
        unpriced=amounts["unpriced"],
        doubtful=amounts["doubtful"],
        remembered=amounts["remembered"],
        saved_usd=amount_of(parts_of(amounts["saved_micros"], amounts["saved_rest"]), "usd"),
        saved_tokens=amounts["saved_tokens"],
        unknown_saved=amounts["unknown_saved"],
        prefix_saved_usd=usd_of(amounts["prefix_nanos"]) or Decimal(0),
        average_latency_ms=amounts["milliseconds"] / successful if successful else None,
        median_latency_ms=_milliseconds(percentile_over(latencies, 0.5)),
        p95_latency_ms=_milliseconds(percentile_over(latencies, 0.95)),
        p99_latency_ms=_milliseconds(percentile_over(latencies, 0.99)),
        errors=dict(sums.errors.most_common()),
    )


def _histogram(buckets: Counter[int]) -> Histogram:
    if not buckets:
        return Histogram()
    first, last = min(buckets), max(buckets)
    return Histogram(first=first, counts=tuple(buckets[each] for each in range(first, last + 1)), answers=buckets.total())


def _milliseconds(seconds: float | None) -> float | None:
    return None if seconds is None else seconds * 1000
