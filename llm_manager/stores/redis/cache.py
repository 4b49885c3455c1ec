"""Remembered values that processes share: under digests, for their time to live, within a size; what was used longest ago makes room.

The times are those of who asks, as in the other caches, so that an age means the same in each of them.
"""

import json
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from decimal import Decimal
from hashlib import sha256
from typing import Any, Final, Generic

from attrs import frozen
from returns.result import Failure, Success

from llm_manager.domain.caching import CachedModel, CacheStatistics, Forgetting, Provenance, Remembered
from llm_manager.domain.configuration import CacheSettings
from llm_manager.domain.errors import LLMError
from llm_manager.outcomes import Settled
from llm_manager.policies.remembering import age, is_meant, nanodollars, usd_of
from llm_manager.services.cache import Cache, Value
from llm_manager.stores.answers.forms import Form
from llm_manager.stores.redis.line import Script
from llm_manager.stores.redis.link import PREFIX, Link

_PAGE: Final = 500

_REMOVING: Final = """
local made, used, sizes, counts, prefix = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local function remove(digest)
  local size = redis.call('HGET', sizes, digest)
  if not size then return 0 end
  redis.call('HDEL', sizes, digest)
  redis.call('ZREM', made, digest)
  redis.call('ZREM', used, digest)
  redis.call('DEL', prefix .. digest)
  redis.call('HINCRBY', counts, 'bytes', -size)
  return 1
end
local function use(digest) redis.call('ZADD', used, redis.call('HINCRBY', counts, 'tick', 1), digest) end
local function fresh(entry, now, ttl)
  local at = redis.call('HGET', entry, 'made')
  return at and math.max(0, tonumber(now) - tonumber(at)) < tonumber(ttl)
end
local function hit(digest)
  local entry = prefix .. digest
  local cost = redis.call('HGET', entry, 'cost')
  if not cost then return end
  redis.call('HINCRBY', entry, 'hits', 1)
  redis.call('HINCRBY', counts, 'hits', 1)
  if cost == '' then redis.call('HINCRBY', counts, 'unpriced', 1) else redis.call('HINCRBY', counts, 'saved', cost) end
  use(digest)
end
"""
_GET: Final = Script(
    _REMOVING
    + """
local digest, entry = ARGV[1], prefix .. ARGV[1]
if not fresh(entry, ARGV[2], ARGV[3]) then
  redis.call('HINCRBY', counts, 'misses', 1)
  return false
end
hit(digest)
return redis.call('HMGET', entry, 'value', 'from', 'made')
"""
)
_HIT: Final = Script(_REMOVING + "hit(ARGV[1]) return 1")
_HOLDS: Final = Script(_REMOVING + "return fresh(prefix .. ARGV[1], ARGV[2], ARGV[3]) and 1 or 0")
_TIDY: Final = Script(
    _REMOVING
    + """
local old = redis.call('ZRANGEBYSCORE', made, '-inf', ARGV[1], 'LIMIT', 0, 500)
for _, digest in ipairs(old) do remove(digest) end
return #old
"""
)
_PUT: Final = Script(
    _REMOVING
    + """
local digest, at, before, rows, most, size = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
remove(digest)
for _, old in ipairs(redis.call('ZRANGEBYSCORE', made, '-inf', before, 'LIMIT', 0, 20)) do remove(old) end
if rows > 0 and size <= most then
  local entry = prefix .. digest
  redis.call('HSET', entry, 'value', ARGV[8], 'from', ARGV[9], 'cost', ARGV[10], 'made', at, 'hits', 0)
  redis.call('PEXPIRE', entry, ARGV[7])
  redis.call('ZADD', made, at, digest)
  redis.call('HSET', sizes, digest, size)
  redis.call('HINCRBY', counts, 'bytes', size)
  use(digest)
end
while redis.call('ZCARD', made) > rows or tonumber(redis.call('HGET', counts, 'bytes') or '0') > most do
  local oldest = redis.call('ZRANGE', used, 0, 0)[1]
  if not oldest or remove(oldest) == 0 then
    if oldest then redis.call('ZREM', used, oldest) else break end
  end
end
return 1
"""
)
_REMOVE: Final = Script(_REMOVING + "local gone = 0 for _, digest in ipairs(ARGV) do gone = gone + remove(digest) end return gone")
_LIST: Final = Script("return redis.call('ZRANGE', KEYS[1], ARGV[1], ARGV[2])")
_TELL: Final = Script("""
local told = {}
for i, digest in ipairs(ARGV) do
  local entry = redis.call('HMGET', KEYS[5] .. digest, 'from', 'made', 'hits')
  told[i] = {digest, entry[1], entry[2], entry[3], redis.call('HGET', KEYS[3], digest)}
end
return told
""")
_COUNTS: Final = Script("return redis.call('HMGET', KEYS[4], 'hits', 'misses', 'unpriced', 'saved')")

