"""Rows that are written soon: in order, once, and what is lost is counted."""

import asyncio
import threading
from collections.abc import Sequence

from returns.result import Failure, Success
from sqlalchemy import Connection

from llm_manager.domain.errors import ConfigurationError, LLMError, StorageFailed
from llm_manager.outcomes import Settled
from llm_manager.stores.sql.database import Database
from llm_manager.stores.sql.queueing import Queueing
from tests.databases import held


class Written:
    """What was written, and how many were lost before each batch; fails as often as it is told."""

    def __init__(self, failures: int = 0) -> None:
        self.items: list[int] = []
        self.lost: list[int] = []
        self.failures = failures
        self.durable = 0

    def write(self, _: Connection, items: Sequence[int], lost: int) -> None:
        if self.failures:
            self.failures -= 1
            raise OSError(5, "no luck")
        self.items += items
        self.lost += [lost] if lost else []

    def heard(self, count: int) -> None:
        self.durable += count


async def put_and_flushed(database: Database, queue: Queueing[int], item: int) -> Settled[None, LLMError]:
    """What a flush says that began before the item was written."""
    with held(database):
        queue.put(item)
        flushing = asyncio.ensure_future(queue.flush())
        await asyncio.sleep(0)
    return await flushing


async def test_items_are_written_in_order_from_any_thread(database: Database) -> None:
    """Each once, and all of them before a flush ends."""
    written = Written()
    queue: Queueing[int] = Queueing(database, written.write, written=written.heard)
    assert await queue.flush() == Success(None)

    def put(start: int) -> None:
        for number in range(start, start + 500):
            queue.put(number)

    threads = [threading.Thread(target=put, args=(start,)) for start in (0, 1000, 2000)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert await queue.flush() == Success(None)
    assert sorted(written.items) == [*range(500), *range(1000, 1500), *range(2000, 2500)]
    for start in (0, 1000, 2000):
        own = [item for item in written.items if start <= item < start + 500]
        assert own == sorted(own)
    assert written.durable == 1500 and not written.lost


async def test_a_batch_that_fails_is_written_with_the_next(database: Database) -> None:
    """A flush says that it could not be; nothing is lost or written twice."""
    written = Written(failures=1)
    queue: Queueing[int] = Queueing(database, written.write)
    assert isinstance(await put_and_flushed(database, queue, 1), Failure)
    queue.put(2)
    assert await queue.flush() == Success(None)
    assert written.items == [1, 2]
    assert await queue.flush() == Success(None)


async def test_what_is_left_over_is_written_by_a_flush_alone(database: Database) -> None:
    """Nobody need put anything more."""
    written = Written(failures=1)
    queue: Queueing[int] = Queueing(database, written.write)
    assert isinstance(await put_and_flushed(database, queue, 1), Failure)
    assert await queue.flush() == Success(None)
    assert written.items == [1]


async def test_beyond_its_bound_items_are_counted_instead_of_kept() -> None:
    """Memory stays flat when a database is away; the loss is told with the next batch."""
    away = True

    def open_engines() -> Failure[ConfigurationError]:
        return Failure(ConfigurationError(message="away" if away else "still away"))

    written = Written()
    queue: Queueing[int] = Queueing(Database("nowhere", open_engines), written.write, most=10)
    for number in range(25):
        queue.put(number)
    outcome = await queue.flush()
    assert isinstance(outcome, Failure)
    assert not written.items
    queue.put(25)
    assert isinstance(await queue.flush(), Failure)


async def test_the_loss_is_told_with_the_next_batch(database: Database) -> None:
    """The number that nobody kept, once."""
    written = Written(failures=2)
    queue: Queueing[int] = Queueing(database, written.write, most=3)
    assert isinstance(await put_and_flushed(database, queue, 0), Failure)
    for number in range(1, 8):
        queue.put(number)
    await queue.flush()
    while isinstance(await queue.flush(), Failure):
        pass
    assert len(written.items) + sum(written.lost) == 8
    assert written.items[0] == 0 and written.items == sorted(written.items)


async def test_a_bug_in_writing_is_told_and_holds_nobody_up(database: Database) -> None:
    """A number that no column takes, as drivers raise it."""

    def write(_: Connection, items: Sequence[int], __: int) -> None:
        raise OverflowError(str(items))

    queue: Queueing[int] = Queueing(database, write)
    queue.put(1)
    assert isinstance((await queue.flush()).failure(), StorageFailed)


async def test_who_leaves_a_flush_holds_up_nobody(database: Database) -> None:
    """Others who wait are told, and what comes later is written."""
    written = Written()
    queue: Queueing[int] = Queueing(database, written.write)
    with held(database):
        queue.put(1)
        leaving, staying = asyncio.ensure_future(queue.flush()), asyncio.ensure_future(queue.flush())
        await asyncio.sleep(0)
        leaving.cancel()
        await asyncio.wait([leaving])
    assert await staying == Success(None)
    queue.put(2)
    assert await queue.flush() == Success(None)
    assert written.items == [1, 2]
