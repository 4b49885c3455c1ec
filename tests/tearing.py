"""What is left of a store when the end of its journal was torn off or garbled, as by a loss of power."""

import shutil
import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from attrs import frozen
from returns.result import Success
from sqlalchemy import Column, Connection, Integer, MetaData, Table, Text, insert

from llm_manager.domain.errors import LLMError
from llm_manager.outcomes import Settled
from llm_manager.stores.sql.connecting import open_database
from llm_manager.stores.sql.database import Work

_ROWS: Final = Table("torn_rows", MetaData(), Column("number", Integer, primary_key=True), Column("body", Text, nullable=False))
_HEADER: Final = 32
_FRAME_HEADER: Final = 24


@frozen(kw_only=True)
class Store:
    """A database and its journal, as they are on the disk while ``rows`` rows are committed, each by itself."""

    database: bytes
    journal: bytes
    rows: int
    commits: tuple[int, ...]
    """Where in the journal each commit ends."""


@frozen
class Harm:
    """The journal ends at ``at``; or, when ``bit`` is not None, that bit of the byte there is turned over."""

    at: int
    bit: int | None = None

    def done(self, journal: bytes) -> bytes:
        """The journal afterwards."""
        if self.bit is None:
            return journal[: self.at]
        return journal[: self.at] + bytes([journal[self.at] ^ (1 << self.bit)]) + journal[self.at + 1 :]


def written(folder: Path, rows: int) -> Store:
    """Commit rows one by one, and copy the files before they are closed."""
    path = folder / "whole.db"
    database = open_database(str(path)).unwrap()
    assert database.write_now(_made) == Success(None)
    for number in range(rows):
        assert database.write_now(_added(number)) == Success(number)
    kept, journal = path.read_bytes(), path.with_name("whole.db-wal").read_bytes()
    database.close_now()
    size = _FRAME_HEADER + int.from_bytes(journal[8:12])
    frames = range(_HEADER, len(journal) - size + 1, size)
    commits = tuple(start + size for start in frames if int.from_bytes(journal[start + 4 : start + 8]))
    return Store(database=kept, journal=journal, rows=rows, commits=commits)


def harms(store: Store, *, last: int = 65536, every: int = 1, bits: Iterable[int] = range(8)) -> Iterator[Harm]:
    """Every truncation and every bit of the journal's end, or one in ``every``."""
    chosen = tuple(bits)
    for at in range(max(0, len(store.journal) - last), len(store.journal), every):
        yield Harm(at)
        yield from (Harm(at, bit) for bit in chosen)


def violation(store: Store, harm: Harm, folder: Path) -> str | None:
    """Whether anything is there but the rows whose commit ends before the harm, each as it was written."""
    path = folder / "torn.db"
    for left in folder.glob("torn.db*"):
        left.unlink()
    path.write_bytes(store.database)
    path.with_name("torn.db-wal").write_bytes(harm.done(store.journal))
    frame = harm.at if harm.bit is None else _frame_of(store, harm.at)
    before = sum(end <= frame for end in store.commits)
    expected = store.rows - (len(store.commits) - before)
    connection = sqlite3.connect(path)
    try:
        if connection.execute("pragma integrity_check").fetchone() != ("ok",):
            return f"{harm}: it is not whole"
        found = connection.execute("select number, body from torn_rows order by number").fetchall()
    except sqlite3.Error as error:
        return f"{harm}: {error}"
    finally:
        connection.close()
    wanted = [(number, _body(number)) for number in range(expected)]
    return None if found == wanted else f"{harm}: {len(found)} rows, not {expected}"


def copied(store: Store, harm: Harm, folder: Path) -> Path:
    """The harmed files, to be opened as a store."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700)
    path = folder / "torn.db"
    path.write_bytes(store.database)
    path.with_name("torn.db-wal").write_bytes(harm.done(store.journal))
    return path


def _made(connection: Connection) -> Settled[None, LLMError]:
    _ROWS.create(connection)
    return Success(None)


def _added(number: int) -> Work[int]:
    def work(connection: Connection) -> Settled[int, LLMError]:
        connection.execute(insert(_ROWS), {"number": number, "body": _body(number)})
        return Success(number)

    return work


def _frame_of(store: Store, at: int) -> int:
    """Where the frame begins that a byte is in."""
    size = _FRAME_HEADER + int.from_bytes(store.journal[8:12])
    return _HEADER + (at - _HEADER) // size * size


def _body(number: int) -> str:
    return f"{number}:" + "body " * 300
