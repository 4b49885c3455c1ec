"""Remembered values in a database: they survive restarts, and every process that has the database shares them.

What is put, and what is used, is written soon and together with what comes beside it: nobody waits for a disk. Until it is written it
is got from here. When the process is killed what was put in the last moments may be lost, and will be paid for again.
"""

import asyncio
import json
import threading
from collections.abc import Callable
from concurrent.futures import Future
from decimal import Decimal
from typing import Final, Generic

from returns.result import Failure, Success
from sqlalchemy import Connection, delete

from llm_manager.domain.caching import CachedModel, CacheStatistics, Forgetting, Provenance, Remembered
from llm_manager.domain.configuration import CacheSettings
from llm_manager.domain.errors import LLMError
from llm_manager.outcomes import Settled
from llm_manager.policies.remembering import age, is_fresh, usd_of
from llm_manager.services.cache import Cache, Value
from llm_manager.stores.answers import statements as say
from llm_manager.stores.answers.forms import Form
from llm_manager.stores.answers.writing import Batch, Held, Put, Use, Writing
from llm_manager.stores.sql.database import Database
from llm_manager.stores.sql.misfortunes import told_by
from llm_manager.stores.sql.promising import promised
from llm_manager.stores.sql.spelling import spelled, unspelled
from llm_manager.stores.sql.tables.answers import ANSWERS

_WAITING: Final = 1024
"""So many may wait to be written; who puts more waits for some of them."""
_COUNTED: Final = 256
"""So many hits and misses are counted before that is written."""
_SECONDS: Final = 1.0
_ROUNDS: Final = 2
"""What is under way may have begun too early for what waits; what comes after it takes all."""
_STEP: Final = 1e-6


def kept_cache(database: Database, form: Form[Value], settings: CacheSettings, wall: Callable[[], float]) -> Cache[Value]:
    """Remember up to ``max_rows`` values and ``max_bytes`` of one form for ``ttl_seconds``; ``wall`` is seconds since 1970."""
    kept = _Kept(database, form, settings, wall)
    return Cache(
        get=kept.get,
        put=kept.put,
        holds=kept.holds,
        forget=kept.forget,
        statistics=kept.statistics,
        hit=kept.hit,
        flush=kept.flush,
    )


