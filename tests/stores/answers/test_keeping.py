"""What a database adds to the laws of caches: restarts, clocks, batches, crowds, and values that cannot be read."""

import asyncio
from collections.abc import Callable
from decimal import Decimal

import pytest
from attrs import evolve
from returns.result import Failure, Success
from sqlalchemy import Connection, update

from llm_manager.domain.caching import EVERYTHING, Forgetting, Provenance, Remembered
from llm_manager.domain.configuration import CacheSettings
from llm_manager.domain.errors import LLMError, StorageFailed
from llm_manager.domain.messages import Thought, ToolCall
from llm_manager.domain.responses import LLMResponse
from llm_manager.domain.usage import Priced, Usage
from llm_manager.outcomes import Settled
from llm_manager.services.cache import Cache
from llm_manager.stores.answers.forms import ANSWER, VECTOR, Form
from llm_manager.stores.answers.keeping import kept_cache
from llm_manager.stores.sql.database import Database
from llm_manager.stores.sql.tables.answers import ANSWERS
from tests.databases import held, opened_database

WHOLE = LLMResponse(
    content="said \x00 and \ud800",
    model="m",
    provider="p",
    tool_calls=(ToolCall(id="1", name="n", arguments='{"a": 1}'),),
    reasoning="since",
    thoughts=(Thought(text="t", signature="s"),),
    usage=Usage(input_tokens=3, cache_read_tokens=2, output_tokens=1),
    cost=Priced(usd=Decimal("0.000001"), price_version="v"),
    tokens_per_second=3.5,
    cached=True,
    notices=("one",),
    request_id="r",
)
FROM = Provenance(provider="p\x00", model="m\\u", tenant="\ud800", tags=("a", "a", "b\x00"), cost_usd=Decimal("0.5"))


class Clock:
    def __init__(self) -> None:
        self.time = 1_800_000_000.0

    def now(self) -> float:
        return self.time


def answers(database: Database, clock: Clock, ttl_seconds: float = 3600.0) -> Cache[LLMResponse]:
    return kept_cache(database, ANSWER, CacheSettings(ttl_seconds=ttl_seconds), clock.now)


def answer(text: str = "x") -> Remembered[LLMResponse]:
    return Remembered(value=LLMResponse(content=text, model="m", provider="p"))


async def test_what_is_remembered_survives_a_restart_whole(store_url: str) -> None:
    """Any text, every field, where it came from, and how old it is; and what it was good for."""
    if store_url == ":memory:":
        pytest.skip("memory survives nothing")
    clock = Clock()
    first = opened_database(store_url)
    cache = answers(first, clock)
    await cache.put("k", Remembered(value=WHOLE, provenance=FROM, age_seconds=5.0))
    await cache.get("k")
    assert await cache.flush() == Success(None)
    await first.close()
    clock.time += 10.0
    second = opened_database(store_url)
    again = answers(second, clock)
    kept = evolve(FROM, tags=("a", "a", "b\x00"))
    assert await again.get("k") == Success(Remembered(value=WHOLE, provenance=kept, age_seconds=15.0))
    told = (await again.statistics()).unwrap()
    assert (told.hits, told.saved_usd, told.models[0].hits, told.models[0].model) == (2, Decimal(1), 2, "m\\u")
    assert await again.forget(Forgetting(tag="b\x00", tenant="\ud800", model="p\x00/m\\u")) == Success(1)
    await second.close()


async def test_a_clock_that_is_set_back_makes_nothing_immortal(database: Database) -> None:
    """What is dated in the future is new, and is as of now from the next opening on."""
    clock = Clock()
    await (cache := answers(database, clock, ttl_seconds=60.0)).put("k", answer())
    await cache.flush()
    clock.time -= 1_000_000.0
    found = (await cache.get("k")).unwrap()
    assert found is not None
    assert found.age_seconds == 0.0
    again = answers(database, clock, ttl_seconds=60.0)
    await again.get("k")
    await again.flush()
    clock.time += 61.0
    assert await again.get("k") == Success(None)


async def test_a_clock_that_jumps_ahead_forgets_and_hurts_nobody(database: Database) -> None:
    clock = Clock()
    await (cache := answers(database, clock, ttl_seconds=60.0)).put("k", answer())
    clock.time += 1_000_000.0
    assert await cache.get("k") == Success(None)
    await cache.put("k", answer("new"))
    assert (await cache.get("k")).unwrap() == answer("new")


async def test_what_is_old_goes_though_nobody_asks_for_it(database: Database) -> None:
    """Now and then, with what is written anyway."""
    clock = Clock()
    cache = answers(database, clock, ttl_seconds=60.0)
    await cache.put("old", answer())
    await cache.flush()
    clock.time += 1000.0
    await cache.put("new", answer())
    await cache.flush()
    assert await database.read(lambda connection: Success(connection.execute(ANSWERS.select()).all()[0].key)) == Success("new")


