"""The way to Redis from every event loop: whether it is there, and a line to it for each of them.

While the server cannot be reached nothing waits for it: every script fails at once, and each loop looks every second whether it is
back. What is said soon is kept and said then.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, Final
from urllib.parse import urlsplit

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import AuthenticationError, AuthorizationError, OutOfMemoryError, RedisError, ResponseError
from redis.exceptions import ConnectionError as ConnectionLost
from returns.result import Failure, Success

from llm_manager.cells import PerLoop
from llm_manager.domain.errors import LLMError, StorageFailed
from llm_manager.domain.events import Event, SharingLost, SharingRegained
from llm_manager.domain.standing import SharingStanding
from llm_manager.outcomes import Settled
from llm_manager.services.world import World
from llm_manager.stores.redis.line import CONNECTIONS, Line, Script, Server, Words

PREFIX: Final = "{llm-manager}:"
"""What every key begins with; the braces keep all of them in one slot of a cluster, since scripts need several."""

_CONNECT_SECONDS: Final = 2.0
_AWAY_SECONDS: Final = 3.0
"""So long after it was found away may a script try again, where no loop looks before that."""


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
                max_connections=CONNECTIONS + 2,
                timeout=None,
                socket_timeout=None,  # with one a cancellation is lost now and then (`wait_for` of Python 3.11); `run` has its own
                socket_connect_timeout=_CONNECT_SECONDS,
                retry=Retry(NoBackoff(), 1, supported_errors=(ConnectionLost,)),
            )
        )
        server = Server(self.lease_ms, self.world.sleep, lambda: self.is_away, self.lost, self.reached)
        return Line(server, client, asyncio.get_running_loop())

    def _told(self, error: Exception) -> StorageFailed:
        said = str(error)
        if isinstance(error, AuthenticationError | AuthorizationError) or said.startswith(("NOAUTH", "WRONGPASS", "NOPERM")):
            return StorageFailed(message=f"{self.place}: it refuses the user or the password of store.redis_url", reason="denied")
        if isinstance(error, OutOfMemoryError) or said.startswith("OOM"):
            return StorageFailed(message=f"{self.place}: it has no memory left: give it more (maxmemory), notes/sharing.md", reason="full")
        if isinstance(error, ResponseError):
            return StorageFailed(message=f"{self.place}: it refused: {said[:200]}")
        return StorageFailed(message=f"{self.place}: it cannot be reached: is Redis running, and is store.redis_url right")
