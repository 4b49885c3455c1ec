"""Whether a request would pass now, asked of everything that could hold it back, and nothing is set aside for it."""

import asyncio
from decimal import Decimal

import pytest
from attrs import evolve
from returns.result import Failure, Success

from llm_manager.domain.configuration import BreakerSettings, Budget, LLMConfig, ProviderSettings
from llm_manager.domain.error_questions import describe
from llm_manager.domain.errors import AllModelsFailed, BudgetExceeded, CircuitOpen, InvalidRequest, RateLimitExceeded
from llm_manager.domain.models import KnownPrice
from llm_manager.domain.plans import RoutingPolicy
from llm_manager.domain.requests import LLMRequest, Preferences
from llm_manager.effects import settle
from llm_manager.services.manager import LLMManager
from llm_manager.testing import Scripted, faults, run_virtual, scripted, scripted_manager

PRICE = KnownPrice(input_usd=Decimal(0), output_usd=Decimal(1_000_000), version="t")
ASKED = LLMRequest("hi", preferences=Preferences(max_tokens=4))
ONCE = RoutingPolicy(max_retries=0)


def manager_of(*models: Scripted, budgets: tuple[Budget, ...] = ()) -> LLMManager:
    """A manager that sends nothing twice."""
    return scripted_manager(*models, config=LLMConfig(budgets=budgets, routing=ONCE))


def test_what_costs_nothing_passes_and_what_is_wrong_does_not() -> None:
    """As it would when it is sent."""
    manager = manager_of(scripted("x"))
    assert manager.check_limits() == manager.check_limits(ASKED) == Success(None)
    assert isinstance(manager.check_limits(LLMRequest("")).failure(), InvalidRequest)


def test_budgets_are_asked_and_nothing_is_set_aside() -> None:
    """Neither those of settings nor the request's own."""
    dear = scripted("x", profile={"price": PRICE})
    manager = manager_of(dear, budgets=(Budget(name="five", limit=Decimal(5)),))
    for _ in range(3):
        assert manager.check_limits(ASKED) == Success(None)
    assert manager.standing().budgets[0].reserved == 0
    six = evolve(ASKED, preferences=Preferences(max_tokens=6))
    refused = manager.check_limits(six).failure()
    assert isinstance(refused, BudgetExceeded)
    assert refused.budget == "five"
    own = manager.check_limits(evolve(ASKED, max_cost_usd=Decimal(3))).failure()
    assert isinstance(own, BudgetExceeded)
    assert own.budget == "max_cost_usd"


def test_it_passes_when_any_of_its_models_would_take_it() -> None:
    """Only when none does, it is told what each would say."""
    dear, free = scripted("x", provider="openai", profile={"price": PRICE}), scripted("y", provider="ollama")
    none = (Budget(name="none", limit=Decimal(0)),)
    assert manager_of(dear, free, budgets=none).check_limits(ASKED) == Success(None)
    both = manager_of(dear, scripted("y", provider="ollama", profile={"price": PRICE}), budgets=none).check_limits(ASKED).failure()
    assert isinstance(both, BudgetExceeded)


BUSY = ProviderSettings(requests_per_minute=2)


@pytest.mark.parametrize("one_budget", [True, False], ids=["spent", "shut and spent"])
def test_it_says_what_a_call_would_be_told(one_budget: bool) -> None:
    """The same error, by the same decision: one budget that refuses every model is told once."""

    async def story() -> None:
        budget = Budget(name="few", limit=Decimal(5), unit="requests", period="day", provider=None if one_budget else "two")
        one = scripted("x" if one_budget else faults.server_error(), provider="one")
        config = LLMConfig(budgets=(budget,), routing=ONCE, breaker=BreakerSettings(failures=1, failure_rate=1.0))
        manager = scripted_manager(one, scripted("y", provider="two"), config=config)
        for number in range(6):
            await settle(manager.generate(LLMRequest(f"{number}")))
        told, checked = (await settle(manager.generate(ASKED))).failure(), manager.check_limits(ASKED).failure()
        assert type(told) is type(checked) is (BudgetExceeded if one_budget else AllModelsFailed)
        if isinstance(told, AllModelsFailed) and isinstance(checked, AllModelsFailed):
            assert [cause.tag for cause in told.causes] == [cause.tag for cause in checked.causes] == ["BudgetExceeded", "CircuitOpen"]
        else:
            assert describe(told) == describe(checked)

    run_virtual(story())


def test_a_minute_that_is_spent_is_told_with_the_wait() -> None:
    """As long as it really is."""

    async def story() -> None:
        config = LLMConfig(routing=ONCE, providers={"one": BUSY, "two": BUSY})
        manager = scripted_manager(scripted("x", provider="one"), scripted("y", provider="two"), config=config)
        for number in range(2):
            for provider in ("one", "two"):
                wished = Preferences(provider=provider, exact=True)
                assert isinstance(await settle(manager.generate(LLMRequest(f"{number}", preferences=wished))), Success)
        spent = manager.check_limits(ASKED).failure()
        assert isinstance(spent, AllModelsFailed)
        (wait,) = {cause.retry_after_seconds for cause in spent.causes if isinstance(cause, RateLimitExceeded)}
        assert wait is not None
        assert 0 < wait <= 61
        await asyncio.sleep(wait)
        assert manager.check_limits(ASKED) == Success(None)

    run_virtual(story())


def test_an_endpoint_that_is_down_or_paused_is_told() -> None:
    """With how long."""

    async def story() -> None:
        manager = manager_of(scripted(*[faults.server_error()] * 5, "well"))
        for _ in range(5):
            assert isinstance(await settle(manager.generate(ASKED)), Failure)
        shut = manager.check_limits(ASKED).failure()
        assert isinstance(shut, CircuitOpen)
        assert shut.retry_after_seconds is not None
        assert 0 < shut.retry_after_seconds <= 60
        manager = manager_of(scripted(RateLimitExceeded(model="m", retry_after_seconds=30.0), "well"))
        assert isinstance(await settle(manager.generate(evolve(ASKED, deadline_ms=10))), Failure)
        paused = manager.check_limits(ASKED).failure()
        assert isinstance(paused, RateLimitExceeded)
        assert paused.local
        assert paused.retry_after_seconds is not None

    run_virtual(story())
