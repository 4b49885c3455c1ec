"""What one event loop says to Redis, and what it holds there: now, soon, and for as long as the loop lives."""

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from hashlib import sha1
from typing import Any, Final, TypeAlias

from attrs import define, field, frozen
from redis.asyncio import Redis
from redis.exceptions import NoScriptError, RedisError

CONNECTIONS: Final = 32
_ANSWER_SECONDS: Final = 2.0
_BEAT_SECONDS: Final = 1.0
_LAST_SECONDS: Final = 1.0
"""So long does a loop that is ended wait until what was to be said soon is said."""
_MOST_WAITING: Final = 100_000
_AT_ONCE: Final = 128

Words: TypeAlias = str | bytes | int
Hear: TypeAlias = Callable[[Any], None]


class Script:
    """What the server runs as one step, by its digest."""

    __slots__ = ("digest", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self.digest = sha1(text.encode(), usedforsecurity=False).hexdigest()


RENEW_ALL: Final = Script("""
local now = redis.call('TIME')
local ends = now[1] * 1000 + math.floor(now[2] / 1000) + ARGV[1]
for i = 2, #ARGV do redis.call('ZADD', KEYS[1], 'XX', string.format('%.0f', ends), ARGV[i]) end
redis.call('PEXPIRE', KEYS[1], 86400000)
return 1
""")
"""Lengthen leases that are members of a sorted set by when they end."""
RENEW_ONE: Final = Script("""
if redis.call('GET', KEYS[1]) == ARGV[2] then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end
return 1
""")
"""Lengthen a lease that is a key of its own, if it is still ours."""


ASK: Final = Script("return 1")
"""Whether anybody is there."""


def _unheard(_: Any) -> None: ...


@frozen
class _Saying:
    script: Script
    keys: Sequence[Words]
    words: Sequence[Words]
    hear: Hear
    keep: bool


@frozen
class Server:
    """What a line knows of the other end: for how long leases are, whether it is away, and whom to tell that it is or is not."""

    lease_ms: int
    sleep: Callable[[float], Coroutine[Any, Any, None]]
    is_away: Callable[[], bool]
    lost: Callable[[Exception], object]
    reached: Callable[[], None]


@define(eq=False)
class Line:
    """What one loop says to the server, and what it holds there."""

    _server: Server
    _client: "Redis"
    _loop: asyncio.AbstractEventLoop
    room: asyncio.Semaphore = field(factory=lambda: asyncio.Semaphore(CONNECTIONS))
    """For so many at once is there a connection; who waits for one learns before that that the server is away."""
    _waiting: deque[_Saying] = field(factory=deque)
    _sets: dict[str, set[str]] = field(factory=dict)
    _keys: dict[str, str] = field(factory=dict)
    _heart: "asyncio.Task[None] | None" = None
    _speaker: "asyncio.Task[None] | None" = None

    async def run(self, script: Script, keys: Sequence[Words], words: Sequence[Words]) -> Any:
        """Run a script, which the server is told where it does not know it."""
        self._beat()
        async with asyncio.timeout(_ANSWER_SECONDS):
            try:
                return await self._client.evalsha(script.digest, len(keys), *keys, *words)
            except NoScriptError:
                return await self._client.eval(script.text, len(keys), *keys, *words)

    def soon(self, script: Script, keys: Sequence[Words], words: Sequence[Words], *, hear: Hear = _unheard, keep: bool = True) -> None:
        """Run a script behind the call, from any loop; one that is not to be ``keep`` is not tried again."""
        saying = _Saying(script, keys, words, hear, keep)
        try:
            here = asyncio.get_running_loop()
        except RuntimeError:
            here = None
        if here is self._loop:
            self._say(saying)
        elif not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._say, saying)

    def hold(self, of: str, member: str) -> None:
        """Renew a lease in a sorted set while this loop lives, until it is let go."""
        self._sets.setdefault(of, set()).add(member)
        self._beat()

    def let_go(self, of: str, member: str) -> None:
        """Renew it no more."""
        held = self._sets.get(of)
        if held is not None:
            held.discard(member)
            if not held:
                self._sets.pop(of, None)

    def hold_key(self, key: str, token: str) -> None:
        """The same for a lease that is a key of its own."""
        self._keys[key] = token
        self._beat()

    def let_key_go(self, key: str, token: str) -> None:
        """Renew it no more."""
        if self._keys.get(key) == token:
            del self._keys[key]

    @property
    def holds(self) -> bool:
        """Whether there is any lease."""
        return bool(self._sets or self._keys)

    async def said(self) -> None:
        """Wait until what was to be said soon is said, as long as that may take."""
        await _ended(self._speaker)

    async def close(self) -> None:
        """Say what is left, and hang up."""
        heart, self._heart = self._heart, None
        if heart is None:
            await self._end()
        else:
            heart.cancel()
            await asyncio.gather(heart, return_exceptions=True)

    def _say(self, saying: _Saying) -> None:
        if len(self._waiting) < _MOST_WAITING:
            self._waiting.append(saying)
        if self._speaker is None or self._speaker.done():
            self._speaker = self._loop.create_task(self._speak())
        self._beat()

    def _beat(self) -> None:
        if self._heart is None or self._heart.done():
            self._heart = self._loop.create_task(self._live())

    async def _live(self) -> None:
        """Renew what is held, and say again what could not be said; when the loop ends all tasks, hang up."""
        try:
            while True:
                await self._server.sleep(min(_BEAT_SECONDS, self._server.lease_ms / 3000))
                if self._server.is_away() and not await self._tried((_Saying(ASK, (), (), _unheard, False),)):
                    continue
                if self._waiting and (self._speaker is None or self._speaker.done()):
                    self._speaker = self._loop.create_task(self._speak())
                await self._renew()
        except asyncio.CancelledError:
            await self._end()
            raise

    async def _renew(self) -> None:
        lease = self._server.lease_ms
        saying = [_Saying(RENEW_ALL, (of,), (lease, *members), _unheard, False) for of, members in self._sets.items()]
        saying += [_Saying(RENEW_ONE, (key,), (lease, token), _unheard, False) for key, token in self._keys.items()]
        if saying:
            await self._tried(saying)

    async def _speak(self) -> None:
        while self._waiting:
            saying = [self._waiting.popleft() for _ in range(min(_AT_ONCE, len(self._waiting)))]
            try:
                said = await self._tried(saying)
            except asyncio.CancelledError:
                self._waiting.extendleft(reversed(saying))
                raise
            if not said:
                self._waiting.extendleft(each for each in reversed(saying) if each.keep)
                return

    async def _tried(self, saying: Sequence[_Saying]) -> bool:
        """Say all of it at once; whether that could be done."""
        try:
            answers = await self._all_at_once(saying)
        except (RedisError, OSError, TimeoutError) as error:
            self._server.lost(error)
            return False
        self._server.reached()
        for each, answer in zip(saying, answers, strict=True):
            if not isinstance(answer, Exception):
                each.hear(answer)
        return True

    async def _all_at_once(self, saying: Sequence[_Saying]) -> list[Any]:
        async with self._client.pipeline(transaction=False) as pipe:
            for each in saying:
                _ = pipe.evalsha(each.script.digest, len(each.keys), *each.keys, *each.words)
            async with asyncio.timeout(_ANSWER_SECONDS):
                answers: list[Any] = await pipe.execute(raise_on_error=False)
        for place, answer in enumerate(answers):
            if isinstance(answer, NoScriptError):
                answers[place] = await self.run(saying[place].script, saying[place].keys, saying[place].words)
        return answers

    async def _end(self) -> None:
        """The loop may end at any moment: say what is left, for as long as that may take, and hang up."""
        await _ended(self._speaker)
        with suppress(TimeoutError):
            async with asyncio.timeout(_LAST_SECONDS):
                await self._speak()
        await self._client.aclose()
        await self._client.connection_pool.disconnect()


async def _ended(task: "asyncio.Task[None] | None") -> None:
    """Wait until a task has ended, as long as that may take; one that takes longer is told to begin again later."""
    if task is None:
        return
    with suppress(TimeoutError):
        async with asyncio.timeout(_LAST_SECONDS):
            await asyncio.gather(task, return_exceptions=True)
