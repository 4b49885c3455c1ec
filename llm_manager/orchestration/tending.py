"""What whoever runs a program asks or does by name: usage, breakers, budgets. A name that nobody has is a failure, never silence."""

from collections.abc import Callable, Iterable, Mapping
from typing import Final, TypeAlias

from returns.result import Failure, Result, Success

from llm_manager.domain.configuration import BudgetPeriod
from llm_manager.domain.errors import InvalidRequest, LLMError
from llm_manager.domain.usage_stats import ResetPeriod, UsageStats
from llm_manager.outcomes import sealed
from llm_manager.policies.provider_names import provider_meant
from llm_manager.services.gates import Emit
from llm_manager.services.guards import Guards
from llm_manager.services.manager import ResetBreaker, ResetUsage, TellUsage

PERIODS: Final[Mapping[ResetPeriod, BudgetPeriod]] = {
    "day": "day",
    "daily": "day",
    "month": "month",
    "monthly": "month",
    "run": "run",
}
"""What a period may be called."""

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


def resetting_usage(guards: Guards, emit: Emit) -> ResetUsage:
    """Begin the budgets of a period anew."""

    def reset(period: ResetPeriod, /) -> "Result[None, LLMError]":
        meant = next((means for word, means in PERIODS.items() if word == period), None)  # whatever it is, also what has no hash
        if meant is None:
            return Failure(InvalidRequest(message=f"budgets have no period {period!r}: give day (or daily), month (monthly) or run"))
        guards.budgets.reset(meant, emit)
        return Success(None)

    return reset
