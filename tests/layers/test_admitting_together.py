"""Limits of several processes at a real Redis: never passed together, given back by the dead, and pauses that all keep."""

import asyncio
import time
from typing import Any

import pytest
from msgspec.structs import replace
from returns.result import Failure, Success

from llm_manager.domain.attempts import Attempt
from llm_manager.domain.configuration import AdmissionSettings, ProviderSettings
from llm_manager.domain.error_questions import describe
from llm_manager.domain.errors import InvalidRequest, LLMError, ModelUnavailable, RateLimitExceeded
from llm_manager.domain.events import Event, Paused
from llm_manager.domain.requests import LLMRequest
from llm_manager.domain.usage import Unpriced, Usage
from llm_manager.layers.admitting import admitting
from llm_manager.layers.admitting_together import admitting_together
from llm_manager.outcomes import Settled
from llm_manager.real_world import real_world
from llm_manager.services.gates import Emit, Gate, Pass, Replied, enter
from llm_manager.services.sharing import Sharing
from llm_manager.testing import attempt_for
from tests.servers import Redis, running_redis
from tests.sharing import die, renewed, run_out, sharing_at

HERE = real_world({})


def gate_of(sharing: Sharing, settings: ProviderSettings, admission: AdmissionSettings | None = None) -> Gate:
    """The gate of one of several processes."""
    admission = AdmissionSettings() if admission is None else admission
    providers = {"scripted": settings}
    return admitting_together(admitting(admission, providers, HERE), sharing.limits, admission, providers, HERE).gate


def attempt(seconds: float = 300.0, **fields: Any) -> Attempt:
    """One who wants to leave now."""
    made = attempt_for(LLMRequest("question"), now=HERE.now(), seconds=seconds).unwrap()
    return replace(made, **fields)


def ignore(_: Event) -> None:
    """Nobody listens."""


async def go(gate: Gate, asked: Attempt | None = None, emit: Emit = ignore) -> Settled[Pass, LLMError]:
    """Go through."""
    return await enter(gate, attempt() if asked is None else asked, emit)


async def let(gate: Gate, asked: Attempt | None = None, emit: Emit = ignore) -> Pass:
    """Be let through."""
    through = await go(gate, asked, emit)
    assert isinstance(through, Success), through
    return through.unwrap()


async def refused(gate: Gate, asked: Attempt) -> RateLimitExceeded:
    """Be refused in words."""
    through = await go(gate, asked)
    assert isinstance(through, Failure)
    error = through.failure()
    assert isinstance(error, RateLimitExceeded) and error.local and describe(error)
    return error


def replied(tokens: int) -> Replied:
    """An answer of so many tokens."""
    return Replied(usage=Usage(input_tokens=tokens), cost=Unpriced(reason="t"))


async def test_so_many_at_once_among_all(redis_url: str) -> None:
    """Two processes never have more under way than is set; who waits comes in when another ends, wherever that is."""
    ours, theirs = sharing_at(redis_url), sharing_at(redis_url)
    settings = ProviderSettings(concurrency=3)
    gates = [gate_of(ours, settings), gate_of(theirs, settings)]
    inside = most = 0

    async def call(number: int) -> None:
        nonlocal inside, most
        passed = await let(gates[number % 2])
        inside += 1
        most = max(most, inside)
        await asyncio.sleep(0.01)
        inside -= 1
        passed.ended(replied(5))
        passed.ended(replied(5))

    await asyncio.gather(*map(call, range(40)))
    assert most == 3
    await ours.close()
    await theirs.close()


async def test_so_many_a_minute_among_all(redis_url: str) -> None:
    """What one has sent the other may not; who never left gives his place back."""
    ours, theirs = sharing_at(redis_url), sharing_at(redis_url)
    settings = ProviderSettings(requests_per_minute=24)
    first, second = gate_of(ours, settings), gate_of(theirs, settings)
    one = await let(first)
    (await let(second)).ended(replied(1))
    error = await refused(first, attempt(seconds=0.5))
    assert error.retry_after_seconds and 1.0 < error.retry_after_seconds <= 2.6
    assert one.unsent is not None
    one.unsent()
    await ours.answers.flush()
    (await let(second, attempt(seconds=0.5))).ended(None)
    await ours.close()
    await theirs.close()


