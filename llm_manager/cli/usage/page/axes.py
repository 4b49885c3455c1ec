"""Scales: where the marks of an axis stand, and the periods between two moments, those without usage included."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from math import floor, isfinite, log10
from typing import Final

from llm_manager.domain.usage_log import UsageKey
from llm_manager.policies.usage_totals import moment

_MARKS: Final = 4
_LEAST: Final = 1e-12
_NICE: Final = (1.0, 2.0, 2.5, 5.0, 10.0)
_HOUR: Final = 3600
_HOURS_AT_MOST: Final = 3 * 24
_DAYS_AT_MOST: Final = 120
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def marks(most: float) -> tuple[float, ...]:
    """Round numbers from 0 to at least ``most``, four to six of them.

    >>> marks(7.3), marks(0)
    ((0.0, 2.0, 4.0, 6.0, 8.0), (0.0, 1.0))
    """
    if not isfinite(most) or most < _LEAST:
        return (0.0, 1.0)
    rough = most / _MARKS
    power = 10.0 ** floor(log10(rough))
    step = next(nice * power for nice in _NICE if nice * power >= rough * (1 - 1e-9))
    found = [0.0]
    while found[-1] < most * (1 - 1e-9):
        found.append(step * len(found))
    return tuple(found)


def time_key(first: float, last: float) -> UsageKey:
    """How finely a span is shown: by hour, by day, or by month."""
    hours = (last - first) / _HOUR
    return "hour" if hours <= _HOURS_AT_MOST else "day" if hours <= _DAYS_AT_MOST * 24 else "month"


def periods(key: UsageKey, first: float, last: float) -> tuple[str, ...]:
    """The names of all hours, days or months from one moment to another."""
    hour, end = int(first // _HOUR), int(last // _HOUR)
    found = []
    while hour <= end:
        found.append(moment(key, hour))
        hour = _next(key, hour)
    name = moment(key, end)
    return (*found, name) if found and found[-1] != name else tuple(found)


def _next(key: UsageKey, hour: int) -> int:
    if key == "hour":
        return hour + 1
    day = (_EPOCH + timedelta(hours=hour)).replace(hour=0)
    after = day + timedelta(days=1) if key == "day" else (day.replace(day=1) + timedelta(days=32)).replace(day=1)
    return int((after - _EPOCH) / timedelta(hours=1))


def some(labels: Sequence[str], most: int) -> dict[int, str]:
    """At most so many of the labels, evenly spread, by their places."""
    if not labels:
        return {}
    step = max(1, -(-len(labels) // most))
    return {place: labels[place] for place in range(0, len(labels), step)}
