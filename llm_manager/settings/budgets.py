"""Budgets out of checked values: each with a name of its own, and a limit."""

from typing import Any

from attrs import evolve

from llm_manager.domain.configuration import Budget
from llm_manager.domain.errors import Fault
from llm_manager.settings.converting import Converted

SECTION = "budgets"


def budgets_of(found: Converted) -> tuple[tuple[Budget, ...], list[Fault]]:
    """Every budget that is said whole, and what is wrong with the others."""
    budgets: dict[str, Budget] = {}
    faults: list[Fault] = []
    for label in dict.fromkeys(key[1] for key in found.entries if key[0] == SECTION and len(key) > 2):
        first = next(key for key in found.entries if key[:2] == (SECTION, label))
        said: dict[str, Any] = {key[2]: value for key, value in found.values.items() if key[:2] == (SECTION, label)}
        name = said.setdefault("name", label)
        if (SECTION, label, "limit") not in found.entries:
            wrong = found.fault(first, "a budget lacks its limit", "give limit, a number; it is in US dollars unless unit says else")
            faults.append(evolve(wrong, key=f"{wrong.key.removesuffix(first[2])}limit"))
        elif name in budgets:
            faults.append(found.fault(first, "two budgets have the same name", "give each a name of its own"))
        elif "limit" in said:
            budgets[name] = Budget(**said)
    return tuple(budgets.values()), faults
