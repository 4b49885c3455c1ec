"""What whoever runs a program asks or does by name: usage, breakers, budgets. A name that nobody has is a failure, never silence."""

from collections.abc import Callable, Iterable, Mapping
from typing import Final, TypeAlias

from returns.future import FutureResult
from returns.result import Failure, Result, Success

from llm_manager.domain.configuration import BudgetPeriod
from llm_manager.domain.errors import ConfigurationError, InvalidRequest, LLMError
from llm_manager.domain.usage_log import UsageQuery, UsageReport
from llm_manager.domain.usage_stats import ResetPeriod, UsageStats
from llm_manager.outcomes import sealed
from llm_manager.policies.provider_names import provider_meant
from llm_manager.policies.usage_queries import query_fault
from llm_manager.services.gates import Emit
from llm_manager.services.guards import Guards
from llm_manager.services.manager import ReportUsage, ResetBreaker, ResetUsage, TellUsage
from llm_manager.services.store import Store

PERIODS: Final[Mapping[ResetPeriod, BudgetPeriod]] = {
    "day": "day",
    "daily": "day",
    "month": "month",
    "monthly": "month",
    "run": "run",
}
"""What a period may be called."""

_EVERYTHING: Final = UsageQuery()
_NO_STORE: Final = ConfigurationError(message="usage_report reads the usage log, and nothing is kept: set store.url")

Providers: TypeAlias = Callable[[], Iterable[str]]
"""Who is asked here."""


def resetting_breakers(guards: Guards, providers: Providers, emit: Emit) -> ResetBreaker:
    """Open the endpoints of a provider again, by any of its names, or all."""

    def reset(provider: str | None = None, /) -> "Result[None, LLMError]":
        named = sealed(provider_meant(provider, providers()))
        if provider is not None and isinstance(named, Failure):
            return named
        guards.breakers.reset(None if provider is None else named.unwrap(), emit)
        return Success(None)

    return reset


def telling_usage(usage: Callable[[str | None], UsageStats], providers: Providers) -> TellUsage:
    """What was used of a provider, by any of its names, or of all."""

    def tell(provider: str | None = None, /) -> "Result[UsageStats, LLMError]":
        return Success(usage(None)) if provider is None else provider_meant(provider, providers()).map(usage)

    return tell


def reporting_usage(store: Store | None) -> ReportUsage:
    """Ask the usage log."""

    def report(query: UsageQuery = _EVERYTHING, /) -> FutureResult[UsageReport, LLMError]:
        if store is None:
            return FutureResult.from_failure(_NO_STORE)
        wrong = query_fault(query)
        return store.usage.report(query) if wrong is None else FutureResult.from_failure(InvalidRequest(message=wrong))

    return report


def resetting_usage(guards: Guards, emit: Emit) -> ResetUsage:
    """Begin the budgets of a period anew."""

    def reset(period: ResetPeriod, /) -> "Result[None, LLMError]":
        meant = next((means for word, means in PERIODS.items() if word == period), None)  # whatever it is, also what has no hash
        if meant is None:
            return Failure(InvalidRequest(message=f"budgets have no period {period!r}: give day (or daily), month (monthly) or run"))
        guards.budgets.reset(meant, emit)
        return Success(None)

    return reset
