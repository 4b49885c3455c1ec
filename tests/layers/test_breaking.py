"""The gates of the breakers: who is let through, what is told, and that a slot always comes back."""

import asyncio
import threading
from collections.abc import Callable, Coroutine
from math import inf
from typing import Any

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from returns.result import Failure, Success

from llm_manager.domain.attempts import Attempt
from llm_manager.domain.configuration import BreakerSettings
from llm_manager.domain.error_questions import counts_for_breaker, describe
from llm_manager.domain.errors import CircuitOpen, LLMError, ModelUnavailable, NetworkError, RateLimitExceeded
from llm_manager.domain.events import BreakerChanged, Event
from llm_manager.domain.models import Endpoint
from llm_manager.domain.requests import LLMRequest
from llm_manager.domain.standing import BreakerStanding
from llm_manager.domain.usage import Unpriced
from llm_manager.layers.breaking import breaking
from llm_manager.services.gates import LET_THROUGH, Pass, Replied, enter, pass_all
from llm_manager.services.guards import Breakers
from llm_manager.testing import attempt_for, run_virtual, samples
from llm_manager.testing.world import fake_world

ANSWERED = Replied(usage=None, cost=Unpriced(reason="test"))
DOWN = ModelUnavailable(model="m", message="status 500")
HERE = Endpoint(provider="openai", base_url="https://one.example/v1", locality="cloud")
NAME = HERE.identity


def attempt(endpoint: Endpoint = HERE, *, last_resort: bool = False) -> Attempt:
    return replace(attempt_for(LLMRequest("hi"), endpoint=endpoint).unwrap(), last_resort=last_resort)


class Door:
    """Both gates of some breakers, and what was told."""

    def __init__(self, settings: BreakerSettings | None = None) -> None:
        self.told: list[Event] = []
        self.breakers: Breakers = breaking(BreakerSettings() if settings is None else settings, fake_world().now)

    async def enter(self, endpoint: Endpoint = HERE, *, last_resort: bool = False) -> Pass | LLMError:
        """Pass both gates, as every request does."""
        entered = await pass_all((self.breakers.entry, self.breakers.gate), attempt(endpoint, last_resort=last_resort), self.told.append)
        if isinstance(entered, Failure):
            return entered.failure()
        return entered[-1] if entered else LET_THROUGH.unwrap()

    async def go(self, how: Replied | LLMError | None, endpoint: Endpoint = HERE) -> None:
        """Pass them, and end so."""
        (await self.through(endpoint)).ended(how)

    async def through(self, endpoint: Endpoint = HERE, *, last_resort: bool = False) -> Pass:
        passed = await self.enter(endpoint, last_resort=last_resort)
        assert isinstance(passed, Pass)
        return passed

    async def trip(self, endpoint: Endpoint = HERE) -> None:
        """Fail until it is shut."""
        for _ in range(5):
            entered = await self.enter(endpoint)
            if not isinstance(entered, Pass):
                return
            entered.ended(DOWN)

    @property
    def phases(self) -> list[str]:
        return [event.phase for event in self.told if isinstance(event, BreakerChanged)]


def virtual(test: Callable[[Door], Coroutine[Any, Any, None]]) -> None:
    async def run() -> None:
        await test(Door())

    run_virtual(run())


def test_five_failures_shut_it_and_it_says_when_to_come_back() -> None:
    async def test(door: Door) -> None:
        await door.trip()
        assert door.breakers.shut() == {NAME: 60.0}
        await asyncio.sleep(10)
        assert await door.enter() == CircuitOpen(model="scripted-1", endpoint=HERE.base_url, retry_after_seconds=50.0)
        assert door.told == [BreakerChanged(at=0.0, provider="openai", endpoint=HERE.base_url, phase="open")]
        await door.go(ANSWERED, evolve(HERE, account="other"))

    virtual(test)


def test_who_is_refused_is_told_why_in_the_words_of_the_last_failure() -> None:
    async def test(door: Door) -> None:
        await door.trip()
        for gate in (door.breakers.entry, door.breakers.gate):
            refused = await enter(gate, attempt(), door.told.append)
            assert isinstance(refused, Failure)
            error = refused.failure()
            assert isinstance(error, CircuitOpen)
            assert error.cause == describe(DOWN)
        assert [each.cause for each in door.breakers.standing()] == [describe(DOWN)]
        await asyncio.sleep(60)
        (await door.through()).ended(NetworkError(model="m", message="refused"))
        assert [each.cause for each in door.breakers.standing()] == [describe(NetworkError(model="m", message="refused"))]
        await asyncio.sleep(60)
        await door.go(ANSWERED)
        assert [each.cause for each in door.breakers.standing()] == [None]

    virtual(test)


def test_both_gates_refuse_so_that_a_queue_drained_after_it_opened_sends_nothing() -> None:
    async def test(door: Door) -> None:
        waiting = attempt()
        assert isinstance(await enter(door.breakers.entry, waiting, door.told.append), Success)
        await door.trip()
        for gate in (door.breakers.entry, door.breakers.gate):
            assert isinstance(await enter(gate, waiting, door.told.append), Failure)

    virtual(test)


