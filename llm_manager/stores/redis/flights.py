"""One asks, others wait: a question that several processes have at once is asked by one of them.

Who leads holds a lease under a token of its own. When it is renewed no more, the next who asks takes over; what the first one brings
after that counts for nothing here. An answer stays for a moment after it has landed, for those who just looked elsewhere.
"""

from typing import Final

from returns.result import Failure, Success

from llm_manager.domain.errors import LLMError
from llm_manager.domain.responses import LLMResponse
from llm_manager.outcomes import Settled
from llm_manager.services.sharing import Follow, Lead, SharedFlights
from llm_manager.stores.answers.forms import ANSWER
from llm_manager.stores.redis.line import Line, Script
from llm_manager.stores.redis.link import PREFIX, Link

_LANDED_MS: Final = 30_000

_BOARD: Final = Script("""
if ARGV[3] == '1' then
  local answer = redis.call('HGET', KEYS[2], 'answer')
  if answer then return {'answer', answer} end
end
local leader = redis.call('GET', KEYS[1])
if leader then return {'follow', leader} end
redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2])
return {'lead', ARGV[1]}
""")
_LAND: Final = Script("""
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
if #ARGV > 2 then
  redis.call('HSET', KEYS[2], 'token', ARGV[1], 'answer', ARGV[3])
  redis.call('PEXPIRE', KEYS[2], ARGV[2])
end
redis.call('DEL', KEYS[1])
return 1
""")
_LOOK: Final = Script("""
if redis.call('HGET', KEYS[2], 'token') == ARGV[1] then return {'answer', redis.call('HGET', KEYS[2], 'answer')} end
if redis.call('GET', KEYS[1]) == ARGV[1] then return {'flying'} end
return {'gone'}
""")


def shared_flights(link: Link) -> SharedFlights:
    """Flights among all who have the same server."""

    async def board(key: str, remembered: bool) -> Settled[Lead | Follow | LLMResponse, LLMError]:
        token, line, keys = link.world.new_id(), link.line(), _keys(key)
        leading = _Leading(link, line, keys, token)
        try:
            said = await link.run(_BOARD, keys, (token, link.lease_ms, int(remembered)))
        except BaseException:  # it may have become the leader
            leading.leave()
            raise
        if isinstance(said, Failure):
            return said
        how, what = said.unwrap()
        if how == b"follow":
            return Success(Follow(what.decode()))
        read = ANSWER.read(what) if how == b"answer" else None
        if isinstance(read, Success):
            return Success(read.unwrap())
        if how == b"answer":
            return await board(key, remembered=False)
        line.hold_key(keys[0], token)
        return Success(Lead(leading.land, leading.leave))

    async def landed(key: str, token: str) -> Settled[LLMResponse | bool, LLMError]:
        said = await link.run(_LOOK, _keys(key), (token,))
        if isinstance(said, Failure):
            return said
        how, *what = said.unwrap()
        if how != b"answer":
            return Success(how == b"flying")
        read = ANSWER.read(what[0])
        return Success(read.unwrap() if isinstance(read, Success) else False)

    return SharedFlights(board=board, landed=landed)


class _Leading:
    """One that leads, until it has landed."""

    __slots__ = ("_keys", "_line", "_link", "_token")

    def __init__(self, link: Link, line: Line, keys: tuple[str, str], token: str) -> None:
        self._link, self._keys, self._token = link, keys, token
        self._line: Line | None = line

    async def land(self, answer: LLMResponse | None) -> None:
        """Bring the answer; one that cannot be brought keeps nobody from having it."""
        line, self._line = self._line, None
        if line is None:
            return
        line.let_key_go(self._keys[0], self._token)
        words = (self._token, _LANDED_MS) if answer is None else (self._token, _LANDED_MS, ANSWER.write(answer))
        await self._link.run(_LAND, self._keys, words)

    def leave(self) -> None:
        """Bring nothing, soon."""
        line, self._line = self._line, None
        if line is not None:
            line.let_key_go(self._keys[0], self._token)
            line.soon(_LAND, self._keys, (self._token, _LANDED_MS), keep=False)


def _keys(key: str) -> tuple[str, str]:
    return f"{PREFIX}flight:{key}", f"{PREFIX}landed:{key}"
