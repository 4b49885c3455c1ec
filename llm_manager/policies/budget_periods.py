"""The periods of budgets, by UTC: total for every clock, in steps that never go back."""

from datetime import date
from math import inf
from typing import Final

from llm_manager.domain.configuration import BudgetPeriod

_DAY_SECONDS: Final = 86_400
_EPOCH: Final = date(1970, 1, 1).toordinal()
_LAST_DAY: Final = date(9998, 12, 31).toordinal() - _EPOCH


def end_of(period: BudgetPeriod, wall: float) -> float:
    """When the period ends that a moment falls into, in seconds since 1970. What is before that, or no time at all, is taken for its
    first day."""
    if period == "run":
        return inf
    day = int(min(max(0.0, wall), _LAST_DAY * _DAY_SECONDS)) // _DAY_SECONDS
    if day == _LAST_DAY:
        return inf
    if period == "day":
        return (day + 1) * _DAY_SECONDS
    today = date.fromordinal(_EPOCH + day)
    after = date(today.year + today.month // 12, today.month % 12 + 1, 1)
    return (after.toordinal() - _EPOCH) * _DAY_SECONDS


def start_of(period: BudgetPeriod, wall: float) -> float:
    """When the period began that a moment falls into, in seconds since 1970; what is of a run began with the clock."""
    if period == "run":
        return 0.0
    day = int(min(max(0.0, wall), _LAST_DAY * _DAY_SECONDS)) // _DAY_SECONDS
    if period == "month":
        day = date.fromordinal(_EPOCH + day).replace(day=1).toordinal() - _EPOCH
    return float(day * _DAY_SECONDS)
