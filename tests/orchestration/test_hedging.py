"""Hedging: a slow call asks a second endpoint, the first answer counts, and the other attempt leaves nothing but its line."""

import asyncio
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from attrs import evolve
from returns.result import Failure, Result, Success

from llm_manager.assembling.guards import guards_of
from llm_manager.domain.attempts import Attempt
from llm_manager.domain.configuration import HedgingSettings, LLMConfig
from llm_manager.domain.errors import (
    AllModelsFailed,
    AttemptRecord,
    ConfigurationError,
    LLMError,
    ModelUnavailable,
    NetworkError,
    StreamInterrupted,
)
from llm_manager.domain.events import AttemptStarted, Event
from llm_manager.domain.models import KnownPrice, ModelProfile
from llm_manager.domain.plans import RoutingPolicy
from llm_manager.domain.requests import LLMRequest, Preferences
from llm_manager.domain.responses import LLMResponse
from llm_manager.domain.streaming import StreamFinished
from llm_manager.domain.usage import Priced, Unpriced
from llm_manager.domain.wire_requests import WireRequest
from llm_manager.effects import settle
from llm_manager.outcomes import Settled
from llm_manager.policies.call_cost import maybe_billed
from llm_manager.services.gates import Pass
from llm_manager.services.guards import Guards
from llm_manager.services.manager import LLMManager
from llm_manager.testing import Scripted, fake_world, faults, run_virtual, scripted, scripted_manager
from llm_manager.testing.replies import Said

CONFIG = LLMConfig(
    routing=RoutingPolicy(fallback_order=("one", "two", "three"), max_retries=0), hedging=HedgingSettings(enabled=True, least_answers=20)
)
HI = LLMRequest("hi", cache="off")
MAYBE = Unpriced(reason="may have been billed")
DOWN = ModelUnavailable(model="m", message="500")

Way = Callable[[LLMManager, LLMRequest], Any]


async def whole(manager: LLMManager, request: LLMRequest = HI) -> Settled[LLMResponse, LLMError]:
    return await settle(manager.generate(request))


async def streamed(manager: LLMManager, request: LLMRequest = HI) -> Settled[LLMResponse, LLMError]:
    last: Any = None
    async for event in manager.stream(request):
        last = event
    if isinstance(last, Failure):
        return last
    finished = last.unwrap()
    assert isinstance(finished, StreamFinished)
    return Success(finished.response)


WAYS = pytest.mark.parametrize("way", [whole, streamed])


def slowed(*then: Any, provider: str = "one", seconds: float = 1.0, **more: Any) -> Scripted:
    """A model that takes a second twenty times, and then as told."""

    async def second(_: Attempt) -> Said:
        await asyncio.sleep(seconds)
        return f"from {provider}"

    return scripted(*[second] * 20, *then, provider=provider, **more)


async def known(manager: LLMManager, way: Way) -> None:
    for _ in range(20):
        assert isinstance(await way(manager, HI), Success)


def ran(way: Way, *models: Scripted, config: LLMConfig = CONFIG, guards: Guards | None = None, tell: Any = None) -> tuple[Any, float]:
    """The outcome of the 21st call, and how long it took."""

    async def calls() -> tuple[Any, float]:
        manager, now = scripted_manager(*models, config=config, guards=guards, tell=tell), fake_world().now
        await known(manager, way)
        began = now()
        outcome = await way(manager, HI)
        seconds = now() - began
        await asyncio.sleep(0)
        assert asyncio.all_tasks() == {asyncio.current_task()}
        return outcome, seconds

    return run_virtual(calls())


def lines(attempts: tuple[AttemptRecord, ...]) -> list[tuple[str, bool, bool]]:
    return [(each.provider, each.left, each.error is not None) for each in attempts]


