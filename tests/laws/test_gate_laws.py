"""Every gate keeps the laws of gates; a new one joins by a line in a table.

WIDE    gates that let everybody through, as usual settings make them
NARROW  gates that let one request through at a time: the others wait, or are refused
"""

import asyncio
from collections.abc import Callable, Mapping
from decimal import Decimal

import pytest
from msgspec.structs import replace
from returns.result import Failure, Success

from llm_manager.domain.attempts import AnyAttempt, Attempt
from llm_manager.domain.configuration import AdmissionSettings, BreakerSettings, Budget, ProviderSettings
from llm_manager.domain.error_questions import describe
from llm_manager.domain.errors import (
    CircuitOpen,
    ContentFiltered,
    InvalidRequest,
    LLMError,
    ModelUnavailable,
    NetworkError,
    RateLimitExceeded,
    RequestTimeout,
)
from llm_manager.domain.events import Event
from llm_manager.domain.rate_limits import RateLimits
from llm_manager.domain.requests import LLMRequest
from llm_manager.domain.secrets import Secret
from llm_manager.domain.usage import Priced, Unpriced, Usage
from llm_manager.layers.admitting import admitting
from llm_manager.layers.admitting_together import admitting_together
from llm_manager.layers.breaking import breaking
from llm_manager.layers.budgeting import budgeting
from llm_manager.layers.budgeting_together import budgeting_together
from llm_manager.layers.leasing import leasing
from llm_manager.layers.resending import resending
from llm_manager.outcomes import Settled
from llm_manager.services.gates import Emit, End, Gate, Pass, Replied, enter
from llm_manager.services.world import World
from llm_manager.settings.key_files import read_keys
from llm_manager.testing import attempt_for, fake_world
from llm_manager.testing.virtual_loop import run_virtual
from tests.sharing import limits_here, purses_here

MakeGate = Callable[[World], Gate]

WIDE: Mapping[str, MakeGate] = {
    "breakers, entry": lambda world: breaking(BreakerSettings(), world.now).entry,
    "breakers": lambda world: breaking(BreakerSettings(), world.now).gate,
    "admission": lambda world: admitting(AdmissionSettings(), {}, world).gate,
    "resends": lambda world: resending(world.now).gate,
    "keys": lambda world: of_keys(world, ProviderSettings(api_keys=(Secret("key-a"), Secret("key-b")))),
    "keys, spread": lambda world: of_keys(world, ProviderSettings(api_keys=(Secret("key-a"), Secret("key-b")), key_rotation="spread")),
    "budgets": lambda world: of_budgets(world, Budget(name="b", limit=Decimal(10**9), unit="tokens", each="user")),
    "admission together": lambda world: of_limits(world, ProviderSettings(), ProviderSettings()),
    "budgets together": lambda world: of_shared_budgets(world, 10**9),
}

NO_QUEUE = AdmissionSettings(queue=0)
NARROW: Mapping[str, MakeGate] = {
    "a gate of one": lambda world: gate_of_one(),
    "breakers, due": lambda world: due_breaker(world),
    "admission": lambda world: admitting(AdmissionSettings(), {"scripted": ProviderSettings(concurrency=1)}, world).gate,
    "admission, no queue": lambda world: admitting(NO_QUEUE, {"scripted": ProviderSettings(concurrency=1)}, world).gate,
    "admission together": lambda world: of_limits(world, ProviderSettings(), ProviderSettings(concurrency=1)),
    "budgets together": lambda world: of_shared_budgets(world, 1),
}


def of_limits(world: World, own: ProviderSettings, shared: ProviderSettings) -> Gate:
    """The gate of one of several processes, whose own limits may be wider than those of all."""
    admissions = admitting(AdmissionSettings(), {"scripted": own}, world)
    return admitting_together(admissions, limits_here(), AdmissionSettings(), {"scripted": shared}, world).gate


