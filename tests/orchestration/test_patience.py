"""Who waits, and for what: rows of a batch for endpoints to come back, others for nothing that is down."""

import asyncio
from contextlib import aclosing

import pytest
from attrs import evolve
from returns.result import Failure, Success

from llm_manager.assembling.guards import guards_of
from llm_manager.domain.attempts import AnyAttempt, Attempt
from llm_manager.domain.configuration import BreakerSettings, LLMConfig, ProviderSettings
from llm_manager.domain.errors import AuthenticationFailed, CircuitOpen, LLMError, ModelUnavailable, NetworkError, RateLimitExceeded
from llm_manager.domain.plans import RoutingPolicy
from llm_manager.domain.requests import LLMRequest
from llm_manager.domain.responses import LLMResponse
from llm_manager.domain.secrets import Secret
from llm_manager.effects import settle
from llm_manager.layers.resending import resending
from llm_manager.outcomes import Settled, sealed
from llm_manager.services.gates import Emit, Pass
from llm_manager.services.guards import Guards
from llm_manager.testing import fake_world, run_virtual, scripted, scripted_manager
from llm_manager.testing.replies import Said

HI = LLMRequest("hi", cache="off")
DOWN = ModelUnavailable(model="m", message="500")
NOWHERE = NetworkError(model="m", message="connection refused")
ORDER = LLMConfig(routing=RoutingPolicy(fallback_order=("one", "two")))


def recovering(at: float, since: float = 0.0, tag: type[ModelUnavailable] = ModelUnavailable) -> object:
    """Down for a while, and well before and after."""
    world = fake_world()

    def said(attempt: Attempt) -> Said:
        return "well" if not since <= world.now() < at else tag(model=attempt.model.name, message="500")

    return said


@pytest.mark.parametrize("concurrency", [1, 8])
@pytest.mark.parametrize("breaker", [True, False])
def test_rows_survive_an_outage_of_a_minute(concurrency: int, breaker: bool) -> None:
    model = scripted(recovering(60.3, since=0.3), provider="one", seconds=0.1)  # type: ignore[arg-type]  # a function of the attempt
    config = evolve(ORDER, breaker=BreakerSettings(enabled=breaker))

    async def rows() -> list[Settled[LLMResponse, LLMError]]:
        requests = [evolve(HI, prompt=f"row {number}") for number in range(16)]
        async with aclosing(scripted_manager(model, config=config).generate_all(requests, concurrency=concurrency)) as answers:
            return [sealed(outcome) async for _, outcome in answers]

    outcomes = run_virtual(rows())
    assert [type(outcome) for outcome in outcomes] == [Success] * 16
    sent = sum(sum(each.sent for each in outcome.unwrap().attempts) for outcome in outcomes)
    assert sent == model.count
    assert model.count <= 16 * 4


def test_rows_wait_in_vain_once_for_each_worker_and_not_at_all_for_what_never_answered() -> None:
    async def rows(since: float) -> tuple[list[bool], float]:
        model = scripted(recovering(10_000.0, since=since), provider="one", seconds=0.1)  # type: ignore[arg-type]  # a function of the attempt
        requests = [evolve(HI, prompt=f"row {number}", deadline_ms=1_000_000) for number in range(40)]
        began = fake_world().now()
        async with aclosing(scripted_manager(model, config=ORDER).generate_all(requests, concurrency=2)) as answers:
            outcomes = [isinstance(outcome, Success) async for _, outcome in answers]
        return outcomes, fake_world().now() - began

    outcomes, seconds = run_virtual(rows(0.0))
    assert outcomes == [False] * 40
    assert seconds < 30.0
    outcomes, seconds = run_virtual(rows(0.15))
    assert outcomes == [True, True] + [False] * 38
    assert 120.0 < seconds < 300.0


def test_others_fail_at_once_while_everything_is_shut() -> None:
    model = scripted(recovering(1000.0), provider="one")  # type: ignore[arg-type]  # a function of the attempt

    async def calls() -> tuple[float, LLMError]:
        manager, world = scripted_manager(model, config=ORDER), fake_world()
        for _ in range(3):
            await settle(manager.generate(HI))
        began = world.now()
        outcome = await settle(manager.generate(HI))
        assert isinstance(outcome, Failure)
        return world.now() - began, outcome.failure()

    seconds, error = run_virtual(calls())
    assert seconds == 0.0
    assert isinstance(error, CircuitOpen)
    assert [each.sent for each in error.attempts] == [False, False]


