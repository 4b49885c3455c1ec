"""What caching adds to the laws of layers: hits, flights, and what is never stored."""

import asyncio
from contextlib import aclosing
from decimal import Decimal
from typing import Any

from attrs import evolve
from returns.result import Failure, Success

from llm_manager.domain.configuration import Budget, CacheSettings, LLMConfig
from llm_manager.domain.errors import BudgetExceeded, LLMError, ModelUnavailable, RequestTimeout
from llm_manager.domain.events import Answered, AttemptAnswered, AttemptStarted, CacheHit, Event
from llm_manager.domain.plans import RoutingPolicy
from llm_manager.domain.requests import LLMRequest, Preferences, RequestMetadata
from llm_manager.domain.responses import LLMResponse
from llm_manager.domain.statistics import Statistics
from llm_manager.domain.streaming import StreamFinished
from llm_manager.domain.usage import Priced
from llm_manager.effects import settle
from llm_manager.orchestration.collecting import collect
from llm_manager.testing import faults, run_virtual, scripted, scripted_manager

HI = LLMRequest("hi")


def test_a_second_equal_call_is_a_hit_that_costs_nothing_and_is_told() -> None:
    model, told = scripted("hello", "not this", locality="cloud"), list[Event]()

    async def ask_twice() -> tuple[LLMResponse, LLMResponse]:
        manager = scripted_manager(model, tell=told.append)
        return (await settle(manager.generate(HI))).unwrap(), (await settle(manager.generate(HI))).unwrap()

    first, second = run_virtual(ask_twice())
    assert (first.cached, second.cached, second.content, model.count) == (False, True, "hello", 1)
    assert isinstance(second.cost, Priced)
    assert second.cost.usd == 0
    assert first.call_id != second.call_id
    assert [type(event) for event in told if isinstance(event, CacheHit | Answered | AttemptAnswered)] == [
        AttemptAnswered,
        Answered,
        CacheHit,
        Answered,
    ]


def test_an_answer_is_forgotten_after_its_time() -> None:
    model = scripted("hello")

    async def ask_late() -> None:
        manager = scripted_manager(model, config=LLMConfig(cache=CacheSettings(ttl_seconds=10.0)))
        await settle(manager.generate(HI))
        await asyncio.sleep(9.0)
        await settle(manager.generate(HI))
        await asyncio.sleep(1.5)
        await settle(manager.generate(HI))

    run_virtual(ask_late())
    assert model.count == 2


def test_refresh_asks_again_and_off_neither_reads_nor_stores() -> None:
    model = scripted("one", "two", "three", "four")

    async def ask() -> list[str]:
        manager = scripted_manager(model)
        asked = (HI, evolve(HI, cache="refresh"), HI, evolve(HI, cache="off"), HI)
        return [(await settle(manager.generate(request))).unwrap().content for request in asked]

    assert run_virtual(ask()) == ["one", "two", "two", "three", "two"]


def test_the_cache_switched_off_asks_every_time_even_side_by_side() -> None:
    model = scripted("hello", seconds=1.0)

    async def ask() -> None:
        manager = scripted_manager(model, config=LLMConfig(cache=CacheSettings(enabled=False)))
        await asyncio.gather(*(settle(manager.generate(HI)) for _ in range(3)))

    run_virtual(ask())
    assert model.count == 3


def test_tenants_and_parameters_are_apart() -> None:
    model = scripted("one", "two", "three")

    async def ask() -> list[str]:
        manager = scripted_manager(model)
        others = (evolve(HI, metadata=RequestMetadata(tenant="other")), evolve(HI, preferences=Preferences(seed=1)))
        return [(await settle(manager.generate(request))).unwrap().content for request in (HI, *others)]

    assert run_virtual(ask()) == ["one", "two", "three"]


def test_only_complete_answers_are_stored() -> None:
    cut = LLMResponse(content="half", model="scripted-1", provider="scripted", finish="length")
    model = scripted(cut, ModelUnavailable(model="m", message="gone", reason="permanent"), "whole")

    async def ask() -> list[str]:
        manager = scripted_manager(model)
        outcomes = [await settle(manager.generate(HI)) for _ in range(4)]
        return ["failed" if isinstance(outcome, Failure) else outcome.unwrap().content for outcome in outcomes]

    assert run_virtual(ask()) == ["half", "failed", "whole", "whole"]


