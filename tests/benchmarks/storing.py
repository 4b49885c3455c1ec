"""What the store costs: ``python -m tests.benchmarks.storing [URL]``. The driver alone is measured beside it."""

import asyncio
import sqlite3
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from returns.result import Success
from sqlalchemy import Column, Connection, Integer, MetaData, Table, Text, bindparam, insert, select

from llm_manager.domain.errors import LLMError
from llm_manager.outcomes import Settled
from llm_manager.stores.sql.connecting import open_database
from llm_manager.stores.sql.database import Database, Work

ROWS = Table("measured_rows", MetaData(), Column("number", Integer, primary_key=True, autoincrement=False), Column("body", Text))
INSERT = insert(ROWS)
SELECT = select(ROWS.c.body).where(ROWS.c.number == bindparam("number"))
BODY = "x" * 2000
WRITERS, EACH, READS = 64, 100, 3000


def made(connection: Connection) -> Settled[None, LLMError]:
    ROWS.drop(connection, checkfirst=True)
    ROWS.create(connection)
    return Success(None)


def kept(number: int) -> Work[None]:
    def work(connection: Connection) -> Settled[None, LLMError]:
        connection.execute(INSERT, {"number": number, "body": BODY})
        return Success(None)

    return work


def found(number: int) -> Work[str]:
    return lambda connection: Success(connection.execute(SELECT, {"number": number}).scalar_one())


async def measured(database: Database) -> tuple[float, float, float]:
    """Microseconds for a row by many writers, for one by one writer, and for a read."""
    await database.write(made)

    async def writer(first: int) -> None:
        for number in range(first, first + EACH):
            await database.write(kept(number))

    began = time.perf_counter()
    await asyncio.gather(*(writer(first * EACH) for first in range(WRITERS)))
    many = (time.perf_counter() - began) / (WRITERS * EACH)
    began = time.perf_counter()
    for number in range(200):
        await database.write(kept(1_000_000 + number))
    one = (time.perf_counter() - began) / 200
    await database.read(found(0))
    began = time.perf_counter()
    for number in range(READS):
        await database.read(found(number))
    return many * 1e6, one * 1e6, (time.perf_counter() - began) / READS * 1e6


def driver_alone(path: Path) -> tuple[float, float]:
    """Microseconds for a row in groups of as many, and for a read, by the driver with nothing around it."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("pragma journal_mode=wal")
    connection.execute("pragma synchronous=full")
    connection.execute("create table rows (number integer primary key, body text)")
    began = time.perf_counter()
    for first in range(EACH):
        connection.execute("begin immediate")
        for number in range(WRITERS):
            connection.execute("insert into rows values (?, ?)", (first * WRITERS + number, BODY))
        connection.execute("commit")
    many = (time.perf_counter() - began) / (WRITERS * EACH)
    began = time.perf_counter()
    for number in range(READS):
        connection.execute("select body from rows where number = ?", (number,)).fetchone()
    read = (time.perf_counter() - began) / READS
    connection.close()
    return many * 1e6, read * 1e6


def opening(url: str) -> tuple[float, float]:
    """Milliseconds to make a store, and to open one that is there."""
    took = []
    for _ in range(2):
        began = time.perf_counter()
        database = open_database(url).unwrap()
        database.read_now(lambda _: Success(None))
        took.append((time.perf_counter() - began) * 1e3)
        database.close_now()
    return took[0], took[1]


def main(url: str | None = None) -> None:
    with TemporaryDirectory() as name:
        place = f"{name}/store.db" if url is None else url
        new, there = opening(place)
        database = open_database(place).unwrap()
        many, one, read = asyncio.run(measured(database))
        database.close_now()
        least, least_read = driver_alone(Path(name) / "alone.db")
    print(f"made in {new:.0f} ms, opened in {there:.1f} ms")
    print(f"{WRITERS} writers: {many:.0f} us a row, {many / least:.1f} times SQLite's driver alone in such groups")
    print(f"one writer: {one:.0f} us a row")
    print(f"read: {read:.0f} us, where the driver alone takes {least_read:.1f} us")


if __name__ == "__main__":
    main(*sys.argv[1:])
