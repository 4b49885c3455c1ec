"""What a budget asks of a request: whether it fits, which purse pays, and how much must be set aside for the worst case."""

from collections.abc import Sequence
from decimal import Context, Decimal
from math import ceil
from typing import Final, TypeAlias, assert_never

import msgspec
from attrs import evolve

from llm_manager.domain.attempts import AnyAttempt
from llm_manager.domain.configuration import Budget, BudgetPeriod, BudgetSplit, BudgetUnit
from llm_manager.domain.models import KnownPrice, ModelProfile
from llm_manager.domain.requests import RequestMetadata
from llm_manager.domain.usage import Most
from llm_manager.policies.names import canonical_provider
from llm_manager.policies.pricing import dearest_millionths, is_free
from llm_manager.policies.sizes import most_tokens

NOBODY: Final = "(none)"
"""The purse of requests that say no name where a budget keeps a purse for each."""
OTHERS: Final = "others"
"""The purse of all names that came when there were as many purses as are kept."""

_LONGEST_NAME: Final = 200
_NO_PRICE: Final = "no price is known"
_NO_BOUND: Final = "nothing bounds how much this model may write; say it with max_tokens, or in the model's profile"

_PARTS_PER_USD: Final = 12
"""Money is counted in millionths of a millionth of a dollar: one token of the cheapest model is a whole number of them."""
_EXACT: Final = Context(prec=60)

LEAST: Final = 1
"""What is set aside for a request whose most nobody knows and that is counted when it has ended: it passes while anything is left."""

Key: TypeAlias = tuple[int, str]
"""A purse: the place of its budget among all, and its name, empty where a budget has one purse only."""
Need: TypeAlias = tuple[Key, int]
"""What one purse must have left, in its smallest parts."""


class Rule(msgspec.Struct, frozen=True):
    """A budget made ready: ``limit`` and ``alerts`` in smallest parts, the last of them the first that is above the limit."""

    name: str
    unit: BudgetUnit
    period: BudgetPeriod
    limit: int
    alerts: tuple[int, ...]
    shares: tuple[Decimal, ...]
    names: bool
    """Whether it is for some requests only."""
    allows_unknown: bool
    budget: Budget


class Unbounded(msgspec.Struct, frozen=True):
    """A request that a budget cannot let through, since nobody knows what it may take at most, and why not."""

    rule: int
    unit: BudgetUnit
    why: str


def rules_of(budgets: Sequence[Budget]) -> tuple[Rule, ...]:
    """Budgets made ready, in their order."""
    return tuple(_rule(budget) for budget in budgets)


def _rule(said: Budget) -> Rule:
    budget = said if said.provider is None else evolve(said, provider=canonical_provider(said.provider) or said.provider)
    limit = -parts(-budget.limit, budget.unit)
    shares = tuple(sorted(set(budget.alerts)))
    return Rule(
        name=budget.name,
        unit=budget.unit,
        period=budget.period,
        limit=limit,
        alerts=(*(max(1, parts(share * budget.limit, budget.unit)) for share in shares), limit + 1),
        shares=shares,
        names=any(name is not None for name in (budget.provider, budget.model, budget.feature, budget.user, budget.tenant)),
        allows_unknown=budget.unpriced == "allow",
        budget=budget,
    )


def needs_of(rules: Sequence[Rule], attempt: AnyAttempt) -> list[Need] | Unbounded:
    """What each budget that a request fits must have left for its worst case; nothing of one that it takes nothing of.

    Counting tokens is free everywhere, and a model that costs nothing asks nothing of a budget of money.
    """
    needs: list[Need] = []
    if attempt.operation == "count_tokens":
        return needs
    profile, metadata = attempt.model, attempt.metadata
    worst: Worst | None = None
    for index, rule in enumerate(rules):
        budget = rule.budget
        if rule.names and not _fits(budget, profile, metadata):
            continue
        if rule.unit == "requests":
            amount = 1
        else:
            if worst is None:
                worst = worst_of(attempt)
            known = worst.tokens if rule.unit == "tokens" else worst.money
            if known is None:
                if not rule.allows_unknown:
                    return Unbounded(index, rule.unit, worst.why)
                known = LEAST if rule.unit == "tokens" or isinstance(profile.price, KnownPrice) else 0
            elif not known:
                continue
            amount = known
        split = budget.each
        needs.append(((index, "" if split is None else _name(split, profile, metadata)), amount))
    return needs