async def test_tokens_among_all(redis_url: str) -> None:
    """Tokens are charged by estimate and corrected by what was taken."""
    ours, theirs = sharing_at(redis_url), sharing_at(redis_url)
    settings = ProviderSettings(tokens_per_minute=5000)
    first, second = gate_of(ours, settings), gate_of(theirs, settings)
    asked = attempt(seconds=1.0)
    held = [await let(gate, asked) for gate in (first, second) * 3]
    held[0].ended(replied(1600))
    await ours.answers.flush()
    error = await refused(second, attempt(seconds=0.5))
    assert error.retry_after_seconds and error.retry_after_seconds > 30
    held[1].ended(InvalidRequest(message="no"))
    await theirs.answers.flush()
    await let(second, attempt(seconds=1.0))
    await ours.close()
    await theirs.close()


async def test_a_pause_is_kept_by_all(redis_url: str) -> None:
    """Who is refused for a rate says so to the others, who wait as long, or are told that they would have to."""
    ours, theirs = sharing_at(redis_url), sharing_at(redis_url)
    first, second = gate_of(ours, ProviderSettings()), gate_of(theirs, ProviderSettings())
    told: list[Event] = []
    passed = await let(first, emit=told.append)
    passed.ended(RateLimitExceeded(model="m", retry_after_seconds=1.0))
    assert [type(each) for each in told] == [Paused]
    await ours.answers.flush()
    error = await refused(second, attempt(patience_seconds=0.1))
    assert "asked to wait" in error.message
    began = time.monotonic()
    (await let(second)).ended(replied(1))
    assert 0.2 < time.monotonic() - began < 10.0
    await ours.close()
    await theirs.close()


async def test_permits_of_the_dead_come_back(redis_server: Redis, redis_url: str) -> None:
    """Who renews his permits keeps them; those of one that is gone are free when their lease is over."""
    ours, theirs = sharing_at(redis_url), sharing_at(redis_url)
    settings = ProviderSettings(concurrency=1)
    first, second = gate_of(ours, settings), gate_of(theirs, settings)
    await let(first)
    permits = redis_server.say("KEYS", "*permits*").decode().split("\r\n")[2]
    await renewed(redis_server, permits)
    await refused(second, attempt(seconds=0.3))
    assert await die() == 2
    run_out(redis_server, permits)
    (await let(second, attempt(seconds=20.0))).ended(None)
    await ours.close()
    await theirs.close()


async def test_a_cancelled_wait_leaves_nothing(redis_url: str) -> None:
    """Who went away while waiting is passed over, and what was given to who went away comes back."""
    ours = sharing_at(redis_url)
    gate = gate_of(ours, ProviderSettings(concurrency=1))
    for number in range(20):
        held = await let(gate, attempt(seconds=3.0))
        waiting = [asyncio.ensure_future(go(gate)) for _ in range(5)]
        await asyncio.sleep(0.003)
        held.ended(None)
        await asyncio.sleep(0.0005 * number)
        for each in waiting:
            each.cancel()
        for done in await asyncio.gather(*waiting, return_exceptions=True):
            if isinstance(done, Success):
                done.unwrap().ended(None)
    (await let(gate, attempt(seconds=1.0))).ended(None)
    await ours.close()


@pytest.mark.parametrize(
    "limits", [ProviderSettings(concurrency=2), ProviderSettings(requests_per_minute=120)], ids=["at once", "a minute"]
)
async def test_while_redis_is_away_our_own_limits_hold(redis_program: str, limits: ProviderSettings) -> None:
    """That is told once and stands in the standing; when it is back so are the shared limits."""
    told: list[Event] = []
    with running_redis(redis_program) as server:
        ours = sharing_at(server.url, told.append)
        gate = gate_of(ours, limits)
        (await let(gate)).ended(replied(1))
        held = await let(gate)
        _kill(server)
        (await let(gate)).ended(replied(1))
        (await let(gate)).ended(replied(1))
        held.ended(ModelUnavailable(model="m", message="down", reason="server"))
        assert [type(each).__name__ for each in told] == ["SharingLost"]
        standing = ours.standing()
        assert not standing.reached and standing.error and "Redis" in standing.error
        await ours.close()


def _kill(server: Redis) -> None:
    server.process.kill()
    server.process.wait()
