"""A journal whose end is torn off or garbled costs no row that was committed before. All of them: tests/benchmarks/tearing.py."""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from returns.result import Success

from llm_manager.stores.sql.connecting import open_database
from tests.tearing import Store, copied, harms, violation, written

ROWS = 60


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """In memory, where that can be had."""
    memory = Path("/dev/shm")
    with TemporaryDirectory(prefix="llmm-", dir=memory if memory.is_dir() else None) as name:
        yield Path(name)


@pytest.fixture(scope="module")
def store(folder: Path) -> Store:
    """With a journal that is longer than what is harmed."""
    found = written(folder, ROWS)
    assert len(found.journal) > 65536
    assert len(found.commits) > ROWS
    return found


def test_what_was_committed_before_the_harm_is_there(store: Store, folder: Path) -> None:
    """And nothing else, and the file is whole."""
    assert [found for harm in harms(store, every=173, bits=(0, 5)) if (found := violation(store, harm, folder))] == []


def test_the_check_would_find_a_lost_row(store: Store, folder: Path) -> None:
    """It is no empty one."""
    (harm, *_) = harms(store, last=store.commits[-1] - store.commits[-3], bits=())
    lying = Store(database=store.database, journal=store.journal, rows=store.rows + 1, commits=store.commits)
    assert violation(lying, harm, folder) is not None


def test_a_harmed_store_opens_and_goes_on(store: Store, folder: Path) -> None:
    """As a store, not only as a file of SQLite."""
    for harm in harms(store, every=6011, bits=(3,)):
        database = open_database(str(copied(store, harm, folder / "harmed"))).unwrap()
        count = database.read_now(lambda connection: Success(connection.exec_driver_sql("select count(*) from torn_rows").scalar()))
        assert isinstance(count, Success)
        added = database.write_now(
            lambda connection: Success(connection.exec_driver_sql("insert into torn_rows values (999, '')").rowcount)
        )
        assert added == Success(1)
        database.close_now()
