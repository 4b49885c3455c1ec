"""Budgets that processes share: what is set aside and what is spent, in whole numbers, never more than a limit among all of them.

What is set aside is a lease. Whoever sets something aside next turns what nobody renews any more into what may have been billed, and
when its owner tells later, after all, what it really took, that takes its place.
"""

from collections.abc import Sequence
from typing import Any, Final

from returns.result import Failure, Success

from llm_manager.domain.errors import LLMError
from llm_manager.outcomes import Settled
from llm_manager.services.sharing import Begin, Held, PurseSeen, Seen, Share, SharedPurses, Short, Unopened
from llm_manager.stores.redis.line import Line, Script
from llm_manager.stores.redis.link import PREFIX, Link

MOST: Final = 2**53 - 1
"""Scripts count in numbers that are whole up to this."""
_HELD: Final = f"{PREFIX}held"
_LINES: Final = f"{PREFIX}lines"
_LATE: Final = f"{PREFIX}late:"
_UNKNOWN: Final = -1

_COUNTING: Final = """
local function add(purse, field, by) if by ~= 0 then redis.call('HINCRBY', purse, field, string.format('%.0f', by)) end end
local function had(purse, field) return tonumber(redis.call('HGET', purse, field) or '0') end
"""
_RESERVE: Final = Script(
    _COUNTING
    + """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local id, lease, late = ARGV[1], tonumber(ARGV[2]), ARGV[3]
for _, dead in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now, 'LIMIT', 0, 100)) do
  local lines = cjson.decode(redis.call('HGET', KEYS[2], dead) or '[]')
  for _, line in ipairs(lines) do
    if redis.call('HGET', line[1], 'made') == line[3] then
      add(line[1], 'reserved', -line[2])
      add(line[1], 'spent', line[2])
      add(line[1], 'unknown', line[2])
    end
  end
  redis.call('SET', late .. dead, '1', 'PX', 86400000)
  redis.call('HDEL', KEYS[2], dead)
  redis.call('ZREM', KEYS[1], dead)
end
local function field(place, number) return ARGV[3 + (place - 1) * 5 + number] end
local shares = #KEYS - 2
for i = 1, shares do
  local purse = KEYS[i + 2]
  if redis.call('EXISTS', purse) == 0 then
    if field(i, 4) == '' then return {'unopened', i - 1} end
    redis.call('HSET', purse, 'spent', field(i, 4), 'unknown', field(i, 5), 'reserved', 0, 'above', 0, 'made', id)
    redis.call('PEXPIREAT', purse, field(i, 3))
  end
end
if redis.call('HEXISTS', KEYS[2], id) == 0 then
  local short = 0
  for i = 1, shares do
    local purse, amount, limit = KEYS[i + 2], tonumber(field(i, 1)), tonumber(field(i, 2))
    if amount > 0 then
      local spent, reserved = had(purse, 'spent'), had(purse, 'reserved')
      if spent + amount > limit then return {'never', i - 1, string.format('%.0f', spent), string.format('%.0f', reserved)} end
      if short == 0 and spent + reserved + amount > limit then short = i end
    end
  end
  if short > 0 then
    local purse = KEYS[short + 2]
    return {'wait', short - 1, redis.call('HGET', purse, 'spent'), redis.call('HGET', purse, 'reserved')}
  end
  local lines = {}
  for i = 1, shares do
    local purse, amount = KEYS[i + 2], tonumber(field(i, 1))
    add(purse, 'reserved', amount)
    lines[i] = {purse, string.format('%.0f', amount), redis.call('HGET', purse, 'made')}
  end
  redis.call('HSET', KEYS[2], id, cjson.encode(lines))
  redis.call('ZADD', KEYS[1], string.format('%.0f', now + lease), id)
end
local told = {'held'}
for i = 1, shares do told[i + 1] = redis.call('HMGET', KEYS[i + 2], 'spent', 'unknown', 'reserved', 'above', 'made') end
return told
"""
)

_SETTLE: Final = Script(
    _COUNTING
    + """
local id, late = ARGV[1], ARGV[2]
local lines = redis.call('HGET', KEYS[2], id)
local known = lines and cjson.decode(lines)
redis.call('HDEL', KEYS[2], id)
redis.call('ZREM', KEYS[1], id)
local counted = not known and redis.call('DEL', late .. id) == 1
local told = {}
for i = 3, #KEYS do
  local purse, base = KEYS[i], 2 + (i - 3) * 3
  local amount, real, made = tonumber(ARGV[base + 1]), tonumber(ARGV[base + 2]), ARGV[base + 3]
  local before = had(purse, 'spent')
  if redis.call('EXISTS', purse) == 1 then
    if known then made = known[i - 2][3] end
    local same = redis.call('HGET', purse, 'made') == made
    local took = real
    if real < 0 then took = amount end
    if known and same then
      add(purse, 'reserved', -amount)
      add(purse, 'spent', took)
      if real < 0 then add(purse, 'unknown', amount) end
      if real > amount and amount > 1 then add(purse, 'above', 1) end
    elseif counted and same and real >= 0 then
      add(purse, 'spent', real - amount)
      add(purse, 'unknown', -amount)
    elseif not same then
      add(purse, 'spent', took)
      if real < 0 then add(purse, 'unknown', amount) end
    end
  end
  told[i - 2] = {string.format('%.0f', before), redis.call('HMGET', purse, 'spent', 'unknown', 'reserved', 'above')}
end
return told
"""
)

