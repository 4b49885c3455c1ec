"""What budgets ask of requests: which fit, whose purse pays, and how much is set aside."""

from datetime import UTC, datetime
from decimal import Decimal
from math import inf, nan
from typing import Any

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from llm_manager.domain.attempts import AnyAttempt, OtherAttempt
from llm_manager.domain.configuration import Budget, BudgetPeriod, BudgetUnit
from llm_manager.domain.events import Operation
from llm_manager.domain.models import FREE, KnownPrice, ModelProfile, UnknownPrice
from llm_manager.domain.requests import LLMRequest, Preferences, RequestMetadata
from llm_manager.policies.budget import opened, reserve, settle
from llm_manager.policies.budget_book import Exceeded, Real
from llm_manager.policies.budget_periods import end_of
from llm_manager.policies.budget_rules import NOBODY, Key, Unbounded, amount_of, needs_of, parts, rules_of
from llm_manager.policies.budget_words import exceeded_error, said, standing_of, terms, unbounded_error
from llm_manager.testing import attempt_for

PRICE = KnownPrice(input_usd=Decimal(1), output_usd=Decimal(10), version="t")
PROFILE = ModelProfile(name="m", provider="p", price=PRICE, max_output_tokens=100)
DAY = 86_400


def asking(
    profile: ModelProfile = PROFILE, *, feature: str | None = None, user: str | None = None, tenant: str | None = None
) -> AnyAttempt:
    """An attempt at a model on somebody's behalf, whose body has 84 bytes."""
    request = LLMRequest("x", metadata=RequestMetadata(feature=feature, user=user))
    attempt = attempt_for(request, model=profile).unwrap()
    return replace(attempt, wire=replace(attempt.wire, body=bytes(84)))


def other(operation: Operation, profile: ModelProfile = PROFILE) -> AnyAttempt:
    """An attempt at something that is no chat."""
    chat = asking()
    return OtherAttempt(
        call_id="c",
        number=1,
        operation=operation,
        model=profile,
        endpoint=chat.endpoint,
        key=None,
        metadata=chat.metadata,
        prompt_tokens=3,
        most_prompt_tokens=20,
        call_deadline=1.0,
    )


def budget(unit: BudgetUnit = "usd", **fields: Any) -> Budget:
    """A budget of 5."""
    return evolve(Budget(name="b", limit=Decimal(5), unit=unit), **fields)


def keys(attempt: AnyAttempt, *budgets: Budget) -> list[Key]:
    """The purses that pay for an attempt."""
    needs = needs_of(rules_of(budgets), attempt)
    assert not isinstance(needs, Unbounded)
    return [key for key, _ in needs]


def test_the_worst_case_in_each_unit() -> None:
    """Body and answer at most; money in millionths of millionths."""
    rules = rules_of((budget("requests"), budget("tokens"), budget()))
    assert needs_of(rules, asking()) == [((0, ""), 1), ((1, ""), 200), ((2, ""), 1_100_000_000)]


@pytest.mark.parametrize(
    ("names", "fits"),
    [
        ({}, True),
        ({"provider": "p"}, True),
        ({"provider": "q"}, False),
        ({"model": "m"}, True),
        ({"model": "p/m"}, True),
        ({"model": "q/m"}, False),
        ({"feature": "search"}, True),
        ({"user": "ann", "feature": "search"}, True),
        ({"user": "ann", "feature": "chat"}, False),
        ({"tenant": "acme"}, False),
    ],
)
def test_a_budget_is_for_those_who_fit_every_name_it_gives(names: dict[str, str], fits: bool) -> None:
    """None of them left out, and what is not said fits no name."""
    assert (keys(asking(feature="search", user="ann"), budget("requests", **names)) == [(0, "")]) == fits


@pytest.mark.parametrize("name", ["anthropic", "claude", "Claude"])
def test_a_provider_goes_by_any_of_its_names(name: str) -> None:
    """A budget for one that nobody is called by would hold nothing."""
    assert keys(asking(evolve(PROFILE, provider="anthropic")), budget("requests", provider=name)) == [(0, "")]


@pytest.mark.parametrize(
    ("each", "name"), [("provider", "p"), ("model", "p/m"), ("feature", "search"), ("user", "u" * 200), ("tenant", NOBODY)]
)
def test_a_purse_for_each_name(each: str, name: str) -> None:
    """Names are cut at some length, and those that say none share one."""
    assert keys(asking(feature="search", user="u" * 300), budget("requests", each=each)) == [(0, name)]


def test_what_costs_nothing_asks_nothing_of_a_budget_of_money() -> None:
    """A local model, whatever its length; but it is a request and has tokens. Counting is free everywhere."""
    local = evolve(PROFILE, price=FREE, max_output_tokens=None)
    assert keys(asking(local), budget()) == []
    assert keys(asking(evolve(local, max_output_tokens=1)), budget(), budget("tokens"), budget("requests")) == [(1, ""), (2, "")]
    assert keys(other("count_tokens"), budget(), budget("requests")) == []
    assert keys(other("embed"), budget(), budget("tokens")) == [(0, ""), (1, "")]


@pytest.mark.parametrize(
    ("attempt", "unit", "says", "amount"),
    [
        (asking(evolve(PROFILE, price=UnknownPrice())), "usd", "no price is known; give the model a price in `profiles`", 0),
        (asking(evolve(PROFILE, max_output_tokens=None)), "usd", "max_tokens", 1),
        (asking(evolve(PROFILE, max_output_tokens=None)), "tokens", "max_tokens", 1),
        (other("create_image"), "usd", "unpriced: allow", 1),
    ],
)
def test_what_nobody_knows_is_refused_unless_that_is_allowed(attempt: AnyAttempt, unit: BudgetUnit, says: str, amount: int) -> None:
    """And the refusal says what to do about it; what is counted when it ends needs that something is left."""
    rules = rules_of((budget(unit),))
    needs = needs_of(rules, attempt)
    assert isinstance(needs, Unbounded)
    error = unbounded_error(rules, needs, attempt.model)
    assert says in error.message
    assert "p/m" in error.message
    assert (error.budget, error.unit, error.limit, error.left) == ("b", unit, "5", None)
    assert needs_of(rules_of((budget(unit, unpriced="allow"),)), attempt) == [((0, ""), amount)]


