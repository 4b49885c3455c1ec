"""What is done to a database before its first use: its file is made, its tables are made or brought up to date.

Each says whether it may be used, by nobody or two processes at once: a database is changed in one transaction that only one may hold.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final, assert_never

from returns.result import Failure, Success
from sqlalchemy import Connection, text
from sqlalchemy.engine import URL

from llm_manager.domain.errors import LLMError, StorageFailed
from llm_manager.outcomes import Settled
from llm_manager.stores.sql.engines import Line
from llm_manager.stores.sql.files import make_file
from llm_manager.stores.sql.migrating import Standing, bring_up, make_tables, standing_of, version_of
from llm_manager.stores.sql.migrations import Versions
from llm_manager.stores.sql.postgres import SCHEMA_NAME, PostgresLine
from llm_manager.stores.sql.sqlite import Connect, looking_line, preparing_line

_ONE_AT_A_TIME: Final = text("select pg_advisory_xact_lock(7341065201)")
_OWN_SCHEMA: Final = text(f"create schema if not exists {SCHEMA_NAME}")


def prepare_memory(line: Line, versions: Versions) -> None:
    """Make the tables of a database in memory."""
    line.transact(lambda connection: make_tables(connection, versions))


def prepare_file(path: Path, versions: Versions, connect: Connect) -> Settled[None, LLMError]:
    """Make the file and its tables, or bring them up to date after putting a copy beside it."""

    def prepared(connection: Connection) -> Standing:
        standing = standing_of(connection, versions)
        if standing == "empty":
            make_tables(connection, versions)
        elif standing == "older":
            _back_up(path, version_of(connection) or "", connect)
            bring_up(connection, versions)
            if connection.execute(text("pragma foreign_key_check")).first() is not None:
                raise OSError("rows would lose what they refer to")
        return standing

    if not make_file(path):
        standing = _seen(path, versions, connect)
        if standing in ("current", "newer", "foreign"):
            return _usable(str(path), standing)
    with _open(preparing_line(path, connect)) as line:
        return _usable(str(path), line.transact(prepared))


def look_at_file(path: Path, versions: Versions, connect: Connect) -> Settled[None, LLMError]:
    """Say whether a file that is there may be used, and leave it as it is."""
    return _usable(str(path), _seen(path, versions, connect))


def prepare_server(url: URL, place: str, versions: Versions) -> Settled[None, LLMError]:
    """Make the tables on a server, or bring them up to date."""

    def prepared(connection: Connection) -> Standing:
        connection.execute(_ONE_AT_A_TIME)
        connection.execute(_OWN_SCHEMA)
        standing = standing_of(connection, versions)
        if standing == "empty":
            make_tables(connection, versions)
        elif standing == "older":
            bring_up(connection, versions)
        return standing

    with _open(PostgresLine(url)) as line:
        standing = line.transact(lambda connection: standing_of(connection, versions))
        if standing in ("current", "newer"):
            return _usable(place, standing)
        return _usable(place, line.transact(prepared))  # looked at again, alone: another may just have made the tables


def _seen(path: Path, versions: Versions, connect: Connect) -> Standing:
    with _open(looking_line(path, connect)) as line:
        return line.transact(lambda connection: standing_of(connection, versions))


@contextmanager
def _open(line: Line) -> Iterator[Line]:
    try:
        yield line
    finally:
        line.close()


def _back_up(path: Path, version: str, connect: Connect) -> None:
    """Put a copy of the database beside it, whole or not at all."""
    copy = path.with_name(f"{path.name}.{version}.backup")
    unfinished = copy.with_name(f"{copy.name}.unfinished")
    unfinished.unlink(missing_ok=True)
    make_file(unfinished)
    with closing(connect(str(path))) as source, closing(sqlite3.connect(unfinished)) as target:
        source.backup(target)
    unfinished.replace(copy)


def _usable(place: str, standing: Standing) -> Settled[None, LLMError]:
    match standing:
        case "empty" | "older" | "current":
            return Success(None)
        case "newer":
            problem = "a newer version of llm-manager made it, and this one does not know its tables: update, or let store.url name another"
        case "foreign":
            problem = "it is another program's database: let store.url name another"
        case _:
            assert_never(standing)
    return Failure(StorageFailed(message=f"{place}: {problem}", reason="denied"))