def of_shared_budgets(world: World, requests: int) -> Gate:
    """The gate of a budget of so many requests that processes share, beside one of this process."""
    shared = Budget(name="b", limit=Decimal(requests), unit="requests", period="day")
    own = Budget(name="own", limit=Decimal(10**9), unit="requests")
    gate = budgeting_together(budgeting([own], world), purses_here(), [own, shared], world).gate
    assert gate is not None
    return gate


def due_breaker(world: World) -> Gate:
    """The gate of a breaker that is open and due whenever somebody comes, so that only probes pass it."""
    breakers = breaking(BreakerSettings(failures=1, open_seconds=0.0), world.now)

    async def gate(attempt: AnyAttempt, emit: Emit) -> Settled[Pass, LLMError]:
        if all(each.phase == "closed" for each in breakers.standing()):
            (await enter(breakers.gate, attempt, emit)).unwrap().ended(NetworkError(model="m", message="refused"))
        return await enter(breakers.gate, attempt, emit)

    return gate


def gate_of_one() -> Gate:
    """The simplest gate that lets through one at a time and refuses the others."""
    inside = 0

    async def gate(attempt: AnyAttempt, emit: Emit) -> Settled[Pass, LLMError]:
        nonlocal inside
        if inside:
            return Failure(RateLimitExceeded(model=attempt.model.name, local=True, message="one at a time"))
        inside += 1

        def ended(_: End) -> None:
            nonlocal inside
            inside -= 1

        return Success(Pass(ended=ended))

    return gate


def of_keys(world: World, settings: ProviderSettings) -> Gate:
    """The gate of the keys of a provider, to which everybody comes with the key that was chosen."""
    keys = leasing({"scripted": settings}, world, read_keys)
    leased = keys.gate
    assert leased is not None

    async def gate(attempt: AnyAttempt, emit: Emit) -> Settled[Pass, LLMError]:
        return await leased(replace(attempt, key=keys.choose("scripted", None)), emit)

    return gate


def of_budgets(world: World, *budgets: Budget) -> Gate:
    """The gate of some budgets."""
    gate = budgeting(budgets, world).gate
    assert gate is not None
    return gate


ANSWERED = Replied(usage=Usage(input_tokens=3, output_tokens=4), cost=Priced(usd=Decimal("0.01"), price_version="1"))
ENDS: tuple[End, ...] = (
    ANSWERED,
    Replied(usage=None, cost=Unpriced(reason="not told"), rate_limits=RateLimits(requests=1000, requests_left=999)),
    None,
    InvalidRequest(message="no"),
    ContentFiltered(model="m"),
    RequestTimeout(model="m", timeout_ms=5),
    NetworkError(model="m", message="broken"),
    CircuitOpen(model="m", endpoint="e"),
    ANSWERED,
    ModelUnavailable(model="m", message="full", reason="overloaded"),
    RateLimitExceeded(model="m", retry_after_seconds=0.5),
    RateLimitExceeded(model="m", scope="account", ramp=True),
    ANSWERED,
)


def attempt(number: int, seconds: float = 300.0) -> Attempt:
    """The n-th attempt."""
    now = asyncio.get_running_loop().time()
    return attempt_for(LLMRequest(f"question {number}"), call_id=f"call-{number}", now=now, seconds=seconds).unwrap()


def ignore(_: Event) -> None:
    """Nobody listens."""


def passed(entered: Settled[Pass, LLMError]) -> Pass:
    """The pass of whom a gate let through."""
    assert isinstance(entered, Success), entered
    return entered.unwrap()


def refused(entered: Settled[Pass, LLMError]) -> LLMError:
    """Why a gate refused, which it says in words."""
    assert isinstance(entered, Failure)
    error = entered.failure()
    assert describe(error)
    return error


@pytest.mark.parametrize("name", WIDE)
def test_everybody_gets_through(name: str) -> None:
    """One after the other, and many at once."""

    async def law() -> None:
        gate = WIDE[name](fake_world())
        for number in range(50):
            passed(await enter(gate, attempt(number), ignore)).ended(ANSWERED)
        together = [passed(await enter(gate, attempt(number), ignore)) for number in range(20)]
        for each in together:
            each.opened(None)
        for each in together:
            each.ended(ANSWERED)

    run_virtual(law())


