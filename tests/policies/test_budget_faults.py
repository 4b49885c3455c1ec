"""Budgets that a program gives are checked before anything is spent."""

from decimal import Decimal
from typing import Any

import pytest
from attrs import evolve
from returns.result import Failure

from llm_manager import LLMConfig, make_llm_manager
from llm_manager.domain.configuration import Budget
from llm_manager.domain.error_questions import describe
from llm_manager.domain.errors import ConfigurationError
from llm_manager.policies.budget_faults import check_budgets

GOOD = Budget(name="team", limit=Decimal(5))


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("limit", Decimal("NaN"), 'Decimal("5")'),
        ("limit", Decimal("Infinity"), 'Decimal("5")'),
        ("limit", Decimal(-1), "not below 0"),
        ("limit", 5.0, "no Decimal"),
        ("alerts", (0.5,), "no Decimals"),
        ("alerts", (Decimal(0),), "above 0"),
        ("unit", "token", "did you mean tokens?"),
        ("period", "week", "none of run, day, month"),
        ("each", "users", "did you mean user?"),
        ("unpriced", "yes", "none of refuse, allow"),
        ("name", "", "a name of its own"),
    ],
)
def test_what_cannot_be_obeyed_names_field_and_fix(field: str, value: Any, says: str) -> None:
    """And no manager is made that would not keep it."""
    outcome = make_llm_manager(LLMConfig(budgets=(GOOD, evolve(GOOD, **{"name": "other", field: value}))))
    assert isinstance(outcome, Failure)
    error = outcome.failure()
    assert isinstance(error, ConfigurationError)
    assert says in describe(error)
    assert f"budgets[1]: {field}" in describe(error)


def test_two_of_one_name_and_none_at_all() -> None:
    """A name is how a purse is told."""
    twice = check_budgets((GOOD, GOOD))
    assert twice is not None
    assert "same name" in describe(twice)
    assert check_budgets(()) is check_budgets((GOOD, evolve(GOOD, name="free", limit=Decimal(0), each="user", alerts=()))) is None
