"""Memory does not grow with the number of users, features, tenants, models and endpoints that were ever met."""

import asyncio
import gc
import tracemalloc
from collections.abc import Callable
from decimal import Decimal
from typing import Final

import pytest
from attrs import evolve
from msgspec.structs import replace
from returns.result import Success

from llm_manager.assembling.guards import guards_of
from llm_manager.domain.attempts import Attempt
from llm_manager.domain.configuration import Budget, LLMConfig
from llm_manager.domain.errors import NetworkError
from llm_manager.domain.events import Answered, AttemptAnswered, AttemptFailed, Event
from llm_manager.domain.models import KnownPrice
from llm_manager.domain.requests import LLMRequest, RequestMetadata
from llm_manager.domain.statistics import Statistics
from llm_manager.domain.usage import Priced, Usage
from llm_manager.policies.budget import opened, reserve, settle
from llm_manager.policies.budget_book import Real, Reserved
from llm_manager.policies.budget_rules import rules_of
from llm_manager.policies.budget_words import standing_of
from llm_manager.policies.spending import MOST_NAMES
from llm_manager.policies.statistics import observe_all
from llm_manager.services.gates import End, Gate, Replied, enter
from llm_manager.telemetry.statistics import keeping_statistics
from llm_manager.testing import attempt_for, fake_world, run_virtual

FEW, MANY = 1_500, 4_500
"""Every table there is has filled after a few names."""
PEOPLE = 100_000
MOST = 1.5
USAGE = Usage(input_tokens=3, output_tokens=4)
COST = Priced(usd=Decimal("0.000001"), price_version="t")
REPLIED = Replied(usage=USAGE, cost=COST)
BROKEN = NetworkError(model="m", message="reset")
ENDS: Final[tuple[End, ...]] = (REPLIED, BROKEN, None)


def growth(fill: Callable[[int, int], None]) -> float:
    """How many times as much memory three times as many names take; 3 for whoever keeps something of each."""
    tracemalloc.start()
    try:
        fill(0, FEW)
        _, few = tracemalloc.get_traced_memory()
        tracemalloc.reset_peak()
        fill(FEW, MANY)
        _, many = tracemalloc.get_traced_memory()
        return many / few
    finally:
        tracemalloc.stop()


def answered(number: int, model: str = "") -> tuple[Event, ...]:
    """A call of somebody new, with a model nobody has seen unless it is named: one failed attempt, and one that answered."""
    who = RequestMetadata(feature=f"feature {number}", user=f"user {number}", tenant=f"tenant {number}")
    at, call, model = float(number), f"call {number}", model or f"model {number}"
    return (
        AttemptFailed(at=at, call_id=call, number=1, provider="p", model="m", seconds=1.0, error=BROKEN, metadata=who),
        AttemptAnswered(at=at, call_id=call, number=2, provider="p", model=model, seconds=1.0, usage=USAGE, cost=COST, metadata=who),
        Answered(at=at, call_id=call, provider="p", model=model, seconds=1.0, usage=USAGE, cost=COST, cached=False, metadata=who),
    )


def test_statistics_hold_as_much_after_many_names_as_after_a_few() -> None:
    keeper = keeping_statistics()

    def fill(first: int, last: int) -> None:
        for number in range(first, last):
            for event in answered(number):
                keeper.subscriber(event)

    assert growth(fill) < MOST


def test_a_hundred_thousand_names_are_summed_and_none_is_lost() -> None:
    seen = Statistics()
    for first in range(0, PEOPLE, 10_000):
        seen = observe_all(seen, [event for number in range(first, first + 10_000) for event in answered(number, "m")[1:]])
    assert seen.calls == PEOPLE
    for names in (seen.features, seen.users, seen.tenants):
        assert len(names) <= MOST_NAMES + 1
        assert sum(each.calls for each in names.values()) == PEOPLE
        assert sum(each.tokens for each in names.values()) == PEOPLE * USAGE.total_tokens


async def _passed(gate: Gate, attempt: Attempt, how: End) -> None:
    entered = await enter(gate, attempt, lambda _: None)
    if isinstance(entered, Success):
        entered.unwrap().ended(how)


def through(gate: Gate) -> Callable[[int, int], None]:
    """Attempts at ever new models of ever new endpoints, for ever new users, that end in every way."""
    made = attempt_for(LLMRequest("hi"), seconds=1e9).unwrap()
    price = KnownPrice(input_usd=Decimal(1), output_usd=Decimal(2), version="t")

    def attempt(number: int) -> Attempt:
        name = f"model {number}"
        return replace(
            made,
            request=LLMRequest("hi", metadata=RequestMetadata(user=f"user {number}", feature=f"feature {number}")),
            model=evolve(made.model, name=name, price=price, max_output_tokens=100),
            endpoint=evolve(made.endpoint, base_url=f"http://127.0.0.1:9/{number}"),
        )

    async def passing(first: int, last: int) -> None:
        for number in range(first, last):
            await _passed(gate, attempt(number), ENDS[number % 3])
            await asyncio.sleep(1.0)
            if not number % 300:
                gc.collect()

    return lambda first, last: run_virtual(passing(first, last))


@pytest.mark.parametrize("guard", ["breakers", "admissions", "resends"])
def test_guards_hold_as_much_after_many_endpoints_as_after_a_few(guard: str) -> None:
    """Each is kept by endpoint; of those nobody has used for two minutes, none that is not among the last thousand."""
    guards = guards_of(LLMConfig(), fake_world())
    gates = {"breakers": guards.breakers.gate, "admissions": guards.admissions.gate, "resends": guards.resends.gate}
    assert growth(through(gates[guard])) < MOST
    assert len(guards.breakers.standing()) <= 1_000
    assert len(guards.admissions.standing()) <= 1_200


def test_purses_hold_as_much_after_many_users_as_after_a_few() -> None:
    """Names beyond those that are kept share one purse, and nothing of theirs is lost."""
    rules = rules_of((Budget(name="each", limit=Decimal(10**9), unit="requests", each="user"),))
    book = opened(rules, most_purses=1_000)

    def fill(first: int, last: int) -> None:
        nonlocal book
        for number in range(first, last):
            book, (reserved, _) = reserve(book, [((0, f"user {number}"), 1)], 0.0)
            assert isinstance(reserved, Reserved)
            book, _ = settle(book, reserved.id, Real(0, 0, 1), 0.0)

    assert growth(fill) < MOST
    assert sum(each.spent for each in standing_of(book, 0.0)) == MANY
