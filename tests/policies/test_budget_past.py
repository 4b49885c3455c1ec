"""What the usage log told becomes amounts of purses, for the budgets whose period outlives a process."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_manager.domain.configuration import Budget, BudgetPeriod
from llm_manager.domain.usage_log import PastSpending
from llm_manager.policies.budget_past import amounts_of, lasting
from llm_manager.policies.budget_periods import end_of, start_of
from llm_manager.policies.budget_rules import rules_of

RULES = rules_of(
    (
        Budget(name="run", limit=Decimal(1)),
        Budget(name="usd", limit=Decimal(1), period="day"),
        Budget(name="tokens", limit=Decimal(1), period="month", unit="tokens", each="user"),
        Budget(name="requests", limit=Decimal(1), period="day", unit="requests"),
    )
)
ONE = PastSpending(purse="ann", usd_parts=10, tokens=20, requests=30, unknown_usd_parts=1, unknown_tokens=2, unknown_requests=3)


def test_budgets_of_a_run_begin_with_it() -> None:
    """All others when their period did."""
    found = lasting(RULES, 1_800_000_000.0)
    assert [(place, budget.name, since) for place, budget, since in found] == [
        (1, "usd", 1_799_971_200.0),
        (2, "tokens", 1_798_761_600.0),
        (3, "requests", 1_799_971_200.0),
    ]


def test_each_budget_counts_in_its_own_unit() -> None:
    """By purse."""
    assert amounts_of(RULES, [1, 2, 3], [[ONE], [ONE], [ONE]]) == {(1, "ann"): (10, 1), (2, "ann"): (20, 2), (3, "ann"): (30, 3)}


@given(st.sampled_from(["day", "month", "run"]), st.floats())
def test_a_period_has_begun_and_not_ended(period: BudgetPeriod, wall: float) -> None:
    """For every clock."""
    start = start_of(period, wall)
    assert start < end_of(period, wall)
    assert start_of(period, start) == start
    if 0 <= wall < 250_000_000_000:
        assert start <= wall < end_of(period, wall)


@pytest.mark.parametrize(("wall", "start"), [(1_709_211_600.0, 1_706_745_600.0), (0.0, 0.0), (-5.0, 0.0)])
def test_a_month_begins_on_its_first_day(wall: float, start: float) -> None:
    """Also in February of a leap year, and before the clock."""
    assert start_of("month", wall) == start
