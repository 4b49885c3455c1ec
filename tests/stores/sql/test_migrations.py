"""Old databases become new ones, once and safely; the versions that are shipped lead to the tables that are used."""

import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from attrs import evolve
from returns.result import Failure, Success
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.pool import NullPool

from llm_manager.domain.errors import StorageFailed
from llm_manager.stores.sql.connecting import open_database
from llm_manager.stores.sql.database import Database
from llm_manager.stores.sql.migrating import VERSION_TABLE, bring_up, make_tables, version_of
from llm_manager.stores.sql.migrations import SHIPPED, Versions
from llm_manager.stores.sql.places import OnServer, read_place
from llm_manager.stores.sql.postgres import SCHEMA_NAME, PostgresLine
from llm_manager.stores.sql.tables import SCHEMA

SECOND = '''"""A table more."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """A table more."""
    op.create_table("later", sa.Column("number", sa.Integer(), primary_key=True))
    op.execute("insert into later values (2)")
'''


@pytest.fixture
def next_versions(tmp_path: Path) -> Versions:
    """What is shipped, and one version more."""
    folder = tmp_path / "migrations"
    (folder / "versions").mkdir(parents=True)
    for each in (SHIPPED.folder / "versions").glob("v*.py"):
        (folder / "versions" / each.name).write_text(each.read_text())
    (folder / "versions" / "v0002_later.py").write_text(SECOND)
    return Versions(folder=folder, known=(*SHIPPED.known, "0002"))


def used(url: str, versions: Versions = SHIPPED) -> Any:
    """Which version a database is of, after it was opened."""
    database = open_database(url, versions=versions).unwrap()
    found = database.read_now(lambda connection: Success(version_of(connection)))
    database.close_now()
    return found


def ours(_: object, name: str | None, kind: str, __: bool, ___: object) -> bool:
    return not (kind == "table" and name == VERSION_TABLE.name)


def differences(connection: Connection) -> Any:
    options = {"compare_type": True, "compare_server_default": True, "include_object": ours}
    return compare_metadata(MigrationContext.configure(connection, opts=options), SCHEMA)


def test_the_versions_that_are_named_are_those_that_are_shipped() -> None:
    """In their order."""
    scripts = ScriptDirectory(str(SHIPPED.folder))
    assert tuple(each.revision for each in reversed(list(scripts.walk_revisions()))) == SHIPPED.known
    assert scripts.get_current_head() == SHIPPED.newest


def test_the_versions_lead_to_the_tables_in_sqlite() -> None:
    """Otherwise: python -m tests.schema_version WORDS (or --anew, before a release)."""

    def made(fill: Callable[[Connection], None]) -> tuple[Any, list[tuple[Any, ...]]]:
        with create_engine("sqlite://", poolclass=NullPool).connect() as connection:
            fill(connection)
            found = connection.execute(text("select type, name, tbl_name from sqlite_master order by 1, 2")).all()
            return differences(connection), [tuple(row) for row in found if VERSION_TABLE.name not in row[2]]

    by_versions = made(lambda connection: bring_up(connection, SHIPPED))
    assert by_versions == made(lambda connection: make_tables(connection, SHIPPED))
    assert by_versions[0] == []


def test_the_versions_lead_to_the_tables_in_postgresql(postgres_url: str) -> None:
    """Triggers and functions too."""
    place = read_place(postgres_url).unwrap()
    assert isinstance(place, OnServer)

    def made(fill: Callable[[Connection], None]) -> tuple[Any, list[tuple[Any, ...]]]:
        def work(connection: Connection) -> tuple[Any, list[tuple[Any, ...]]]:
            connection.execute(text(f"drop schema if exists {SCHEMA_NAME} cascade"))
            connection.execute(text(f"create schema {SCHEMA_NAME}"))
            fill(connection)
            indices = "select tablename, indexname, indexdef from pg_indexes where schemaname = current_schema()"
            triggers = "select tgrelid::regclass::text, tgname, pg_get_triggerdef(oid) from pg_trigger where not tgisinternal"
            found = connection.execute(text(f"{indices} union all {triggers} order by 1, 2")).all()
            return differences(connection), [tuple(row) for row in found if row[0] != VERSION_TABLE.name]

        return line.transact(work)

    line = PostgresLine(place.url)
    by_versions = made(lambda connection: bring_up(connection, SHIPPED))
    by_tables = made(lambda connection: make_tables(connection, SHIPPED))
    line.close()
    assert by_versions == by_tables
    assert by_versions[0] == []


