"""One database, spoken to from any thread and any event loop.

Threads of its own hold the connections, from the first use until `close`; the next use opens them again. Reads and writes are pieces
of `Work`: plain functions of a connection. What has come to be written is committed together by one writer, so that one flush to
disk serves all who wait; when a piece fails the others are run once more, so a piece of work must do the same when it is run again.
"""

import asyncio
import atexit
import os
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from typing import Final, TypeVar
from weakref import finalize, ref

from returns.result import Failure

from llm_manager.domain.errors import LLMError, StorageFailed
from llm_manager.outcomes import Settled
from llm_manager.stores.sql.grouping import Asked, Work
from llm_manager.stores.sql.promising import promised
from llm_manager.stores.sql.serving import Open, Session

__all__ = ["Database", "Open", "Work"]

_Value = TypeVar("_Value")

_LAST_SECONDS: Final = 30.0


class Database:
    """Runs work on the database at ``place``, which ``open_engines`` opens at first use.

    What is in line when the program ends is still written. In a process that was forked off it opens connections of its own.
    """

    def __init__(self, place: str, open_engines: Open) -> None:
        self.place = place
        self._open = open_engines
        self._lock = threading.Lock()
        self._session: Session | None = None
        self._process = os.getpid()
        self._parents: Session | None = None
        self._at_exit: Callable[[], None] | None = None
        self._forgotten: finalize[..., Database] | None = None

    async def read(self, work: Work[_Value]) -> Settled[_Value, LLMError]:
        """Run work that changes nothing, on what is committed."""
        return await asyncio.wrap_future(self._put(work, write=False))

    async def write(self, work: Work[_Value]) -> Settled[_Value, LLMError]:
        """Run work that changes something; returns when it is durable. It is done even if nobody waits any more."""
        return await asyncio.wrap_future(self._put(work, write=True))

    def read_now(self, work: Work[_Value]) -> Settled[_Value, LLMError]:
        """The same, blocking; not to be called on an event loop that others use."""
        return self._put(work, write=False).result()

    def write_now(self, work: Work[_Value]) -> Settled[_Value, LLMError]:
        """The same, blocking."""
        return self._put(work, write=True).result()

    def write_soon(self, work: Work[_Value]) -> "Future[Settled[_Value, LLMError]]":
        """Put work in line and return at once."""
        return self._put(work, write=True)

    async def close(self) -> None:
        """Do what is in line and close the connections."""
        session = self._leave()
        if session is not None:
            await asyncio.wrap_future(session.close())

    def close_now(self) -> None:
        """The same, blocking."""
        session = self._leave()
        if session is not None:
            with suppress(TimeoutError):  # what cannot end in time is left to the end of the process
                session.close().result(_LAST_SECONDS)

    def _put(self, work: Work[_Value], *, write: bool) -> "Future[Settled[_Value, LLMError]]":
        asked = Asked[_Value](work, promised())
        self._forked()
        try:
            with self._lock:
                while self._session is None or not self._session.put(asked, write=write):
                    self._session = self._begun()
        except RuntimeError:
            asked.told.set_result(Failure(StorageFailed(message=f"{self.place}: the program is ending", reason="closed")))
        return asked.told

    def _begun(self) -> Session:
        session = Session(self.place, self._open)
        self._forgotten = finalize(self, session.close)  # without being closed it leaves no thread behind
        self._forgotten.atexit = False
        if self._at_exit is None:
            self._at_exit = _closing(self)
            atexit.register(self._at_exit)
        return session

    def _leave(self) -> Session | None:
        self._forked()
        with self._lock:
            session, self._session = self._session, None
            if self._at_exit is not None:
                atexit.unregister(self._at_exit)
                self._at_exit = None
            if self._forgotten is not None:
                self._forgotten.detach()
                self._forgotten = None
            return session

    def _forked(self) -> None:
        """After a fork the threads are the parent's, and the connections too: they are left alone, since closing them is its affair."""
        if self._process != os.getpid():
            self._lock, self._process = threading.Lock(), os.getpid()
            self._session, self._parents, self._forgotten = None, self._session, None


def _closing(database: Database) -> Callable[[], None]:
    """Let what is in line be written when the program ends without closing."""
    held = ref(database)

    def close() -> None:
        still = held()
        if still is not None:
            still.close_now()

    return close
