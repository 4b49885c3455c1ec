"""Exploring from end to end: a share of calls, never what the cache has, nothing drawn when it is off."""

import asyncio
from collections import Counter

from attrs import evolve
from returns.result import Failure

from llm_manager.domain.configuration import CacheSettings, LLMConfig
from llm_manager.domain.errors import InvalidRequest
from llm_manager.domain.plans import RoutingPolicy
from llm_manager.domain.requests import LLMRequest, Preferences
from llm_manager.effects import settle
from llm_manager.services.manager import LLMManager
from llm_manager.testing import Scripted, fake_world, run_virtual, scripted, scripted_manager

POLICY = RoutingPolicy(strategy="performance", explore=0.25)


def two() -> tuple[Scripted, Scripted]:
    return (
        scripted("from one", provider="one", profile={"latency_seconds": 1.0}),
        scripted("from two", provider="two", profile={"latency_seconds": 2.0}),
    )


def config(policy: RoutingPolicy = POLICY, *, cache: bool = True) -> LLMConfig:
    return LLMConfig(routing=policy, cache=CacheSettings(enabled=cache))


def answerers(manager: LLMManager, requests: list[LLMRequest]) -> list[str]:
    async def ask() -> list[str]:
        return [(await settle(manager.generate(request))).unwrap().provider for request in requests]

    return run_virtual(ask())


def fresh(count: int) -> list[LLMRequest]:
    return [LLMRequest(f"hi {number}") for number in range(count)]


def test_a_share_of_calls_asks_another_model_first_and_the_same_seed_the_same_calls() -> None:
    """Nothing that was seen of two makes it the first: it answers in no time here, as one does."""
    told = [answerers(scripted_manager(*two(), config=config()), fresh(200)) for _ in range(2)]
    assert told[0] == told[1]
    share = Counter(told[0])["two"] / 200
    assert 0.15 < share < 0.35


def test_what_is_remembered_is_not_asked_of_another_model() -> None:
    """Else it would be paid for twice."""
    one, second = two()
    manager = scripted_manager(one, second, config=config(evolve(POLICY, explore=1.0)))
    same = LLMRequest("again", preferences=Preferences(model="scripted", provider="one"))
    asked = [same, *[LLMRequest("again")] * 20]
    assert answerers(manager, asked) == ["one"] * 21
    assert (len(one.calls), len(second.calls)) == (1, 0)


def test_without_a_cache_every_call_may_explore_and_a_failed_try_falls_back() -> None:
    one = scripted("from one", provider="one", profile={"latency_seconds": 1.0})
    manager = scripted_manager(one, config=config(evolve(POLICY, explore=1.0), cache=False))
    assert answerers(manager, fresh(3)) == ["one"] * 3


def test_nothing_is_drawn_when_exploring_is_off() -> None:
    """Histories of before stay what they were."""
    world = fake_world()
    before = world.rng.getstate()
    assert answerers(scripted_manager(*two(), config=config(evolve(POLICY, explore=0.0)), world=world), fresh(3)) == ["one"] * 3
    assert world.rng.getstate() == before


def test_the_answer_says_that_it_was_asked_to_explore() -> None:
    async def ask() -> tuple[str, ...]:
        manager = scripted_manager(*two(), config=config(evolve(POLICY, explore=1.0)))
        return (await settle(manager.generate(LLMRequest("hi")))).unwrap().notices

    (notice,) = run_virtual(ask())
    assert notice.endswith("is asked first this time, to see how it is now (routing.explore)")


def test_a_request_that_the_first_model_cannot_be_asked_may_explore() -> None:
    """What cannot be written is not remembered either."""

    async def ask() -> tuple[str, ...]:
        one, second = two()
        refusing = evolve(one.client, encode=lambda *_: Failure(InvalidRequest(message="no")))
        manager = scripted_manager(second, config=config(evolve(POLICY, explore=1.0)), clients={"one": refusing, "two": second.client})
        return (await settle(manager.generate(LLMRequest("hi")))).unwrap().notices

    (notice,) = run_virtual(ask())
    assert notice.endswith("(routing.explore)")


def test_what_is_asked_for_right_now_is_not_asked_of_another_model() -> None:
    async def ask() -> list[str]:
        one, second = two()
        manager = scripted_manager(one, second, config=config(evolve(POLICY, explore=1.0)))
        first = LLMRequest("again", preferences=Preferences(model="scripted", provider="one"))
        both = await asyncio.gather(settle(manager.generate(first)), settle(manager.generate(LLMRequest("again"))))
        return [outcome.unwrap().provider for outcome in both]

    assert run_virtual(ask()) == ["one", "one"]


def test_a_request_that_uses_no_cache_may_explore_each_time() -> None:
    one, second = two()
    manager = scripted_manager(one, second, config=config(evolve(POLICY, explore=1.0)))
    assert answerers(manager, [LLMRequest("again", cache="off")] * 3) == ["two"] * 3
