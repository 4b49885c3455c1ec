"""What is shared, for tests: at a real Redis, or in this process alone, where time is virtual."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from attrs import evolve
from returns.result import Success

from llm_manager.domain.configuration import CacheSettings
from llm_manager.domain.errors import LLMError
from llm_manager.domain.events import Event
from llm_manager.domain.responses import LLMResponse
from llm_manager.outcomes import Settled
from llm_manager.real_world import real_world
from llm_manager.services.sharing import (
    Begin,
    Entered,
    Follow,
    Held,
    Lead,
    NotYet,
    PurseSeen,
    Quota,
    Seen,
    Share,
    SharedFlights,
    SharedLimits,
    SharedPurses,
    Sharing,
    Short,
    Unopened,
)
from llm_manager.services.world import World
from llm_manager.stores.redis.opening import LEASE_SECONDS, open_sharing
from tests.servers import Redis


def sharing_at(
    url: str, tell: Callable[[Event], Any] = lambda _: None, *, lease_seconds: float = LEASE_SECONDS, world: World | None = None
) -> Sharing:
    """As another process would open it."""
    return open_sharing(url, real_world({}) if world is None else world, CacheSettings(), tell, lease_seconds).unwrap()


def one_day() -> World:
    """The real world at the noon of tomorrow, all the time: no day ends while something is tested, and what is kept is not too old."""
    world = real_world({})
    noon = (world.wall() // 86_400 + 1.5) * 86_400
    return evolve(world, wall=lambda: noon)


async def die() -> int:
    """Let what this loop holds be renewed no more; by how many it was."""
    hearts = [task for task in asyncio.all_tasks() if "_live" in repr(task)]
    for heart in hearts:
        heart.cancel()
    await asyncio.wait(hearts)
    return len(hearts)


async def renewed(server: Redis, leases: str) -> None:
    """Wait until the only lease of a set ends later than it did."""
    (_, first), last = _only(server, leases), 0.0
    async with asyncio.timeout(30.0):
        while last <= first:
            await asyncio.sleep(0.02)
            _, last = _only(server, leases)


def run_out(server: Redis, leases: str) -> None:
    """Let every lease of a set have ended long ago."""
    for member in _list(server, "ZRANGE", leases, "0", "-1"):
        server.say("ZADD", leases, "XX", "1", member)


def _only(server: Redis, leases: str) -> tuple[str, float]:
    member, ends = _list(server, "ZRANGE", leases, "0", "-1", "WITHSCORES")
    return member, float(ends)


def _list(server: Redis, *words: str) -> list[str]:
    return server.say(*words).decode().split("\r\n")[2::2]


def limits_here() -> SharedLimits:
    """So many at once, and pauses that are forgotten."""
    inside = 0

    async def enter(quota: Quota, _: int) -> Settled[Entered | NotYet, LLMError]:
        nonlocal inside
        if quota.concurrency is not None and inside >= quota.concurrency:
            return Success(NotYet("crowd", None))
        inside += 1

        under_way = True

        def leave(_: int, __: bool) -> None:
            nonlocal inside, under_way
            inside -= under_way
            under_way = False

        return Success(Entered(0, leave))

    return SharedLimits(enter=enter, pause=lambda _, __: None)


def purses_here() -> SharedPurses:
    """Purses of which nothing was ever spent; one of them at a time may be held."""
    held = 0

    async def reserve(shares: Sequence[Share], begin: Begin, _: Seen) -> Settled[Held | Short | Unopened, LLMError]:
        nonlocal held
        if not begin:
            return Success(Unopened(0))
        if held + shares[0].amount > shares[0].limit:
            return Success(Short(0, 0, held, wait=True))
        held += shares[0].amount

        under_way = True

        def settle(_: Sequence[int | None]) -> bool:
            nonlocal held, under_way
            first, under_way = under_way, False
            held -= shares[0].amount if first else 0
            return first

        return Success(Held(settle))

    async def look(_: Sequence[str]) -> Settled[tuple[PurseSeen | None, ...], LLMError]:
        return Success(())

    return SharedPurses(reserve=reserve, look=look, restart=lambda _: None, away=lambda: 0.0)


def flights_here() -> SharedFlights:
    """Flights of this process alone; an answer that has landed is not kept for those who come later."""
    flying: dict[str, str] = {}
    landed: dict[str, LLMResponse] = {}

    async def board(key: str, _: bool) -> Settled[Lead | Follow | LLMResponse, LLMError]:
        if key in flying:
            return Success(Follow(flying[key]))
        token = flying[key] = f"{key} {len(landed)}"

        async def land(answer: LLMResponse | None) -> None:
            flying.pop(key, None)
            if answer is not None:
                landed[token] = answer

        def leave() -> None:
            flying.pop(key, None)

        return Success(Lead(land, leave))

    async def look(key: str, token: str) -> Settled[LLMResponse | bool, LLMError]:
        return Success(landed.get(token, flying.get(key) == token))

    return SharedFlights(board=board, landed=look)