def test_a_row_waits_no_longer_than_its_deadline() -> None:
    model = scripted(recovering(1000.0), provider="one")  # type: ignore[arg-type]  # a function of the attempt

    async def row() -> tuple[float, Settled[LLMResponse, LLMError]]:
        world = fake_world()
        requests = [evolve(HI, deadline_ms=70_000)]
        async with aclosing(scripted_manager(model, config=ORDER).generate_all(requests)) as answers:
            outcomes = [sealed(outcome) async for _, outcome in answers]
        return world.now(), outcomes[0]

    seconds, outcome = run_virtual(row())
    assert seconds <= 70.0
    assert isinstance(outcome, Failure)


def paced(refusals: int, model: str) -> tuple[list[AnyAttempt], Guards]:
    """Guards whose admission refuses so often, and who came to it."""
    seen: list[AnyAttempt] = []
    guards = guards_of(LLMConfig(), fake_world())

    async def gate(attempt: AnyAttempt, _: Emit) -> Settled[Pass, LLMError]:
        seen.append(attempt)
        if attempt.model.provider == model and len(seen) <= refusals:
            return Failure(RateLimitExceeded(model=attempt.model.name, retry_after_seconds=4.0, local=True))
        return Success(Pass(ended=lambda _: None))

    return seen, evolve(guards, admissions=evolve(guards.admissions, gate=gate))


def test_nobody_waits_long_for_an_endpoint_while_another_model_is_there() -> None:
    one, two = scripted("from one", provider="one"), scripted("from two", provider="two")
    seen, guards = paced(1, "one")

    async def calls() -> list[str]:
        manager = scripted_manager(one, two, config=ORDER, guards=guards)
        return [(await settle(manager.generate(HI))).unwrap().provider for _ in range(2)]

    assert run_virtual(calls()) == ["two", "one"]
    patience = [(attempt.model.provider, attempt.patience_seconds) for attempt in seen]
    assert patience == [("one", 1.0), ("two", float("inf")), ("one", 1.0)]


def test_one_that_is_asked_as_a_last_model_is_waited_for() -> None:
    gone = ModelUnavailable(model="m", message="404", reason="permanent")
    one, two = scripted("from one", provider="one"), scripted(gone, provider="two")
    seen, guards = paced(1, "one")
    answer = run_virtual(settle(scripted_manager(one, two, config=ORDER, guards=guards).generate(HI))).unwrap()
    assert (answer.provider, [each.sent for each in answer.attempts]) == ("one", [False, True, True])
    assert [attempt.patience_seconds for attempt in seen] == [1.0, float("inf"), float("inf")]


def test_under_cost_an_endpoint_is_waited_for() -> None:
    one, two = scripted("from one", provider="one"), scripted("from two", provider="two")
    seen, guards = paced(0, "one")
    config = LLMConfig(routing=RoutingPolicy(strategy="cost"))
    run_virtual(settle(scripted_manager(one, two, config=config, guards=guards).generate(HI)))
    assert seen[0].patience_seconds == float("inf")


def test_a_row_waits_for_what_we_refuse_ourselves_and_spends_nothing_on_it() -> None:
    model = scripted("hello", provider="one")
    seen, guards = paced(4, "one")
    config = LLMConfig(routing=RoutingPolicy(max_retries=0))

    async def row() -> tuple[Settled[LLMResponse, LLMError], float]:
        async with aclosing(scripted_manager(model, config=config, guards=guards).generate_all([HI])) as answers:
            return sealed((await anext(answers))[1]), fake_world().now()

    outcome, seconds = run_virtual(row())
    assert [each.sent for each in outcome.unwrap().attempts] == [False] * 4 + [True]
    assert seconds >= 16.0
    assert len(seen) == 5


def test_an_endpoint_out_of_re_sends_is_not_asked_again() -> None:
    down = ModelUnavailable(model="m", message="500")
    model = scripted(down, provider="one")
    world = fake_world()
    guards = evolve(guards_of(LLMConfig(breaker=BreakerSettings(enabled=False)), world), resends=resending(world.now))

    async def calls() -> int:
        manager = scripted_manager(model, config=ORDER, guards=guards)
        for _ in range(20):
            assert isinstance(await settle(manager.generate(HI)), Failure)
        return model.count

    sent = run_virtual(calls())
    assert sent - 20 <= 11, "ten a minute and the share of a minute's calls"


