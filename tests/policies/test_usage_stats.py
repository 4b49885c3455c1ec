"""What was used, and what is left."""

from decimal import Decimal

import pytest

from llm_manager.domain.configuration import Budget
from llm_manager.domain.standing import BudgetStanding, ScopeStanding, Standing
from llm_manager.domain.statistics import ModelStatistics, Statistics
from llm_manager.domain.usage import Usage
from llm_manager.domain.usage_stats import UsageStats
from llm_manager.policies.usage_stats import usage_of

SEEN = Statistics(
    models={
        "openai/a": ModelStatistics(
            provider="openai", model="a", attempts=3, usage=Usage(input_tokens=7), cost_usd=Decimal("1.5"), unpriced=1
        ),
        "groq/b": ModelStatistics(provider="groq", model="b", attempts=2, usage=Usage(output_tokens=5), doubtful=1),
    }
)


def purse(name: str, left: str, of: str = "") -> BudgetStanding:
    """A purse of ten dollars with so much left."""
    nothing = Decimal(0)
    return BudgetStanding(
        budget=name, of=of, unit="usd", limit=Decimal(10), spent=nothing, reserved=nothing, unknown=nothing, left=Decimal(left)
    )


STANDING = Standing(
    scopes=(
        ScopeStanding(provider="openai", endpoint="e", requests=60, requests_left=50),
        ScopeStanding(provider="openai", endpoint="e", key_fingerprint="k", requests=60, requests_left=7),
        ScopeStanding(provider="groq", endpoint="g"),
    ),
    budgets=(purse("all", "9"), purse("openai", "4"), purse("each", "3", "openai"), purse("each", "2", "groq"), purse("ann", "1")),
)
BUDGETS = (
    Budget(name="all", limit=Decimal(10)),
    Budget(name="openai", limit=Decimal(10), provider="GPT"),
    Budget(name="each", limit=Decimal(10), each="provider"),
    Budget(name="ann", limit=Decimal(10), user="ann"),
    Budget(name="tokens", limit=Decimal(10), unit="tokens"),
)


@pytest.mark.parametrize("name", ["openai", "GPT"])
def test_a_provider_by_any_of_its_names(name: str) -> None:
    """Its own requests, its tightest quota, and the tightest budget that all its requests draw on."""
    assert usage_of(SEEN, STANDING, BUDGETS, name) == UsageStats(
        provider="openai",
        total_requests=3,
        total_tokens=7,
        total_cost_usd=Decimal("1.5"),
        unpriced=1,
        rate_limit=60,
        remaining=7,
        budget_left_usd=Decimal(3),
        budget_left_tokens=10,
    )


def test_all_together() -> None:
    """Sums, and the budgets that every request draws on."""
    told = usage_of(SEEN, STANDING, BUDGETS)
    assert (told.provider, told.total_requests, told.total_tokens, told.doubtful) == (None, 5, 12, 1)
    assert (told.remaining, told.budget_left_usd) == (7, Decimal(9))


def test_a_purse_of_a_provider_that_nobody_has_used_yet_is_full() -> None:
    """It is made at the first request, and holds before."""
    each = Budget(name="each", limit=Decimal(8), each="provider")
    assert usage_of(SEEN, STANDING, (each,), "mistral").budget_left_usd == Decimal(8)
    assert usage_of(SEEN, STANDING, (each,), "groq").budget_left_usd == Decimal(2)
    assert usage_of(SEEN, STANDING, (each,)).budget_left_usd is None


def test_what_is_not_known_is_none() -> None:
    """A quota that tells nothing, a provider that nobody asked."""
    assert usage_of(SEEN, STANDING, (), "groq").remaining is None
    assert usage_of(SEEN, STANDING, (), "nobody") == UsageStats(provider="nobody")
    unlimited = Standing(scopes=(ScopeStanding(provider="p", endpoint="e", requests=9), ScopeStanding(provider="p", endpoint="f")))
    assert (usage_of(SEEN, unlimited, ()).rate_limit, usage_of(SEEN, unlimited, ()).remaining) == (9, None)