class _Kept(Generic[Value]):
    def __init__(self, database: Database, form: Form[Value], settings: CacheSettings, wall: Callable[[], float]) -> None:
        self._database, self._form, self._settings, self._wall = database, form, settings, wall
        self._lock = threading.Lock()
        self._waiting: dict[str, Put[Value]] = {}
        self._uses: dict[str, Use] = {}
        self._counted = self._misses = 0
        self._under_way: Future[Settled[None, LLMError]] | None = None
        self._failed: LLMError | None = None
        self._last_used = self._begun_at = 0.0
        self._writing = Writing(form, settings, wall)

    async def get(self, key: str) -> Settled[Remembered[Value] | None, LLMError]:
        with self._lock:
            put = self._waiting.get(key)
        found: Settled[Remembered[Value] | None, LLMError]
        if put is not None:
            said = put.remembered
            found = Success(Remembered(value=said.value, provenance=said.provenance, age_seconds=self._age(put.made_at)))
        else:
            found = await self._database.read(lambda connection: Success(self._looked_up(connection, key)))
        if isinstance(found, Failure):
            return found
        remembered = found.unwrap()
        if remembered is None or not is_fresh(remembered.age_seconds, self._settings.ttl_seconds):
            self._count(None)
            return Success(None)
        self._count(key)
        return found

    async def put(self, key: str, remembered: Remembered[Value]) -> Settled[None, LLMError]:
        if self._settings.max_rows <= 0:
            return Success(None)
        with self._lock:
            failed, self._failed = self._failed, None
            crowd = self._under_way if len(self._waiting) >= _WAITING else None
            self._waiting.pop(key, None)
            self._waiting[key] = Put(remembered, self._wall() - remembered.age_seconds, self._tick())
            begin = self._may_begin()
        if begin:
            self._begin()
        if crowd is not None:
            await asyncio.wrap_future(crowd)
        return Success(None) if failed is None else Failure(failed)

    async def holds(self, key: str) -> Settled[bool, LLMError]:
        with self._lock:
            put = self._waiting.get(key)
        if put is not None:
            return Success(is_fresh(self._age(put.made_at), self._settings.ttl_seconds))
        return await self._database.read(lambda connection: Success(self._is_there(connection, key)))

    def hit(self, key: str) -> None:
        self._count(key)

    async def flush(self) -> Settled[None, LLMError]:
        written = await self._written()
        with self._lock:  # what was put before and is lost is told too, until a put has told it
            return written if isinstance(written, Failure) or self._failed is None else Failure(self._failed)

    async def _written(self) -> Settled[None, LLMError]:
        for _ in range(_ROUNDS):
            with self._lock:
                begin = bool(self._waiting or self._counted) and self._may_begin()
                under_way = self._under_way
            if begin:
                self._begin()
            if under_way is None:
                break
            outcome = await asyncio.wrap_future(under_way)
            if isinstance(outcome, Failure):
                return outcome
        return Success(None)

    async def forget(self, forgetting: Forgetting) -> Settled[int, LLMError]:
        written = await self._written()
        if isinstance(written, Failure):
            return written
        now = self._wall()

        def work(connection: Connection) -> Settled[int, LLMError]:
            self._writing.remove_old(connection, now)
            return Success(int(connection.execute(delete(ANSWERS).where(*say.meant(forgetting, self._form.kind, now))).rowcount))

        return await self._database.write(work)

    async def statistics(self) -> Settled[CacheStatistics, LLMError]:
        written = await self._written()
        if isinstance(written, Failure):
            return written
        kind, after = self._form.kind, self._wall() - self._settings.ttl_seconds

        def work(connection: Connection) -> Settled[CacheStatistics, LLMError]:
            models = tuple(
                CachedModel(
                    provider=unspelled(row.provider),
                    model=unspelled(row.model),
                    rows=int(row.held),
                    bytes=int(row.bytes),
                    hits=int(row.hits),
                    saved_usd=usd_of(int(row.nanos)) or Decimal(0),
                )
                for row in connection.execute(say.BY_MODEL, {"of_kind": kind, "after": after})
            )
            counts = connection.execute(say.COUNTS, {"of_kind": kind}).first()
            return Success(
                CacheStatistics(
                    rows=sum(each.rows for each in models),
                    bytes=sum(each.bytes for each in models),
                    hits=0 if counts is None else counts.hits,
                    misses=0 if counts is None else counts.misses,
                    saved_usd=Decimal(0) if counts is None else usd_of(counts.saved_nanos) or Decimal(0),
                    unpriced=0 if counts is None else counts.unpriced,
                    models=models,
                )
            )

        return await self._database.read(work)

    def _age(self, made_at: float) -> float:
        return age(made_at, self._wall())

    def _tick(self) -> float:
        """A moment later than every one before it, so that the order of use is kept when the clock stands still or is set back."""
        self._last_used = max(self._wall(), self._last_used + _STEP)
        return self._last_used

    def _count(self, key: str | None) -> None:
        """Count a hit, or without a key a miss."""
        with self._lock:
            self._counted += 1
            if key is None:
                self._misses += 1
            else:
                use = self._uses.setdefault(key, Use(0, 0.0))
                use.times, use.at = use.times + 1, self._tick()
            due = self._counted >= _COUNTED or not 0 <= self._wall() - self._begun_at < _SECONDS
            begin = due and self._may_begin()
        if begin:
            self._begin()

    def _may_begin(self) -> bool:
        """Say whether the caller, who holds the lock, is to begin a batch."""
        if self._under_way is not None:
            return False
        self._under_way = promised()
        self._begun_at = self._wall()
        return True

    def _begin(self) -> None:
        batch: Batch[Value] | None = None

        def work(connection: Connection) -> Settled[Held, LLMError]:
            nonlocal batch
            if batch is None:  # it may be run again, and writes the same then
                batch = self._taken()
            return Success(self._writing.write(connection, batch))

        def ended(written: "Future[Settled[Held, LLMError]]") -> None:
            outcome = told_by(written, self._database.place)
            with self._lock:
                for key, put in {} if batch is None else batch.puts.items():
                    if self._waiting.get(key) is put:
                        del self._waiting[key]
                if isinstance(outcome, Failure):
                    self._failed = outcome.failure()
                    self._writing.wrote(None)
                    if batch is None:  # it was refused unread, and is not kept for ever
                        self._waiting.clear()
                        self._uses, self._misses, self._counted = {}, 0, 0
                else:
                    self._writing.wrote(outcome.unwrap())
                told, self._under_way = self._under_way, None
                begin = bool(self._waiting) and self._may_begin()
            if told is not None:
                told.set_result(outcome if isinstance(outcome, Failure) else Success(None))
            if begin:
                self._begin()

        self._database.write_soon(work).add_done_callback(ended)

    def _taken(self) -> Batch[Value]:
        with self._lock:
            batch: Batch[Value] = Batch(dict(self._waiting), self._uses, self._misses)
            self._uses, self._misses, self._counted = {}, 0, 0
        return batch

    def _looked_up(self, connection: Connection, key: str) -> Remembered[Value] | None:
        row = connection.execute(say.LOOK, {"of_kind": self._form.kind, "of_key": spelled(key)}).first()
        value = None if row is None else self._form.read(row.value)
        if row is None or not isinstance(value, Success):
            return None
        provenance = Provenance(
            provider=unspelled(row.provider),
            model=unspelled(row.model),
            tenant=None if row.tenant is None else unspelled(row.tenant),
            tags=() if row.tags == "[]" else tuple(map(unspelled, json.loads(row.tags))),
            private=row.private,
            cost_usd=usd_of(row.cost_nanos),
            made_by=None if row.made_by is None else unspelled(row.made_by),
        )
        return Remembered(value=value.unwrap(), provenance=provenance, age_seconds=self._age(row.made_at))

    def _is_there(self, connection: Connection, key: str) -> bool:
        made_at = connection.execute(say.MADE_AT, {"of_kind": self._form.kind, "of_key": spelled(key)}).scalar()
        return made_at is not None and is_fresh(self._age(made_at), self._settings.ttl_seconds)
