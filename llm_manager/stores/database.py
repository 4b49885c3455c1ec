"""One database, spoken to from any thread and any event loop.

Threads of its own hold the connections, from the first use until `close`; the next use opens them again. Reads and writes are pieces
of `Work`: plain functions of a connection. What has come to be written is committed together by one writer, so that one flush to
disk serves all who wait; when a piece fails all are run once more, each alone, so a piece of work must do the same when it is run again.
"""

import asyncio
import atexit
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from queue import Empty, SimpleQueue
from typing import Any, Final, Generic, TypeAlias, TypeVar
from weakref import ref

from attrs import frozen
from returns.result import Failure
from sqlalchemy import Connection

from llm_manager.domain.errors import LLMError, StorageFailed
from llm_manager.outcomes import Settled
from llm_manager.stores.engines import Engines, Line, Undone
from llm_manager.stores.misfortunes import storage_failed

_Value = TypeVar("_Value")

Work: TypeAlias = Callable[[Connection], Settled[_Value, LLMError]]
"""What to do with a connection inside a transaction; a failure that it gives, or anything that it raises, undoes all it did."""

Open: TypeAlias = Callable[[], Settled[Engines, LLMError]]
"""Prepares the database and says how to connect to it; blocks."""

_AT_ONCE: Final = 1024
_READERS: Final = 3
_LAST_SECONDS: Final = 30.0


@frozen
class _Asked(Generic[_Value]):
    work: Work[_Value]
    told: "Future[Settled[_Value, LLMError]]"


_Line: TypeAlias = "SimpleQueue[_Asked[Any] | None]"


class Database:
    """Runs work on the database at ``place``, which ``open_engines`` opens at first use."""

    def __init__(self, place: str, open_engines: Open) -> None:
        self.place = place
        self._open = open_engines
        self._lock = threading.Lock()
        self._session: _Session | None = None

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

    def read_soon(self, work: Work[_Value]) -> "Future[Settled[_Value, LLMError]]":
        """Put work in line that changes nothing, and return at once."""
        return self._put(work, write=False)

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
            session.close().result(_LAST_SECONDS)

    def _put(self, work: Work[_Value], *, write: bool) -> "Future[Settled[_Value, LLMError]]":
        asked = _Asked[_Value](work, Future())
        asked.told.set_running_or_notify_cancel()
        with self._lock:
            if self._session is None or self._session.ended:
                self._session = _Session(self.place, self._open)
                _close_at_exit(self)
            self._session.put(asked, write=write)
        return asked.told

    def _leave(self) -> "_Session | None":
        with self._lock:
            session, self._session = self._session, None
            return session


def _close_at_exit(database: Database) -> None:
    """Let what is in line be written when the program ends without closing."""
    held = ref(database)

    def close() -> None:
        still = held()
        if still is not None:
            still.close_now()

    atexit.register(close)


class _Session:
    """The connections from one opening to one closing, and their threads. Its owner calls it under a lock."""

    def __init__(self, place: str, open_engines: Open) -> None:
        self._place = place
        self._open = open_engines
        self._writes: _Line = SimpleQueue()
        self._reads: _Line = SimpleQueue()
        self._engines: Engines | None = None
        self._opened = threading.Event()
        self._readers = 0
        self._closed: Future[None] = Future()
        self._refused: LLMError = StorageFailed(message=f"{place}: it was closed", reason="closed")
        self.ended = False
        """Whether it could not be opened: whoever comes next tries again."""
        threading.Thread(target=self._write, name="llm-manager store", daemon=True).start()

    def put(self, asked: "_Asked[Any]", *, write: bool) -> None:
        """Put work in line."""
        if write:
            self._writes.put(asked)
            return
        self._reads.put(asked)
        if self._readers < _READERS and (not self._readers or self._reads.qsize() > 1):
            self._readers += 1
            threading.Thread(target=self._read, name=f"llm-manager store reader {self._readers}", daemon=True).start()

    def close(self) -> "Future[None]":
        """Take no more, do what is in line, and tell when the connections are closed."""
        self._writes.put(None)
        return self._closed

    def _write(self) -> None:
        line: Line | None = None
        try:
            opened = self._open()
            if isinstance(opened, Failure):
                self._refused = opened.failure()
            else:
                self._engines = opened.unwrap()
                line = self._engines.writer()
        except Exception as error:  # noqa: BLE001 - drivers raise what they like
            self._refused = storage_failed(self._place, error)
        self.ended = line is None
        self._opened.set()
        if line is not None:
            self._serve(line, self._writes, write=True)
        for _ in range(self._readers):
            self._reads.put(None)
        if line is not None:
            line.close()
        self._refuse(self._writes)
        self._closed.set_result(None)

    def _read(self) -> None:
        self._opened.wait()
        if self._engines is None:
            self._refuse(self._reads)
            return
        try:
            line = self._engines.reader()
        except Exception as error:  # noqa: BLE001 - drivers raise what they like
            self._refused = storage_failed(self._place, error)
            self._refuse(self._reads)
            return
        self._serve(line, self._reads, write=False)
        if not self._engines.alone:
            line.close()

    def _refuse(self, waiting: _Line) -> None:
        for asked in _drained(waiting):
            asked.told.set_result(Failure(self._refused))

    def _serve(self, line: Line, waiting: _Line, *, write: bool) -> None:
        """Do what comes, until None comes."""
        while (first := waiting.get()) is not None:
            group = [first]
            closing = False
            while len(group) < _AT_ONCE:
                try:
                    asked = waiting.get_nowait()
                except Empty:
                    break
                if asked is None:
                    closing = True
                    break
                group.append(asked)
            for asked, outcome in zip(group, self._outcomes(line, group, write=write), strict=True):
                asked.told.set_result(outcome)
            if closing:
                return

    def _outcomes(self, line: Line, group: "Sequence[_Asked[Any]]", *, write: bool) -> "Sequence[Settled[Any, LLMError]]":
        """What became of them: all in one transaction, or each alone when one of them failed."""
        if len(group) > 1:
            told = self._together(line, group, write=write)
            if told is not None:
                return told
        return [self._alone(line, asked, write=write) for asked in group]

    def _together(self, line: Line, group: "Sequence[_Asked[Any]]", *, write: bool) -> "Sequence[Settled[Any, LLMError]] | None":
        def work(connection: Connection) -> "list[Settled[Any, LLMError]]":
            told = [asked.work(connection) for asked in group]
            if write and any(isinstance(outcome, Failure) for outcome in told):
                raise Undone
            return told

        try:
            return line.transact(work)
        except Exception:  # noqa: BLE001 - what it was is told when each is done alone
            return None

    def _alone(self, line: Line, asked: "_Asked[Any]", *, write: bool) -> "Settled[Any, LLMError]":
        refused: list[Settled[Any, LLMError]] = []

        def work(connection: Connection) -> "Settled[Any, LLMError]":
            outcome = asked.work(connection)
            if write and isinstance(outcome, Failure):
                refused.append(outcome)
                raise Undone
            return outcome

        try:
            return line.transact(work)
        except Undone:
            return refused[0]
        except Exception as error:  # noqa: BLE001 - drivers raise what they like
            return Failure(storage_failed(self._place, error))


def _drained(waiting: _Line) -> "list[_Asked[Any]]":
    found: list[_Asked[Any]] = []
    while True:
        try:
            asked = waiting.get_nowait()
        except Empty:
            return found
        if asked is not None:
            found.append(asked)
