"""Usage told for people: from what has been seen, and from how things stand."""

from collections.abc import Iterable
from decimal import Decimal

from llm_manager.domain.configuration import Budget, BudgetUnit
from llm_manager.domain.standing import BudgetStanding, ScopeStanding, Standing
from llm_manager.domain.statistics import Statistics
from llm_manager.domain.usage_stats import UsageStats
from llm_manager.policies.names import canonical_provider
from llm_manager.policies.statistics import summary


def usage_of(statistics: Statistics, standing: Standing, budgets: Iterable[Budget], provider: str | None = None) -> UsageStats:
    """What was used of a provider, by any of its names, or of all."""
    name = None if provider is None else canonical_provider(provider) or provider
    used = [each for of, each in summary(statistics).by_provider.items() if name in (None, of)]
    left, tightest = _left(standing.budgets, budgets, name), _tightest(scope for scope in standing.scopes if name in (None, scope.provider))
    return UsageStats(
        provider=name,
        total_requests=sum(each.requests for each in used),
        total_tokens=sum(each.tokens for each in used),
        total_cost_usd=sum((each.cost_usd for each in used), Decimal(0)),
        unpriced=sum(each.unpriced for each in used),
        doubtful=sum(each.doubtful for each in used),
        rate_limit=None if tightest is None else tightest.requests,
        remaining=None if tightest is None else tightest.requests_left,
        budget_left_usd=left.get("usd"),
        budget_left_requests=_whole(left.get("requests")),
        budget_left_tokens=_whole(left.get("tokens")),
    )


def _tightest(scopes: Iterable[ScopeStanding]) -> ScopeStanding | None:
    """The quota with the fewest requests left; one that tells nothing says nothing."""
    known = [scope for scope in scopes if scope.requests is not None or scope.requests_left is not None]
    return min(known, key=lambda scope: (scope.requests_left is None, scope.requests_left or 0, scope.endpoint), default=None)


def _left(standing: Iterable[BudgetStanding], budgets: Iterable[Budget], provider: str | None) -> dict[BudgetUnit, Decimal]:
    """The least that is left in each unit."""
    left = {each.budget: each.left for each in standing if each.of in ("", provider)}
    least: dict[BudgetUnit, Decimal] = {}
    for budget in budgets:
        if _fits_all(budget, provider):
            here = left.get(budget.name, budget.limit)
            least[budget.unit] = min(here, least.get(budget.unit, here))
    return least


def _whole(left: Decimal | None) -> int | None:
    return None if left is None else int(left)


def _fits_all(budget: Budget, provider: str | None) -> bool:
    """Say whether every request to a provider, or to any, draws on one purse of this budget."""
    if any(name is not None for name in (budget.model, budget.feature, budget.user, budget.tenant)):
        return False
    by_provider = provider is not None and budget.each == "provider"
    named = None if budget.provider is None else canonical_provider(budget.provider) or budget.provider
    return named in (None, provider) and (budget.each is None or by_provider)