def least_needs(rules: Sequence[Rule]) -> list[Need]:
    """The least that any request takes which is not free, of the budgets that all requests fit."""
    return [((index, ""), 1) for index, rule in enumerate(rules) if not rule.names and rule.budget.each is None]


class Worst(msgspec.Struct, frozen=True):
    """The most that a request can take, in smallest parts; None for what nobody knows, and why."""

    tokens: int | None
    money: int | None
    why: str = ""


def worst_of(attempt: AnyAttempt) -> Worst:
    """The worst case of a request."""
    prompt, completion = most_tokens(attempt)
    price = attempt.model.price
    tokens = None if completion is None else prompt + completion
    if not isinstance(price, KnownPrice):
        return Worst(tokens, None, _NO_PRICE)
    if is_free(price):
        return Worst(tokens, 0, _NO_BOUND)
    if completion is None:
        return Worst(None, None, _NO_BOUND)
    return Worst(tokens, ceil(dearest_millionths(prompt, completion, price).scaleb(_PARTS_PER_USD - 6, _EXACT)))


def most_of(attempt: AnyAttempt) -> Most:
    """The same as an amount of money, for what has ended and may be billed."""
    worst = worst_of(attempt)
    return Most(usd=None if worst.money is None else amount_of(worst.money, "usd"), tokens=worst.tokens)


def told_at(rule: Rule, spent: int, told: int) -> int:
    """How many alerts have been due: each share once, and one more when the limit itself is passed."""
    while told < len(rule.alerts) and spent >= rule.alerts[told]:
        told += 1
    return told


def parts(amount: Decimal, unit: BudgetUnit) -> int:
    """An amount in the smallest parts of its unit, rounded up."""
    return ceil(amount.scaleb(_PARTS_PER_USD, _EXACT) if unit == "usd" else amount)


def amount_of(whole: int, unit: BudgetUnit) -> Decimal:
    """So many smallest parts as an amount of their unit, without zeros that say nothing."""
    if unit != "usd":
        return Decimal(whole)
    amount = Decimal(whole).scaleb(-_PARTS_PER_USD, _EXACT).normalize(_EXACT)
    return amount if amount == 0 or amount.adjusted() < len(amount.as_tuple().digits) - 1 else amount.quantize(Decimal(1), context=_EXACT)


def _fits(budget: Budget, profile: ModelProfile, metadata: RequestMetadata) -> bool:
    return (
        (budget.provider is None or budget.provider == profile.provider)
        and (budget.model is None or budget.model in (profile.name, f"{profile.provider}/{profile.name}"))
        and (budget.feature is None or budget.feature == metadata.feature)
        and (budget.user is None or budget.user == metadata.user)
        and (budget.tenant is None or budget.tenant == metadata.tenant)
    )


def purse_name(
    split: BudgetSplit,
    *,
    provider: str = "",
    model: str = "",
    feature: str | None = None,
    user: str | None = None,
    tenant: str | None = None,
) -> str:
    """The name of the purse that pays, in a budget that keeps one for each."""
    match split:
        case "provider":
            return provider
        case "model":
            return f"{provider}/{model}"
        case "feature":
            name = feature
        case "user":
            name = user
        case "tenant":
            name = tenant
        case _:
            assert_never(split)
    return name[:_LONGEST_NAME] if name else NOBODY


def _name(split: BudgetSplit, profile: ModelProfile, metadata: RequestMetadata) -> str:
    return purse_name(
        split,
        provider=profile.provider,
        model=profile.name,
        feature=metadata.feature,
        user=metadata.user,
        tenant=metadata.tenant,
    )
