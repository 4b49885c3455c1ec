"""A database at any place: what is written is read, what fails leaves nothing, from any thread and any loop."""

import asyncio
import gc
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, wait
from pathlib import Path
from typing import Any

import pytest
from returns.result import Failure, Success
from sqlalchemy import Column, Connection, Integer, MetaData, Table, delete, func, insert, select

from llm_manager.domain.errors import LLMError, StorageFailed
from llm_manager.outcomes import Settled
from llm_manager.stores.sql.connecting import open_database
from llm_manager.stores.sql.database import Database, Work
from tests.databases import held
from tests.servers import Postgres

PIECES = Table("pieces", MetaData(), Column("number", Integer, primary_key=True, autoincrement=False))
REFUSAL = StorageFailed(message="no", reason="conflict")


def made(connection: Connection) -> Settled[None, LLMError]:
    PIECES.create(connection)
    return Success(None)


def numbers(connection: Connection) -> Settled[list[int], LLMError]:
    return Success(list(connection.execute(select(PIECES.c.number).order_by(PIECES.c.number)).scalars()))


def added(number: int) -> Work[int]:
    def work(connection: Connection) -> Settled[int, LLMError]:
        connection.execute(insert(PIECES), {"number": number})
        return Success(number)

    return work


def half_done(connection: Connection) -> Settled[int, LLMError]:
    connection.execute(insert(PIECES), {"number": -1})
    return Failure(REFUSAL)


def broken(connection: Connection) -> Settled[int, LLMError]:
    connection.execute(insert(PIECES), {"number": -2})
    raise ZeroDivisionError


@pytest.fixture
def pieces(database: Database) -> Database:
    """A database with a table."""
    assert database.write_now(made) == Success(None)
    return database


async def test_what_is_written_is_read(pieces: Database) -> None:
    """At every place, awaited or not."""
    assert await pieces.write(added(1)) == Success(1)
    assert pieces.write_now(added(2)) == Success(2)
    assert pieces.write_soon(added(3)).result() == Success(3)
    assert await pieces.read(numbers) == pieces.read_now(numbers) == Success([1, 2, 3])


async def test_a_failure_undoes_what_its_work_did(pieces: Database) -> None:
    """And is handed back as it is."""
    assert await pieces.write(half_done) == Failure(REFUSAL)
    assert await pieces.read(numbers) == Success([])


