"""Memory in front of a store: what is near is not asked for far away, and what fails is told once."""

from typing import Any

import pytest
from attrs import evolve
from returns.result import Failure, Success

from llm_manager.domain.caching import EVERYTHING, Provenance, Remembered
from llm_manager.domain.configuration import CacheSettings, LLMConfig, StoreSettings
from llm_manager.domain.errors import LLMError, StorageFailed
from llm_manager.domain.responses import LLMResponse
from llm_manager.services.cache import Cache
from llm_manager.stores.layering import layered, never_private
from llm_manager.stores.memory.cache import memory_cache
from llm_manager.testing import fake_world
from llm_manager.wiring import default_deps

GONE = Failure(StorageFailed(message="gone"))


def memory() -> Cache[str]:
    return memory_cache(CacheSettings(ttl_seconds=60.0), lambda: 100.0)


class Flaky:
    """A cache that fails while it is told to."""

    def __init__(self) -> None:
        self.kept, self.well = memory(), False

    def cache(self) -> Cache[str]:
        def or_gone(function: Any) -> Any:
            async def called(*given: Any) -> Any:
                return await function(*given) if self.well else GONE

            return called

        it = self.kept
        return Cache(
            get=or_gone(it.get),
            put=or_gone(it.put),
            holds=or_gone(it.holds),
            forget=or_gone(it.forget),
            statistics=or_gone(it.statistics),
            flush=or_gone(it.flush),
        )


async def test_a_store_that_fails_fails_no_call_and_is_told_once_until_it_is_well_again() -> None:
    told, flaky = list[LLMError](), Flaky()
    cache = layered(memory(), flaky.cache(), told.append)
    value = Remembered(value="v")
    assert await cache.get("k") == Success(None)
    assert await cache.put("k", value) == Success(None)
    assert (await cache.get("k")).unwrap() == value
    assert await cache.holds("j") == Success(False)
    assert await cache.get("j") == Success(None)
    assert len(told) == 1
    flaky.well = True
    assert await cache.get("j") == Success(None)
    flaky.well = False
    assert await cache.get("j") == Success(None)
    assert len(told) == 2


async def test_forgetting_and_statistics_say_that_the_store_failed() -> None:
    """Else somebody would believe that it is forgotten."""
    cache = layered(memory(), Flaky().cache())
    assert await cache.forget(EVERYTHING) == GONE
    assert await cache.statistics() == GONE
    assert await cache.flush() == GONE


async def test_what_is_found_behind_is_in_front_from_then_on_and_as_old() -> None:
    front, behind = memory(), memory()
    await behind.put("k", Remembered(value="v", age_seconds=59.0))
    cache = layered(front, behind)
    assert (await cache.get("k")).unwrap() == Remembered(value="v", age_seconds=59.0)
    assert (await front.get("k")).unwrap() == Remembered(value="v", age_seconds=59.0)


async def test_hits_in_front_are_counted_behind() -> None:
    hits = list[str]()
    front, behind = memory(), memory()
    counted = layered(
        front,
        Cache(get=behind.get, put=behind.put, holds=behind.holds, forget=behind.forget, statistics=behind.statistics, hit=hits.append),
    )
    await counted.put("k", Remembered(value="v"))
    await counted.get("k")
    layered(front, counted).hit("k")
    assert hits == ["k", "k"]


async def test_what_was_forgotten_meanwhile_does_not_come_back() -> None:
    """A value on its way from behind when all is forgotten is not put in front any more."""
    front, behind = memory(), memory()
    await behind.put("k", Remembered(value="v"))

    async def slow(key: str) -> Any:
        found = await behind.get(key)
        await cache.forget(EVERYTHING)
        return found

    cache = layered(front, evolve(behind, get=slow))
    await cache.get("k")
    assert await front.holds("k") == Success(False)


async def test_what_is_private_is_kept_from_a_cache() -> None:
    kept = memory()
    cache = never_private(kept)
    assert await cache.put("k", Remembered(value="v", provenance=Provenance(private=True))) == Success(None)
    await cache.put("j", Remembered(value="v"))
    assert [await kept.holds(key) for key in "kj"] == [Success(False), Success(True)]


async def test_a_manager_answers_though_its_store_cannot_be_opened(caplog: pytest.LogCaptureFixture) -> None:
    """What is remembered is in memory alone then, and the log says so once."""
    config = LLMConfig(store=StoreSettings(url="sqlite:////proc/nowhere/kept.db"))
    deps = default_deps(config, fake_world()).unwrap()
    value = Remembered(value=LLMResponse(content="x", model="m", provider="p"))
    with caplog.at_level("WARNING", logger="llm_manager.telemetry.logging"):
        for key in "ab":
            assert await deps.cache.get(key) == Success(None)
            assert await deps.cache.put(key, value) == Success(None)
            found = (await deps.cache.get(key)).unwrap()
            assert found is not None
            assert found.value == value.value
    assert sum("what is remembered cannot be reached" in record.message for record in caplog.records) == 1
