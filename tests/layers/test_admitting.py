"""Waiting to be let through: futures, timers, loops and threads; what is decided is tested with `policies.admission`."""

import asyncio
import threading
from decimal import Decimal
from itertools import pairwise

import pytest
from msgspec.structs import replace
from returns.result import Failure, Success

from llm_manager.domain.attempts import Attempt
from llm_manager.domain.configuration import AdmissionSettings, LLMConfig, ProviderSettings
from llm_manager.domain.errors import ContextTooLarge, LLMError, RateLimitExceeded
from llm_manager.domain.events import Event, Paused
from llm_manager.domain.models import Endpoint
from llm_manager.domain.rate_limits import RateLimits
from llm_manager.domain.requests import LLMRequest, Priority, RequestMetadata
from llm_manager.domain.secrets import Secret
from llm_manager.domain.usage import Priced, Usage
from llm_manager.effects import settle
from llm_manager.layers.admitting import admitting
from llm_manager.outcomes import Settled
from llm_manager.real_world import real_world
from llm_manager.services.gates import Pass, Replied, enter
from llm_manager.services.guards import Admissions
from llm_manager.testing import attempt_for, fake_world, scripted, scripted_manager
from llm_manager.testing.virtual_loop import run_virtual

FREE = Priced(usd=Decimal(0), price_version="1")
DONE = Replied(usage=Usage(input_tokens=5, output_tokens=5), cost=FREE)


def ignore(_: Event) -> None:
    """Nobody listens."""


def made(settings: AdmissionSettings | None = None, **limits: int) -> Admissions:
    """The quotas of the scripted provider under such limits."""
    providers = {"scripted": ProviderSettings(**limits)} if limits else {}  # type: ignore[arg-type]  # limits are whole numbers
    return admitting(settings or AdmissionSettings(), providers, fake_world())


def attempt(
    *, seconds: float = 300.0, patience: float = float("inf"), key: str | None = None, provider: str = "scripted", prompt: str = "hi"
) -> Attempt:
    """An attempt made now."""
    endpoint = Endpoint(provider=provider, base_url=f"https://{provider}.example", locality="cloud")
    one = attempt_for(
        LLMRequest(prompt),
        now=asyncio.get_running_loop().time(),
        seconds=seconds,
        endpoint=endpoint,
        key=None if key is None else Secret(key),
    )
    return replace(one.unwrap(), patience_seconds=patience)


def passed(entered: Settled[Pass, LLMError]) -> Pass:
    """The pass of whom was let through."""
    assert isinstance(entered, Success), entered
    return entered.unwrap()


def refused(entered: Settled[Pass, LLMError]) -> RateLimitExceeded:
    """The refusal of our own limiter."""
    assert isinstance(entered, Failure)
    error = entered.failure()
    assert isinstance(error, RateLimitExceeded)
    assert error.local
    return error


def test_so_many_a_minute_in_virtual_time() -> None:
    async def program() -> list[float]:
        gate = made(requests_per_minute=3).gate
        left = []
        for _ in range(7):
            passed(await enter(gate, attempt(), ignore)).ended(DONE)
            left.append(asyncio.get_running_loop().time())
        return left

    assert run_virtual(program()) == pytest.approx([0, 20, 40, 62, 82, 102, 124], abs=0.001)


@pytest.mark.parametrize(("deadline", "answered"), [(300.0, 120), (30.0, 34)], ids=["patient", "hurried"])
def test_a_crowd_leaves_one_by_one_and_who_cannot_leave_in_time_is_told_at_once(deadline: float, answered: int) -> None:
    """Sixty a minute are one a second, after five at once; never more than sixty in any minute."""

    async def program() -> tuple[list[float], list[float]]:
        gate, clock = made(requests_per_minute=60).gate, asyncio.get_running_loop()
        left, refused = list[float](), list[float]()

        async def one() -> None:
            entered = await enter(gate, attempt(seconds=deadline), ignore)
            (left if isinstance(entered, Success) else refused).append(clock.time())
            if isinstance(entered, Success):
                entered.unwrap().ended(DONE)

        async with asyncio.TaskGroup() as group:
            for _ in range(200):
                group.create_task(one())
        return left, refused

    left, refused = run_virtual(program())
    assert answered <= len(left) <= answered + 1
    assert len(refused) == 200 - len(left)
    assert sum(at > 0.0 for at in refused) <= 1
    assert all(sum(begin <= at < begin + 1.0 for at in left) <= 5 for begin in left)
    assert all(sum(begin <= at < begin + 60.0 for at in left) <= 60 for begin in left)
    assert all(after - before <= 7.1 for before, after in pairwise(left))


