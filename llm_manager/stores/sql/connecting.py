"""store.url becomes a database, which is prepared at its first use."""

import logging
import sqlite3
from importlib.util import find_spec
from pathlib import Path
from typing import Final, assert_never

from returns.result import Failure, Result, Success
from sqlalchemy.engine import URL

from llm_manager.distribution import install_hint
from llm_manager.domain.errors import ConfigurationError, LLMError
from llm_manager.outcomes import Settled
from llm_manager.stores.sql.database import Database, Open
from llm_manager.stores.sql.engines import Engines
from llm_manager.stores.sql.files import driver_warnings, file_warnings
from llm_manager.stores.sql.migrations import SHIPPED, Versions
from llm_manager.stores.sql.misfortunes import storage_failed
from llm_manager.stores.sql.places import InFile, InMemory, OnServer, read_place
from llm_manager.stores.sql.postgres import postgres_engines
from llm_manager.stores.sql.preparing import look_at_file, prepare_file, prepare_memory, prepare_server
from llm_manager.stores.sql.sqlite import Connect, file_engines, memory_engines

_logger: Final = logging.getLogger(__name__)
_quiet: Final = logging.getLogger(f"{__name__}.driver")
_quiet.addHandler(logging.NullHandler())  # what is amiss with every file of this Python is told to those who listen, and by `config check`


def open_database(url: str, *, connect: Connect = sqlite3.connect, versions: Versions = SHIPPED) -> Result[Database, LLMError]:
    """The database at ``url``; nothing is opened before its first use. ``connect`` is how SQLite is reached."""
    read = read_place(url)
    if isinstance(read, Failure):
        return read
    place = read.unwrap()
    match place:
        case InMemory():
            return Success(Database(str(place), _in_memory(connect, versions)))
        case InFile(path=path):
            return Success(Database(str(place), _in_file(path, connect, versions)))
        case OnServer(url=server):
            if find_spec("asyncpg") is None:
                return Failure(ConfigurationError(message=f"store.url: PostgreSQL needs more packages: {install_hint('postgres')}"))
            return Success(Database(str(place), _on_server(server, str(place), versions)))
        case _:
            assert_never(place)


def look_at(url: str) -> Settled[None, LLMError]:
    """Say whether the store at ``url`` could be used, as far as can be told without making anything or asking a server."""
    opened, place = open_database(url), read_place(url).value_or(None)
    if isinstance(opened, Failure):
        return opened
    if not isinstance(place, InFile):
        return Success(None)
    try:
        return look_at_file(place.path, SHIPPED, sqlite3.connect) if place.path.exists() else Success(None)
    except Exception as error:  # noqa: BLE001 - drivers raise what they like
        return Failure(storage_failed(str(place), error))


def _in_memory(connect: Connect, versions: Versions) -> Open:
    def opened() -> Settled[Engines, LLMError]:
        engines = memory_engines(connect)
        prepare_memory(engines.writer(), versions)
        return Success(engines)

    return opened


def _in_file(path: Path, connect: Connect, versions: Versions) -> Open:
    def opened() -> Settled[Engines, LLMError]:
        prepared = prepare_file(path, versions, connect)
        if isinstance(prepared, Failure):
            return prepared
        for warning in file_warnings(path):
            _logger.warning("%s", warning)
        for warning in driver_warnings():
            _quiet.warning("%s", warning)
        return Success(file_engines(path, connect))

    return opened


def _on_server(url: URL, place: str, versions: Versions) -> Open:
    def opened() -> Settled[Engines, LLMError]:
        prepared = prepare_server(url, place, versions)
        return prepared if isinstance(prepared, Failure) else Success(postgres_engines(url))

    return opened
