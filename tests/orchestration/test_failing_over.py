"""A whole manager whose first model dies and comes back: who is asked when, on virtual time."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import aclosing
from typing import Any

import pytest
from attrs import evolve
from returns.result import Failure, Success

from llm_manager.domain.attempts import Attempt
from llm_manager.domain.configuration import BreakerSettings, CacheSettings, LLMConfig
from llm_manager.domain.embeddings import EmbedRequest
from llm_manager.domain.errors import AllModelsFailed, CircuitOpen, LLMError, NetworkError, StreamInterrupted
from llm_manager.domain.events import BreakerChanged, Event
from llm_manager.domain.images import ImageRequest
from llm_manager.domain.plans import RoutingPolicy
from llm_manager.domain.requests import LLMRequest
from llm_manager.domain.responses import LLMResponse
from llm_manager.domain.streaming import StreamEvent
from llm_manager.effects import settle
from llm_manager.outcomes import Settled, sealed
from llm_manager.services.manager import LLMManager
from llm_manager.testing import Said, Scripted, faults, run_virtual, scripted, scripted_manager

NO_CACHE = CacheSettings(enabled=False)
ORDER = LLMConfig(cache=NO_CACHE, routing=RoutingPolicy(fallback_order=("one", "two"), max_retries=0))
HI = LLMRequest("hi")


class Ill:
    """A model that answers as told now; ``says`` may be changed while it runs."""

    def __init__(self, says: Said | Callable[[Attempt], Said], *, provider: str = "one", seconds: float = 0.0, **more: Any) -> None:
        self.says = says
        self.model: Scripted = scripted(self._say, provider=provider, model=f"model-of-{provider}", seconds=seconds, **more)

    def _say(self, attempt: Attempt) -> Said:
        return self.says(attempt) if callable(self.says) else self.says

    @property
    def count(self) -> int:
        return self.model.count


def virtual(work: Coroutine[Any, Any, None]) -> None:
    run_virtual(work)


async def ask(manager: LLMManager, request: LLMRequest = HI) -> Settled[LLMResponse, LLMError]:
    return await settle(manager.generate(request))


async def answer(manager: LLMManager, request: LLMRequest = HI) -> LLMResponse:
    outcome = await ask(manager, request)
    assert isinstance(outcome, Success), outcome
    return outcome.unwrap()


def phases(told: list[Event]) -> list[str]:
    return [event.phase for event in told if isinstance(event, BreakerChanged)]


def test_a_dead_primary_costs_five_calls_a_moment_and_later_ones_nothing() -> None:
    async def test() -> None:
        primary, backup, told = Ill(faults.refused()), Ill("from two", provider="two", seconds=0.5), list[Event]()
        manager = scripted_manager(primary.model, backup.model, config=ORDER, tell=told.append)
        for _ in range(5):
            assert (await answer(manager)).provider == "two"
        assert (primary.count, phases(told)) == (5, ["open"])
        for _ in range(50):
            later = await answer(manager)
            assert (later.provider, later.latency_seconds, len(later.attempts), later.notices) == ("two", 0.5, 1, ())
        assert primary.count == 5
        steps = manager.plan(HI).unwrap().steps
        assert [step.profile.provider for step in steps] == ["two", "one"]
        assert "moved back: its breaker is open" in steps[1].reasons

    virtual(test())


def test_when_its_time_is_over_one_call_probes_it_while_the_others_go_to_the_backup() -> None:
    async def test() -> None:
        primary, backup, told = Ill(faults.refused(), seconds=2.0), Ill("from two", provider="two"), list[Event]()
        manager = scripted_manager(primary.model, backup.model, config=ORDER, tell=told.append)
        await asyncio.gather(*[ask(manager) for _ in range(5)])
        primary.says = "from one"
        await asyncio.sleep(60)
        answers = await asyncio.gather(*[answer(manager) for _ in range(20)])
        assert [each.provider for each in answers] == ["one"] + ["two"] * 19
        assert [each.latency_seconds for each in answers] == [2.0] + [0.0] * 19
        assert (primary.count, primary.model.most_at_once) == (6, 5)
        assert phases(told) == ["open", "half_open", "closed"]
        assert {each.provider for each in await asyncio.gather(*[answer(manager) for _ in range(20)])} == {"one"}

    virtual(test())


def test_a_primary_that_stays_dead_is_tried_once_a_minute() -> None:
    async def test() -> None:
        primary, backup = Ill(faults.server_error()), Ill("from two", provider="two")
        manager = scripted_manager(primary.model, backup.model, config=ORDER)
        for _ in range(600):
            assert (await answer(manager)).provider == "two"
            await asyncio.sleep(1)
        assert primary.count == 5 + 9

    virtual(test())


def test_a_probe_that_is_cancelled_leaves_its_slot_to_the_next_call() -> None:
    async def test() -> None:
        primary, backup = Ill(faults.refused(), seconds=2.0), Ill("from two", provider="two")
        manager = scripted_manager(primary.model, backup.model, config=ORDER)
        await asyncio.gather(*[ask(manager) for _ in range(5)])
        primary.says = "from one"
        await asyncio.sleep(60)
        for _ in range(3):
            probe = asyncio.ensure_future(ask(manager))
            await asyncio.sleep(1)
            assert (await answer(manager)).provider == "two"
            probe.cancel()
            await asyncio.gather(probe, return_exceptions=True)
        assert (await answer(manager)).provider == "one"
        assert manager.standing().breakers[0].phase == "closed"

    virtual(test())


@pytest.mark.parametrize("fault", [faults.rate_limited(), faults.wrong_key(), faults.quota_exhausted()], ids=["limited", "key", "quota"])
def test_refusals_shut_nobody(fault: Callable[[Attempt], Said]) -> None:
    async def test() -> None:
        primary, backup, told = Ill(fault), Ill("from two", provider="two"), list[Event]()
        manager = scripted_manager(primary.model, backup.model, config=ORDER, tell=told.append)
        for _ in range(30):
            await answer(manager)
            await asyncio.sleep(60)
        assert phases(told) == []

    virtual(test())


async def streamed(manager: LLMManager) -> list[Settled[StreamEvent, LLMError]]:
    async with aclosing(_events(manager)) as events:
        return [sealed(event) async for event in events]


def _events(manager: LLMManager) -> AsyncGenerator[Any, None]:
    return manager.stream(HI)


def test_streams_that_begin_and_break_shut_it_and_one_that_is_abandoned_gives_the_slot_back() -> None:
    async def test() -> None:
        primary, told = Ill(faults.cut_after(2)), list[Event]()
        manager = scripted_manager(primary.model, config=ORDER, tell=told.append)
        for _ in range(5):
            last = (await streamed(manager))[-1]
            assert isinstance(last.failure(), StreamInterrupted)
        assert phases(told) == ["open"]
        await asyncio.sleep(60)
        primary.says = "one two three"
        for _ in range(2):
            async with aclosing(_events(manager)) as events:
                async for event in events:
                    assert isinstance(event, Success)
                    break
        assert manager.standing().breakers[0].probes == 0
        assert {type(event) for event in await streamed(manager)} == {Success}
        assert manager.standing().breakers[0].failures == 0
        assert phases(told) == ["open", "half_open", "closed"]

    virtual(test())


def test_a_private_request_is_refused_rather_than_shown_to_a_cloud() -> None:
    async def test() -> None:
        local, cloud = Ill(faults.refused(), provider="one"), Ill("seen", provider="two", locality="cloud")
        manager = scripted_manager(local.model, cloud.model, config=ORDER)
        private = LLMRequest("my diagnosis", sensitivity="private")
        for _ in range(5):
            assert isinstance(await ask(manager, private), Failure)
        outcome = await ask(manager, private)
        assert isinstance(outcome, Failure)
        error = outcome.failure()
        assert isinstance(error, CircuitOpen)
        assert error.endpoint == local.model.client.endpoint.base_url
        assert (await answer(manager)).provider == "two"
        assert all(attempt.request.sensitivity is None for attempt in cloud.model.calls)

    virtual(test())


def test_when_everybody_is_shut_the_best_is_probed_early_and_comes_back() -> None:
    async def test() -> None:
        one, two, told = Ill(faults.refused()), Ill(faults.refused(), provider="two"), list[Event]()
        manager = scripted_manager(one.model, two.model, config=ORDER, tell=told.append)
        for _ in range(5):
            assert isinstance(await ask(manager), Failure)
        assert phases(told) == ["open", "open"]
        before = one.count + two.count
        outcome = await ask(manager)
        assert isinstance(outcome.failure(), AllModelsFailed | CircuitOpen)
        assert one.count + two.count == before
        one.says = two.says = "back"
        await asyncio.sleep(1)
        assert (await answer(manager)).content == "back"
        assert "closed" in phases(told)

    virtual(test())


@pytest.mark.parametrize("operation", ["chat", "images"])
def test_who_is_asked_when_the_time_of_its_call_is_nearly_over_is_not_to_blame(operation: str) -> None:
    reset = NetworkError(model="m", message="reset")
    one = scripted(reset, reset, provider="one", able=("create_image",), meets=(reset, reset), seconds=4.5)
    two = scripted("late", provider="two", able=("create_image",), seconds=100.0)

    async def work() -> None:
        manager = scripted_manager(one, two, config=evolve(ORDER, breaker=BreakerSettings(failures=1, failure_rate=1.0)))
        for _ in range(2):
            if operation == "chat":
                outcome: Settled[Any, LLMError] = await ask(manager, LLMRequest("hi", deadline_ms=5_000))
            else:
                outcome = await settle(manager.create_image(ImageRequest("a cat", deadline_ms=5_000)))
            assert isinstance(outcome, Failure)
            assert [each.provider for each in outcome.failure().attempts] == ["one", "two"]
            manager.reset_breaker("one")
        assert [each.phase for each in manager.standing().breakers] == ["closed", "closed"]

    virtual(work())


def test_by_hand_it_is_asked_again_at_once() -> None:
    async def test() -> None:
        primary, backup, told = Ill(faults.refused()), Ill("from two", provider="two"), list[Event]()
        manager = scripted_manager(primary.model, backup.model, config=ORDER, tell=told.append)
        for _ in range(6):
            await answer(manager)
        primary.says = "from one"
        manager.reset_breaker("two")
        assert (await answer(manager)).provider == "two"
        manager.reset_breaker("one")
        assert (await answer(manager)).provider == "one"
        assert phases(told) == ["open", "closed"]

    virtual(test())


def test_what_is_no_chat_meets_the_same_breaker() -> None:
    async def test() -> None:
        primary = Ill("chat is well", able=("embed",), meets=[NetworkError(model="m", message="refused")] * 5)
        manager = scripted_manager(primary.model, config=ORDER)
        texts = EmbedRequest(["a"])
        for _ in range(5):
            assert isinstance((await settle(manager.embed(texts))).failure(), NetworkError)
        assert isinstance((await settle(manager.embed(texts))).failure(), CircuitOpen)
        assert isinstance((await ask(manager)).failure(), CircuitOpen)
        await asyncio.sleep(60)
        await answer(manager)

    virtual(test())


def test_switched_off_a_dead_primary_is_asked_every_time() -> None:
    async def test() -> None:
        primary, backup = Ill(faults.refused()), Ill("from two", provider="two")
        config = evolve(ORDER, breaker=BreakerSettings(enabled=False))
        manager = scripted_manager(primary.model, backup.model, config=config)
        for _ in range(20):
            await answer(manager)
        assert primary.count == 20
        assert manager.standing().breakers == ()

    virtual(test())
