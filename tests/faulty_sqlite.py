"""A SQLite whose n-th call fails: for every n, what a store promises must still hold.

    plan = Failing(at=7, fault="full")
    database = open_database(url, connect=plan.connect).unwrap()

Each statement and each commit is a call. With ``lasting`` all calls from the n-th on fail, as on a disk that stays full.
"""

import sqlite3
from collections.abc import Mapping
from typing import Any, Final, Literal, TypeAlias

from attrs import define

Fault: TypeAlias = Literal["full", "ioerr", "busy", "commit lost"]
"""``commit lost`` commits and then fails: whoever commits does not learn that it went well."""

FAULTS: Final[Mapping[Fault, tuple[str, int]]] = {
    "full": ("SQLITE_FULL", sqlite3.SQLITE_FULL),
    "ioerr": ("SQLITE_IOERR_WRITE", sqlite3.SQLITE_IOERR_WRITE),
    "busy": ("SQLITE_BUSY", sqlite3.SQLITE_BUSY),
    "commit lost": ("SQLITE_IOERR_FSYNC", sqlite3.SQLITE_IOERR_FSYNC),
}


@define
class Failing:
    """The ``at``-th call fails, counted from 1 over all connections that it made; 0 fails none and only counts."""

    at: int = 0
    fault: Fault = "full"
    lasting: bool = False
    calls: int = 0
    failed: int = 0

    def connect(self, *args: Any, **options: Any) -> sqlite3.Connection:
        """`sqlite3.connect`, with calls that are counted."""
        return sqlite3.connect(*args, factory=_connection_of(self), **options)

    def call(self, *, commit: bool = False) -> bool:
        """Count a call; raise when it is to fail. True when it is to fail after it was done."""
        self.calls += 1
        if not self.at or (self.calls < self.at if self.lasting else self.calls != self.at):
            return False
        self.failed += 1
        if self.fault == "commit lost" and commit:
            return True
        raise self.error()

    def error(self) -> sqlite3.OperationalError:
        """As the driver raises it."""
        error = sqlite3.OperationalError("made to fail")
        error.sqlite_errorname, error.sqlite_errorcode = FAULTS[self.fault]
        return error


def _connection_of(plan: Failing) -> type[sqlite3.Connection]:
    class Cursor(sqlite3.Cursor):
        def execute(self, sql: str, /, *args: Any) -> "Cursor":
            plan.call()
            super().execute(sql, *args)
            return self

        def executemany(self, sql: str, /, *args: Any) -> "Cursor":
            plan.call()
            super().executemany(sql, *args)
            return self

    class Connection(sqlite3.Connection):
        def cursor(self, *_: Any) -> Any:
            return super().cursor(Cursor)

        def execute(self, sql: str, /, *args: Any) -> Any:
            return self.cursor().execute(sql, *args)

        def commit(self) -> None:
            lost = plan.call(commit=True)
            super().commit()
            if lost:
                raise plan.error()

    return Connection
