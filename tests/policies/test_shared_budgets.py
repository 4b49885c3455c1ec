"""Budgets in parts that processes share: never less than was taken, never more than is allowed, and told once."""

from decimal import Decimal
from typing import get_args

from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from llm_manager.domain.configuration import Budget, BudgetUnit
from llm_manager.domain.errors import ContentFiltered, RequestTimeout
from llm_manager.domain.usage import Priced, Unpriced, Usage
from llm_manager.policies.budget_book import Alert
from llm_manager.policies.budget_periods import end_of
from llm_manager.policies.budget_rules import parts, rules_of
from llm_manager.policies.budget_words import standing_of
from llm_manager.policies.shared_budgets import (
    alerts_of,
    book_of,
    coarse,
    coarse_limit,
    fine,
    is_shared,
    purse_digest,
    share_of,
    took_of_answer,
    took_of_failure,
)

UNITS = st.sampled_from(get_args(BudgetUnit))
WALL = 1_800_000_000.0
TEN = Budget(name="ten", limit=Decimal(10), period="day")


@given(UNITS, st.integers(0, 10**24), st.decimals(0, 10**9, places=9))
def test_amounts_are_rounded_up_and_limits_down(unit: BudgetUnit, amount: int, limit: Decimal) -> None:
    """So that what fits there fits the budget."""
    (rule,) = rules_of([evolve(TEN, unit=unit, limit=limit)])
    assert 0 <= fine(rule, coarse(rule, amount)) - amount < 1000
    assert 0 <= rule.limit - fine(rule, coarse_limit(rule)) < 1000


@given(UNITS, st.lists(st.integers(0, 10**10), max_size=20))
def test_each_alert_comes_once_however_spending_is_cut(unit: BudgetUnit, steps: list[int]) -> None:
    """In the order of their shares."""
    (rule,) = rules_of([evolve(TEN, unit=unit)])
    told: list[Alert] = []
    spent = 0
    for step in steps:
        told += alerts_of(rule, (0, ""), spent, spent + step)
        spent += step
    assert [each.place for each in told] == [each.place for each in alerts_of(rule, (0, ""), 0, spent)]
    shares = [share_of(rule, each) for each in told]
    assert shares == sorted(shares)


def test_purses_of_others_have_other_names() -> None:
    """By everything that a budget fits, by name and by period; a limit may differ."""
    budgets = [
        TEN,
        evolve(TEN, name="other"),
        evolve(TEN, unit="tokens"),
        evolve(TEN, period="month"),
        evolve(TEN, user="ann"),
        evolve(TEN, tenant="ann"),
        evolve(TEN, feature="ann"),
        evolve(TEN, provider="openai"),
        evolve(TEN, model="openai"),
        evolve(TEN, each="user"),
    ]
    rules = rules_of(budgets)
    names = [purse_digest(rule, name, end_of(rule.period, WALL)) for rule in rules for name in ("", "ann")]
    names.append(purse_digest(rules[0], "", end_of("day", WALL + 86_400)))
    assert len(set(names)) == len(names) == 21
    assert not any("ann" in name or "ten" in name for name in names)
    (richer,) = rules_of([evolve(TEN, limit=Decimal(20))])
    assert purse_digest(richer, "", end_of("day", WALL)) == names[0]


def test_what_was_taken() -> None:
    """Of an answer, of a failure, of one that was left."""
    usd, tokens, requests = rules_of([TEN, evolve(TEN, unit="tokens"), evolve(TEN, unit="requests")])
    priced, usage = Priced(usd=Decimal("0.0000000001"), price_version="t"), Usage(input_tokens=3, output_tokens=4)
    assert [took_of_answer(rule, usage, priced) for rule in (usd, tokens, requests)] == [1, 7, 1]
    assert [took_of_answer(rule, None, Unpriced(reason="t")) for rule in (usd, tokens, requests)] == [None, None, 1]
    assert took_of_failure(RequestTimeout(model="m", timeout_ms=5)) is took_of_failure(None) is None
    assert took_of_failure(ContentFiltered(model="m")) == 0


def test_what_was_seen_is_a_book_of_now() -> None:
    """Purses of periods that are over are not in it."""
    rules = rules_of([TEN])
    ends = end_of("day", WALL)
    seen = {((0, ""), ends): (3 * 10**9, 10**9, 2 * 10**9, 1), ((0, ""), ends - 86_400): (9, 0, 0, 0)}
    (only,) = standing_of(book_of(rules, seen, WALL), WALL)
    amounts = [int(each) for each in (only.spent, only.unknown, only.reserved, only.left)]
    assert [*amounts, only.above_reserved] == [3, 1, 2, 5, 1]
    assert share_of(rules[0], alerts_of(rules[0], (0, ""), 0, 11 * 10**9)[-1]) == Decimal("1.1")
    (none,) = rules_of([evolve(TEN, limit=Decimal(0))])
    assert share_of(none, alerts_of(none, (0, ""), 0, 1)[-1]) == 1
    assert parts(Decimal(1), "usd") == 10**12
    assert is_shared(TEN) and not is_shared(evolve(TEN, period="run"))
