"""Laws of caches: what was put is got until it is too old or there is no more room."""

from collections.abc import Callable, Mapping
from typing import Any, Protocol, TypeAlias

from returns.result import Success

from llm_manager.domain.configuration import CacheSettings
from llm_manager.domain.embeddings import Vector
from llm_manager.domain.responses import LLMResponse
from llm_manager.services.cache import Cache
from llm_manager.testing.virtual_loop import run_virtual

MakeCache: TypeAlias = Callable[[CacheSettings, Callable[[], float]], Cache[Any]]
"""Makes an empty cache from its settings and a clock."""

MakeValue: TypeAlias = Callable[[str], Any]
"""Makes a value to be remembered: equal for equal words, unequal for others."""

_KEYS = ("", "a", "A", "a b", "ключ", "0" * 64, "a\x00b", "../../etc")


class _Clock:
    """A clock that is put forward by hand."""

    def __init__(self) -> None:
        self.time = 0.0

    def now(self) -> float:
        return self.time


def answer_of(text: str) -> LLMResponse:
    """An answer to be remembered."""
    return LLMResponse(content=text, model="m", provider="p")


def vector_of(text: str) -> Vector:
    """A vector to be remembered."""
    return tuple(letter / 7.0 for letter in text.encode())


def what_is_put_is_got(make: MakeCache, value: MakeValue = answer_of) -> None:
    """Any key gives back its own answer, equal to the one put; the last one put counts; an unknown key gives none."""

    async def law() -> None:
        cache = make(CacheSettings(), lambda: 0.0)
        for key in _KEYS:
            assert await cache.get(key) == Success(None)
        for key in _KEYS:
            assert await cache.put(key, value("old " + key)) == Success(None)
            assert await cache.put(key, value(key)) == Success(None)
        for key in _KEYS:
            assert await cache.get(key) == Success(value(key))

    run_virtual(law())


def it_forgets_in_time(make: MakeCache, value: MakeValue = answer_of) -> None:
    """An answer is there until its time to live has passed since it was put, and not after."""

    async def law() -> None:
        clock = _Clock()
        cache = make(CacheSettings(ttl_seconds=60.0), clock.now)
        await cache.put("k", value("k"))
        clock.time = 59.0
        assert await cache.get("k") == Success(value("k"))
        clock.time = 61.0
        assert await cache.get("k") == Success(None), "getting an answer must not lengthen its life"

    run_virtual(law())


def it_is_bounded(make: MakeCache, value: MakeValue = answer_of) -> None:
    """It never holds more answers than its size, and always the one put last; a size of 0 holds none."""

    async def law() -> None:
        for size in (0, 1, 5):
            cache = make(CacheSettings(max_size=size), lambda: 0.0)
            for number in range(20):
                await cache.put(str(number), value(str(number)))
                if size:
                    assert await cache.get(str(number)) == Success(value(str(number)))
            kept = [number for number in range(20) if await cache.get(str(number)) != Success(None)]
            assert len(kept) <= size

    run_virtual(law())


def it_clears(make: MakeCache, value: MakeValue = answer_of) -> None:
    """After clearing nothing is known, and it can be used again."""

    async def law() -> None:
        cache = make(CacheSettings(), lambda: 0.0)
        await cache.put("k", value("k"))
        assert await cache.clear() == Success(None)
        assert await cache.get("k") == Success(None)
        await cache.put("k", value("again"))
        assert await cache.get("k") == Success(value("again"))

    run_virtual(law())


class CacheLaw(Protocol):
    """What a cache must keep, for values of its kind."""

    def __call__(self, make: MakeCache, value: MakeValue = answer_of, /) -> None: ...


CACHE_LAWS: Mapping[str, CacheLaw] = {
    "what is put is got": what_is_put_is_got,
    "it forgets in time": it_forgets_in_time,
    "it is bounded": it_is_bounded,
    "it clears": it_clears,
}
