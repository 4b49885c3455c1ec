"""Which budgets begin where others left off, and what the usage log told of them as the amounts of their purses."""

from collections.abc import Mapping, Sequence

from llm_manager.domain.configuration import Budget
from llm_manager.domain.usage_log import PastSpending
from llm_manager.policies.budget_periods import start_of
from llm_manager.policies.budget_rules import Key, Rule


def lasting(rules: Sequence[Rule], wall: float) -> list[tuple[int, Budget, float]]:
    """The budgets whose period outlives a process: their places, and when the period of now began."""
    return [(place, rule.budget, start_of(rule.period, wall)) for place, rule in enumerate(rules) if rule.period != "run"]


def amounts_of(rules: Sequence[Rule], places: Sequence[int], told: Sequence[Sequence[PastSpending]]) -> Mapping[Key, tuple[int, int]]:
    """What was spent, and the part of it that is not known, by purse; as much as each rule counts."""
    return {(place, one.purse): _amount(rules[place], one) for place, of_budget in zip(places, told, strict=True) for one in of_budget}


def _amount(rule: Rule, one: PastSpending) -> tuple[int, int]:
    if rule.unit == "usd":
        return one.usd_parts, one.unknown_usd_parts
    return (one.tokens, one.unknown_tokens) if rule.unit == "tokens" else (one.requests, one.unknown_requests)
