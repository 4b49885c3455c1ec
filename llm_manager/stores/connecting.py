"""store.url becomes a database, which is prepared at its first use: its file made, its tables brought up to date."""

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias, assert_never

from returns.result import Failure, Result, Success
from sqlalchemy import Connection, text
from sqlalchemy.engine import URL

from llm_manager.distribution import install_hint
from llm_manager.domain.errors import ConfigurationError, LLMError
from llm_manager.outcomes import Settled
from llm_manager.stores.database import Database, Open
from llm_manager.stores.engines import Engines
from llm_manager.stores.files import driver_warnings, file_warnings, make_file
from llm_manager.stores.places import InFile, InMemory, OnServer, read_place
from llm_manager.stores.postgres import SCHEMA_NAME, postgres_engines
from llm_manager.stores.sqlite import Connect, file_engines, memory_engines
from llm_manager.stores.tables import SCHEMA

Warn: TypeAlias = Callable[[str], None]
"""Told what is amiss with a store that works all the same."""


def open_database(url: str, *, warn: Warn | None = None, connect: Connect = sqlite3.connect) -> Result[Database, LLMError]:
    """The database at ``url``; nothing is opened before its first use. ``connect`` is how SQLite is reached."""
    read = read_place(url)
    if isinstance(read, Failure):
        return read
    place = read.unwrap()
    match place:
        case InMemory():
            return Success(Database(str(place), _in_memory(connect)))
        case InFile(path=path):
            return Success(Database(str(place), _in_file(path, warn, connect)))
        case OnServer(url=server):
            return _has_driver().map(lambda _: Database(str(place), _on_server(server)))
        case _:
            assert_never(place)


def _has_driver() -> Result[None, LLMError]:
    from importlib.util import find_spec

    if find_spec("asyncpg") is None:
        return Failure(ConfigurationError(message=f"store.url: PostgreSQL needs more packages: {install_hint('postgres')}"))
    return Success(None)


def _in_memory(connect: Connect) -> Open:
    def opened() -> Settled[Engines, LLMError]:
        engines = memory_engines(connect)
        engines.writer().transact(SCHEMA.create_all)
        return Success(engines)

    return opened


def _in_file(path: Path, warn: Warn | None, connect: Connect) -> Open:
    def opened() -> Settled[Engines, LLMError]:
        make_file(path)
        engines = file_engines(path, connect)
        _once(engines, SCHEMA.create_all)
        if warn is not None:
            for warning in (*file_warnings(path), *driver_warnings()):
                warn(warning)
        return Success(engines)

    return opened


def _on_server(url: URL) -> Open:
    def opened() -> Settled[Engines, LLMError]:
        engines = postgres_engines(url)
        _once(engines, _made_on_server)
        return Success(engines)

    return opened


def _once(engines: Engines, prepared: Callable[[Connection], None]) -> None:
    line = engines.writer()
    try:
        line.transact(prepared)
    finally:
        line.close()


def _made_on_server(connection: Connection) -> None:
    connection.execute(text("select pg_advisory_xact_lock(7341065)"))
    connection.execute(text(f"create schema if not exists {SCHEMA_NAME}"))
    SCHEMA.create_all(connection)
