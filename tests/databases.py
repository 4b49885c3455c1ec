"""Every place a store may be at, for laws that hold at all of them: a test that takes one of these fixtures runs once for each place."""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final, TypeAlias

import pytest
from returns.result import Success
from sqlalchemy import Connection, delete

from llm_manager.stores.sql.connecting import open_database
from llm_manager.stores.sql.database import Database
from llm_manager.stores.sql.tables import AUDIT, SCHEMA
from tests.servers import Postgres

NewUrl: TypeAlias = Callable[[pytest.FixtureRequest], str]
"""Where a database is that has nothing in it."""


def _file(request: pytest.FixtureRequest) -> str:
    folder: Path = request.getfixturevalue("tmp_path")
    return f"sqlite:///{folder / f'store-{len(list(folder.iterdir()))}.db'}"


def _memory(_: pytest.FixtureRequest) -> str:
    return ":memory:"


def _postgres(request: pytest.FixtureRequest) -> str:
    server: Postgres = request.getfixturevalue("postgres_server")
    return server.new_database()


PLACES: Final[Mapping[str, NewUrl]] = {"sqlite": _file, "memory": _memory, "postgresql": _postgres}
"""A new place joins by a line here."""


@pytest.fixture(params=PLACES)
def store_url(request: pytest.FixtureRequest) -> str:
    """A new and empty database at each place."""
    return PLACES[request.param](request)


@pytest.fixture(params=[place for place in PLACES if place != "memory"])
def lasting_url(request: pytest.FixtureRequest) -> str:
    """A new and empty database at each place that outlives its process."""
    return PLACES[request.param](request)


@pytest.fixture
def database(store_url: str) -> Iterator[Database]:
    """The same, open."""
    opened = opened_database(store_url)
    yield opened
    opened.close_now()


@pytest.fixture(params=PLACES)
def new_database(request: pytest.FixtureRequest) -> Iterator[Callable[[], Database]]:
    """As many new and empty databases at one place as a test wants; a law that is given many examples rather empties one (`emptied`)."""
    made: list[Database] = []

    def new() -> Database:
        made.append(opened_database(PLACES[request.param](request)))
        return made[-1]

    yield new
    for each in made:
        each.close_now()


def opened_database(url: str) -> Database:
    """The database at ``url``."""
    return open_database(url).unwrap()


@contextmanager
def held(database: Database) -> Iterator[None]:
    """Nothing more is written until this ends."""
    begun, ending = threading.Event(), threading.Event()

    def work(_: Connection) -> Success[bool]:
        begun.set()
        return Success(ending.wait(60))

    blocked = database.write_soon(work)
    assert begun.wait(60)
    try:
        yield
    finally:
        ending.set()
    assert blocked.result(60) == Success(True)


def emptied(database: Database) -> Database:
    """The same with no row in any table but the audit trail's, which lets none go."""

    def work(connection: Connection) -> Success[None]:
        for table in reversed(SCHEMA.sorted_tables):
            if table is not AUDIT:
                connection.execute(delete(table))
        return Success(None)

    assert isinstance(database.write_now(work), Success)
    return database
