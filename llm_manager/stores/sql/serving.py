"""The threads that hold a database's connections, from one opening to one closing."""

import os
import threading
from collections.abc import Callable
from concurrent.futures import Future
from queue import Empty, SimpleQueue
from typing import Any, Final, TypeAlias
from weakref import WeakSet

from returns.result import Failure

from llm_manager.domain.errors import LLMError, StorageFailed
from llm_manager.outcomes import Settled
from llm_manager.stores.sql.engines import Engines, Line
from llm_manager.stores.sql.grouping import Asked, Group, read_each, write_together
from llm_manager.stores.sql.misfortunes import storage_failed
from llm_manager.stores.sql.promising import promised

Open: TypeAlias = Callable[[], Settled[Engines, LLMError]]
"""Prepares the database and says how to connect to it; blocks."""

_Waiting: TypeAlias = "SimpleQueue[Asked[Any] | None]"
_Doing: TypeAlias = Callable[[Line, str, Group], None]

_WRITES_AT_ONCE: Final = 1024
_READS_AT_ONCE: Final = 64
_READERS: Final = 3


class _Turn:
    """Held while a thread is inside a driver. A fork in that moment would leave the child with locks that nobody opens, SQLite's own among
    them; so forking waits, for a second at most, until every thread is between two pieces of work."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        _TURNS.add(self)


_TURNS: Final["WeakSet[_Turn]"] = WeakSet()
_PAUSED: Final[list[list[_Turn]]] = []
_FORK_SECONDS: Final = 1.0


def _pause() -> None:
    turns = list(_TURNS)
    _PAUSED.append([turn for turn in turns if turn.lock.acquire(timeout=_FORK_SECONDS / len(turns))])


def _go_on() -> None:
    for turn in _PAUSED.pop():
        turn.lock.release()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_pause, after_in_parent=_go_on, after_in_child=_go_on)


class Session:
    """One thread that opens the database and writes, and others that read, as many as are wanted."""

    def __init__(self, place: str, open_engines: Open) -> None:
        self._place = place
        self._open = open_engines
        self._writes: _Waiting = SimpleQueue()
        self._reads: _Waiting = SimpleQueue()
        self._engines: Engines | None = None
        self._opened = threading.Event()
        self._readers: list[threading.Thread] = []
        self._closed: Future[None] = promised()
        self._refused: LLMError = StorageFailed(message=f"{place} was closed", reason="closed")
        self._lock = threading.Lock()
        self._over = False
        self._began = False

    def put(self, asked: "Asked[Any]", *, write: bool) -> bool:
        """Put work in line, unless it is over. Raises `RuntimeError` when the program is ending and no thread can begin."""
        with self._lock:
            if self._over:
                return False
            if not self._began:
                threading.Thread(target=self._write, name="llm-manager store", daemon=True).start()
                self._began = True
            if write:
                self._writes.put(asked)
                return True
            if not self._readers or (len(self._readers) < _READERS and self._reads.qsize()):
                reader = threading.Thread(target=self._read, name=f"llm-manager store reader {len(self._readers) + 1}", daemon=True)
                reader.start()
                self._readers.append(reader)
            self._reads.put(asked)
            return True

    def close(self) -> "Future[None]":
        """Take no more, do what is in line, and tell when the connections are closed."""
        with self._lock:
            if not self._over:
                self._over = True
                self._writes.put(None)
                if not self._began:
                    self._closed.set_result(None)
        return self._closed

    def _write(self) -> None:
        turn = _Turn()
        with turn.lock:
            line = self._prepared()
        if line is None:
            with self._lock:
                self._over = True
        self._opened.set()
        if line is not None:
            self._serve(turn, line, self._writes, write_together, _WRITES_AT_ONCE)
        for _ in self._readers:
            self._reads.put(None)
        for reader in self._readers:
            reader.join()
        if line is not None:
            with turn.lock:
                line.close()
        for asked in (*_drained(self._writes), *_drained(self._reads)):
            asked.told.set_result(Failure(self._refused))
        self._closed.set_result(None)

    def _prepared(self) -> Line | None:
        try:
            opened = self._open()
            if isinstance(opened, Failure):
                self._refused = opened.failure()
                return None
            self._engines = opened.unwrap()
            return self._engines.writer()
        except Exception as error:  # noqa: BLE001 - drivers raise what they like
            self._refused = storage_failed(self._place, error)
            return None

    def _read(self) -> None:
        self._opened.wait()
        if self._engines is None:
            return
        turn, line = _Turn(), self._engines.reader()
        self._serve(turn, line, self._reads, read_each, _READS_AT_ONCE)
        if not self._engines.alone:
            with turn.lock:
                line.close()

    def _serve(self, turn: _Turn, line: Line, waiting: _Waiting, doing: _Doing, at_once: int) -> None:
        """Do what comes, until None comes."""
        while (first := waiting.get()) is not None:
            group = [first]
            closing = False
            while len(group) < at_once and not closing:
                try:
                    asked = waiting.get_nowait()
                except Empty:
                    break
                if asked is None:
                    closing = True
                else:
                    group.append(asked)
            with turn.lock:
                doing(line, self._place, group)
            if closing:
                return


def _drained(waiting: _Waiting) -> "list[Asked[Any]]":
    found: list[Asked[Any]] = []
    while not waiting.empty():
        asked = waiting.get_nowait()
        if asked is not None:
            found.append(asked)
    return found
