"""Who works on a run: one process at a time, and nobody once that process is gone, however it went.

Beside a file of SQLite it is a lock on a file of its own for each run (`flock`, which goes with its process), in PostgreSQL an advisory
lock of a connection of its own, in memory a name in a set.
"""

import os
import threading
import weakref
from collections.abc import Callable
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Final, assert_never

from attrs import frozen
from returns.result import Failure, Success
from sqlalchemy import BigInteger, bindparam, text
from sqlalchemy.engine import URL

from llm_manager.domain.errors import ConfigurationError, LLMError, StorageFailed
from llm_manager.locking import can_lock, locked
from llm_manager.outcomes import Settled
from llm_manager.stores.sql.database import Database
from llm_manager.stores.sql.misfortunes import storage_failed
from llm_manager.stores.sql.places import InFile, InMemory, OnServer, read_place
from llm_manager.stores.sql.postgres import postgres_engines

BALLAST_BYTES: Final = 4 * 1024 * 1024
_LEAST_BYTES: Final = 256 * 1024
"""With less room than this no further request leaves."""
_TRIES: Final = 5
_PAUSE_SECONDS: Final = 0.02
"""Who only looks whether somebody works holds the lock for a moment."""


@frozen(kw_only=True)
class Hold:
    """A run that is held. ``held`` says whether it still is in this process; ``roomless`` why nothing more should be asked for;
    ``lighten`` gives the disk room for what is paid already, and says whether there was any to give; ``gone`` is why nothing that is
    written is there for anybody else, where somebody removed the store."""

    release: Callable[[], None]
    gone: Callable[[], LLMError | None] = lambda: None
    held: Callable[[], bool] = lambda: True
    roomless: Callable[[], LLMError | None] = lambda: None
    lighten: Callable[[], bool] = lambda: False


@frozen(kw_only=True)
class RunLocks:
    """``hold`` gives None when another works on it; ``busy`` tells whether somebody does; ``sweep`` removes what a dead
    owner left."""

    hold: Callable[[str], Settled[Hold | None, LLMError]]
    busy: Callable[[str], bool]
    sweep: Callable[[str], None] = lambda _: None


def run_locks(url: str, database: Database) -> RunLocks:
    """The locks of the runs in the database at ``url``."""
    place = read_place(url).value_or(InMemory())
    match place:
        case InMemory():
            return local_locks()
        case InFile(path=path):
            return file_locks(path)
        case OnServer(url=server):
            return postgres_locks(server, database)
        case _:
            assert_never(place)


def local_locks() -> RunLocks:
    """Locks among the threads of this process alone: for what no other process can open."""
    taken: set[str] = set()
    guard = threading.Lock()

    def hold(run_id: str) -> Settled[Hold | None, LLMError]:
        with guard:
            if run_id in taken:
                return Success(None)
            taken.add(run_id)
        return Success(Hold(release=lambda: taken.discard(run_id)))

    return RunLocks(hold=hold, busy=lambda run_id: run_id in taken)


def file_locks(database: Path, *, ballast: int = BALLAST_BYTES) -> RunLocks:
    """A file for each run in a folder beside the database. It is filled with ``ballast`` bytes while the run is held."""
    folder = database.with_name(database.name + ".runs")

    def hold(run_id: str) -> Settled[Hold | None, LLMError]:
        if not can_lock():
            return Failure(
                ConfigurationError(message="a run that is kept in a file needs POSIX locks, which Windows lacks: keep it in PostgreSQL")
            )
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            return Success(_held_file(folder / f"{run_id}.lock", database, ballast))
        except OSError as error:
            return Failure(storage_failed(str(folder), error))

    def busy(run_id: str) -> bool:
        return _is_locked(folder / f"{run_id}.lock", sweep=False)

    def sweep(run_id: str) -> None:
        _is_locked(folder / f"{run_id}.lock", sweep=True)

    return RunLocks(hold=hold, busy=busy, sweep=sweep)


