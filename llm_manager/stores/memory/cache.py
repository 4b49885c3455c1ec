"""A cache that lives as long as the process."""

import threading
from collections.abc import Callable, Iterator
from decimal import Decimal
from itertools import groupby
from typing import Any, Generic

from attrs import define
from cachetools import Cache as Bounded
from cachetools import TLRUCache
from returns.result import Success

from llm_manager.domain.caching import CachedModel, CacheStatistics, Forgetting, Remembered
from llm_manager.domain.configuration import CacheSettings
from llm_manager.domain.errors import LLMError
from llm_manager.outcomes import Settled
from llm_manager.policies.remembering import age, bytes_in_memory, is_meant
from llm_manager.services.cache import Cache, Value


def memory_cache(settings: CacheSettings, now: Callable[[], float]) -> Cache[Value]:
    """Remember up to ``max_size`` values and about ``max_bytes`` for ``ttl_seconds`` on the clock ``now``; safe from threads.

    What was used longest ago makes room.
    """
    kept: _Kept[Value] = _Kept(settings, now)
    return Cache(get=kept.get, put=kept.put, holds=kept.holds, forget=kept.forget, statistics=kept.statistics)


@define(eq=False)
class _Entry:
    remembered: Remembered[Any]
    made_at: float
    size: int
    hits: int = 0

    @property
    def whose(self) -> tuple[str, str]:
        """Provider and model."""
        return self.remembered.provenance.provider, self.remembered.provenance.model


class _Kept(Generic[Value]):
    def __init__(self, settings: CacheSettings, now: Callable[[], float]) -> None:
        self._now = now
        self._most_rows = settings.max_size
        self._entries: TLRUCache[str, _Entry] = TLRUCache(
            settings.max_bytes, lambda _, entry, __: entry.made_at + settings.ttl_seconds, timer=now, getsizeof=lambda entry: entry.size
        )
        self._lock = threading.Lock()
        self._hits = self._misses = self._unpriced = 0
        self._saved = Decimal(0)

    async def get(self, key: str) -> Settled[Remembered[Value] | None, LLMError]:
        with self._lock:
            try:
                found = self._entries[key]
            except KeyError:  # `get` looks twice
                self._misses += 1
                return Success(None)
            found.hits += 1
            self._hits += 1
            remembered = found.remembered
            cost = remembered.provenance.cost_usd
            if cost is None:
                self._unpriced += 1
            else:
                self._saved += cost
            old = age(found.made_at, self._now())
        return Success(Remembered(value=remembered.value, provenance=remembered.provenance, age_seconds=old))

    async def put(self, key: str, remembered: Remembered[Value]) -> Settled[None, LLMError]:
        size = bytes_in_memory(remembered.value)
        with self._lock:
            self._entries.pop(key, None)
            if self._most_rows > 0 and size <= self._entries.maxsize:
                self._entries[key] = _Entry(remembered, self._now() - remembered.age_seconds, size)
            while len(self._entries) > self._most_rows:
                self._entries.popitem()
        return Success(None)

    async def holds(self, key: str) -> Settled[bool, LLMError]:
        with self._lock:
            return Success(key in self._entries)

    async def forget(self, forgetting: Forgetting) -> Settled[int, LLMError]:
        with self._lock:
            now = self._now()
            meant = [key for key, each in self._all() if is_meant(forgetting, each.remembered.provenance, age(each.made_at, now))]
            for key in meant:
                self._entries.pop(key, None)
        return Success(len(meant))

    async def statistics(self) -> Settled[CacheStatistics, LLMError]:
        with self._lock:
            there = [each for _, each in self._all()]
            return Success(
                CacheStatistics(
                    rows=len(there),
                    bytes=int(self._entries.currsize),
                    hits=self._hits,
                    misses=self._misses,
                    saved_usd=self._saved,
                    unpriced=self._unpriced,
                    models=_by_model(there),
                )
            )

    def _all(self) -> Iterator[tuple[str, _Entry]]:
        """All that is there, which counts as no use of it."""
        return ((key, Bounded.__getitem__(self._entries, key)) for key in tuple(self._entries))


def _by_model(there: list[_Entry]) -> tuple[CachedModel, ...]:
    found: list[CachedModel] = []
    for (provider, model), group in groupby(sorted(there, key=lambda each: each.whose), key=lambda each: each.whose):
        entries = tuple(group)
        saved = sum(((each.remembered.provenance.cost_usd or Decimal(0)) * each.hits for each in entries), Decimal(0))
        found.append(
            CachedModel(
                provider=provider,
                model=model,
                rows=len(entries),
                bytes=sum(each.size for each in entries),
                hits=sum(each.hits for each in entries),
                saved_usd=saved,
            )
        )
    return tuple(found)