_GRACE_SECONDS: Final = 60.0
"""So much longer than it is given does a value stay, so that clocks which differ a little do not lose it."""


def redis_cache(link: Link, form: Form[Value], settings: CacheSettings, wall: Callable[[], float]) -> Cache[Value]:
    """Remember up to ``max_rows`` values and ``max_bytes`` of one form for ``ttl_seconds``; ``wall`` is seconds since 1970."""
    kept = _Kept(link, form, settings, wall)
    return Cache(
        get=kept.get,
        put=kept.put,
        holds=kept.holds,
        forget=kept.forget,
        statistics=kept.statistics,
        hit=kept.hit,
        flush=kept.flush,
    )


@frozen
class _Told:
    """What is known of a value without reading it."""

    digest: bytes
    provenance: Provenance
    made_at: float
    hits: int
    size: int


class _Kept(Generic[Value]):
    def __init__(self, link: Link, form: Form[Value], settings: CacheSettings, wall: Callable[[], float]) -> None:
        self._link, self._form, self._settings, self._wall = link, form, settings, wall
        of = f"{PREFIX}cache:{form.kind}"
        self._keys = (f"{of}:made", f"{of}:used", f"{of}:sizes", f"{of}:counts", f"{of}:=")

    async def get(self, key: str) -> Settled[Remembered[Value] | None, LLMError]:
        now = self._wall()
        said = await self._link.run(_GET, self._keys, (_digest(key), repr(now), repr(self._settings.ttl_seconds)))
        if isinstance(said, Failure):
            return said
        found = said.unwrap()
        value = None if found is None else self._form.read(found[0])
        if not isinstance(value, Success):
            return Success(None)
        made_at = float(found[2])
        return Success(Remembered(value=value.unwrap(), provenance=_provenance(found[1]), age_seconds=age(made_at, now)))

    async def put(self, key: str, remembered: Remembered[Value]) -> Settled[None, LLMError]:
        settings, now = self._settings, self._wall()
        value, left = self._form.write(remembered.value), settings.ttl_seconds - remembered.age_seconds
        cost = nanodollars(remembered.provenance.cost_usd)
        words = (
            _digest(key),
            repr(now - remembered.age_seconds),
            repr(now - settings.ttl_seconds),
            settings.max_rows,
            settings.max_bytes,
            len(value),
            max(1, int((left + _GRACE_SECONDS) * 1000)),
            value,
            _written(remembered.provenance),
            "" if cost is None else cost,
        )
        said = await self._link.run(_PUT, self._keys, words)
        return said if isinstance(said, Failure) else Success(None)

    async def holds(self, key: str) -> Settled[bool, LLMError]:
        said = await self._link.run(_HOLDS, self._keys, (_digest(key), repr(self._wall()), repr(self._settings.ttl_seconds)))
        return said if isinstance(said, Failure) else Success(bool(said.unwrap()))

    def hit(self, key: str) -> None:
        self._link.soon(_HIT, self._keys, (_digest(key),), keep=False)

    async def flush(self) -> Settled[None, LLMError]:
        await self._link.line().said()
        return Success(None)

    async def forget(self, forgetting: Forgetting) -> Settled[int, LLMError]:
        gone, now = 0, self._wall()
        async with aclosing(self._all()) as pages:
            async for page in pages:
                if isinstance(page, Failure):
                    return page
                meant = [one.digest for one in page.unwrap() if is_meant(forgetting, one.provenance, age(one.made_at, now))]
                removed = await self._link.run(_REMOVE, self._keys, meant) if meant else Success(0)
                if isinstance(removed, Failure):
                    return removed
                gone += removed.unwrap()
        return Success(gone)

    async def statistics(self) -> Settled[CacheStatistics, LLMError]:
        models: dict[tuple[str, str], CachedModel] = {}
        await self._link.line().said()
        async with aclosing(self._all()) as pages:
            async for page in pages:
                if isinstance(page, Failure):
                    return page
                for one in page.unwrap():
                    _count(models, one)
        said = await self._link.run(_COUNTS, self._keys, ())
        if isinstance(said, Failure):
            return said
        hits, misses, unpriced, saved = (int(each or 0) for each in said.unwrap())
        every = tuple(models[name] for name in sorted(models))
        return Success(
            CacheStatistics(
                rows=sum(each.rows for each in every),
                bytes=sum(each.bytes for each in every),
                hits=hits,
                misses=misses,
                unpriced=unpriced,
                saved_usd=usd_of(saved) or Decimal(0),
                models=every,
            )
        )

    async def _all(self) -> "AsyncGenerator[Settled[Sequence[_Told], LLMError], None]":
        """What there is now, page by page, after what is too old has gone; what comes meanwhile may be left out."""
        while True:
            tidied = await self._link.run(_TIDY, self._keys, (repr(self._wall() - self._settings.ttl_seconds),))
            if isinstance(tidied, Failure):
                yield tidied
                return
            if not tidied.unwrap():
                break
        listed = await self._link.run(_LIST, self._keys, (0, -1))
        if isinstance(listed, Failure):
            yield listed
            return
        digests = listed.unwrap()
        for first in range(0, len(digests), _PAGE):
            told = await self._link.run(_TELL, self._keys, digests[first : first + _PAGE])
            if isinstance(told, Failure):
                yield told
                return
            yield Success([_told(each) for each in told.unwrap() if each[1] is not None])