def test_ten_equal_calls_at_once_are_one_call_upstream_and_the_others_are_told_they_shared() -> None:
    model = scripted("hello", seconds=1.0)

    async def ask() -> list[LLMResponse]:
        manager = scripted_manager(model)
        outcomes = await asyncio.gather(*(settle(manager.generate(HI)) for _ in range(10)))
        return [outcome.unwrap() for outcome in outcomes]

    answers = run_virtual(ask())
    assert model.count == 1
    assert sorted(answer.shared for answer in answers) == [False] + [True] * 9


def test_a_cancelled_leader_does_not_take_its_followers_down() -> None:
    model = scripted("hello", seconds=2.0)

    async def ask() -> LLMResponse:
        manager = scripted_manager(model)
        leader = asyncio.create_task(settle(manager.generate(HI)))
        await asyncio.sleep(0.5)
        follower = asyncio.create_task(settle(manager.generate(HI)))
        await asyncio.sleep(0.5)
        leader.cancel()
        return (await follower).unwrap()

    assert run_virtual(ask()).content == "hello"
    assert model.count == 1


def test_a_flight_is_cancelled_when_its_last_waiter_leaves_and_the_next_call_flies_anew() -> None:
    model = scripted("hello", seconds=5.0)

    async def ask() -> str:
        manager = scripted_manager(model)
        calls = [asyncio.create_task(settle(manager.generate(HI))) for _ in range(2)]
        await asyncio.sleep(1.0)
        for call in calls:
            call.cancel()
        await asyncio.gather(*calls, return_exceptions=True)
        await asyncio.sleep(0)
        assert (model.left, model.under_way) == (1, 0)
        return (await settle(manager.generate(HI))).unwrap().content

    assert run_virtual(ask()) == "hello"
    assert model.count == 2


def test_a_follower_has_its_own_deadline() -> None:
    model = scripted("hello", seconds=20.0)

    async def ask() -> object:
        manager = scripted_manager(model)
        leader = asyncio.create_task(settle(manager.generate(HI)))
        await asyncio.sleep(1.0)
        hurried = await settle(manager.generate(evolve(HI, timeout_ms=2_000, deadline_ms=2_000)))
        assert isinstance(await leader, Success)
        return hurried.failure()

    error = run_virtual(ask())
    assert isinstance(error, RequestTimeout)
    assert (error.timeout_ms, error.phase) == (2_000, "total")


def test_a_hasty_leaders_deadline_is_not_its_followers() -> None:
    """The patient ones fly again, together, in the time that they have."""
    model = scripted(faults.slow(5.0, "at last"))

    async def lead_and_follow() -> tuple[str, list[str], int]:
        manager = scripted_manager(model)
        hasty = asyncio.ensure_future(settle(manager.generate(evolve(HI, deadline_ms=1_000))))
        await asyncio.sleep(0.5)
        patient = [asyncio.ensure_future(settle(manager.generate(evolve(HI, deadline_ms=20_000)))) for _ in range(3)]
        error = (await hasty).failure()
        answers = [(await one).unwrap() for one in patient]
        assert isinstance(error, RequestTimeout)
        return error.phase, [answer.content for answer in answers], sum(answer.shared for answer in answers)

    assert run_virtual(lead_and_follow()) == ("total", ["at last"] * 3, 2)
    assert model.count == 2


def test_a_leader_as_patient_as_its_followers_is_late_for_all() -> None:
    model = scripted(faults.hanging())

    async def lead_and_follow() -> list[str]:
        manager = scripted_manager(model)
        outcomes = await asyncio.gather(*(settle(manager.generate(evolve(HI, deadline_ms=1_000))) for _ in range(3)))
        return [outcome.failure().tag for outcome in outcomes]

    assert run_virtual(lead_and_follow()) == ["TimeoutError"] * 3
    assert model.count == 1


def test_a_stream_is_stored_when_it_ends_complete_and_replayed_as_events() -> None:
    model = scripted("hello there you")

    async def read() -> tuple[list[type], LLMResponse, LLMResponse]:
        manager = scripted_manager(model)
        first = (await collect(manager.stream(HI))).unwrap()
        kinds, last = [], first
        async for event in manager.stream(HI):
            kinds.append(type(event.unwrap()))
            if isinstance(finished := event.unwrap(), StreamFinished):
                last = finished.response
        return kinds, first, last

    kinds, first, last = run_virtual(read())
    assert [kind.__name__ for kind in kinds] == ["TextDelta", "StreamFinished"]
    assert (first.content, first.cached) == (last.content, False)
    assert last.cached
    assert model.count == 1


