"""What is asked or done by name: a name that nobody has is a failure, never silence."""

from decimal import Decimal
from typing import Any, get_args

import pytest
from returns.result import Failure, Success

from llm_manager.blocking import blocking
from llm_manager.domain.configuration import Budget, LLMConfig
from llm_manager.domain.errors import ConfigurationError, InvalidRequest
from llm_manager.domain.requests import LLMRequest
from llm_manager.domain.usage_stats import ResetPeriod
from llm_manager.effects import settle
from llm_manager.real_world import real_world
from llm_manager.testing import run_virtual, scripted, scripted_manager


@pytest.mark.parametrize(("name", "meant"), [("opnai", "openai"), ("mine-2", "mine-1"), ("", "openai"), (5, "mine-1"), ("auto", "openai")])
def test_a_provider_that_is_none_is_told_with_the_nearest(name: Any, meant: str) -> None:
    manager = scripted_manager(scripted("x", provider="mine-1"))
    for outcome in (manager.usage(name), manager.reset_breaker(name)):
        wrong = outcome.failure()
        assert isinstance(wrong, ConfigurationError)
        assert repr(name) in wrong.message
        assert meant in wrong.message


@pytest.mark.parametrize("name", ["mine-1", "openai", "Claude", "LM Studio", None])
def test_a_provider_is_known_by_any_of_its_names(name: str | None) -> None:
    """Those that are asked here, and all that there are."""
    manager = scripted_manager(scripted("x", provider="mine-1"))
    assert manager.usage(name).unwrap().total_requests == 0
    assert manager.reset_breaker(name) == Success(None)


@pytest.mark.parametrize("period", ["DAILY", "weekly", None, "", 1, []])
def test_a_period_that_is_none_is_told_with_those_there_are(period: Any) -> None:
    manager = scripted_manager(scripted("x"))
    wrong = manager.reset_usage(period).failure()
    assert isinstance(wrong, InvalidRequest)
    assert all(word in wrong.message for word in get_args(ResetPeriod))
    with blocking(scripted_manager(scripted("x"), world=real_world({}))) as m:
        assert isinstance(m.reset_usage(period), Failure)
        assert isinstance(m.reset_breaker("opnai"), Failure)
        assert isinstance(m.usage("opnai"), Failure)


@pytest.mark.parametrize(("budgets", "word"), [("day", "day"), ("day", "daily"), ("month", "month"), ("month", "monthly"), ("run", "run")])
def test_a_budget_begins_anew_by_either_word(budgets: Any, word: ResetPeriod) -> None:
    async def story() -> None:
        one = Budget(name="one", limit=Decimal(1), unit="requests", period=budgets)
        manager = scripted_manager(scripted("x"), config=LLMConfig(budgets=(one,)))
        assert isinstance(await settle(manager.generate(LLMRequest("a"))), Success)
        assert manager.usage().unwrap().budget_left_requests == 0
        assert manager.reset_usage(word) == Success(None)
        assert manager.usage().unwrap().budget_left_requests == 1
        assert isinstance(await settle(manager.generate(LLMRequest("b"))), Success)

    run_virtual(story())