@pytest.mark.parametrize("name", WIDE)
@pytest.mark.parametrize("index", range(len(ENDS)))
def test_no_pass_leaks(name: str, index: int) -> None:
    """However requests end, and however often, somebody gets through in time, with the same gate."""

    async def law() -> None:
        gate = WIDE[name](fake_world())
        for number in range(60):
            entered = await enter(gate, attempt(number), ignore)
            if isinstance(entered, Success):
                entered.unwrap().ended(ENDS[index])
            else:
                refused(entered)
        await asyncio.sleep(120.0)
        passed(await enter(gate, attempt(60), ignore)).ended(ANSWERED)

    run_virtual(law())


@pytest.mark.parametrize("name", NARROW)
def test_one_at_a_time(name: str) -> None:
    """While one is under way the next waits or is refused; when it has ended, however it did, the next gets through."""

    async def law() -> None:
        gate = NARROW[name](fake_world())
        for number, how in enumerate(ENDS):
            if number:
                await asyncio.sleep(60.0)
            first = passed(await enter(gate, attempt(number), ignore))
            second = asyncio.ensure_future(enter(gate, attempt(number), ignore))
            await asyncio.sleep(0.0)
            if second.done():
                refused(second.result())
                first.ended(how)
                continue
            await asyncio.sleep(1.0)
            assert not second.done()
            first.ended(how)
            await asyncio.sleep(30.0)
            passed(second.result()).ended(ANSWERED)

    run_virtual(law())


@pytest.mark.parametrize("name", NARROW)
def test_a_cancelled_wait_leaves_nothing(name: str) -> None:
    """Who went away while waiting is passed over, and no task or wait is left behind."""

    async def law() -> None:
        gate = NARROW[name](fake_world())
        first = passed(await enter(gate, attempt(0), ignore))
        waiting = [asyncio.ensure_future(enter(gate, attempt(number), ignore)) for number in range(1, 20)]
        await asyncio.sleep(0.0)
        for each in waiting[:18]:
            each.cancel()
        await asyncio.gather(*waiting[:18], return_exceptions=True)
        first.ended(None)
        last = await waiting[18]
        if isinstance(last, Success):
            last.unwrap().ended(None)
        passed(await enter(gate, attempt(20), ignore)).ended(ANSWERED)
        assert asyncio.all_tasks() == {asyncio.current_task()}

    run_virtual(law())


@pytest.mark.parametrize("name", NARROW)
def test_granted_and_cancelled_at_once(name: str) -> None:
    """Who was let through in the moment in which it went away holds nothing."""

    async def law() -> None:
        gate = NARROW[name](fake_world())
        first = passed(await enter(gate, attempt(0), ignore))
        second = asyncio.ensure_future(enter(gate, attempt(1), ignore))
        await asyncio.sleep(0.0)
        first.ended(ANSWERED)
        second.cancel()
        await asyncio.gather(second, return_exceptions=True)
        passed(await enter(gate, attempt(2), ignore)).ended(ANSWERED)

    run_virtual(law())


@pytest.mark.parametrize("name", NARROW)
def test_nobody_waits_for_ever(name: str) -> None:
    """Who cannot get through is told so by its call's deadline at the latest."""

    async def law() -> None:
        gate = NARROW[name](fake_world())
        loop = asyncio.get_running_loop()
        first = passed(await enter(gate, attempt(0), ignore))
        began = loop.time()
        error = refused(await enter(gate, attempt(1, seconds=7.0), ignore))
        assert loop.time() - began <= 7.001
        if isinstance(error, RateLimitExceeded):
            assert error.local
        first.ended(ANSWERED)
        passed(await enter(gate, attempt(2), ignore)).ended(ANSWERED)

    run_virtual(law())
