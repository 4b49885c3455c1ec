"""Laws of caches: what was put is got until it is too old, is forgotten, or there is no more room."""

import asyncio
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, Protocol, TypeAlias

from attrs import evolve
from returns.result import Success

from llm_manager.domain.caching import EVERYTHING, Forgetting, Provenance, Remembered
from llm_manager.domain.configuration import CacheSettings
from llm_manager.domain.embeddings import Vector
from llm_manager.domain.responses import LLMResponse
from llm_manager.services.cache import Cache

MakeCache: TypeAlias = Callable[[CacheSettings, Callable[[], float]], Cache[Any]]
"""Makes an empty cache from its settings and a clock."""

MakeValue: TypeAlias = Callable[[str], Any]
"""Makes a value to be remembered: equal for equal words, unequal for others."""

_KEYS = ("", "a", "A", "a b", "ключ", "0" * 64, "a\x00b", "../../etc")
_FROM = Provenance(
    provider="p", model="m", tenant="t", tags=("one", "two"), private=False, cost_usd=Decimal("0.000000200"), made_by="m-2026"
)
_WALL = 1_800_000_000.0


class _Clock:
    """A clock that is put forward by hand."""

    def __init__(self) -> None:
        self.time = _WALL

    def now(self) -> float:
        return self.time


def answer_of(text: str) -> LLMResponse:
    """An answer to be remembered."""
    return LLMResponse(content=text, model="m", provider="p")


def vector_of(text: str) -> Vector:
    """A vector to be remembered."""
    return tuple(letter / 7.0 for letter in text.encode())


async def _got(cache: Cache[Any], key: str) -> Any:
    """The value under a key, or None."""
    found = (await cache.get(key)).unwrap()
    return None if found is None else found.value


def what_is_put_is_got(make: MakeCache, value: MakeValue = answer_of) -> None:
    """Any key gives back its own value, equal to the one put, and where it came from; the last one put counts."""

    async def law() -> None:
        cache = make(CacheSettings(), _Clock().now)
        for key in _KEYS:
            assert await cache.get(key) == Success(None)
            assert await cache.holds(key) == Success(False)
        for key in _KEYS:
            assert await cache.put(key, Remembered(value=value("old " + key))) == Success(None)
            assert await cache.put(key, Remembered(value=value(key), provenance=_FROM)) == Success(None)
        for flushed in (False, True):
            for key in _KEYS:
                assert await cache.holds(key) == Success(True)
                assert await cache.get(key) == Success(Remembered(value=value(key), provenance=_FROM))
            assert flushed or await cache.flush() == Success(None)

    asyncio.run(law())


def it_forgets_in_time(make: MakeCache, value: MakeValue = answer_of) -> None:
    """A value is there until its time to live has passed since it was made, and not after."""

    async def law() -> None:
        clock = _Clock()
        cache = make(CacheSettings(ttl_seconds=60.0), clock.now)
        await cache.put("k", Remembered(value=value("k")))
        await cache.put("older", Remembered(value=value("o"), age_seconds=50.0))
        clock.time += 9.0
        assert (await cache.get("older")).unwrap() == Remembered(value=value("o"), age_seconds=59.0)
        clock.time += 2.0
        assert await cache.get("older") == Success(None), "it was made before it was put"
        clock.time += 48.0
        assert await _got(cache, "k") == value("k")
        clock.time += 2.0
        assert await cache.holds("k") == Success(False)
        assert await cache.get("k") == Success(None), "getting a value must not lengthen its life"
        assert (await cache.statistics()).unwrap().rows == 0

    asyncio.run(law())


def it_is_bounded(make: MakeCache, value: MakeValue = answer_of) -> None:
    """It never holds more values than its size, and always the one put last; a size of 0 holds none."""

    async def law() -> None:
        for size in (0, 1, 5):
            cache = make(CacheSettings(max_size=size, max_rows=size), _Clock().now)
            for number in range(20):
                await cache.put(str(number), Remembered(value=value(str(number))))
                await cache.flush()
                if size:
                    assert await _got(cache, str(number)) == value(str(number))
            kept = [number for number in range(20) if await _got(cache, str(number)) is not None]
            assert len(kept) <= size
            assert (await cache.statistics()).unwrap().rows == len(kept)

    asyncio.run(law())


