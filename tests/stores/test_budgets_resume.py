"""What was spent is spent, also for the next process: whole managers over one store."""

import asyncio
from decimal import Decimal
from typing import Any

from attrs import evolve
from returns.result import Failure, Success

from llm_manager.domain.configuration import Budget, CacheSettings, LLMConfig, StoreSettings
from llm_manager.domain.errors import BudgetExceeded, ConfigurationError, ModelUnavailable
from llm_manager.domain.models import KnownPrice
from llm_manager.domain.requests import LLMRequest, Preferences, RequestMetadata
from llm_manager.domain.usage_log import UsageQuery
from llm_manager.effects import settle
from llm_manager.services.manager import LLMManager
from llm_manager.stores.opening import store_of
from llm_manager.stores.sql.database import Database
from llm_manager.testing import scripted, scripted_manager
from llm_manager.testing.world import fake_world

PRICE = KnownPrice(input_usd=Decimal(0), output_usd=Decimal(1_000_000), version="t")
"""A dollar a token written: what a request may take is its max_tokens."""
DAILY = Budget(name="daily", limit=Decimal(10), period="day")
EACH = Budget(name="each", limit=Decimal(6), period="month", each="user")


def manager_in(database: Database, *budgets: Budget, cached: bool = False, says: Any = "Four" * 2) -> LLMManager:
    """A manager of a process of its own; what it keeps is in the database."""
    world = fake_world()
    store = evolve(store_of(database, StoreSettings(), world), close=_stay_open)
    config = LLMConfig(budgets=budgets, cache=CacheSettings(enabled=cached))
    return scripted_manager(scripted(says, provider="openai", profile={"price": PRICE}), config=config, world=world, store=store)


async def _stay_open() -> None:
    """A database in memory is gone when it is closed."""


def ask(number: int = 0, most: int = 4, user: str | None = None) -> LLMRequest:
    """A request that may cost so many dollars."""
    return LLMRequest(f"question {number}", preferences=Preferences(max_tokens=most), metadata=RequestMetadata(user=user, feature="f"))


async def kept(manager: LLMManager) -> None:
    """Until what was told is durable."""
    assert isinstance(await settle(manager.usage_report(UsageQuery())), Success)


async def test_a_budget_goes_on_after_a_restart(database: Database) -> None:
    """To the micro-dollar, each purse by itself, and what may have been billed at its worst case."""
    first = manager_in(database, DAILY, EACH)
    for number in range(2):
        assert isinstance(await settle(first.generate(ask(number, user="ann"))), Success)
    await kept(first)
    second = manager_in(database, DAILY, EACH)
    assert await settle(second.recall_budgets()) == Success(None)
    assert {each.of: each.spent for each in second.standing().budgets} == {"": Decimal(4), "ann": Decimal(4)}
    refused = await settle(second.generate(ask(3, user="ann")))
    assert isinstance(refused, Failure) and isinstance(refused.failure(), BudgetExceeded)
    assert isinstance(await settle(second.generate(ask(4, user="bob"))), Success)
    await kept(second)
    third = manager_in(database, DAILY)
    await settle(third.recall_budgets())
    assert third.standing().budgets[0].spent == 6


async def test_who_asks_at_once_after_a_restart_waits_for_what_was_spent(database: Database) -> None:
    """No call slips through before the log is read."""
    first = manager_in(database, DAILY)
    for number in range(4):
        await settle(first.generate(ask(number)))
    await kept(first)
    second = manager_in(database, DAILY)
    outcomes = await asyncio.gather(*(settle(second.generate(ask(number))) for number in range(10, 30)))
    assert [type(each) for each in outcomes].count(Success) == 0
    assert isinstance(await settle(second.generate(ask(50, most=2))), Success)


async def test_what_a_manager_does_is_in_its_log(database: Database) -> None:
    """Attempts, failures, and what its cache saved."""
    manager = manager_in(database, cached=True)
    for _ in range(3):
        assert isinstance(await settle(manager.generate(ask(user="ann"))), Success)
    failing = manager_in(database, says=ModelUnavailable(model="m", message="off", reason="permanent"))
    assert isinstance(await settle(failing.generate(ask(1))), Failure)
    await kept(manager)
    await kept(failing)
    report = (await settle(manager.usage_report(UsageQuery(by=("user",))))).unwrap()
    total = report.total
    assert (total.requests, total.successful, total.failed) == (2, 1, 1)
    assert (total.cost_usd, total.remembered, total.saved_usd) == (Decimal(2), 2, Decimal(4))
    assert [(group.of, group.totals.cost_usd) for group in report.groups] == [(("ann",), Decimal(2)), ((None,), Decimal(0))]


async def test_without_a_store_it_says_how_to_have_one() -> None:
    """And a query that cannot be answered says why."""
    manager = scripted_manager(scripted("x"))
    told = await settle(manager.usage_report(UsageQuery()))
    assert isinstance(told, Failure) and isinstance(told.failure(), ConfigurationError)
    assert await settle(manager.recall_budgets()) == Success(None)
