"""Exploring: a share of calls, rivals only, nothing lost from the plan."""

from collections import Counter
from random import Random

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from llm_manager.domain.plans import Plan, RoutingPolicy, Snapshot
from llm_manager.domain.requests import LLMRequest, Preferences
from llm_manager.policies.exploring import exploring_plan, may_explore
from llm_manager.policies.routing import plan
from tests.policies.test_routing import candidate

A, B, C = (
    candidate("openai", "a", usd=1, latency_seconds=1.0, quality=0.5),
    candidate("anthropic", "b", usd=1, latency_seconds=2.0, quality=0.5),
    candidate("groq", "c", usd=1, latency_seconds=3.0, quality=0.5),
)
POLICY = RoutingPolicy(strategy="performance", explore=0.2, local_first=False)


def planned(*candidates: object, policy: RoutingPolicy = POLICY, request: LLMRequest | None = None) -> Plan:
    return plan(request or LLMRequest("hi"), Snapshot(candidates=candidates or (A, B, C)), policy)  # type: ignore[arg-type]  # candidates


def names(made: Plan) -> list[str]:
    return [step.profile.name for step in made.steps]


def test_rivals_stand_behind_the_first_for_what_the_strategy_says_alone() -> None:
    made = planned(A, evolve(B, breaker_open=True), C)
    assert [(step.profile.name, step.rival) for step in made.steps] == [("a", False), ("c", True), ("b", False)]
    assert not any(step.rival for step in planned(request=LLMRequest("hi", preferences=Preferences(provider="openai"))).steps)
    assert not any(step.rival for step in planned(policy=evolve(POLICY, explore=0.0)).steps)
    assert not any(step.rival for step in planned(policy=evolve(POLICY, fallback_order=("openai", "anthropic"))).steps)


@given(st.floats(0, 1, exclude_max=True))
def test_exploring_loses_nobody_and_says_so(draw: float) -> None:
    made = planned()
    explored = exploring_plan(made, draw)
    assert sorted(names(explored)) == sorted(names(made))
    assert names(explored)[0] in ("b", "c")
    assert names(explored)[1:] == [name for name in names(made) if name != names(explored)[0]]
    assert "asked first this time" in explored.steps[0].reasons[0]
    assert "routing.explore" in explored.notices[-1]


def test_a_plan_without_rivals_stays_as_it_is() -> None:
    made = planned(A)
    assert exploring_plan(made, 0.5) is made
    assert not may_explore(made, POLICY, 0.0)


def test_a_share_of_calls_explores_and_every_rival_gets_its_turn() -> None:
    made, rng = planned(), Random(7)
    calls = [exploring_plan(made, rng.random()) if may_explore(made, POLICY, rng.random()) else made for _ in range(10_000)]
    first = Counter(names(call)[0] for call in calls)
    assert first["a"] / 10_000 == pytest.approx(0.8, abs=0.02)
    assert first["b"] / first["c"] == pytest.approx(1.0, abs=0.2)


def test_nothing_is_explored_for_the_cheapest_price_or_with_no_share() -> None:
    assert not may_explore(planned(), evolve(POLICY, strategy="cost"), 0.0)
    assert not may_explore(planned(), evolve(POLICY, explore=0.0), 0.0)