def it_is_bounded_in_bytes(make: MakeCache, value: MakeValue = answer_of) -> None:
    """It never holds more bytes than it may, and what alone is larger than that it does not hold."""

    async def law() -> None:
        cache = make(CacheSettings(max_bytes=20_000), _Clock().now)
        for number in range(40):
            await cache.put(str(number), Remembered(value=value(f"{number} " * 300)))
        await cache.put("large", Remembered(value=value("large " * 10_000)))
        await cache.flush()
        told = (await cache.statistics()).unwrap()
        assert 0 < told.bytes <= 20_000
        assert 0 < told.rows < 40
        assert await cache.get("large") == Success(None)

    asyncio.run(law())


def what_is_used_is_kept(make: MakeCache, value: MakeValue = answer_of) -> None:
    """What was used longest ago makes room first."""

    async def law() -> None:
        cache = make(CacheSettings(max_size=3, max_rows=3), _Clock().now)
        for number in range(8):
            if number == 0:
                await cache.put("used", Remembered(value=value("used")))
            assert await _got(cache, "used") == value("used")
            await cache.put(str(number), Remembered(value=value(str(number))))
            await cache.flush()
        assert await _got(cache, "used") == value("used")
        assert await _got(cache, "1") is None

    asyncio.run(law())


def it_forgets_what_it_is_told(make: MakeCache, value: MakeValue = answer_of) -> None:
    """By model, tag, tenant, age, some of them together, or all; nothing else goes, and it can be used again."""

    async def law() -> None:
        clock = _Clock()
        cache = make(CacheSettings(), clock.now)
        put: Mapping[str, tuple[Provenance, float]] = {
            "a": (_FROM, 0.0),
            "b": (evolve(_FROM, model="n", tags=()), 100.0),
            "c": (evolve(_FROM, provider="q", tenant=None, tags=("two",)), 200.0),
            "d": (Provenance(tenant="m", tags=("t",)), 300.0),
        }
        every: Mapping[Forgetting, str] = {
            Forgetting(model="m"): "ac",
            Forgetting(model="q/m"): "c",
            Forgetting(tag="two"): "ac",
            Forgetting(tag="o"): "",
            Forgetting(tenant="t"): "ab",
            Forgetting(older_than_seconds=150.0): "cd",
            Forgetting(model="m", older_than_seconds=150.0): "c",
            Forgetting(model="m", tag="one", tenant="t", older_than_seconds=-1.0): "a",
            Forgetting(tag="x' OR 1=1 --"): "",
            EVERYTHING: "abcd",
        }
        for flushed in (False, True):
            for forgetting, gone in every.items():
                for key, (provenance, age) in put.items():
                    await cache.put(key, Remembered(value=value(key), provenance=provenance, age_seconds=age))
                assert not flushed or await cache.flush() == Success(None)
                assert await cache.forget(forgetting) == Success(len(gone)), forgetting
                assert "".join([key for key in put if await _got(cache, key) is None]) == gone, forgetting

    asyncio.run(law())


def it_counts(make: MakeCache, value: MakeValue = answer_of) -> None:
    """Hits, misses and what was saved are told, by model too; asking whether it holds a value counts for nothing."""

    async def law() -> None:
        cache = make(CacheSettings(), _Clock().now)
        await cache.put("a", Remembered(value=value("a"), provenance=_FROM))
        await cache.put("b", Remembered(value=value("b"), provenance=Provenance(provider="p", model="n")))
        for key in "aaab":
            await cache.get(key)
        await cache.get("nobody's")
        await cache.holds("a")
        told = (await cache.statistics()).unwrap()
        assert (told.rows, told.hits, told.misses, told.unpriced, told.saved_usd) == (2, 4, 1, 1, Decimal("0.0000006"))
        assert [(each.provider, each.model, each.rows, each.hits, each.saved_usd) for each in told.models] == [
            ("p", "m", 1, 3, Decimal("0.0000006")),
            ("p", "n", 1, 1, Decimal(0)),
        ]
        assert told.bytes == sum(each.bytes for each in told.models) > 0
        await cache.forget(EVERYTHING)
        left = (await cache.statistics()).unwrap()
        assert (left.rows, left.bytes, left.hits, left.saved_usd, left.models) == (0, 0, 4, told.saved_usd, ())

    asyncio.run(law())


class CacheLaw(Protocol):
    """What a cache must keep, for values of its kind."""

    def __call__(self, make: MakeCache, value: MakeValue = answer_of, /) -> None: ...


CACHE_LAWS: Mapping[str, CacheLaw] = {
    "what is put is got": what_is_put_is_got,
    "it forgets in time": it_forgets_in_time,
    "it is bounded": it_is_bounded,
    "it is bounded in bytes": it_is_bounded_in_bytes,
    "what is used is kept": what_is_used_is_kept,
    "it forgets what it is told": it_forgets_what_it_is_told,
    "it counts": it_counts,
}