def _told(each: Sequence[Any]) -> _Told:
    digest, provenance, made_at, hits, size = each
    return _Told(digest, _provenance(provenance), float(made_at), int(hits), int(size or 0))


def _count(models: dict[tuple[str, str], CachedModel], one: _Told) -> None:
    come = one.provenance
    name = (come.provider, come.model)
    known = models.get(name)
    models[name] = CachedModel(
        provider=come.provider,
        model=come.model,
        rows=1 + (0 if known is None else known.rows),
        bytes=one.size + (0 if known is None else known.bytes),
        hits=one.hits + (0 if known is None else known.hits),
        saved_usd=(come.cost_usd or Decimal(0)) * one.hits + (Decimal(0) if known is None else known.saved_usd),
    )


def _digest(key: str) -> bytes:
    return sha256(key.encode("utf-8", "surrogatepass")).digest()


def _written(come: Provenance) -> str:
    """All of it but what is private, which is never here."""
    return json.dumps([come.provider, come.model, come.tenant, come.tags, nanodollars(come.cost_usd), come.made_by])


def _provenance(written: bytes) -> Provenance:
    provider, model, tenant, tags, nanos, *rest = json.loads(written)
    made_by = rest[0] if rest else None
    return Provenance(provider=provider, model=model, tenant=tenant, tags=tuple(tags), cost_usd=usd_of(nanos), made_by=made_by)
