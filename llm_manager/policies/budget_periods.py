"""The periods of budgets, by UTC: total for every clock, in steps that never go back."""

from datetime import date
from math import inf
from typing import Final, NamedTuple

from llm_manager.domain.configuration import BudgetPeriod

_DAY_SECONDS: Final = 86_400
_EPOCH: Final = date(1970, 1, 1).toordinal()
_LAST_DAY: Final = date(9998, 12, 31).toordinal() - _EPOCH


class Span(NamedTuple):
    """One period: its number, which grows, and when it ends, in seconds since 1970."""

    number: int
    ends: float


_FOR_EVER: Final = Span(0, inf)


def span_at(period: BudgetPeriod, wall: float) -> Span:
    """The period that a moment falls into. What is before 1970, or no time at all, is taken for its first day."""
    if period == "run":
        return _FOR_EVER
    day = int(min(max(0.0, wall), _LAST_DAY * _DAY_SECONDS)) // _DAY_SECONDS
    if day == _LAST_DAY:
        return Span(day if period == "day" else 12 * 9998 + 11, inf)
    if period == "day":
        return Span(day, (day + 1) * _DAY_SECONDS)
    today = date.fromordinal(_EPOCH + day)
    months = 12 * today.year + today.month - 1
    after = date((months + 1) // 12, (months + 1) % 12 + 1, 1)
    return Span(months, (after.toordinal() - _EPOCH) * _DAY_SECONDS)