def test_keys_are_fetched_before_one_is_chosen() -> None:
    model = scripted("hello", provider="one")
    guards, order = guards_of(LLMConfig(), fake_world()), list[str]()

    async def ready(provider: str, _: Emit) -> LLMError | None:
        order.append(f"ready {provider}")
        return None if len(order) < 3 else AuthenticationFailed(model=provider, message="no key")

    def choose(provider: str, own: object) -> None:
        order.append(f"choose {provider}")

    keys = evolve(guards.keys, ready=ready, choose=choose)

    async def calls() -> list[Settled[LLMResponse, LLMError]]:
        manager = scripted_manager(model, config=LLMConfig(routing=RoutingPolicy(max_retries=0)), guards=evolve(guards, keys=keys))
        return [await settle(manager.generate(HI)) for _ in range(2)]

    first, second = run_virtual(calls())
    assert isinstance(first, Success)
    assert order == ["ready one", "choose one", "ready one"]
    assert isinstance(second, Failure)
    assert [each.sent for each in second.failure().attempts] == [False]


def test_a_refused_key_gives_way_to_another_at_once() -> None:
    keys = Secret("sk-one-0123456789"), Secret("sk-two-0123456789")

    def said(attempt: Attempt) -> Said:
        return "hello" if attempt.key == keys[1] else AuthenticationFailed(model=attempt.model.name, message="401")

    one, two = scripted(said, provider="one", key=keys[0]), scripted("from two", provider="two")
    config = evolve(ORDER, providers={"one": ProviderSettings(api_key=keys[0], api_keys=(keys[1],))})

    async def calls() -> list[LLMResponse]:
        manager = scripted_manager(one, two, config=config)
        return [(await settle(manager.generate(HI))).unwrap() for _ in range(2)]

    first, second = run_virtual(calls())
    assert [each.key_fingerprint for each in first.attempts] == [key.fingerprint for key in keys]
    assert [each.key_fingerprint for each in second.attempts] == [keys[1].fingerprint]
    assert two.count == 0


def test_two_hundred_calls_at_once_change_a_refused_key_though_re_sends_are_few() -> None:
    keys = Secret("sk-one-0123456789"), Secret("sk-two-0123456789")

    async def said(attempt: Attempt) -> Said:
        await asyncio.sleep(0.1)
        return "hello" if attempt.key == keys[1] else AuthenticationFailed(model=attempt.model.name, message="401")

    model = scripted(said, provider="one", key=keys[0])
    config = evolve(ORDER, providers={"one": ProviderSettings(api_key=keys[0], api_keys=(keys[1],))})

    async def calls() -> list[Settled[LLMResponse, LLMError]]:
        manager = scripted_manager(model, config=config)
        return await asyncio.gather(*(settle(manager.generate(HI)) for _ in range(200)))

    assert all(isinstance(outcome, Success) for outcome in run_virtual(calls()))


CUT = NetworkError(model="m", message="closed", sent=True)


@pytest.mark.parametrize("concurrency", [1, 16])
@pytest.mark.parametrize("met", [DOWN, NOWHERE, CUT], ids=["500", "refused", "cut"])
@pytest.mark.parametrize("seconds", [20.0, 60.0])
def test_an_outage_loses_no_row_and_ends_for_all_when_one_has_found_out(concurrency: int, met: LLMError, seconds: float) -> None:
    world = fake_world()
    asked: list[float] = []

    async def said(_: Attempt) -> Said:
        asked.append(world.now())
        down = 1.0 <= world.now() < 1.0 + seconds
        await asyncio.sleep(0.0 if down else 0.05)
        return met if down or 1.0 <= world.now() < 1.0 + seconds else "well"

    model = scripted(said, provider="one")

    async def rows() -> tuple[list[bool], float]:
        requests = [evolve(HI, prompt=f"row {number}") for number in range(1500)]
        async with aclosing(scripted_manager(model, config=ORDER).generate_all(requests, concurrency=concurrency)) as answers:
            return [isinstance(outcome, Success) async for _, outcome in answers], world.now()

    outcomes, ended = run_virtual(rows())
    assert (len(outcomes), all(outcomes)) == (1500, True)
    assert ended < 1500 * 0.06 / concurrency + seconds + (10.0 if concurrency > 1 else 20.0)
    during = [at for at in asked if 2.0 <= at < 1.0 + seconds]
    assert (seconds / 8.0 if concurrency > 1 else 2) < len(during) <= seconds