_RESTART: Final = Script("""
for _, purse in ipairs(KEYS) do
  if redis.call('EXISTS', purse) == 1 then redis.call('HSET', purse, 'spent', 0, 'unknown', 0, 'above', 0) end
end
return 1
""")


_LOOK: Final = Script("""
local told = {}
for i, purse in ipairs(KEYS) do told[i] = redis.call('HMGET', purse, 'spent', 'unknown', 'reserved', 'above') end
return told
""")


def shared_purses(link: Link) -> SharedPurses:
    """Purses among all who have the same server."""

    async def reserve(shares: Sequence[Share], begin: Begin, seen: Seen) -> Settled[Held | Short | Unopened, LLMError]:
        id_, line = link.world.new_id(), link.line()
        words: list[str | int] = [id_, link.lease_ms, _LATE]
        for place, share in enumerate(shares):
            spent, unknown = begin.get(place, ("", ""))
            words += [share.amount, min(share.limit, MOST), int(share.ends * 1000), spent, unknown]
        try:
            said = await link.run(_RESERVE, (_HELD, _LINES, *_keys(shares)), words)
        except BaseException:  # it may have been set aside
            _Settling(line, id_, shares, [b""] * len(shares), seen)([0] * len(shares))
            raise
        if isinstance(said, Failure):
            return said
        how, *told = said.unwrap()
        if how == b"unopened":
            return Success(Unopened(told[0]))
        if how != b"held":
            return Success(Short(told[0], int(told[1]), int(told[2]), wait=how == b"wait"))
        for share, (spent, unknown, reserved, above, _) in zip(shares, told, strict=True):
            seen(PurseSeen(share.purse, int(spent), int(spent), int(unknown), int(reserved), int(above)))
        line.hold(_HELD, id_)
        return Success(Held(_Settling(line, id_, shares, [each[4] for each in told], seen)))

    async def look(purses: Sequence[str]) -> Settled[tuple[PurseSeen | None, ...], LLMError]:
        said = await link.run(_LOOK, [_key(purse) for purse in purses], ()) if purses else Success([])
        if isinstance(said, Failure):
            return said
        return Success(tuple(_seen(purse, found) for purse, found in zip(purses, said.unwrap(), strict=True)))

    def restart(purses: Sequence[str]) -> None:
        if purses:
            link.soon(_RESTART, [_key(purse) for purse in purses], ())

    return SharedPurses(reserve=reserve, look=look, restart=restart, away=lambda: link.standing().seconds)


class _Settling:
    """What is set aside for one request, until it has ended."""

    __slots__ = ("_id", "_line", "_made", "_seen", "_shares")

    def __init__(self, line: Line, id_: str, shares: Sequence[Share], made: Sequence[bytes], seen: Seen) -> None:
        self._line: Line | None = line
        self._id, self._shares, self._made, self._seen = id_, shares, made, seen

    def __call__(self, real: Sequence[int | None]) -> bool:
        line, self._line = self._line, None
        if line is None:
            return False
        line.let_go(_HELD, self._id)
        words: list[str | bytes | int] = [self._id, _LATE]
        for share, took, made in zip(self._shares, real, self._made, strict=True):
            words += [share.amount, _UNKNOWN if took is None else took, made]
        line.soon(_SETTLE, (_HELD, _LINES, *_keys(self._shares)), words, hear=self._hear)
        return True

    def _hear(self, told: Any) -> None:
        for share, (before, (spent, unknown, reserved, above)) in zip(self._shares, told, strict=True):
            if spent is not None:
                self._seen(PurseSeen(share.purse, int(before), int(spent), int(unknown), int(reserved), int(above)))


def _seen(purse: str, found: Sequence[bytes | None]) -> PurseSeen | None:
    numbers = [int(each or 0) for each in found]
    return None if found[0] is None else PurseSeen(purse, numbers[0], *numbers)


def _keys(shares: Sequence[Share]) -> list[str]:
    return [_key(share.purse) for share in shares]


def _key(purse: str) -> str:
    return f"{PREFIX}purse:{purse}"
