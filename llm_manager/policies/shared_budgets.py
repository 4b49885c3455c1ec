"""Budgets that processes share: which ones, under which names, in which parts, and what they have come to.

What is shared is counted in billionths of a dollar, so that scripts which count in floating point count exactly; amounts are rounded
up and limits down, never the other way.
"""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from hashlib import sha256
from typing import Final

from llm_manager.domain.configuration import Budget
from llm_manager.domain.error_questions import charge_of
from llm_manager.domain.errors import LLMError
from llm_manager.domain.usage import Cost, Priced, Usage
from llm_manager.policies.budget_book import Alert, Book, Purse
from llm_manager.policies.budget_periods import end_of
from llm_manager.policies.budget_rules import Key, Rule, parts, told_at
from llm_manager.policies.shelves import put

_COARSER: Final = 1000
_NAMES: Final = 1_000_000


def is_shared(budget: Budget) -> bool:
    """Say whether a budget is one of all processes: that of a run is of the manager that runs."""
    return budget.period != "run"


def purse_digest(rule: Rule, name: str, ends: float) -> str:
    """The name of a purse in its period, which tells nothing of whose it is."""
    said = rule.budget
    whose = (said.name, said.unit, said.period, said.provider, said.model, said.feature, said.user, said.tenant, said.each, name, ends)
    texts = ["-" if part is None else f"+{part}" for part in whose]
    return sha256("".join(f"{len(text)}:{text}" for text in texts).encode("utf-8", "surrogatepass")).hexdigest()


def coarse(rule: Rule, amount: int) -> int:
    """An amount in the parts that are shared, rounded up."""
    return -(-amount // _COARSER) if rule.unit == "usd" else amount


def coarse_limit(rule: Rule) -> int:
    """A limit in the parts that are shared, rounded down."""
    return rule.limit // _COARSER if rule.unit == "usd" else rule.limit


def fine(rule: Rule, amount: int) -> int:
    """The same amount in the parts of a rule."""
    return amount * _COARSER if rule.unit == "usd" else amount


def took_of_answer(rule: Rule, usage: Usage | None, cost: Cost) -> int | None:
    """What an answer took of a budget, in parts that are shared; None when nobody told."""
    match rule.unit:
        case "usd":
            return coarse(rule, parts(cost.usd, "usd")) if isinstance(cost, Priced) else None
        case "tokens":
            return None if usage is None else usage.total_tokens
        case "requests":
            return 1


def took_of_failure(error: LLMError | None) -> int | None:
    """The same of a failure, or of one that its caller left."""
    return 0 if error is not None and charge_of(error) == "none" else None


def alerts_of(rule: Rule, key: Key, before: int, after: int) -> tuple[Alert, ...]:
    """The alerts that are due when what is spent, in parts that are shared, rises from one amount to another."""
    spent = fine(rule, after)
    first = told_at(rule, fine(rule, before), 0)
    return tuple(Alert(key, place, spent) for place in range(first, told_at(rule, spent, first)))


def book_of(rules: Sequence[Rule], seen: Mapping[tuple[Key, float], tuple[int, int, int, int]], wall: float) -> Book:
    """What was last seen of purses in the period of now, as a book: spent, unknown, reserved, above, in parts that are shared."""
    book = Book(rules=tuple(rules), most_names=_NAMES, named=(0,) * len(rules))
    purses = book.purses
    for (key, ends), (spent, unknown, reserved, above) in seen.items():
        rule = rules[key[0]]
        if ends == end_of(rule.period, wall):
            amounts = (fine(rule, spent), fine(rule, unknown), fine(rule, reserved))
            purses = put(purses, key, Purse(0, ends, *amounts, told=0, above=above))
    return Book(rules=book.rules, most_names=book.most_names, purses=purses, named=book.named, next_purse=1)


def share_of(rule: Rule, alert: Alert) -> Decimal:
    """Which share of its limit a purse has come to."""
    if alert.place < len(rule.shares):
        return rule.shares[alert.place]
    return round(Decimal(alert.spent) / rule.limit, 4) if rule.limit else Decimal(1)


def ended_before(seen: Iterable[tuple[Key, float]], wall: float) -> list[tuple[Key, float]]:
    """The purses whose period is over."""
    return [each for each in seen if each[1] <= wall]
