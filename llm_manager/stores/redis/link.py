"""A line to Redis for each event loop: scripts that run at once, what is said soon, and leases that are renewed while their loop lives.

While the server cannot be reached nothing waits for it: every script fails at once, and each loop looks every second whether it is
back. What is said soon is kept and said then.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from hashlib import sha1
from typing import Any, Final, TypeAlias
from urllib.parse import urlsplit

from attrs import define, field, frozen
from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import AuthenticationError, AuthorizationError, NoScriptError, OutOfMemoryError, RedisError, ResponseError
from redis.exceptions import ConnectionError as ConnectionLost
from returns.result import Failure, Success

from llm_manager.cells import PerLoop
from llm_manager.domain.errors import LLMError, StorageFailed
from llm_manager.domain.events import Event, SharingLost, SharingRegained
from llm_manager.domain.standing import SharingStanding
from llm_manager.outcomes import Settled
from llm_manager.services.world import World

PREFIX: Final = "{llm-manager}:"
"""What every key begins with; the braces keep all of them in one slot of a cluster, since scripts need several."""

_CONNECTIONS: Final = 32
_CONNECT_SECONDS: Final = 2.0
_ANSWER_SECONDS: Final = 2.0
_BEAT_SECONDS: Final = 1.0
_AWAY_SECONDS: Final = 3.0
"""So long after it was found away may a script try again, where no loop looks before that."""
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


def _place(url: str) -> str:
    """Where it is, without user and password."""
    parts = urlsplit(url)
    where = parts.hostname or ""
    return f"redis://{where}{'' if parts.port is None else f':{parts.port}'}{parts.path}"


class Link:
    """The way to one server from every loop of this process."""

    def __init__(self, url: str, world: World, tell: Callable[[Event], None], lease_seconds: float) -> None:
        self.place = _place(url)
        self.lease_ms = int(lease_seconds * 1000)
        self.world = world
        self._url, self._tell = url, tell
        self._lines: PerLoop[Line] = PerLoop(self._new)
        self._error: StorageFailed | None = None
        self._lost_at = self._try_at = 0.0

    def line(self) -> "Line":
        """The running loop's own."""
        return self._lines.get()

    async def run(self, script: Script, keys: Sequence[Words], words: Sequence[Words]) -> Settled[Any, LLMError]:
        """Run a script now; what it says. Cancelling it leaves open whether it ran."""
        line, trying = self.line(), False
        if self._error is not None:
            now = self.world.now()
            if now < self._try_at:
                return Failure(self._error)
            self._try_at, trying = now + _AWAY_SECONDS, True
        async with line.room:
            if self._error is not None and not trying:
                return Failure(self._error)
            try:
                said = await line.run(script, keys, words)
            except (RedisError, OSError, TimeoutError) as error:
                return Failure(self.lost(error))
        if self._error is not None:
            self.reached()
        return Success(said)

    def soon(self, script: Script, keys: Sequence[Words], words: Sequence[Words], *, keep: bool = True) -> None:
        """Run a script behind the running loop's work, or now where no loop runs."""
        try:
            line = self.line()
        except RuntimeError:
            asyncio.run(self._now(script, keys, words))
        else:
            line.soon(script, keys, words, keep=keep)

    async def _now(self, script: Script, keys: Sequence[Words], words: Sequence[Words]) -> None:
        await self.run(script, keys, words)
        await self.close()

    def lost(self, error: Exception) -> StorageFailed:
        """It could not be reached, which is told once."""
        now, failed = self.world.now(), self._told(error)
        first = self._error is None
        self._error, self._try_at = failed, now + _AWAY_SECONDS
        if first:
            self._lost_at = now
            self._tell(SharingLost(at=now, place=self.place, error=failed))
        return failed

    def reached(self) -> None:
        """It was reached, which is told when it was lost before."""
        if self._error is None:
            return
        self._error, now = None, self.world.now()
        self._tell(SharingRegained(at=now, place=self.place, seconds=now - self._lost_at))

    @property
    def is_away(self) -> bool:
        """Whether it could not be reached when that was last tried."""
        return self._error is not None

    def standing(self) -> SharingStanding:
        """Whether it is reached, as far as is known."""
        error = self._error
        if error is None:
            return SharingStanding(place=self.place)
        return SharingStanding(place=self.place, reached=False, seconds=self.world.now() - self._lost_at, error=error.message)

    async def close(self) -> None:
        """Say what is left and end the running loop's line, unless somebody still holds a lease there."""
        line = self._lines.get()
        await line.said()
        if not line.holds:
            self._lines.take()
            await line.close()

    def _new(self) -> "Line":
        client = Redis.from_pool(
            BlockingConnectionPool.from_url(
                self._url,
                max_connections=_CONNECTIONS + 2,
                timeout=None,
                socket_timeout=None,  # with one a cancellation is lost now and then (`wait_for` of Python 3.11); `run` has its own
                socket_connect_timeout=_CONNECT_SECONDS,
                retry=Retry(NoBackoff(), 1, supported_errors=(ConnectionLost,)),
            )
        )
        return Line(self, client, asyncio.get_running_loop())

    def _told(self, error: Exception) -> StorageFailed:
        said = str(error)
        if isinstance(error, AuthenticationError | AuthorizationError) or said.startswith(("NOAUTH", "WRONGPASS", "NOPERM")):
            return StorageFailed(message=f"{self.place}: it refuses the user or the password of store.redis_url", reason="denied")
        if isinstance(error, OutOfMemoryError) or said.startswith("OOM"):
            return StorageFailed(message=f"{self.place}: it has no memory left: give it more (maxmemory), notes/sharing.md", reason="full")
        if isinstance(error, ResponseError):
            return StorageFailed(message=f"{self.place}: it refused: {said[:200]}")
        return StorageFailed(message=f"{self.place}: it cannot be reached: is Redis running, and is store.redis_url right")


@define(eq=False)
class Line:
    """What one loop says to the server, and what it holds there."""

    _link: Link
    _client: "Redis"
    _loop: asyncio.AbstractEventLoop
    room: asyncio.Semaphore = field(factory=lambda: asyncio.Semaphore(_CONNECTIONS))
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
                await self._link.world.sleep(min(_BEAT_SECONDS, self._link.lease_ms / 3000))
                if self._link.is_away and not await self._tried((_Saying(ASK, (), (), _unheard, False),)):
                    continue
                if self._waiting and (self._speaker is None or self._speaker.done()):
                    self._speaker = self._loop.create_task(self._speak())
                await self._renew()
        except asyncio.CancelledError:
            await self._end()
            raise

    async def _renew(self) -> None:
        lease = self._link.lease_ms
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
            self._link.lost(error)
            return False
        self._link.reached()
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
