"""A database at any place: what is written is read, what fails leaves nothing, from any thread and any loop."""

from returns.result import Failure, Success
from sqlalchemy import Connection, text

from llm_manager.domain.errors import LLMError, StorageFailed
from llm_manager.outcomes import Settled
from llm_manager.stores.database import Database


def _made(connection: Connection) -> Settled[None, LLMError]:
    connection.execute(text("create table pieces (number integer primary key)"))
    return Success(None)


def _counted(connection: Connection) -> Settled[int, LLMError]:
    return Success(int(connection.execute(text("select count(*) from pieces")).scalar_one()))


async def test_what_is_written_is_read(database: Database) -> None:
    """At every place."""
    assert isinstance(await database.write(_made), Success)
    assert await database.read(_counted) == Success(0)


async def test_a_failure_undoes_what_its_work_did(database: Database) -> None:
    """And is handed back as it is."""
    await database.write(_made)
    refusal = StorageFailed(message="no", reason="conflict")

    def half(connection: Connection) -> Settled[None, LLMError]:
        connection.execute(text("insert into pieces values (1)"))
        return Failure(refusal)

    assert await database.write(half) == Failure(refusal)
    assert await database.read(_counted) == Success(0)
