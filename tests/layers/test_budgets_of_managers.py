"""Budgets of a whole manager: many calls at once, streams, hits, shared flights, fallbacks, and what is no chat."""

import asyncio
from contextlib import aclosing
from decimal import Decimal
from typing import Any

from attrs import evolve
from returns.result import Failure, Success

from llm_manager.domain.configuration import Budget, CacheSettings, LLMConfig
from llm_manager.domain.embeddings import EmbedRequest
from llm_manager.domain.errors import BudgetExceeded, ModelUnavailable
from llm_manager.domain.models import FREE, KnownPrice
from llm_manager.domain.requests import LLMRequest, Preferences, RequestMetadata
from llm_manager.domain.usage import Priced
from llm_manager.effects import settle
from llm_manager.outcomes import sealed
from llm_manager.services.manager import LLMManager
from llm_manager.testing import Scripted, run_virtual, scripted, scripted_manager

PRICE = KnownPrice(input_usd=Decimal(0), output_usd=Decimal(1_000_000), version="t")
"""A dollar a token written: what a request may take is its max_tokens."""
TEN = Budget(name="ten", limit=Decimal(10))
UNCACHED = CacheSettings(enabled=False)


def model(*outcomes: Any, provider: str = "openai", **fields: Any) -> Scripted:
    """A model that takes a second and writes what it is told: a token for four letters."""
    return scripted(*(outcomes or ("Four" * 2,)), provider=provider, seconds=1.0, profile={"price": PRICE}, **fields)


def manager_of(*models: Scripted, budgets: tuple[Budget, ...] = (TEN,), cache: CacheSettings = UNCACHED) -> LLMManager:
    """A manager with budgets."""
    return scripted_manager(*models, config=LLMConfig(budgets=budgets, cache=cache))


def ask(number: int = 0, most: int = 4, **fields: Any) -> LLMRequest:
    """A request that may cost so many dollars."""
    return LLMRequest(f"question {number}", preferences=Preferences(max_tokens=most), **fields)


def amounts(manager: LLMManager) -> tuple[int, int, int]:
    """Spent, reserved and unknown, in dollars."""
    (only,) = manager.standing().budgets
    return int(only.spent), int(only.reserved), int(only.unknown)


def test_two_hundred_at_once_never_spend_more_than_there_is() -> None:
    """Those that fit are answered, the others are refused for what was really spent, and all ends."""

    async def story() -> None:
        asked = model()
        manager = manager_of(asked)
        outcomes = [sealed(each) for each in await asyncio.gather(*(settle(manager.generate(ask(number))) for number in range(200)))]
        answered = [each.unwrap() for each in outcomes if isinstance(each, Success)]
        refused = [each.failure() for each in outcomes if isinstance(each, Failure)]
        assert len(answered) == asked.count == 4
        assert asked.most_at_once == 2
        spent = [each.cost.usd for each in answered if isinstance(each.cost, Priced)]
        assert (sum(spent), amounts(manager)) == (8, (8, 0, 0))
        assert all(isinstance(error, BudgetExceeded) and error.left == "2" for error in refused)

    run_virtual(story())


def test_a_stream_is_settled_at_its_end_and_kept_as_unknown_when_it_is_left() -> None:
    """While it runs its worst case is reserved."""

    async def story() -> None:
        manager = manager_of(model(chunk_characters=4, chunk_seconds=1.0))
        async with aclosing(manager.stream(ask())) as events:
            async for _ in events:
                assert amounts(manager) in {(0, 4, 0), (2, 0, 0)}
        assert amounts(manager) == (2, 0, 0)
        async with aclosing(manager.stream(ask(1))) as events:
            async for _ in events:
                break
        assert amounts(manager) == (6, 0, 4)

    run_virtual(story())


def test_a_cancelled_call_keeps_what_it_may_have_cost() -> None:
    """The provider may have read it and written."""

    async def story() -> None:
        manager = manager_of(model())
        running = asyncio.ensure_future(settle(manager.generate(ask())))
        await asyncio.sleep(0.5)
        assert amounts(manager) == (0, 4, 0)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        assert amounts(manager) == (4, 0, 4)

    run_virtual(story())


def test_a_hit_costs_nothing_and_a_shared_flight_is_paid_once() -> None:
    """However many ask the same."""

    async def story() -> None:
        asked = model()
        manager = manager_of(asked, cache=CacheSettings())
        together = await asyncio.gather(*(settle(manager.generate(ask())) for _ in range(50)))
        assert all(isinstance(each, Success) for each in together)
        assert isinstance(await settle(manager.generate(ask())), Success)
        assert (asked.count, amounts(manager)) == (1, (2, 0, 0))

    run_virtual(story())


def test_a_model_that_costs_nothing_stands_in_when_the_money_is_spent() -> None:
    """It fits every budget of money; who asks for the dear one alone is refused."""

    async def story() -> None:
        dear, local = model(provider="openai"), scripted("free", provider="ollama", profile={"price": FREE})
        manager = manager_of(dear, local, budgets=(evolve(TEN, limit=Decimal(3)),))
        dearly = Preferences(max_tokens=3, provider="openai")
        first = await settle(manager.generate(LLMRequest("a", preferences=dearly)))
        assert first.unwrap().provider == "openai"
        second = await settle(manager.generate(LLMRequest("b", preferences=dearly)))
        assert second.unwrap().provider == "ollama"
        third = await settle(manager.generate(LLMRequest("c", preferences=evolve(dearly, exact=True))))
        assert isinstance(third, Failure)
        assert isinstance(third.failure(), BudgetExceeded)

    run_virtual(story())


def test_what_was_refused_before_it_was_sent_gives_everything_back() -> None:
    """And the next model pays for itself."""

    async def story() -> None:
        down = ModelUnavailable(model="m", message="down", reason="not_running")
        manager = manager_of(model(down, provider="openai"), model(provider="anthropic"))
        answer = await settle(manager.generate(ask(most=9, metadata=RequestMetadata(user="ann"))))
        assert answer.unwrap().provider == "anthropic"
        assert amounts(manager) == (2, 0, 0)

    run_virtual(story())


def test_what_is_no_chat_is_paid_for_too() -> None:
    """By the tokens of its texts at most; counting tokens is free."""

    async def story() -> None:
        price = KnownPrice(input_usd=Decimal(1_000_000), output_usd=Decimal(0), version="t")
        asked = scripted("x", provider="openai", able=("embed", "count_tokens"), profile={"price": price})
        manager = manager_of(asked, budgets=(evolve(TEN, unit="requests"),))
        assert isinstance(await settle(manager.embed(EmbedRequest(("a", "b")))), Success)
        assert amounts(manager) == (1, 0, 0)
        assert isinstance(await settle(manager.count_tokens(LLMRequest("x"))), Success)
        assert amounts(manager) == (1, 0, 0)

    run_virtual(story())
