"""SQLite, by the driver of the standard library: in a thread of its own it costs a tenth of one behind another thread."""

import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeAlias, TypeVar

from sqlalchemy import Connection, create_engine, event
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.pool import NullPool

from llm_manager.stores.sql.engines import Engines

_Value = TypeVar("_Value")

Connect: TypeAlias = Callable[..., sqlite3.Connection]
"""`sqlite3.connect`, or one like it that fails when a test wants it to."""
Pragmas: TypeAlias = tuple[tuple[str, str], ...]

BUSY_SECONDS: Final = 10
_ALWAYS: Final[Pragmas] = (("foreign_keys", "1"), ("trusted_schema", "0"))
_ON_DISK: Final[Pragmas] = (("journal_mode", "wal"), ("synchronous", "2"), ("busy_timeout", str(BUSY_SECONDS * 1000)))
"""synchronous=2 is FULL: what is committed survives the loss of power."""
_TUNING: Final = ("PRAGMA journal_size_limit=67108864", "PRAGMA secure_delete=FAST")
"""A journal that grew is cut again; what is deleted is overwritten where that costs no more."""


def memory_engines(connect: Connect = sqlite3.connect) -> Engines:
    """One connection for all, and all is gone when it is closed."""
    only = SqliteLine(":memory:", "BEGIN", _ALWAYS, connect)
    return Engines(writer=lambda: only, reader=lambda: only, alone=True)


def file_engines(path: Path, connect: Connect = sqlite3.connect) -> Engines:
    """One connection that writes and some that read."""
    return Engines(
        writer=lambda: SqliteLine(str(path), "BEGIN IMMEDIATE", (*_ON_DISK, *_ALWAYS), connect),
        reader=lambda: SqliteLine(str(path), "BEGIN", (*_ON_DISK, *_ALWAYS, ("query_only", "1")), connect),
    )


def looking_line(path: Path, connect: Connect = sqlite3.connect) -> "SqliteLine":
    """A connection to look at what is there, that changes nothing: the file may be another program's."""
    return SqliteLine(str(path), "BEGIN", (("busy_timeout", str(BUSY_SECONDS * 1000)),), connect)


def preparing_line(path: Path, connect: Connect = sqlite3.connect) -> "SqliteLine":
    """A connection to change tables by: while one is made anew, nothing that refers to it may go with the old."""
    return SqliteLine(str(path), "BEGIN IMMEDIATE", (*_ON_DISK, ("foreign_keys", "0")), connect)


class SqliteLine:
    """A connection. One to a file that failed in any way but a refused row is made anew for the next transaction."""

    def __init__(self, place: str, begin: str, pragmas: Pragmas, connect: Connect) -> None:
        self._lasting = place != ":memory:"
        self._lock = threading.Lock()  # a database in memory has one line for all
        self._connection: Connection | None = None

        def connected() -> sqlite3.Connection:
            return _connected(place, pragmas, connect)

        self._engine = create_engine("sqlite+pysqlite://", creator=connected, poolclass=NullPool)

        @event.listens_for(self._engine, "begin")
        def _(connection: Connection) -> None:
            connection.exec_driver_sql(begin)  # the driver itself would begin only before the first write

    def transact(self, work: Callable[[Connection], _Value], /) -> _Value:
        with self._lock:
            connection = self._connection
            if connection is None:
                connection = self._connection = self._engine.connect()
            try:
                with connection.begin():
                    return work(connection)
            except DBAPIError as error:
                if self._lasting and not isinstance(error, IntegrityError):
                    self._forget()
                raise

    def close(self) -> None:
        with self._lock:
            self._forget()

    def _forget(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()


def _connected(place: str, pragmas: Pragmas, connect: Connect) -> sqlite3.Connection:
    connection = connect(place, isolation_level=None, check_same_thread=False, timeout=BUSY_SECONDS)
    try:
        for name, value in pragmas:
            _set(connection, name, value)
        if ("journal_mode", "wal") in pragmas:
            for statement in _TUNING:
                connection.execute(statement)
    except BaseException:
        connection.close()
        raise
    return connection


def _set(connection: sqlite3.Connection, name: str, value: str) -> None:
    connection.execute(f"PRAGMA {name}={value}")
    told = str(connection.execute(f"PRAGMA {name}").fetchone()[0])
    if told != value:
        raise OSError(f"PRAGMA {name} is {told} where {value} was asked for: is it on a disk of this machine")