def _is_locked(path: Path, *, sweep: bool) -> bool:
    """Whether somebody holds the file at ``path``; one that nobody holds is removed when told to."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        return False
    try:
        free = locked(descriptor)
        if free and sweep:
            with suppress(OSError):
                path.unlink()
        return not free
    finally:
        os.close(descriptor)


class _HeldFile:
    """An open file with a lock on it. A child of this process lets go of it at once, or it would be held for as long as the child lives."""

    def __init__(self, descriptor: int, path: Path, database: Path) -> None:
        self.descriptor = descriptor
        self._path = path
        self._database = database
        self._light = False
        self._file = _file_at(database)
        _HELD.add(self)

    def hold(self) -> Hold:
        return Hold(release=self.release, held=lambda: self.descriptor >= 0, gone=self.gone, roomless=self.roomless, lighten=self.lighten)

    def release(self) -> None:
        if self.descriptor >= 0:
            with suppress(OSError):
                self._path.unlink()
            self.drop()

    def drop(self) -> None:
        descriptor, self.descriptor = self.descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)

    def gone(self) -> LLMError | None:
        if self._file is None or _file_at(self._database) == self._file:
            return None
        why = "the store is gone: somebody removed or replaced it while this run was kept there"
        return StorageFailed(message=f"{self._database}: {why}", reason="gone")

    def roomless(self) -> LLMError | None:
        with suppress(OSError):
            found = os.statvfs(self._database.parent)
            if self._light or found.f_bavail * found.f_frsize < _LEAST_BYTES:
                return StorageFailed(message=f"{self._database}: no room left; free some and run the same again", reason="full")
        return None

    def lighten(self) -> bool:
        if self._light or self.descriptor < 0:
            return False
        self._light = True
        with suppress(OSError):
            os.ftruncate(self.descriptor, 0)
            os.fsync(self.descriptor)
        return True


def _file_at(path: Path) -> tuple[int, int] | None:
    """Which file has this name now; None where none has."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


_HELD: Final["weakref.WeakSet[_HeldFile]"] = weakref.WeakSet()


def _drop_all() -> None:
    for each in list(_HELD):
        each.drop()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_drop_all)


def _held_file(path: Path, database: Path, ballast: int) -> Hold | None:
    """Hold the file at ``path``, unless another process does. Raises `OSError`."""
    pause = threading.Event()
    for _ in range(_TRIES):
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            if locked(descriptor) and os.fstat(descriptor).st_nlink:
                _fill(descriptor, ballast)
                held, descriptor = _HeldFile(descriptor, path, database), -1
                return held.hold()
        finally:
            if descriptor >= 0:
                os.close(descriptor)
        pause.wait(_PAUSE_SECONDS)
    return None


def _fill(descriptor: int, size: int) -> None:
    """Take so much room on the disk. Raises `OSError` where there is none."""
    if size and hasattr(os, "posix_fallocate"):
        os.posix_fallocate(descriptor, 0, size)
    elif size:
        os.pwrite(descriptor, bytes(size), 0)


_TAKE: Final = text("select pg_try_advisory_lock(:number)").bindparams(bindparam("number", type_=BigInteger))
_SEE: Final = text(
    "select count(*) from pg_locks where locktype = 'advisory' and objsubid = 1 "
    "and cast(classid as bigint) = :high and cast(objid as bigint) = :low"
).bindparams(bindparam("high", type_=BigInteger), bindparam("low", type_=BigInteger))


def postgres_locks(url: URL, database: Database) -> RunLocks:
    """Advisory locks of the server, each held by a connection of its own: they go with it. ``database`` is where they are looked at."""

    def hold(run_id: str) -> Settled[Hold | None, LLMError]:
        connection = Database(database.place, lambda: Success(postgres_engines(url)))
        taken = connection.write_now(lambda line: Success(bool(line.execute(_TAKE, {"number": _number(run_id)}).scalar())))
        if isinstance(taken, Failure) or not taken.unwrap():
            connection.close_now()
        if isinstance(taken, Failure):
            return taken
        return Success(Hold(release=connection.close_now) if taken.unwrap() else None)

    def busy(run_id: str) -> bool:
        whole = _number(run_id) % (1 << 64)
        halves = {"high": whole >> 32, "low": whole & 0xFFFFFFFF}
        seen = database.read_now(lambda line: Success(bool(line.execute(_SEE, halves).scalar())))
        return isinstance(seen, Success) and seen.unwrap()

    return RunLocks(hold=hold, busy=busy)


def _number(run_id: str) -> int:
    return int.from_bytes(sha256(run_id.encode()).digest()[:8], signed=True)