async def test_hits_are_not_written_one_by_one(database: Database) -> None:
    """A thousand hits within a second are a handful of writes."""
    clock, writes = Clock(), list[object]()
    cache = answers(database, clock)
    await cache.put("k", answer())
    await cache.flush()
    real = database.write_soon

    def counting(work: Callable[[Connection], Settled[object, LLMError]]) -> object:
        writes.append(work)
        return real(work)

    database.write_soon = counting  # type: ignore[method-assign, assignment]  # it is watched, not changed
    for _ in range(1000):
        await cache.get("k")
    assert await cache.flush() == Success(None)
    assert len(writes) <= 6
    assert (await cache.statistics()).unwrap().hits == 1000


async def test_more_than_may_wait_are_all_kept(database: Database) -> None:
    """Who puts much waits a little."""
    cache = answers(database, Clock())
    for number in range(3000):
        await cache.put(str(number), answer(str(number)))
    assert await cache.flush() == Success(None)
    assert (await cache.statistics()).unwrap().rows == 3000


async def test_a_value_that_cannot_be_read_is_not_remembered(database: Database) -> None:
    """Whatever somebody has done to the row."""
    for form, bad in ((ANSWER, b'{"content": 1'), (VECTOR, b"123")):
        cache: Cache[object] = kept_cache(database, form, CacheSettings(), Clock().now)  # type: ignore[arg-type]  # of either kind
        await cache.put("k", Remembered(value=WHOLE if form is ANSWER else (1.0,)))
        await cache.flush()
        spoil = update(ANSWERS).where(ANSWERS.c.kind == form.kind).values(value=bad)
        await database.write(lambda connection, spoil=spoil: Success(connection.execute(spoil).rowcount))  # type: ignore[misc]
        assert await cache.get("k") == Success(None)


async def test_a_database_that_fails_is_told_by_the_next_put_and_keeps_nothing(tmp_path: object) -> None:
    """What was to be written is dropped rather than kept for ever."""
    cache = answers(opened_database("sqlite:////proc/nowhere/store.db"), Clock())
    assert await cache.put("k", answer()) == Success(None)
    assert isinstance(await cache.flush(), Failure)
    assert isinstance(await cache.get("k"), Failure)
    assert isinstance(await cache.holds("k"), Failure)
    assert isinstance(await cache.put("j", answer()), Failure)
    assert isinstance(await cache.statistics(), Failure)
    await cache.put("j", answer())
    assert isinstance(await cache.forget(EVERYTHING), Failure)


async def test_what_was_lost_before_a_flush_began_is_told_by_it() -> None:
    """A flush does not say that all is kept when it came too late to see that it was not."""
    gone = opened_database("sqlite:////proc/nowhere/store.db")
    cache = answers(gone, Clock())
    await cache.put("k", answer())
    await gone.close()
    assert isinstance(await cache.flush(), Failure)
    assert isinstance(await cache.put("j", answer()), Failure)


async def test_a_bug_in_writing_is_told_and_holds_nobody_up(database: Database) -> None:
    """A value that no form takes: the next one is kept."""

    def written(value: str) -> bytes:
        if value != "well":
            raise KeyError(value)
        return b"x"

    cache = kept_cache(database, Form("answer", written, lambda _: Success("well")), CacheSettings(), Clock().now)
    await cache.put("k", Remembered(value="ill"))
    assert isinstance((await cache.flush()).failure(), StorageFailed)
    assert isinstance(await cache.put("k", Remembered(value="well")), Failure)
    assert await cache.flush() == Success(None)
    assert (await cache.get("k")).unwrap() == Remembered(value="well")


async def test_who_leaves_a_flush_holds_up_nobody(database: Database) -> None:
    """Others who wait are told, and what comes later is kept."""
    cache = answers(database, Clock())
    with held(database):
        await cache.put("k", answer())
        leaving, staying = asyncio.ensure_future(cache.flush()), asyncio.ensure_future(cache.flush())
        await asyncio.sleep(0)
        leaving.cancel()
        await asyncio.wait([leaving])
        await cache.put("j", answer())
    assert await staying == Success(None)
    assert await cache.flush() == Success(None)
    assert (await cache.statistics()).unwrap().rows == 2


async def test_two_processes_share_what_they_remember(store_url: str) -> None:
    """Each of two openings gets what the other put, and both count."""
    if store_url == ":memory:":
        pytest.skip("each memory is its own")
    one, two, clock = opened_database(store_url), opened_database(store_url), Clock()
    here, there = answers(one, clock), answers(two, clock)
    await here.put("a", answer("a"))
    await there.put("b", answer("b"))
    await asyncio.gather(here.flush(), there.flush())
    assert (await here.get("b")).unwrap() == answer("b")
    assert (await there.get("a")).unwrap() == answer("a")
    await asyncio.gather(here.flush(), there.flush())
    assert (await here.statistics()).unwrap().hits == 2
    await asyncio.gather(one.close(), two.close())