@WAYS
def test_a_slow_call_is_answered_by_another_endpoint_and_both_stand_in_the_ledger(way: Way) -> None:
    one, two, told = slowed(faults.hanging()), scripted("from two", provider="two", seconds=0.5), list[Event]()
    outcome, seconds = ran(way, one, two, tell=told.append)
    answer = outcome.unwrap()
    assert (answer.content, answer.provider) == ("from two", "two")
    assert 1.4 < seconds < 1.7
    assert lines(answer.attempts) == [("one", True, False), ("two", False, False)]
    assert [each.cost for each in answer.attempts] == [MAYBE, Priced(usd=Decimal(0), price_version="local")]
    assert [each.number for each in answer.attempts] == [1, 2]
    assert answer.attempts[0].seconds == pytest.approx(seconds)
    assert answer.notices == ("scripted-1 of one was slow; scripted-1 of two answered",)
    assert (one.left, one.under_way, two.count) == (1, 0, 1)
    assert sum(isinstance(event, AttemptStarted) for event in told) == 22


@WAYS
def test_the_first_one_may_still_answer_first(way: Way) -> None:
    one, two = slowed(faults.slow(1.3, "late but first")), scripted("from two", provider="two", seconds=5.0)
    outcome, seconds = ran(way, one, two)
    answer = outcome.unwrap()
    assert (answer.content, answer.provider) == ("late but first", "one")
    assert seconds == pytest.approx(1.3)
    assert lines(answer.attempts) == [("two", True, False), ("one", False, False)]
    assert [each.number for each in answer.attempts] == [2, 1]
    assert (two.left, two.under_way) == (1, 0)
    assert answer.notices == ()


@WAYS
def test_nothing_is_asked_twice_that_is_quick_or_fails_quickly(way: Way) -> None:
    quick, two = slowed("quick"), scripted("from two", provider="two")
    assert lines(ran(way, quick, two)[0].unwrap().attempts) == [("one", False, False)]
    assert two.count == 0
    failing, two = slowed(DOWN), scripted("from two", provider="two")
    answer = ran(way, failing, two)[0].unwrap()
    assert (answer.provider, lines(answer.attempts)) == ("two", [("one", False, True), ("two", False, False)])


@WAYS
def test_when_the_first_fails_the_second_is_waited_for(way: Way) -> None:
    one, two = slowed(faults.slow(1.2, faults.reset())), scripted("from two", provider="two", seconds=3.0)
    answer = ran(way, one, two)[0].unwrap()
    assert lines(answer.attempts) == [("one", False, True), ("two", False, False)]
    assert answer.attempts[0].cost == MAYBE
    assert answer.attempts[0].seconds == pytest.approx(1.2)


@WAYS
def test_when_both_fail_the_call_goes_on_and_never_passes_its_bound(way: Way) -> None:
    one = slowed(faults.slow(2.0, faults.server_error()))
    two = scripted(faults.slow(0.2, faults.server_error()), provider="two")
    three = scripted("from three", provider="three")
    answer = ran(way, one, two, three)[0].unwrap()
    assert lines(answer.attempts) == [("two", False, True), ("one", False, True), ("three", False, False)]
    assert [each.number for each in answer.attempts] == [1, 2, 3]
    one, two = slowed(faults.slow(2.0, faults.server_error())), scripted(faults.slow(0.2, faults.server_error()), provider="two")
    error = ran(way, one, two)[0].failure()
    assert isinstance(error, AllModelsFailed)
    assert (len(error.attempts), one.count, two.count) == (2, 21, 1)


@WAYS
def test_two_answers_at_once_are_one_answer_and_the_other_is_paid_for_and_closed(way: Way) -> None:
    one = slowed(faults.slow(3.0, "both"))

    async def at_the_same_time(_: Attempt) -> Said:
        await asyncio.sleep(3.0 - fake_world().now() + 20.0)
        return "both"

    two = scripted(at_the_same_time, provider="two")
    answer = ran(way, one, two)[0].unwrap()
    assert lines(answer.attempts) == [("two", True, False), ("one", False, False)]
    assert answer.attempts[0].cost in (MAYBE, Priced(usd=Decimal(0), price_version="local"))
    assert two.under_way == 0


def test_a_stream_that_breaks_after_it_won_tells_of_both() -> None:
    one, two = slowed(faults.hanging()), scripted(faults.cut_after(2), provider="two")
    error = ran(streamed, one, two)[0].failure()
    assert isinstance(error, StreamInterrupted)
    assert lines(error.attempts) == [("one", True, False), ("two", False, True)]