def test_the_request_may_bound_what_the_model_does_not() -> None:
    """By its max_tokens."""
    unbounded = evolve(PROFILE, max_output_tokens=None)
    bounded = attempt_for(LLMRequest("x", preferences=Preferences(max_tokens=9)), model=unbounded).unwrap()
    assert not isinstance(needs_of(rules_of((budget(),)), bounded), Unbounded)


@given(st.decimals(0, 10**9, places=9))
def test_money_is_kept_to_its_last_digit(amount: Decimal) -> None:
    """There and back."""
    back = amount_of(parts(amount, "usd"), "usd")
    assert back == amount
    assert "E" not in str(back) or amount < Decimal("1e-6")
    assert str(back) == "0" or not (("." in str(back)) and str(back).endswith("0"))


def test_parts_are_rounded_up_and_limits_down() -> None:
    """So that neither is ever too generous."""
    assert parts(Decimal("1e-13"), "usd") == 1
    assert rules_of((evolve(budget(), limit=Decimal("1.9999999999999")),))[0].limit == 1_999_999_999_999
    assert rules_of((evolve(budget("tokens"), limit=Decimal("9.5")),))[0].limit == 9


def moment(year: int, month: int = 1, day: int = 1) -> float:
    """A day's beginning, UTC."""
    return datetime(year, month, day, tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("period", "wall", "ends"),
    [
        ("day", moment(2028, 2, 28) + 5, moment(2028, 2, 29)),
        ("day", moment(2028, 2, 29), moment(2028, 3, 1)),
        ("month", moment(2028, 2, 29) + 86_399.5, moment(2028, 3)),
        ("month", moment(2027, 2, 28), moment(2027, 3)),
        ("month", moment(2027, 12, 31), moment(2028, 1)),
        ("month", moment(2100, 2, 28), moment(2100, 3)),
        ("run", moment(2027), inf),
        ("day", -5.0, DAY),
        ("month", nan, 31 * DAY),
        ("day", inf, inf),
        ("month", 1e300, inf),
        ("day", -inf, DAY),
    ],
)
def test_periods_end_by_utc(period: BudgetPeriod, wall: float, ends: float) -> None:
    """Month ends, leap days, and clocks that show no time at all."""
    assert end_of(period, wall) == ends


@given(st.floats(0, 2e11), st.floats(0, 40 * DAY), st.sampled_from(["day", "month"]))
def test_periods_follow_each_other_without_gaps(wall: float, more: float, period: BudgetPeriod) -> None:
    """A later moment is in the same period or in a later one, which begins where the one before it ends."""
    first, later = end_of(period, wall), end_of(period, wall + more)
    assert wall < first <= later
    assert (first == later) == (wall + more < first)
    assert DAY <= end_of(period, first) - first <= 31 * DAY


def test_a_refusal_names_the_budget_and_what_is_left() -> None:
    """In amounts of its unit, with the way out."""
    rules = rules_of((budget(period="day", each="user"),))
    error = exceeded_error(rules, Exceeded((0, "ann"), 2_000_000_000_000, 4_500_000_000_000, 0, 86_400.0))
    assert (error.budget, error.limit, error.left, error.resets_at) == ("b", "5", "0.5", 86_400.0)
    assert "'ann'" in error.message
    assert "5 USD a day for each user" in error.message
    assert "4.5 USD are spent" in error.message
    assert "may take 2 USD" in error.message
    waited = exceeded_error(rules, Exceeded((0, ""), 1, 0, 10**12, inf, waited=True))
    assert "waited until its deadline" in waited.message
    assert waited.resets_at is None


def test_terms_in_words() -> None:
    """All that was set."""
    assert terms(budget("tokens", limit=Decimal("1E+3"), provider="p", user="ann", period="month")) == (
        "1000 tokens a month for provider 'p' for user 'ann'"
    )
    assert said(1_234_567_890_123, "usd") == "1.234568 USD"


def test_standing_tells_every_purse_of_now() -> None:
    """Those used, and the budgets nobody used yet; nothing of a day that is over."""
    rules = rules_of((budget("tokens", limit=Decimal(10), period="day"), budget("requests", each="user", name="u"), budget(name="c")))
    book, _ = reserve(opened(rules), [((0, ""), 4), ((1, "ben"), 1)], 100.0)
    book, _ = reserve(book, [((0, ""), 3), ((1, "ann"), 1)], 100.0)
    book, _ = reserve(book, [((0, ""), 6)], 100.0)
    book, _ = settle(book, 1, Real(0, 5, 1), 100.0)
    told = standing_of(book, 100.0)
    assert [(each.budget, each.of) for each in told] == [("b", ""), ("u", "ann"), ("u", "ben"), ("c", "")]
    daily = told[0]
    assert [daily.spent, daily.reserved, daily.unknown, daily.left, daily.limit] == [Decimal(each) for each in (5, 3, 0, 2, 10)]
    assert (daily.resets_at, daily.waiting, daily.above_reserved) == (86_400.0, 0, 1)
    assert standing_of(book, 100_000.0)[0].spent == 0
    assert standing_of(book, 100_000.0)[0].resets_at == 2 * DAY
