"""Whichever call of the store fails, and however: every outcome is a value, and what was said to be kept is kept."""

from collections.abc import Iterator
from concurrent.futures import wait
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, get_args

import pytest
from returns.result import Failure, Success
from sqlalchemy import Column, Connection, Integer, MetaData, Table, insert, select

from llm_manager.domain.errors import LLMError, StorageFailed
from llm_manager.outcomes import Settled
from llm_manager.stores.sql.connecting import open_database
from llm_manager.stores.sql.database import Database, Work
from tests.faulty_sqlite import FAULTS, Failing, Fault

ROWS = Table("rows", MetaData(), Column("number", Integer, primary_key=True, autoincrement=False))
REASONS = {"full": "full", "ioerr": "other", "busy": "other", "commit lost": "other"}


def kept(number: int) -> Work[int]:
    """A row that is kept once, however often this is done."""

    def work(connection: Connection) -> Settled[int, LLMError]:
        if connection.execute(select(ROWS.c.number).where(ROWS.c.number == number)).first() is None:
            connection.execute(insert(ROWS), {"number": number})
        return Success(number)

    return work


def rows(connection: Connection) -> Settled[set[int], LLMError]:
    return Success(set(connection.execute(select(ROWS.c.number)).scalars()))


def made(connection: Connection) -> Settled[None, LLMError]:
    ROWS.create(connection, checkfirst=True)
    return Success(None)


def used(database: Database) -> tuple[set[int], set[int], list[LLMError]]:
    """Make a table, keep rows alone and together, read; tell what was said to be kept, what was refused, and every failure."""
    told: list[tuple[int | None, Settled[Any, LLMError]]] = [(None, database.write_now(made))]
    told += [(number, database.write_now(kept(number))) for number in range(3)]
    together = [database.write_soon(kept(number)) for number in range(3, 11)]
    wait(together)
    told += [(number, future.result()) for number, future in enumerate(together, 3)]
    told.append((None, database.read_now(rows)))
    database.close_now()
    well = {number for number, outcome in told if number is not None and isinstance(outcome, Success)}
    refused = {number for number, outcome in told if number is not None and isinstance(outcome, Failure)}
    return well, refused, [outcome.failure() for _, outcome in told if isinstance(outcome, Failure)]


@pytest.fixture
def quick() -> Iterator[Path]:
    """A folder in memory, where there is one: this is no test of a disk."""
    memory = Path("/dev/shm")
    with TemporaryDirectory(prefix="llmm-", dir=memory if memory.is_dir() else None) as name:
        yield Path(name)


def opened(path: Path, plan: Failing) -> Database:
    return open_database(str(path), connect=plan.connect).unwrap()


@pytest.mark.parametrize("fault", ["full", "ioerr", "busy"])
def test_the_nth_call_of_opening_fails(quick: Path, fault: Fault) -> None:
    """It is told, and opened again there is nothing half made."""
    reached = False
    for at in count(1, 3):
        path = quick / f"{at}.db"
        plan = Failing(at=at, fault=fault)
        database = opened(path, plan)
        outcome = database.write_now(made)
        database.close_now()
        assert isinstance(outcome, Success) or outcome.failure().tag == "StorageFailed"
        again = opened(path, Failing())
        assert again.write_now(made) == Success(None)
        again.close_now()
        reached = reached or isinstance(outcome, Failure)
        if not plan.failed:
            assert reached
            return


@pytest.mark.parametrize("lasting", [False, True], ids=["once", "from then on"])
@pytest.mark.parametrize("fault", FAULTS)
def test_the_nth_call_fails(quick: Path, fault: Fault, lasting: bool) -> None:
    """For every n: no exception, nothing lost that was said to be kept, nothing kept that was refused but by a commit that was lost."""
    new = opened(quick / "new.db", Failing())
    assert new.write_now(made) == Success(None)
    new.close_now()
    for at in count(1):
        path = quick / f"{at}.db"
        path.write_bytes((quick / "new.db").read_bytes())
        path.chmod(0o600)
        plan = Failing(at=at, fault=fault, lasting=lasting)
        well, refused, errors = used(opened(path, plan))
        assert all(isinstance(error, StorageFailed) for error in errors), errors
        assert {error.reason for error in errors if isinstance(error, StorageFailed)} <= {REASONS[fault], "other"}
        after = opened(path, Failing())
        assert after.write_now(made) == Success(None)
        found = after.read_now(rows).unwrap()
        assert well <= found, (at, well - found)
        assert fault == "commit lost" or not refused & found, (at, refused & found)
        assert after.write_now(kept(99)) == Success(99)
        after.close_now()
        path.unlink()
        if not plan.failed:
            assert not errors
            assert at > 30
            return


def test_every_fault_is_tried() -> None:
    """The table is whole."""
    assert set(FAULTS) == set(get_args(Fault)) == set(REASONS)