@WAYS
def test_cancelling_the_call_cancels_both(way: Way) -> None:
    one, two = slowed(faults.hanging()), scripted(faults.hanging(), provider="two")

    async def cancelled() -> None:
        manager = scripted_manager(one, two, config=CONFIG)
        await known(manager, way)
        call = asyncio.create_task(way(manager, HI))
        await asyncio.sleep(2.0)
        assert (one.under_way, two.under_way) == (1, 1)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        assert asyncio.all_tasks() == {asyncio.current_task()}

    run_virtual(cancelled())
    assert (one.under_way, two.under_way, one.left, two.left) == (0, 0, 1, 1)


def test_a_bug_in_either_is_a_bug_of_the_call() -> None:
    def broken(_: Attempt) -> Said:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        ran(whole, slowed(faults.hanging()), scripted(broken, provider="two"))
    with pytest.raises(ZeroDivisionError):
        ran(whole, slowed(broken), scripted("two", provider="two"))


def test_a_request_that_cannot_be_written_is_left_to_the_next_model() -> None:
    one, two = slowed(), scripted("from two", provider="two", profile={"quality": 0.1})
    written: list[LLMRequest] = []

    def encode(request: LLMRequest, profile: ModelProfile) -> Result[WireRequest, LLMError]:
        written.append(request)
        return one.client.encode(request, profile) if len(written) <= 20 else Failure(ConfigurationError(message="no token"))

    clients = {"one": evolve(one.client, encode=encode), "two": two.client}

    async def calls() -> LLMResponse:
        manager = scripted_manager(one, two, config=CONFIG, clients=clients)
        await known(manager, whole)
        return (await whole(manager)).unwrap()

    assert [(each.provider, each.sent) for each in run_virtual(calls()).attempts] == [("one", False), ("two", True)]


@pytest.mark.parametrize("why", ["off", "alone", "same endpoint", "unknown", "private", "no room", "not covered"])
def test_who_is_not_asked_as_well(why: str) -> None:
    config, request, resends = CONFIG, HI, 0
    one, two = slowed(faults.slow(5.0, "at last")), scripted("from two", provider="two")
    models = [one, two]
    match why:
        case "off":
            config = evolve(CONFIG, hedging=HedgingSettings())
        case "alone":
            models = [one]
        case "same endpoint":
            models = [slowed(faults.slow(5.0, "at last"), models=("b",))]
        case "unknown":
            config = evolve(CONFIG, hedging=evolve(CONFIG.hedging, least_answers=21))
        case "private":
            models[1] = scripted("from two", provider="two", locality="cloud")
            request = evolve(HI, sensitivity="private")
        case "no room":
            resends = 20
        case _:
            models[1] = scripted("from two", provider="two", locality="cloud")
            request = evolve(HI, max_cost_usd=Decimal(0))
    guards = guards_of(config, fake_world())
    for _ in range(resends):
        guards.resends.take(one.client.endpoint)

    async def calls() -> LLMResponse:
        manager = scripted_manager(*models, config=config, guards=guards)
        await known(manager, whole)
        return (await whole(manager, request)).unwrap()

    answer = run_virtual(calls())
    assert answer.content == "at last"
    assert sum(line.sent for line in answer.attempts) == 1
    assert models[-1].count in (0, 21)


def test_a_hedge_takes_from_the_share_of_the_endpoint_that_is_slow() -> None:
    guards = guards_of(CONFIG, fake_world())
    spent = list[str]()

    def take(endpoint: Any) -> float:
        spent.append(endpoint.provider)
        return 0.0

    watched = evolve(guards, resends=evolve(guards.resends, take=take))
    ran(whole, slowed(faults.hanging()), scripted("from two", provider="two"), guards=watched)
    assert spent == ["one"]


def test_a_refused_network_is_told_by_its_own_error() -> None:
    one = slowed(faults.slow(2.0, faults.refused()))
    two = scripted(faults.slow(2.0, faults.refused()), provider="two")
    error = ran(whole, one, two)[0].failure()
    assert isinstance(error, AllModelsFailed)
    assert [type(cause) for cause in error.causes] == [NetworkError, NetworkError]


