"""What is wrong with budgets that a program gives: settings files are checked when they are read."""

from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from typing import get_args

from llm_manager.domain.configuration import Budget, BudgetPeriod, BudgetSplit, BudgetUnit
from llm_manager.domain.errors import ConfigurationError, Fault
from llm_manager.policies.value_faults import choice_fault


def check_budgets(budgets: Sequence[Budget]) -> ConfigurationError | None:
    """Say every field of them that cannot be obeyed, and how to mend it; None when there is none."""
    faults = tuple(_faults(budgets))
    return ConfigurationError(message="the budgets cannot be kept", faults=faults) if faults else None


def _faults(budgets: Iterable[Budget]) -> Iterator[Fault]:
    names: set[str] = set()
    for place, budget in enumerate(budgets):
        for field, problem, fix in _of_one(budget):
            yield Fault(source=f"budgets[{place}]", key=field, problem=problem, fix=fix)
        if budget.name in names:
            yield Fault(source=f"budgets[{place}]", key="name", problem="two budgets have the same name", fix="give each a name of its own")
        names.add(budget.name)


def _of_one(budget: Budget) -> Iterator[tuple[str, str, str]]:
    if not budget.name:
        yield "name", "it is empty", "give each budget a name of its own"
    if not _is_amount(budget.limit):
        yield "limit", "it is no Decimal that is finite and not below 0", 'write Decimal("5")'
    if not all(_is_amount(share) and share > 0 for share in budget.alerts):
        yield "alerts", "they are no Decimals above 0", 'write (Decimal("0.8"), Decimal(1))'
    for field, said, allowed in (
        ("unit", budget.unit, get_args(BudgetUnit)),
        ("period", budget.period, get_args(BudgetPeriod)),
        ("each", budget.each, (*get_args(BudgetSplit), None)),
        ("unpriced", budget.unpriced, ("refuse", "allow")),
    ):
        if said not in allowed:
            yield field, choice_fault(said, [one for one in allowed if one is not None]) or "", ""


def _is_amount(value: object) -> bool:
    return isinstance(value, Decimal) and value.is_finite() and value >= 0
