"""Limits that processes share, by the server's own clock.

A minute is counted in bins of a second, each of which counts until a whole minute has passed since its end, so that no minute holds
more than is set, whichever one looks at. After a twelfth of a minute's requests at once they leave one by one, as within one process
(`policies.admission`). How many are under way is a set of leases, which end by themselves when nobody renews them.
"""

from typing import Final

from returns.result import Failure, Success

from llm_manager.domain.errors import LLMError
from llm_manager.outcomes import Settled
from llm_manager.services.sharing import Entered, NotYet, Quota, SharedLimits
from llm_manager.stores.redis.line import Line, Script
from llm_manager.stores.redis.link import PREFIX, Link

_ANY: Final = -1

_ENTER: Final = Script("""
local time = redis.call('TIME')
local second = tonumber(time[1])
local now = second * 1000 + math.floor(time[2] / 1000)
local id, lease, tokens = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local requests, most_tokens, at_once = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
local paused = tonumber(redis.call('GET', KEYS[3]) or '0') - now
if paused > 0 then return {0, 'paused', paused} end
if at_once >= 0 then
  redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
  if redis.call('ZCARD', KEYS[1]) >= at_once then return {0, 'crowd', -1} end
end
if requests >= 0 or most_tokens >= 0 then
  local counted, seconds, bins, old = {0, 0}, {}, {}, {}
  local turns = now
  local all = redis.call('HGETALL', KEYS[2])
  for i = 1, #all, 2 do
    if all[i] == 'turns' then
      turns = math.max(now, tonumber(all[i + 1]))
    else
      local kind, at, count = string.sub(all[i], 1, 1) == 'r' and 1 or 2, tonumber(string.sub(all[i], 2)), tonumber(all[i + 1])
      if second - at >= 62 then
        old[#old + 1] = all[i]
      else
        counted[kind] = counted[kind] + count
        if not bins[at] then
          bins[at] = {0, 0}
          seconds[#seconds + 1] = at
        end
        bins[at][kind] = count
      end
    end
  end
  if #old > 0 then redis.call('HDEL', KEYS[2], unpack(old)) end
  local ready = now
  local share = 0
  if requests >= 0 then
    share = 60000 / math.max(requests, 1)
    ready = turns - share * (math.max(1, math.floor(requests / 12)) - 1)
  end
  local function fits()
    return (requests < 0 or counted[1] < requests) and (most_tokens < 0 or counted[2] + tokens <= most_tokens)
  end
  table.sort(seconds)
  for i = 1, #seconds do
    if fits() then break end
    counted[1] = counted[1] - bins[seconds[i]][1]
    counted[2] = counted[2] - bins[seconds[i]][2]
    ready = math.max(ready, (seconds[i] + 62) * 1000)
  end
  if ready > now then return {0, 'rate', math.ceil(ready - now)} end
  if not fits() then return {0, 'rate', 60000} end
  redis.call('HINCRBY', KEYS[2], 'r' .. second, 1)
  if tokens > 0 then redis.call('HINCRBY', KEYS[2], 't' .. second, tokens) end
  if requests >= 0 then redis.call('HSET', KEYS[2], 'turns', string.format('%.3f', turns + share)) end
  redis.call('PEXPIRE', KEYS[2], 130000)
end
if at_once >= 0 then
  redis.call('ZADD', KEYS[1], string.format('%.0f', now + lease), id)
  redis.call('PEXPIRE', KEYS[1], 86400000)
end
return {1, '', second}
""")

_LEAVE: Final = Script("""
redis.call('ZREM', KEYS[1], ARGV[1])
local second, more, unsent, requests = ARGV[2], tonumber(ARGV[3]), ARGV[4] == '1', tonumber(ARGV[5])
local function move(field, by)
  local had = tonumber(redis.call('HGET', KEYS[2], field) or '-1')
  if by ~= 0 and had >= 0 then redis.call('HINCRBY', KEYS[2], field, math.max(by, -had)) end
  if by > 0 and had < 0 and redis.call('TIME')[1] - second < 62 then
    redis.call('HINCRBY', KEYS[2], field, by)
    redis.call('PEXPIRE', KEYS[2], 130000)
  end
end
move('t' .. second, more)
if unsent then
  move('r' .. second, -1)
  local turns = tonumber(redis.call('HGET', KEYS[2], 'turns') or '0')
  if requests > 0 and turns > 0 then redis.call('HSET', KEYS[2], 'turns', string.format('%.3f', turns - 60000 / requests)) end
end
return 1
""")

_PAUSE: Final = Script("""
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local until_ms = now + ARGV[1]
if tonumber(redis.call('GET', KEYS[1]) or '0') < until_ms then
  redis.call('SET', KEYS[1], string.format('%.0f', until_ms), 'PX', math.max(1, math.floor(ARGV[1])))
end
return 1
""")


def shared_limits(link: Link) -> SharedLimits:
    """Limits among all who have the same server."""

    async def enter(quota: Quota, tokens: int) -> Settled[Entered | NotYet, LLMError]:
        id_ = link.world.new_id()
        keys = _keys(quota.name)
        limits = [_ANY if limit is None else limit for limit in (quota.requests, quota.tokens, quota.concurrency)]
        line = link.line()
        leaving = _Leaving(line, quota, keys, id_)
        try:
            said = await link.run(_ENTER, keys, (id_, link.lease_ms, tokens, *limits))
        except BaseException:  # it may have been let in
            line.soon(_LEAVE, keys[:2], (id_, 0, 0, 0, 0))
            raise
        if isinstance(said, Failure):
            return said
        entered, why, number = said.unwrap()
        if not entered:
            return Success(_not_yet(why, number))
        if quota.concurrency is not None:
            line.hold(keys[0], id_)
        leaving.second = number
        return Success(Entered(number, leaving))

    def pause(name: str, seconds: float) -> None:
        link.soon(_PAUSE, _keys(name)[2:], (int(seconds * 1000),), keep=False)

    return SharedLimits(enter=enter, pause=pause)


class _Leaving:
    """One that was let in, until it has left."""

    __slots__ = ("_id", "_keys", "_line", "_quota", "second")

    def __init__(self, line: Line, quota: Quota, keys: tuple[str, str, str], id_: str) -> None:
        self._line: Line | None = line
        self._quota, self._keys, self._id = quota, keys, id_
        self.second = 0

    def __call__(self, more: int, unsent: bool) -> None:
        line, self._line = self._line, None
        if line is None:
            return
        if self._quota.concurrency is not None:
            line.let_go(self._keys[0], self._id)
        elif not more and not unsent:
            return
        line.soon(_LEAVE, self._keys[:2], (self._id, self.second, more, int(unsent), self._quota.requests or 0))


def _not_yet(why: bytes, milliseconds: int) -> NotYet:
    match why:
        case b"paused":
            return NotYet("paused", milliseconds / 1000)
        case b"rate":
            return NotYet("rate", milliseconds / 1000)
        case _:
            return NotYet("crowd", None)


def _keys(name: str) -> tuple[str, str, str]:
    """Who is under way, what left in the last minute, until when nothing leaves."""
    return f"{PREFIX}permits:{name}", f"{PREFIX}minute:{name}", f"{PREFIX}pause:{name}"
