"""With no server at all everything that is shared is a failure in words, at once, and nothing is left behind."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

import pytest
from returns.result import Failure, Success

from llm_manager.domain.caching import EVERYTHING, Remembered
from llm_manager.domain.configuration import CacheSettings
from llm_manager.domain.errors import LLMError, StorageFailed
from llm_manager.domain.responses import LLMResponse
from llm_manager.outcomes import Settled
from llm_manager.real_world import real_world
from llm_manager.services.sharing import Follow, Lead, Quota, Share
from llm_manager.stores.answers.forms import ANSWER as FORM
from llm_manager.stores.redis.cache import redis_cache
from llm_manager.stores.redis.line import Script, Words
from llm_manager.stores.redis.link import Link
from tests.servers import Redis, running_redis
from tests.sharing import sharing_at

NOWHERE = "redis://127.0.0.1:1/0"
ANSWER = LLMResponse(content="hello", model="m", provider="p")
SHARES = (Share("purse", 2e9, 10, 5),)


def failed(outcome: Any) -> LLMError:
    """The failure that it is."""
    assert isinstance(outcome, Failure)
    error: LLMError = outcome.failure()
    assert isinstance(error, StorageFailed) and error.message.startswith("redis://127.0.0.1:1/0: ")
    return error


async def test_everything_fails_in_words() -> None:
    """Caches, limits, purses and flights."""
    sharing = sharing_at(NOWHERE)
    cache = sharing.answers
    for outcome in (
        await cache.get("k"),
        await cache.put("k", Remembered(value=ANSWER)),
        await cache.holds("k"),
        await cache.forget(EVERYTHING),
        await cache.statistics(),
        await sharing.limits.enter(Quota("q", 1, 1, 1), 5),
        await sharing.purses.reserve(SHARES, {}, lambda _: None),
        await sharing.purses.look(["purse"]),
        await sharing.flights.board("k", True),
        await sharing.flights.landed("k", "token"),
    ):
        failed(outcome)
    cache.hit("k")
    sharing.limits.pause("q", 5.0)
    sharing.purses.restart([])
    sharing.purses.restart(["purse"])
    assert await cache.flush() == Success(None)
    assert sharing.purses.away() >= 0.0
    await sharing.close()


async def test_who_leaves_while_asking_holds_nothing(redis_url: str) -> None:
    """A permit, a share or a lead that may have been given is given back."""
    sharing = sharing_at(redis_url, lease_seconds=60.0)
    asks: tuple[Callable[[], Coroutine[Any, Any, Any]], ...] = (
        lambda: sharing.limits.enter(Quota("q", None, None, 1), 0),
        lambda: sharing.purses.reserve(SHARES, {0: (0, 0)}, lambda _: None),
        lambda: sharing.flights.board("k", True),
    )
    for ask in asks:
        for turns in range(12):
            asking = asyncio.ensure_future(ask())
            for _ in range(turns):
                await asyncio.sleep(0)
            asking.cancel()
            given: Any = (await asyncio.gather(asking, return_exceptions=True))[0]
            if isinstance(given, Success):
                _give_back(given.unwrap())
            await sharing.answers.flush()
    assert hasattr((await sharing.limits.enter(Quota("q", None, None, 1), 0)).unwrap(), "leave")
    held: Any = (await sharing.purses.reserve((*SHARES,), {}, lambda _: None)).unwrap()
    assert held.settle([0]) and not held.settle([0])
    lead: Any = (await sharing.flights.board("k", True)).unwrap()
    assert isinstance(lead, Lead)
    lead.leave()
    lead.leave()
    await lead.land(ANSWER)
    await sharing.close()


def _give_back(given: Any) -> None:
    if hasattr(given, "settle"):
        given.settle([0])
    elif isinstance(given, Lead):
        given.leave()
    elif not isinstance(given, Follow):
        given.leave(0, True)


async def test_what_cannot_be_read_is_not_remembered(redis_server: Redis, redis_url: str) -> None:
    """Neither an answer that landed nor one in the cache."""
    sharing = sharing_at(redis_url)
    lead: Any = (await sharing.flights.board("k", True)).unwrap()
    follow: Any = (await sharing.flights.board("k", True)).unwrap()
    assert isinstance(follow, Follow)
    assert await sharing.flights.landed("k", follow.token) == Success(True)
    await lead.land(ANSWER)
    landed: Any = (await sharing.flights.landed("k", follow.token)).unwrap()
    assert landed.content == "hello"
    redis_server.say("HSET", "{llm-manager}:landed:k", "answer", "{")
    assert await sharing.flights.landed("k", follow.token) == Success(False)
    again: Any = (await sharing.flights.board("k", True)).unwrap()
    assert isinstance(again, Lead)
    await again.land(None)
    assert await sharing.flights.landed("k", follow.token) == Success(False)
    await sharing.close()


@pytest.mark.parametrize("step", range(1, 5))
async def test_a_cache_that_fails_in_the_middle_says_so(redis_program: str, step: int) -> None:
    """Whichever question of forgetting or counting is the one that is not answered."""
    with running_redis(redis_program) as server:
        link = _Failing(server.url, real_world({}), lambda _: None, 15.0)
        cache = redis_cache(link, FORM, CacheSettings(), link.world.wall)
        await cache.put("k", Remembered(value=ANSWER))
        link.left = step
        assert isinstance(await cache.statistics(), Failure)
        link.left = step
        assert isinstance(await cache.forget(EVERYTHING), Failure)
        await link.close()


class _Failing(Link):
    """One question of many is not answered."""

    left = 0

    async def run(self, script: Script, keys: Sequence[Words], words: Sequence[Words]) -> Settled[Any, LLMError]:
        self.left -= 1
        return await super().run(script, keys, words) if self.left else Failure(StorageFailed(message="away"))