def test_tokens_are_charged_by_a_guess_and_corrected_once() -> None:
    async def program() -> None:
        admissions = made(tokens_per_minute=2000)
        first = passed(await enter(admissions.gate, attempt(prompt="word " * 800), ignore))
        (standing,) = admissions.standing()
        assert standing.tokens == 2000
        assert standing.tokens_left is not None
        assert 500 < standing.tokens_left < 1100
        first.ended(DONE)
        first.ended(DONE)
        (standing,) = admissions.standing()
        assert (standing.tokens_left, standing.under_way) == (1990, 0)
        too_large = await enter(admissions.gate, attempt(prompt="word " * 4000), ignore)
        assert isinstance(too_large, Failure)
        error = too_large.failure()
        assert isinstance(error, ContextTooLarge)
        assert (error.limit, error.limit_kind) == (2000, "tokens_per_minute")

    run_virtual(program())


@pytest.mark.parametrize(
    ("settings", "waits", "seconds", "words"),
    [
        (AdmissionSettings(queue=1, longest_wait_seconds=200.0), 2, 300.0, "raise admission.queue"),
        (AdmissionSettings(longest_wait_seconds=10.0), 1, 300.0, "admission.longest_wait_seconds, now 10"),
        (AdmissionSettings(), 1, 20.0, "deadline_ms"),
    ],
)
def test_a_refusal_names_the_bound_and_the_fix(settings: AdmissionSettings, waits: int, seconds: float, words: str) -> None:
    async def program() -> None:
        gate = made(settings, requests_per_minute=1).gate
        passed(await enter(gate, attempt(), ignore)).ended(DONE)
        waiting = [asyncio.ensure_future(enter(gate, attempt(seconds=seconds), ignore)) for _ in range(waits)]
        await asyncio.sleep(0.0)
        error = refused(await waiting.pop())
        assert words in error.message
        assert error.retry_after_seconds == 62.0
        assert error.origin is not None
        assert error.origin.provider == "scripted"
        for each in waiting:
            each.cancel()

    run_virtual(program())


def test_who_waited_as_long_as_it_may_is_told_so() -> None:
    async def program() -> None:
        gate = made(AdmissionSettings(longest_wait_seconds=9.0), concurrency=1).gate
        passed(await enter(gate, attempt(), ignore))
        error = refused(await enter(gate, attempt(), ignore))
        assert "no turn at scripted within 9.0 s" in error.message
        assert asyncio.get_running_loop().time() == pytest.approx(9.0, abs=0.01)

    run_virtual(program())


def test_one_refusal_pauses_all_and_is_told() -> None:
    async def program() -> None:
        told: list[Event] = []
        admissions = made()
        first, second = [passed(await enter(admissions.gate, attempt(), told.append)) for _ in range(2)]
        first.ended(RateLimitExceeded(model="m", retry_after_seconds=30.0))
        second.ended(RateLimitExceeded(model="m", retry_after_seconds=30.0))
        (paused,) = told
        assert isinstance(paused, Paused)
        assert 30.0 <= paused.seconds <= 31.5
        error = refused(await enter(admissions.gate, attempt(patience=3.0), ignore))
        assert "asked to wait" in error.message
        assert error.retry_after_seconds == pytest.approx(paused.seconds)
        passed(await enter(admissions.gate, attempt(), ignore)).ended(DONE)
        assert asyncio.get_running_loop().time() >= 30.0

    run_virtual(program())


