"""What goes wrong with a server is told in words, without passwords and without values."""

import errno

import pytest
from returns.result import Failure, Success
from sqlalchemy import Connection, text

from llm_manager.domain.errors import LLMError, StorageFailed
from llm_manager.outcomes import Settled
from llm_manager.stores.sql.connecting import open_database
from llm_manager.stores.sql.database import Database
from llm_manager.stores.sql.misfortunes import is_misfortune, storage_failed
from tests.servers import GUARDED, KEEPER, PASSWORD, Postgres


def refusal(url: str) -> StorageFailed:
    """Why a database cannot be used."""
    database = open_database(url).unwrap()
    outcome = database.read_now(lambda _: Success(None))
    database.close_now()
    assert isinstance(outcome, Failure)
    error = outcome.failure()
    assert isinstance(error, StorageFailed)
    for shown in (str(error), repr(error), database.place, repr(database)):
        assert PASSWORD not in shown
        assert "wrong-secret" not in shown
    return error


def test_a_wrong_password(postgres_server: Postgres) -> None:
    """It is not repeated."""
    error = refusal(postgres_server.url("postgres", user=GUARDED, password="wrong-secret"))
    assert error.reason == "denied"
    assert "refuses the user or the password" in error.message
    assert ":***@" in error.message


def test_a_user_without_rights(postgres_server: Postgres) -> None:
    """Which right is missing is told."""
    error = refusal(postgres_server.url("postgres", user=GUARDED, password=PASSWORD))
    assert error.reason == "denied"
    assert "llm_manager" in error.message


def test_a_database_that_is_not_there(postgres_server: Postgres) -> None:
    """How it is made is told."""
    error = refusal(postgres_server.url("nowhere"))
    assert error.reason == "missing"
    assert "createdb" in error.message


@pytest.mark.parametrize("where", ["?host=/nowhere", "127.0.0.1:1"])
def test_a_server_that_is_away(where: str) -> None:
    """By socket and by port."""
    url = (
        f"postgresql://{KEEPER}:wrong-secret@/name{where}" if where.startswith("?") else f"postgresql://{KEEPER}:wrong-secret@{where}/name"
    )
    error = refusal(url)
    assert error.reason == "missing"
    assert "cannot be reached" in error.message


HOSTILE = "'; drop table secrets; -- \"\\ % :x ${x} {0} \u202e\U0001f4a3 hunter2"


def test_values_are_not_told(database: Database) -> None:
    """Neither the one that was refused nor those beside it."""

    def made(connection: Connection) -> Settled[None, LLMError]:
        connection.execute(text("create table secrets (name varchar(200) primary key, number integer check (number > 0))"))
        return Success(None)

    def kept(name: str, number: object) -> Settled[int, LLMError]:
        def work(connection: Connection) -> Settled[int, LLMError]:
            insert = text("insert into secrets values (:name, :number)")
            return Success(connection.execute(insert, {"name": name, "number": number}).rowcount)

        return database.write_now(work)

    assert database.write_now(made) == Success(None)
    assert kept(HOSTILE, 1) == Success(1)
    for refused in (kept(HOSTILE, 1), kept(HOSTILE + "2", -1), kept(HOSTILE + "3", ["hunter2"])):
        assert isinstance(refused, Failure), refused
        assert "hunter2" not in f"{refused} {refused!r}"
    found = database.read_now(lambda connection: Success(connection.execute(text("select name from secrets")).scalar()))
    assert found == Success(HOSTILE)


def test_what_is_kept_and_cannot_be_read_is_a_misfortune_and_a_bug_is_none() -> None:
    """A file may hold anything."""
    assert is_misfortune(ValueError("bad row"))
    assert not is_misfortune(TypeError())
    error = storage_failed("/a/store.db", ValueError("hunter2"))
    assert error.reason == "corrupt"
    assert "hunter2" not in error.message
    assert storage_failed("/a/store.db", PermissionError()).reason == "denied"
    assert storage_failed("/a/store.db", FileNotFoundError()).reason == "missing"
    assert "[store]" in storage_failed("/a/store.db", ModuleNotFoundError()).message


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_disk_without_room_is_full_whoever_says_so(number: int) -> None:
    """Also when it is no database that wrote, as the file that holds room for a run."""
    assert storage_failed("/x/store.db", OSError(number, "no")).reason == "full"
