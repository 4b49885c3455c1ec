"""A second ledger for every budget, kept from the providers' bills; the manager's own must say the same to the micro-dollar."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from decimal import Decimal

from llm_manager.domain.configuration import Budget
from llm_manager.domain.requests import RequestMetadata
from llm_manager.domain.standing import BudgetStanding
from tests.simulation.providers import Exchange
from tests.simulation.servers import SERVERS

_NOBODY = "(none)"
_MILLION = Decimal(1_000_000)


class Ledgers:
    """What was billed for answers that were read, and for requests whose end nobody was told, by purse."""

    def __init__(self, budgets: Sequence[Budget]) -> None:
        self._budgets = {budget.name: budget for budget in budgets}
        self._known: dict[tuple[str, str], int] = defaultdict(int)
        self._unknown: dict[tuple[str, str], int] = defaultdict(int)

    def book(self, exchange: Exchange, metadata: RequestMetadata, *, known: bool) -> None:
        """Enter a bill."""
        book = self._known if known else self._unknown
        for name, budget in self._budgets.items():
            if _fits(budget, exchange.provider, metadata):
                book[name, _purse(budget, exchange.provider, metadata)] += _amount(budget, exchange)

    def compare(self, standing: Sequence[BudgetStanding]) -> Iterator[str]:
        """Where the two ledgers differ."""
        purses = {(purse.budget, purse.of): purse for purse in standing}
        for place in sorted({*self._known, *self._unknown}):
            billed, maybe = self._known.get(place, 0), self._unknown.get(place, 0)
            purse = purses.get(place)
            if purse is None:
                if billed:
                    yield f"the budget {place} has no purse, and {billed} was billed"
                continue
            unit = _MILLION if purse.unit == "usd" else Decimal(1)
            if (purse.spent - purse.unknown) * unit != billed:
                yield f"the budget {place} knows of {(purse.spent - purse.unknown) * unit} spent, {billed} was billed"
            if purse.unknown * unit < maybe:
                yield f"the budget {place} holds {purse.unknown * unit} for what nobody was told, {maybe} was billed"


def _fits(budget: Budget, provider: str, metadata: RequestMetadata) -> bool:
    wanted = (
        (budget.provider, provider),
        (budget.model, SERVERS[provider].model),
        (budget.feature, metadata.feature),
        (budget.user, metadata.user),
        (budget.tenant, metadata.tenant),
    )
    return all(name is None or name == real for name, real in wanted)


def _purse(budget: Budget, provider: str, metadata: RequestMetadata) -> str:
    names = {
        "provider": provider,
        "model": f"{provider}/{SERVERS[provider].model}",
        "feature": metadata.feature,
        "user": metadata.user,
        "tenant": metadata.tenant,
    }
    return "" if budget.each is None else names[budget.each] or _NOBODY


def _amount(budget: Budget, exchange: Exchange) -> int:
    if budget.unit == "usd":
        return exchange.bill
    if budget.unit == "requests":
        return 1
    saying = exchange.saying
    return 0 if saying is None else saying.prompt_tokens + saying.completion_tokens