def test_a_limit_of_the_account_pauses_its_other_keys() -> None:
    async def program() -> None:
        admissions = made()
        one, other = (
            passed(await enter(admissions.gate, attempt(key="a"), ignore)),
            passed(await enter(admissions.gate, attempt(key="b"), ignore)),
        )
        elsewhere = passed(await enter(admissions.gate, attempt(provider="another"), ignore))
        one.ended(RateLimitExceeded(model="m", retry_after_seconds=30.0, scope="account"))
        assert [each.paused_seconds > 0.0 for each in admissions.standing()] == [False, True, True]
        other.ended(DONE)
        elsewhere.ended(DONE)

    run_virtual(program())


def test_keys_have_quotas_of_their_own_but_where_the_provider_limits_the_account() -> None:
    async def program() -> None:
        admissions = made()
        for provider in ("openai", "cohere"):
            for key in ("a", "b"):
                passed(await enter(admissions.gate, attempt(key=key, provider=provider), ignore)).ended(DONE)
        assert [(each.provider, each.key_fingerprint is None) for each in admissions.standing()] == [
            ("cohere", False),
            ("cohere", False),
            ("openai", True),
        ]

    run_virtual(program())


def test_what_is_told_with_an_answer_or_a_stream_is_kept() -> None:
    async def program() -> None:
        admissions = made()
        told = RateLimits(requests=60, requests_left=0, requests_reset_seconds=60.0)
        leaving = passed(await enter(admissions.gate, attempt(), ignore))
        leaving.opened(told)
        (standing,) = admissions.standing()
        assert (standing.told, standing.requests_left) == (told, 0)
        leaving.ended(Replied(usage=None, cost=FREE, rate_limits=told))
        leaving.opened(told)
        passed(await enter(admissions.gate, attempt(), ignore)).ended(DONE)
        assert asyncio.get_running_loop().time() == pytest.approx(1.0, abs=0.01)

    run_virtual(program())


def test_the_urgent_go_first() -> None:
    async def program() -> list[str]:
        gate = made(concurrency=1).gate
        first = passed(await enter(gate, attempt(), ignore))
        order: list[str] = []

        async def ask(priority: Priority) -> None:
            request = LLMRequest("hi", priority=priority, metadata=RequestMetadata(tenant="t", user=priority))
            one = attempt_for(request, endpoint=attempt().endpoint).unwrap()
            entered = passed(await enter(gate, one, ignore))
            order.append(priority)
            entered.ended(DONE)

        asked: tuple[Priority, ...] = ("low", "normal", "high", "high")
        asking = [asyncio.ensure_future(ask(priority)) for priority in asked]
        await asyncio.sleep(0.0)
        first.ended(DONE)
        await asyncio.gather(*asking)
        return order

    assert run_virtual(program()) == ["high", "high", "normal", "low"]


def test_loops_and_threads_share_a_quota() -> None:
    """Who ends in one thread lets through who waits in another; nobody is lost, and never more than two are under way."""
    admissions = admitting(AdmissionSettings(), {"scripted": ProviderSettings(concurrency=2)}, real_world({}))
    most, under_way, lock = 0, 0, threading.Lock()
    answered: list[int] = []

    async def worker(number: int) -> None:
        nonlocal most, under_way
        entered = passed(await enter(admissions.gate, attempt(), ignore))
        with lock:
            under_way += 1
            most = max(most, under_way)
        await asyncio.sleep(0.001)
        with lock:
            under_way -= 1
        entered.ended(DONE)
        answered.append(number)

    async def program(first: int) -> None:
        await asyncio.wait_for(asyncio.gather(*(worker(first + number) for number in range(20))), 20.0)

    threads = [threading.Thread(target=lambda first=first: asyncio.run(program(first))) for first in (0, 100, 200)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answered) == 60
    assert most <= 2
    (standing,) = admissions.standing()
    assert (standing.under_way, standing.waiting) == (0, 0)