async def test_a_bug_is_raised_where_its_outcome_is_waited_for(pieces: Database) -> None:
    """And undoes what its work did."""
    with pytest.raises(ZeroDivisionError):
        await pieces.write(broken)
    with pytest.raises(ZeroDivisionError):
        pieces.read_now(lambda _: Success(1 // 0))
    assert await pieces.read(numbers) == Success([])


@pytest.mark.parametrize("bad", [half_done, broken, added(3)], ids=["failure", "bug", "refused row"])
async def test_a_group_is_done_without_the_piece_that_fails(pieces: Database, bad: Work[int]) -> None:
    """The others are done, in their order, whichever it was."""
    held = threading.Event()
    blocked = pieces.write_soon(lambda _: Success(held.wait(30)))
    works = [added(number) for number in range(20)]
    works[13:13] = [bad]
    waiting: list[Future[Any]] = [pieces.write_soon(work) for work in works]
    held.set()
    blocked.result()
    wait(waiting)
    told = [each.exception() or each.result() for each in waiting]
    assert [each for number, each in enumerate(told) if number != 13] == [Success(number) for number in range(20)]
    assert isinstance(told[13], Failure | ZeroDivisionError)
    assert await pieces.read(numbers) == Success(list(range(20)))


def test_reads_go_on_without_the_one_that_fails(pieces: Database) -> None:
    """Each is told as soon as it is done."""
    pieces.write_now(added(1))
    works: list[Work[Any]] = [
        numbers,
        lambda _: Failure(REFUSAL),
        lambda _: Success(1 // 0),
        numbers,
        lambda c: Success(c.execute(select(_NOWHERE))),
    ]
    told: list[Any] = []
    for work in works:
        future: Future[Any] = pieces._put(work, write=False)
        wait([future])
        told.append(future.exception() or future.result())
    assert told[0] == told[3] == Success([1])
    assert told[1] == Failure(REFUSAL)
    assert isinstance(told[2], ZeroDivisionError)
    assert isinstance(told[4], Failure)
    assert isinstance(told[4].failure(), StorageFailed)


_NOWHERE = Table("nowhere", MetaData(), Column("number", Integer))


def test_threads_and_loops_share_one(pieces: Database) -> None:
    """Forty threads, each with a loop of its own."""

    def one(number: int) -> None:
        async def both() -> None:
            assert await pieces.write(added(number)) == Success(number)
            assert number in (await pieces.read(numbers)).unwrap()

        asyncio.run(both())

    threads = [threading.Thread(target=one, args=(number,)) for number in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert pieces.read_now(numbers) == Success(list(range(40)))


async def test_what_nobody_waits_for_any_more_is_done_all_the_same(pieces: Database) -> None:
    """A cancelled caller does not undo a write."""
    held = threading.Event()
    blocked = pieces.write_soon(lambda _: Success(held.wait(30)))
    task = asyncio.create_task(pieces.write(added(5)))
    await asyncio.sleep(0)
    task.cancel()
    held.set()
    await asyncio.wrap_future(blocked)
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (await pieces.write(added(6))) == Success(6)
    assert await pieces.read(numbers) == Success([5, 6])


async def test_closing_does_what_is_in_line_and_using_opens_again(lasting_url: str) -> None:
    """Closing twice, or before anything was done, is nothing."""
    others = threads_of_stores()
    database = open_database(lasting_url).unwrap()
    await database.close()
    database.write_now(made)
    waiting = [database.write_soon(added(number)) for number in range(50)]
    await database.close()
    await database.close()
    assert [each.result(0) for each in waiting] == [Success(number) for number in range(50)]
    assert await database.read(numbers) == Success(list(range(50)))
    database.close_now()
    until(lambda: threads_of_stores() <= others)


async def test_who_leaves_while_it_closes_leaves_it_closing(lasting_url: str) -> None:
    """And work in line is done."""
    database = open_database(lasting_url).unwrap()
    database.write_now(made)
    with held(database):
        waiting = database.write_soon(added(1))
        session = database._session
        closing = asyncio.ensure_future(database.close())
        await asyncio.sleep(0)
        closing.cancel()
        await asyncio.wait([closing])
    assert session is not None and session.close().result(60) is None
    assert waiting.result(0) == Success(1)
    assert database.read_now(numbers) == Success([1])
    database.close_now()


def threads_of_stores() -> set[threading.Thread]:
    return {thread for thread in threading.enumerate() if thread.name.startswith("llm-manager store")}


def test_one_that_is_forgotten_leaves_no_thread_behind(lasting_url: str) -> None:
    """Though it was never closed."""
    others = threads_of_stores()
    database = open_database(lasting_url).unwrap()
    assert database.write_now(made) == Success(None)
    assert database.read_now(numbers) == Success([])
    assert not threads_of_stores() <= others
    del database
    gc.collect()
    until(lambda: threads_of_stores() <= others)


def until(holds: Callable[[], bool]) -> None:
    last = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < last
        time.sleep(0.01)


def test_a_database_that_cannot_be_opened_is_tried_again(tmp_path: Path) -> None:
    """Everybody in line is told why."""
    path = tmp_path / "store.db"
    path.write_bytes(b"this is no database" * 100)
    database = open_database(str(path)).unwrap()
    told = [database.write_soon(made) for _ in range(10)] + [database._put(numbers, write=False) for _ in range(10)]
    errors = [each.result(30).failure() for each in told]
    assert all(isinstance(error, StorageFailed) and error.reason == "corrupt" for error in errors)
    path.unlink()
    assert database.write_now(made) == Success(None)
    database.close_now()


def test_a_server_that_comes_back_is_used_again(postgres_server: Postgres, postgres_url: str) -> None:
    """Work that met the broken connection is done on a new one."""
    database = open_database(postgres_url).unwrap()
    assert database.write_now(made) == Success(None)
    assert database.read_now(numbers) == Success([])
    for number in range(3):
        postgres_server.say("select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'llm-manager'")
        assert database.write_now(added(number)) == Success(number)
        assert database.read_now(numbers) == Success(list(range(number + 1)))
    database.close_now()


_AT_EXIT = """
import sys
from returns.result import Success
from sqlalchemy import text
from llm_manager.stores.sql.connecting import open_database
database = open_database(sys.argv[1]).unwrap()
database.write_now(lambda c: Success(c.execute(text("create table pieces (number integer primary key)")).rowcount))
for number in range(500):
    database.write_soon(lambda c, number=number: Success(c.execute(text("insert into pieces values (:n)"), {"n": number}).rowcount))
"""


def test_what_is_in_line_when_the_program_ends_is_written(lasting_url: str) -> None:
    """Without anybody closing."""
    ran = subprocess.run([sys.executable, "-c", _AT_EXIT, lasting_url], capture_output=True, text=True, check=False, timeout=60)
    assert (ran.returncode, ran.stderr) == (0, "")
    database = open_database(lasting_url).unwrap()
    assert database.read_now(lambda c: Success(c.execute(select(func.count()).select_from(PIECES)).scalar())) == Success(500)
    database.close_now()


_TOO_LATE = """
import atexit, sys
from returns.result import Success
from llm_manager.stores.sql.connecting import open_database
database = open_database(sys.argv[1]).unwrap()
atexit.register(lambda: print(database.write_now(lambda c: Success(None))))
"""


def test_who_comes_when_the_program_is_ending_gets_an_outcome(lasting_url: str) -> None:
    """Either way: newer Pythons begin no thread any more."""
    ran = subprocess.run([sys.executable, "-c", _TOO_LATE, lasting_url], capture_output=True, text=True, check=False, timeout=60)
    assert ran.stdout.strip() == "<Success: None>" or "the program is ending" in ran.stdout, ran.stderr


_FORKED = """
import os, sys
from returns.result import Success
from sqlalchemy import text
from llm_manager.stores.sql.connecting import open_database
database = open_database(sys.argv[1]).unwrap()
def done(number): return lambda c: Success(c.execute(text("insert into pieces values (:n)"), {"n": number}).rowcount)
database.write_now(lambda c: Success(c.execute(text("create table pieces (number integer primary key)")).rowcount))
database.read_now(lambda c: Success(None))
children = []
for child in range(3):
    pid = os.fork()
    if not pid:
        for number in range(10):
            assert isinstance(database.write_now(done(100 + 10 * child + number)), Success)
        database.close_now()
        sys.exit(0)
    children.append(pid)
for number in range(10):
    assert isinstance(database.write_now(done(number)), Success)
assert [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in children] == [0, 0, 0]
assert isinstance(database.write_now(done(50)), Success)
print(database.read_now(lambda c: Success(c.execute(text("select count(*) from pieces")).scalar())))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_forked_processes_open_connections_of_their_own(lasting_url: str) -> None:
    """And the parent's go on, whatever a child closes."""
    ran = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", _FORKED, lasting_url], capture_output=True, text=True, check=False, timeout=60
    )
    assert (ran.stdout.strip(), ran.stderr) == ("<Success: 41>", "")


def test_who_only_reads_changes_nothing(lasting_url: str) -> None:
    """Whatever he tries."""
    database = open_database(lasting_url).unwrap()
    database.write_now(made)
    refused = database.read_now(added(1))
    assert isinstance(refused, Failure)
    assert isinstance(refused.failure(), StorageFailed)
    assert database.read_now(numbers) == Success([])
    database.close_now()


def test_a_reader_sees_one_moment(lasting_url: str) -> None:
    """What is written meanwhile is for the next."""
    database = open_database(lasting_url).unwrap()
    database.write_now(made)

    def twice(connection: Connection) -> Settled[tuple[list[int], list[int]], LLMError]:
        before = numbers(connection).unwrap()
        assert database.write_now(added(1)) == Success(1)
        return Success((before, numbers(connection).unwrap()))

    assert database.read_now(twice) == Success(([], []))
    assert database.read_now(numbers) == Success([1])
    database.close_now()


def test_memory_is_one_for_readers_and_writers() -> None:
    """And gone when it is closed."""
    database = open_database(":memory:").unwrap()
    database.write_now(made)
    database.write_now(added(1))
    assert database.read_now(numbers) == Success([1])
    database.close_now()
    assert isinstance(database.read_now(numbers), Failure)
    database.close_now()


def test_deleting_is_durable_too(pieces: Database) -> None:
    """What a group undoes is not read by anybody."""
    pieces.write_now(added(1))
    assert isinstance(pieces.write_now(lambda c: Success(c.execute(delete(PIECES)).rowcount)), Success)
    assert pieces.read_now(numbers) == Success([])
