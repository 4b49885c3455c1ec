"""The two databases that a store may be, and how each is spoken to: by one thread for each connection."""

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final, Protocol, TypeAlias, TypeVar

from attrs import frozen
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL
from sqlalchemy.pool import NullPool, StaticPool

_Value = TypeVar("_Value")

_BUSY_MILLISECONDS: Final = 10_000

Pragmas: TypeAlias = tuple[tuple[str, str], ...]

_SQLITE: Final[Pragmas] = (("journal_mode", "wal"), ("synchronous", "2"), ("foreign_keys", "1"), ("busy_timeout", str(_BUSY_MILLISECONDS)))
"""synchronous=2 is FULL: what is committed survives the loss of power."""


class Undone(Exception):  # noqa: N818 - it is no error: work asked to be undone
    """Raised inside a transaction to undo it."""


class Line(Protocol):
    """One connection, used by one thread alone."""

    def transact(self, work: Callable[[Connection], _Value], /) -> _Value:
        """Run work in one transaction, undone by whatever it raises."""

    def close(self) -> None:
        """Close the connection."""


@frozen(kw_only=True)
class Engines:
    """How connections are made. ``alone`` says that there is but one, which reads and writes."""

    writer: Callable[[], Line]
    reader: Callable[[], Line]
    alone: bool = False


def sqlite_engines(url: URL) -> Engines:
    """One connection that writes and some that read; in memory there is one for both."""
    if not url.database or url.database == ":memory:":
        only = SqliteLine(_sqlite(url, "BEGIN", (("foreign_keys", "1"),), StaticPool))
        return Engines(writer=lambda: only, reader=lambda: only, alone=True)
    return Engines(
        writer=lambda: SqliteLine(_sqlite(url, "BEGIN IMMEDIATE", _SQLITE, NullPool)),
        reader=lambda: SqliteLine(_sqlite(url, "BEGIN", _SQLITE, NullPool)),
    )


def postgres_engines(url: URL) -> Engines:
    """The writer's connection apart from the readers', so that a long read holds up no write."""
    return Engines(writer=lambda: PostgresLine(url), reader=lambda: PostgresLine(url))


class SqliteLine:
    """A connection by the driver of the standard library: in a thread of its own it costs a tenth of one behind another thread."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._connection: Connection | None = None
        self._lock = threading.Lock()  # a database in memory has one line for all

    def transact(self, work: Callable[[Connection], _Value], /) -> _Value:
        with self._lock:
            connection = self._connection
            if connection is None:
                connection = self._connection = self._engine.connect()
            with connection.begin():
                return work(connection)

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._engine.dispose()


class PostgresLine:
    """A connection of asyncpg with the event loop that it lives on; one that broke is made again for the next transaction."""

    def __init__(self, url: URL) -> None:
        from sqlalchemy.ext.asyncio import create_async_engine

        self._runner = asyncio.Runner()
        self._engine = create_async_engine(url.set(drivername="postgresql+asyncpg"), pool_size=1, max_overflow=0, pool_pre_ping=True)

    def transact(self, work: Callable[[Connection], _Value], /) -> _Value:
        async def transacted() -> _Value:
            async with self._engine.begin() as connection:
                return await connection.run_sync(work)

        return self._runner.run(transacted())

    def close(self) -> None:
        with suppress(Exception):  # a server that is gone needs no farewell
            self._runner.run(self._engine.dispose())
        self._runner.close()


def _sqlite(url: URL, begin: str, pragmas: Pragmas, pool: type[NullPool | StaticPool]) -> Engine:
    how = {"isolation_level": None, "check_same_thread": False}
    engine = create_engine(url.set(drivername="sqlite+pysqlite"), connect_args=how, poolclass=pool)

    @event.listens_for(engine, "connect")
    def _(connection: Any, _: object) -> None:
        for name, value in pragmas:
            connection.execute(f"PRAGMA {name}={value}")
            told = str(connection.execute(f"PRAGMA {name}").fetchone()[0])
            if told != value:
                raise OSError(f"PRAGMA {name} is {told} where {value} was asked for")

    @event.listens_for(engine, "begin")
    def _(connection: Connection) -> None:
        connection.exec_driver_sql(begin)  # the driver itself would begin only before the first write

    return engine