def test_who_waited_in_a_loop_that_was_closed_holds_nothing() -> None:
    admissions = made(concurrency=1)
    loop = asyncio.new_event_loop()

    async def first_of_all() -> Pass:
        return passed(await enter(admissions.gate, attempt_for(LLMRequest("hi")).unwrap(), ignore))

    first = loop.run_until_complete(first_of_all())
    waiting = loop.create_task(enter(admissions.gate, attempt_for(LLMRequest("hi")).unwrap(), ignore))
    loop.run_until_complete(asyncio.sleep(0.0))
    loop.close()
    first.ended(DONE)
    asyncio.run(first_of_all()).ended(DONE)
    waiting._log_destroy_pending = False  # type: ignore[attr-defined]  # it is left behind on purpose


def test_quotas_that_nobody_uses_are_forgotten() -> None:
    async def program() -> int:
        admissions = made()
        held = passed(await enter(admissions.gate, attempt(key="held"), ignore))
        for number in range(3000):
            passed(await enter(admissions.gate, attempt(key=str(number)), ignore)).ended(DONE)
            if number % 900 == 0:
                await asyncio.sleep(200.0)
        held.ended(DONE)
        assert any(each.key_fingerprint == Secret("held").fingerprint for each in admissions.standing())
        return len(admissions.standing())

    assert run_virtual(program()) <= 1000


def test_a_manager_tells_how_its_quotas_stand() -> None:
    async def program() -> None:
        config = LLMConfig(providers={"scripted": ProviderSettings(requests_per_minute=10)})
        manager = scripted_manager(scripted("hi"), config=config)
        assert isinstance(await settle(manager.generate(LLMRequest("hi"))), Success)
        (scope,) = manager.standing().scopes
        assert (scope.provider, scope.requests, scope.requests_left, scope.under_way) == ("scripted", 10, 9, 0)

    run_virtual(program())


CROWD = 2000


def test_a_crowd_that_waits_may_leave_at_once() -> None:
    """Whoever holds the one place gives it back while all who wait are going: it is nobody's in the end."""

    async def crowd() -> None:
        admissions = made(concurrency=1)
        held = passed(await enter(admissions.gate, attempt(), ignore))
        waiting = [asyncio.ensure_future(enter(admissions.gate, attempt(seconds=1e6), ignore)) for _ in range(CROWD)]
        await asyncio.sleep(1.0)
        assert admissions.standing()[0].waiting == CROWD
        for each in waiting:
            each.cancel()
        held.ended(None)
        ended = await asyncio.gather(*waiting, return_exceptions=True)
        assert all(isinstance(each, asyncio.CancelledError) for each in ended)
        (scope,) = admissions.standing()
        assert (scope.under_way, scope.waiting) == (0, 0)
        passed(await enter(admissions.gate, attempt(), ignore))

    run_virtual(crowd())


def test_set_concurrency_is_believed_from_the_start() -> None:
    """What is set is not felt for from below; what is not set is."""

    async def at_once(concurrency: int | None) -> int:
        admissions = made() if concurrency is None else made(concurrency=concurrency)
        waiting = [asyncio.ensure_future(enter(admissions.gate, attempt(), ignore)) for _ in range(300)]
        await asyncio.sleep(1.0)
        for each in waiting:
            each.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        return admissions.standing()[0].under_way

    assert run_virtual(at_once(200)) == 200
    assert run_virtual(at_once(8)) == 8
    assert run_virtual(at_once(None)) == 32


def test_who_never_left_takes_nothing() -> None:
    """A later gate refused it: neither a request nor a token is counted."""

    async def program() -> None:
        admissions = made(requests_per_minute=5, tokens_per_minute=9000)
        entered = passed(await enter(admissions.gate, attempt(), ignore))
        assert entered.unsent is not None
        entered.unsent()
        entered.ended(DONE)
        (standing,) = admissions.standing()
        assert (standing.requests_left, standing.tokens_left, standing.under_way) == (5, 9000, 0)

    run_virtual(program())