def test_an_older_file_is_copied_and_brought_up_to_date(tmp_path: Path, next_versions: Versions) -> None:
    """The copy is whole and for its owner alone."""
    path = tmp_path / "store.db"
    database = open_database(str(path)).unwrap()
    database.write_now(lambda connection: Success(connection.execute(text("insert into usage_writers (began) values (7)")).rowcount))
    database.close_now()
    assert used(str(path), next_versions) == Success("0002")
    copy = tmp_path / "store.db.0001.backup"
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    assert used(str(copy)) == Success("0001")
    with sqlite3.connect(copy) as old, sqlite3.connect(path) as new:
        assert (
            old.execute("select began from usage_writers").fetchall() == new.execute("select began from usage_writers").fetchall() == [(7,)]
        )
        assert new.execute("select number from later").fetchall() == [(2,)]
    old.close()
    new.close()
    assert not list(tmp_path.glob("*.unfinished*"))


def test_an_older_database_of_a_server_is_brought_up_to_date(postgres_url: str, next_versions: Versions) -> None:
    """In one transaction."""
    assert used(postgres_url) == Success("0001")
    assert used(postgres_url, next_versions) == Success("0002")
    assert used(postgres_url, next_versions) == Success("0002")


def test_a_newer_database_is_refused(lasting_url: str, next_versions: Versions) -> None:
    """It says what to do, and nothing is changed."""
    used(lasting_url)
    used(lasting_url, next_versions)
    refused = used(lasting_url)
    assert isinstance(refused, Failure)
    error = refused.failure()
    assert isinstance(error, StorageFailed)
    assert error.reason == "denied"
    assert "newer version" in error.message
    assert used(lasting_url, next_versions) == Success("0002")


def test_a_version_that_fails_leaves_everything_as_it_was(tmp_path: Path, next_versions: Versions) -> None:
    """And the next try begins again."""
    path = tmp_path / "store.db"
    used(str(path))
    broken = next_versions.folder / "versions" / "v0002_later.py"
    broken.write_text(SECOND + '    op.execute("insert into nowhere values (1)")\n')
    assert isinstance(used(str(path), next_versions), Failure)
    assert used(str(path)) == Success("0001")
    broken.write_text(SECOND)
    assert used(str(path), next_versions) == Success("0002")


_OPENING = """
import sys
from pathlib import Path
from returns.result import Success
from llm_manager.stores.sql.connecting import open_database
from llm_manager.stores.sql.migrating import version_of
from llm_manager.stores.sql.migrations import Versions
versions = Versions(folder=Path(sys.argv[2]), known=tuple(sys.argv[3:]))
database = open_database(sys.argv[1], versions=versions).unwrap()
sys.stdin.readline()
found = database.read_now(lambda connection: Success(version_of(connection)))
print(found)
"""


@pytest.mark.parametrize("there", [False, True], ids=["new", "older"])
def test_several_processes_open_at_once(lasting_url: str, next_versions: Versions, there: bool) -> None:
    """One makes or changes the tables, the others wait for it."""
    if there:
        used(lasting_url)
    words = [sys.executable, "-c", _OPENING, lasting_url, str(next_versions.folder), *next_versions.known]
    openers = [
        subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) for _ in range(4)
    ]
    for each in openers:
        assert each.stdin is not None
        each.stdin.write("\n")
        each.stdin.flush()
    told = [each.communicate(timeout=60)[0].strip() for each in openers]
    assert told == ["<Success: 0002>"] * 4


def test_an_up_to_date_database_is_opened_without_alembic(tmp_path: Path) -> None:
    """Nor is it for a new one."""
    script = (
        "import sys\nfrom returns.result import Success\nfrom llm_manager.stores.sql.connecting import open_database\n"
        "for _ in range(2):\n"
        "    database = open_database(sys.argv[1]).unwrap()\n"
        "    assert isinstance(database.read_now(lambda _: Success(None)), Success)\n"
        "    database.close_now()\n"
        "print('alembic' in sys.modules)\n"
    )
    ran = subprocess.run([sys.executable, "-c", script, str(tmp_path / "store.db")], capture_output=True, text=True, check=False)
    assert ran.stdout == "False\n", ran.stderr


def test_a_database_of_another_program_is_left_alone(tmp_path: Path) -> None:
    """It is neither written to nor given a journal."""
    path = tmp_path / "theirs.db"
    with sqlite3.connect(path) as theirs:
        theirs.execute("create table things (one)")
    theirs.close()
    before = path.read_bytes()
    refused = used(str(path))
    assert isinstance(refused, Failure)
    assert "another program" in refused.failure().message
    assert path.read_bytes() == before
    assert [each.name for each in tmp_path.iterdir()] == ["theirs.db"]


def test_versions_know_their_newest() -> None:
    """The last that is named."""
    assert evolve(SHIPPED, known=("0001", "0009")).newest == "0009"


def test_a_database_is_what_it_says(database: Database) -> None:
    """At every place."""
    assert database.read_now(lambda connection: Success(version_of(connection))) == Success(SHIPPED.newest)
