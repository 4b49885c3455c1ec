"""What the money went to: a report over what has been seen, dearest first. It decides nothing."""

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Final, Literal, TypeAlias

from attrs import frozen

from llm_manager.domain.statistics import Spending, Statistics
from llm_manager.policies.plurals import counted
from llm_manager.policies.statistics import summary

Purpose: TypeAlias = Literal["provider", "model", "feature", "user", "tenant"]

_MOST_SHOWN: Final = 5
_CENTS: Final = 6


@frozen(kw_only=True)
class Expense:
    """What was spent on one model or provider, or on behalf of one name; ``unpriced`` requests cost something unknown on top."""

    by: Purpose
    name: str
    requests: int
    tokens: int
    cost_usd: Decimal
    unpriced: int = 0


def expenses(statistics: Statistics) -> tuple[Expense, ...]:
    """Every provider, model, feature, user and tenant that anything was spent on, each kind by itself, dearest first."""
    by_provider = summary(statistics).by_provider
    providers = (
        Expense(by="provider", name=name, requests=each.requests, tokens=each.tokens, cost_usd=each.cost_usd, unpriced=each.unpriced)
        for name, each in by_provider.items()
    )
    models = (
        Expense(
            by="model",
            name=name,
            requests=each.attempts,
            tokens=each.usage.total_tokens,
            cost_usd=each.cost_usd,
            unpriced=each.unpriced,
        )
        for name, each in statistics.models.items()
    )
    return (
        *_dearest(providers),
        *_dearest(models),
        *_dearest(_of_names("feature", statistics.features)),
        *_dearest(_of_names("user", statistics.users)),
        *_dearest(_of_names("tenant", statistics.tenants)),
    )


def expense_lines(statistics: Statistics) -> Iterator[str]:
    """The dearest of each kind, one line a kind; nothing of a kind that has but one, since the total says it already."""
    found = expenses(statistics)
    for kind in ("provider", "model", "feature", "user", "tenant"):
        those = [each for each in found if each.by == kind]
        if len(those) > 1:
            more = f", and {len(those) - _MOST_SHOWN} more" if len(those) > _MOST_SHOWN else ""
            yield f"spent by {kind}: {', '.join(map(_line, those[:_MOST_SHOWN]))}{more}"


def _of_names(by: Purpose, spent: Mapping[str, Spending]) -> Iterator[Expense]:
    for name, each in spent.items():
        yield Expense(by=by, name=name, requests=each.calls, tokens=each.tokens, cost_usd=each.cost_usd, unpriced=each.unpriced)


def _dearest(found: Iterable[Expense]) -> list[Expense]:
    spent = (each for each in found if each.cost_usd or each.unpriced)
    return sorted(spent, key=lambda each: (-each.cost_usd, -each.unpriced, each.name))


def _line(one: Expense) -> str:
    unknown = f" and {counted(one.unpriced, 'request')} of unknown cost" if one.unpriced else ""
    return f"{one.name} {round(one.cost_usd, _CENTS).normalize():f} USD ({counted(one.requests, 'request')}){unknown}"