def test_whole_answers_and_streams_share_what_is_remembered() -> None:
    model = scripted("hello")

    async def ask() -> LLMResponse:
        manager = scripted_manager(model)
        await settle(manager.generate(HI))
        return (await collect(manager.stream(HI))).unwrap()

    assert run_virtual(ask()).cached
    assert model.count == 1


def test_a_stream_left_early_or_cut_is_not_stored() -> None:
    model = scripted("hello there you", faults.cut_after(2), "again")

    async def read() -> str:
        manager = scripted_manager(model)
        async with aclosing(manager.stream(HI)) as events:
            async for _ in events:
                break
        assert isinstance(await collect(manager.stream(HI)), Failure)
        return (await collect(manager.stream(HI))).unwrap().content

    assert run_virtual(read()) == "again"


def test_a_hit_serves_while_the_model_is_down() -> None:
    model = scripted("hello", ModelUnavailable(model="m", message="down"))

    async def ask() -> LLMResponse:
        manager = scripted_manager(model)
        await settle(manager.generate(HI))
        assert isinstance(await settle(manager.generate(LLMRequest("other"))), Failure)
        return (await settle(manager.generate(HI))).unwrap()

    assert run_virtual(ask()).cached


def test_a_failure_that_was_shared_is_one_failed_attempt_of_the_model() -> None:
    model = scripted(ModelUnavailable(model="m", message="gone", reason="permanent"), seconds=1.0)

    async def ask() -> Statistics:
        manager = scripted_manager(model)
        await asyncio.gather(*(settle(manager.generate(HI)) for _ in range(20)))
        return manager.stats()

    seen = run_virtual(ask())
    assert (seen.failed, model.count) == (20, 1)
    assert [(each.attempts, dict(each.errors)) for each in seen.models.values()] == [(1, {"ModelUnavailable": 1})]


def test_who_shared_a_failure_has_sent_nothing_and_is_billed_for_nothing() -> None:
    model, told = scripted(*[faults.reset()] * 2, seconds=1.0), list[Event]()
    config = LLMConfig(routing=RoutingPolicy(max_retries=1))

    async def ask() -> list[LLMError]:
        manager = scripted_manager(model, config=config, tell=told.append)
        return [outcome.failure() for outcome in await asyncio.gather(*(settle(manager.generate(HI)) for _ in range(10)))]

    lines = [line for error in run_virtual(ask()) for line in error.attempts]
    assert {(line.sent, line.shared, line.cost is None) for line in lines} == {(True, False, False), (False, True, True)}
    assert sum(line.sent for line in lines) == model.count == sum(isinstance(event, AttemptStarted) for event in told)
    assert all(len(error.attempts) <= 2 for error in run_virtual(ask())), "those who share go on no longer than those who send"


def test_reasoning_is_replayed_too() -> None:
    said = LLMResponse(content="four", reasoning="two and two", model="scripted-1", provider="scripted")
    model = scripted(said)

    async def read() -> list[str]:
        manager = scripted_manager(model)
        await settle(manager.generate(HI))
        return [event.unwrap().tag async for event in manager.stream(HI)]

    assert run_virtual(read()) == ["ReasoningDelta", "TextDelta", "StreamFinished"]


def test_who_joined_a_flight_that_was_too_dear_for_its_leader_pays_for_himself() -> None:
    """Ann's purse is empty and Ben's is not: her refusal is not his."""

    async def play() -> tuple[Any, Any]:
        model = scripted(lambda attempt: f"for {attempt.metadata.user}", locality="cloud")
        purse = Budget(name="users", limit=Decimal(1), unit="requests", each="user")
        async with scripted_manager(model, config=LLMConfig(budgets=(purse,))) as manager:
            ann, ben = (RequestMetadata(user=name) for name in ("ann", "ben"))
            await settle(manager.generate(LLMRequest("before", metadata=ann)))
            same = LLMRequest("now", preferences=Preferences(max_tokens=5))
            both = [settle(manager.generate(evolve(same, metadata=who))) for who in (ann, ben)]
            first, second = await asyncio.gather(*both)
            return first, second

    refused, answered = run_virtual(play())
    assert isinstance(refused.failure(), BudgetExceeded)
    assert answered.unwrap().content == "for ben"
