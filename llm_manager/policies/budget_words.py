"""What is said of budgets: why one refused, and how all of them stand."""

from collections.abc import Mapping
from decimal import Decimal
from math import isinf
from typing import Final

from llm_manager.domain.configuration import Budget, BudgetPeriod, BudgetUnit
from llm_manager.domain.errors import BudgetExceeded
from llm_manager.domain.models import ModelProfile
from llm_manager.domain.standing import BudgetStanding
from llm_manager.policies.budget_book import Book, Exceeded, Purse
from llm_manager.policies.budget_periods import end_of
from llm_manager.policies.budget_rules import Rule, Unbounded, amount_of
from llm_manager.policies.shelves import items

_SPARING: Final[Mapping[BudgetUnit, str]] = {
    "usd": "raise the limit, ask for less (max_tokens), or use a model that costs less",
    "tokens": "raise the limit, or ask for less (max_tokens)",
    "requests": "raise the limit",
}


def exceeded_error(rules: tuple[Rule, ...], exceeded: Exceeded) -> BudgetExceeded:
    """Which budget, what is left of it, and what may be done."""
    rule, name = rules[exceeded.key[0]], exceeded.key[1]
    left, worst = max(0, rule.limit - exceeded.spent), said(exceeded.amount, rule.unit)
    budget = f"budget {rule.name!r}" + (f" of {name!r}" if name else "")
    if exceeded.waited:
        others = said(exceeded.reserved, rule.unit)
        message = (
            f"{budget} ({terms(rule.budget)}): this request may take {worst} and waited until its deadline for other requests under way, "
            f"which hold {others}; {said(left, rule.unit)} are not spent"
        )
    else:
        message = (
            f"{budget} ({terms(rule.budget)}): {said(exceeded.spent, rule.unit)} are spent and this request may take {worst}; "
            f"{_SPARING[rule.unit]}"
        )
    return BudgetExceeded(
        budget=rule.name,
        message=message,
        unit=rule.unit,
        limit=plain(amount_of(rule.limit, rule.unit)),
        left=plain(amount_of(left, rule.unit)),
        resets_at=_or_never(exceeded.ends),
    )


def unbounded_error(rules: tuple[Rule, ...], unbounded: Unbounded, profile: ModelProfile) -> BudgetExceeded:
    """Which budget cannot let the request through, since nobody knows what it takes, and how to mend that."""
    rule = rules[unbounded.rule]
    mend = "give the model a price in `profiles`" if unbounded.unit == "usd" else "set max_tokens"
    return BudgetExceeded(
        budget=rule.name,
        message=(
            f"budget {rule.name!r} ({terms(rule.budget)}) lets nothing through whose most is not known, and of "
            f"{profile.provider}/{profile.name} it is not: {unbounded.why}; {mend}, or set `unpriced: allow` for this budget"
        ),
        unit=rule.unit,
        limit=plain(amount_of(rule.limit, rule.unit)),
    )


def standing_of(book: Book, wall: float) -> tuple[BudgetStanding, ...]:
    """How every purse stands in the period of now; one that nobody used in it yet is as its budget says."""
    found = [(key, purse) for key, purse in items(book.purses) if purse.ends > wall]
    used = {key for key, _ in found}
    for index, rule in enumerate(book.rules):
        if rule.budget.each is None and (index, "") not in used:
            found.append(((index, ""), Purse(0, end_of(rule.period, wall))))
    return tuple(_standing(book.rules[key[0]], key[1], purse) for key, purse in sorted(found, key=lambda pair: pair[0]))


def _standing(rule: Rule, name: str, purse: Purse) -> BudgetStanding:
    return BudgetStanding(
        budget=rule.name,
        of=name,
        unit=rule.unit,
        limit=amount_of(rule.limit, rule.unit),
        spent=amount_of(purse.spent, rule.unit),
        reserved=amount_of(purse.reserved, rule.unit),
        unknown=amount_of(purse.unknown, rule.unit),
        left=amount_of(max(0, rule.limit - purse.spent - purse.reserved), rule.unit),
        resets_at=_or_never(purse.ends),
        waiting=len(purse.queue),
        above_reserved=purse.above,
    )


def terms(budget: Budget) -> str:
    """The terms of a budget in words: ``10 USD a day for user 'ann'``."""
    names = (
        ("provider", budget.provider),
        ("model", budget.model),
        ("feature", budget.feature),
        ("user", budget.user),
        ("tenant", budget.tenant),
    )
    fits = "".join(f" for {kind} {name!r}" for kind, name in names if name is not None)
    each = "" if budget.each is None else f" for each {budget.each}"
    return f"{plain(budget.limit)} {_unit(budget.unit)}{_a_period(budget.period)}{fits}{each}"


def said(whole: int, unit: BudgetUnit) -> str:
    """An amount in words; money is shown to a millionth."""
    amount = amount_of(whole, unit)
    return f"{plain(round(amount, 6) if unit == 'usd' else amount)} {_unit(unit)}"


def plain(amount: Decimal) -> str:
    """A number without an exponent and without zeros that say nothing."""
    text = f"{amount:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _unit(unit: BudgetUnit) -> str:
    return "USD" if unit == "usd" else unit


def _a_period(period: BudgetPeriod) -> str:
    return "" if period == "run" else f" a {period}"


def _or_never(ends: float) -> float | None:
    return None if isinf(ends) else ends