def test_nobody_is_asked_as_well_once_the_first_has_answered_while_a_key_was_fetched() -> None:
    guards = guards_of(CONFIG, fake_world())

    async def ready(provider: str, _: Any) -> None:
        await asyncio.sleep(5.0 if provider == "two" else 0.0)

    slow_keys = evolve(guards, keys=evolve(guards.keys, ready=ready))
    two = scripted("from two", provider="two")
    answer = ran(whole, slowed(faults.slow(1.3, "late but alone")), two, guards=slow_keys)[0].unwrap()
    assert (answer.content, two.count, len(answer.attempts)) == ("late but alone", 0, 1)


def test_a_loser_that_was_remembered_or_shared_is_not_paid_for() -> None:
    """The hedge's answer was being fetched by an equal call, and comes at the same moment as that of the first model."""
    price = {"price": KnownPrice(input_usd=Decimal(1), output_usd=Decimal(1), version="t"), "locality": "cloud"}
    one = slowed(faults.slow(3.0, "both"))
    two = scripted("from two", provider="two", seconds=3.0, profile={"price": price["price"]}, locality="cloud")

    async def calls() -> LLMResponse:
        manager = scripted_manager(one, two, config=CONFIG)
        await known(manager, whole)
        asked = LLMRequest("shared")
        equal = asyncio.ensure_future(settle(manager.generate(evolve(asked, preferences=Preferences(provider="two")))))
        answer = (await whole(manager, asked)).unwrap()
        await equal
        return answer

    answer = run_virtual(calls())
    loser = next(line for line in answer.attempts if line.left)
    assert (loser.provider, loser.sent, loser.shared) == ("two", False, True)
    assert loser.cost in (None, Priced(usd=Decimal(0), price_version="remembered"))


def test_a_loser_that_still_waited_to_be_let_through_was_not_sent() -> None:
    one, two = slowed(faults.slow(3.0, "slow")), scripted("from two", provider="two")
    guards = guards_of(CONFIG, fake_world())

    async def gate(attempt: Any, _: Any) -> Any:
        await asyncio.sleep(100.0 if attempt.model.provider == "two" else 0.0)
        return Success(Pass(ended=lambda _: None))

    waiting = evolve(guards, admissions=evolve(guards.admissions, gate=gate))
    answer = ran(whole, one, two, guards=waiting)[0].unwrap()
    assert [(each.provider, each.left, each.sent, each.cost is None) for each in answer.attempts[:-1]] == [("two", True, False, True)]
    assert maybe_billed(answer.attempts) == two.count == 0


@WAYS
def test_cancelling_the_call_while_the_loser_takes_its_leave_closes_the_stream_that_won(way: Way) -> None:
    async def slow_to_leave(_: Attempt) -> Said:
        try:
            await asyncio.sleep(100.0)
        finally:
            await asyncio.sleep(1.0)
        return "never"

    one, two = slowed(slow_to_leave), scripted("from two", provider="two", seconds=0.5)

    async def cancelled() -> tuple[int, ...]:
        manager = scripted_manager(one, two, config=CONFIG)
        await known(manager, way)
        call = asyncio.create_task(way(manager, HI))
        await asyncio.sleep(2.0)
        assert two.count == 1
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        assert asyncio.all_tasks() == {asyncio.current_task()}
        return tuple(each.under_way for each in manager.standing().scopes)

    assert sum(run_virtual(cancelled())) == 0
    assert (one.under_way, two.under_way) == (0, 0)


def test_calls_that_all_take_equally_long_are_not_hedged_and_outliers_are() -> None:
    count = 0

    async def said(_: Attempt) -> Said:
        nonlocal count
        count += 1
        await asyncio.sleep(20.0 if count > 20 and count % 25 == 0 else 1.0)
        return "from one"

    async def calls() -> list[tuple[str, int]]:
        manager = scripted_manager(scripted(said, provider="one"), two, config=CONFIG)
        answers = [(await whole(manager)).unwrap() for _ in range(600)]
        return [(answer.provider, len(answer.attempts)) for answer in answers]

    two = scripted("from two", provider="two", seconds=1.0)
    answers = run_virtual(calls())
    assert answers.count(("two", 2)) == two.count == 24, "each outlier, and nobody else"