def test_entry_takes_no_slot_and_the_gate_takes_one() -> None:
    async def test(door: Door) -> None:
        await door.trip()
        await asyncio.sleep(60)
        for _ in range(3):
            assert isinstance(await enter(door.breakers.entry, attempt(), door.told.append), Success)
        probe = await door.through()
        assert isinstance(await door.enter(), CircuitOpen)
        assert door.breakers.standing() == (
            BreakerStanding(provider="openai", endpoint=HERE.base_url, phase="half_open", failures=5, probes=1, probe_in_seconds=0.0),
        )
        probe.ended(ANSWERED)
        await door.go(ANSWERED)
        assert door.phases == ["open", "half_open", "closed"]

    virtual(test)


@pytest.mark.parametrize("error", [error for error in samples.ERRORS if not counts_for_breaker(error)], ids=lambda error: error.tag)
def test_what_is_not_the_endpoints_fault_shuts_nothing_and_gives_the_slot_back(error: LLMError) -> None:
    async def test(door: Door) -> None:
        for _ in range(100):
            await door.go(error)
        await door.trip()
        await asyncio.sleep(60)
        for how in (error, None, error):
            await door.go(how)
        await door.go(ANSWERED)
        assert door.phases[-1] == "closed"

    virtual(test)


@pytest.mark.parametrize("error", [error for error in samples.ERRORS if counts_for_breaker(error)], ids=lambda error: error.tag)
def test_what_is_its_fault_shuts_it(error: LLMError) -> None:
    async def test(door: Door) -> None:
        for _ in range(5):
            await door.go(error)
        assert door.phases == ["open"]

    virtual(test)


def test_a_later_gate_that_refuses_gives_the_slot_back() -> None:
    async def test(door: Door) -> None:
        async def no(*_: object) -> Failure[LLMError]:
            return Failure(RateLimitExceeded(model="m", local=True))

        await door.trip()
        await asyncio.sleep(60)
        for _ in range(3):
            assert isinstance(await pass_all((door.breakers.gate, no), attempt(), door.told.append), Failure)
        assert door.breakers.standing()[0].probes == 0
        await door.go(ANSWERED)

    virtual(test)


def test_a_probe_is_told_once() -> None:
    async def test(door: Door) -> None:
        await door.trip()
        await asyncio.sleep(60)
        first = await door.through()
        first.ended(None)
        second = await door.through()
        first.ended(None)
        first.ended(DOWN)
        first.opened(None)
        assert isinstance(await door.enter(), CircuitOpen)
        second.ended(ANSWERED)
        assert door.phases == ["open", "half_open", "open", "half_open", "closed"]

    virtual(test)


def test_a_probes_stream_lets_the_others_through_when_it_begins_and_one_failure_shuts_it_again() -> None:
    async def test(door: Door) -> None:
        await door.trip()
        await asyncio.sleep(60)
        stream = await door.through()
        stream.opened(None)
        stream.opened(None)
        other = await door.through()
        stream.ended(DOWN)
        other.ended(ANSWERED)
        assert door.phases == ["open", "half_open", "closed", "open"]
        assert isinstance(await door.enter(), CircuitOpen)

    virtual(test)


def test_who_is_shut_is_the_very_same_mapping_until_it_changes() -> None:
    async def test(door: Door) -> None:
        nobody = door.breakers.shut()
        await door.go(DOWN)
        await door.go(ANSWERED)
        assert door.breakers.shut() is nobody
        await door.trip()
        one = door.breakers.shut()
        await asyncio.sleep(59)
        await door.enter()
        assert door.breakers.shut() is one
        await asyncio.sleep(1)
        due = door.breakers.shut()
        assert due == {}
        probe = await door.through()
        assert door.breakers.shut() == {NAME: inf}
        probe.ended(None)
        assert door.breakers.shut() == {}
        await door.go(DOWN)
        assert door.breakers.shut() == {NAME: 120.0}

    virtual(test)


def test_the_last_resort_is_probed_once_a_second() -> None:
    async def test(door: Door) -> None:
        await door.trip()
        refused = await door.enter(last_resort=True)
        assert isinstance(refused, CircuitOpen)
        assert refused.retry_after_seconds == 1.0
        await asyncio.sleep(1)
        assert isinstance(await door.enter(), CircuitOpen)
        probe = await door.through(last_resort=True)
        assert isinstance(await door.enter(last_resort=True), CircuitOpen)
        probe.ended(ANSWERED)
        await door.go(ANSWERED)

    virtual(test)


def test_by_hand_one_provider_or_all() -> None:
    async def test(door: Door) -> None:
        there = evolve(HERE, provider="anthropic")
        await door.trip()
        await door.trip(there)
        door.breakers.reset("gemini", door.told.append)
        assert len(door.breakers.shut()) == 2
        door.breakers.reset("claude", door.told.append)
        assert door.breakers.shut() == {NAME: 60.0}
        await door.go(ANSWERED, there)
        door.breakers.reset(None, door.told.append)
        assert door.breakers.shut() == {}
        assert door.phases == ["open", "open", "closed", "closed"]
        for _ in range(4):
            await door.go(DOWN)
        await door.go(ANSWERED)

    virtual(test)


def test_switched_off_it_lets_everybody_through() -> None:
    async def run() -> None:
        door = Door(BreakerSettings(enabled=False))
        for _ in range(50):
            await door.go(DOWN)
        assert door.breakers.shut() is door.breakers.shut()
        assert (door.breakers.standing(), door.told) == ((), [])
        assert door.breakers.check(HERE, door.told.append) is None
        door.breakers.reset(None, door.told.append)

    run_virtual(run())


def test_a_look_takes_the_slot_of_what_is_due_and_only_that() -> None:
    async def run() -> None:
        door = Door(BreakerSettings(check_in_background=True))
        assert door.breakers.check(HERE, door.told.append) is None
        await door.trip()
        assert door.breakers.check(HERE, door.told.append) is None
        await asyncio.sleep(60)
        assert isinstance(await door.enter(), CircuitOpen)
        assert list(door.breakers.shut()) == [NAME]
        look = door.breakers.check(HERE, door.told.append)
        assert look is not None
        assert door.breakers.check(HERE, door.told.append) is None
        look.opened(None)
        look.ended(None)
        await door.go(ANSWERED)
        assert door.breakers.standing()[0].failures == 0

    run_virtual(run())


def test_ever_new_endpoints_do_not_grow_without_bound_and_those_that_are_shut_are_kept() -> None:
    async def test(door: Door) -> None:
        await door.trip()
        for number in range(1500):
            await door.go(ANSWERED, evolve(HERE, account=str(number)))
        assert len(door.breakers.standing()) <= 1000
        assert isinstance(await door.enter(), CircuitOpen)

    virtual(test)


def test_two_managers_hear_each_of_what_their_own_requests_did() -> None:
    async def test(door: Door) -> None:
        other: list[Event] = []
        for _ in range(4):
            await door.go(DOWN)
        entered = await enter(door.breakers.gate, attempt(), other.append)
        entered.unwrap().ended(DOWN)
        assert (len(door.told), len(other)) == (0, 1)

    virtual(test)


@given(st.lists(st.sampled_from(["answered", "failed", "left", "opened"]), max_size=30), st.integers(1, 3))
def test_whatever_probes_do_there_are_never_more_of_them_than_slots(ways: list[str], probes: int) -> None:
    async def run() -> None:
        door = Door(BreakerSettings(probes=probes, open_seconds=1.0))
        await door.trip()
        under_way: list[Pass] = []
        for way in ways:
            await asyncio.sleep(1)
            if door.breakers.standing()[0].phase == "closed":
                await door.trip()
                await asyncio.sleep(1)
            for _ in range(5):
                entered = await door.enter()
                if isinstance(entered, Pass):
                    under_way.append(entered)
            assert len(under_way) == probes
            probe = under_way.pop(0)
            if way == "opened":
                probe.opened(None)
            probe.ended(ANSWERED if way == "answered" else DOWN if way == "failed" else None)
        for each in under_way:
            each.ended(None)
        await asyncio.sleep(1)
        await door.go(ANSWERED)
        assert door.breakers.standing()[0].phase == "closed"

    run_virtual(run())


def test_threads_share_a_breaker_and_it_opens_once() -> None:
    told: list[Event] = []
    breakers = breaking(BreakerSettings(open_seconds=1e6), lambda: 0.0)

    def work() -> None:
        async def ask() -> None:
            for _ in range(200):
                entered = await enter(breakers.gate, attempt(), told.append)
                if isinstance(entered, Success):
                    entered.unwrap().ended(DOWN)

        asyncio.run(ask())

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(told) == 1
    assert breakers.shut() == {NAME: 1e6}


def test_of_many_at_once_half_must_fail_one_after_the_other() -> None:
    async def test(door: Door) -> None:
        under_way = [await door.through() for _ in range(50)]
        for each in under_way[:16]:
            each.ended(DOWN)
        assert door.phases == []
        under_way[16].ended(DOWN)
        assert door.phases == ["open"], "17 in a row, and 34 were under way"
        for each in under_way[17:]:
            each.ended(None)
        door.breakers.reset(None, door.told.append)
        await door.trip()
        assert door.phases == ["open", "closed", "open"], "who has left counts no more"

    virtual(test)


def test_what_fails_now_and_then_is_not_shut_to_many_at_once() -> None:
    async def test(door: Door) -> None:
        under_way = [await door.through() for _ in range(50)]
        for number in range(1000):
            under_way.pop(0).ended(DOWN if 10 <= number % 40 < 24 else ANSWERED)
            under_way.append(await door.through())
        assert door.phases == []

    virtual(test)
