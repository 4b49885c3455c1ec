"""A run log in a file: checksummed JSON Lines, only ever added to, held by one process at a time.

Each line carries a digest of itself, so that a line cut or garbled by a crash is seen. What follows the last good line
is cut off before anything is added: a record written after a torn one would be lost with it.
"""

import errno
import os
import stat
import threading
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from attrs import evolve
from returns.result import Failure, Success

from llm_manager.domain.errors import ConfigurationError, JobLocked, LLMError, StorageFailed
from llm_manager.outcomes import Settled
from llm_manager.runs.offsets import Offsets
from llm_manager.runs.records import read, written
from llm_manager.services.run_log import RunLog, RunRow

_TITLE: Final = b'{"run_log":1,"process":'
_HEADER: Final = len(_TITLE) + len(b"%10d}\n" % 0)
_FULL: Final = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_BLOCK: Final = 65536
_sync = getattr(os, "fdatasync", os.fsync)


def open_run_log(path: Path) -> Settled[RunLog, LLMError]:
    """Open or make the log, hold it alone, and cut off a torn end."""
    if not can_lock():
        return Failure(
            ConfigurationError(
                message="a run that can be resumed needs POSIX file locks, which Windows lacks: use -o - for standard output"
            )
        )
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        return Failure(_refused(path, error))
    file = _File(descriptor, path)
    try:
        if locked(descriptor) and not os.fstat(descriptor).st_nlink:  # who held it has just removed it
            file.close()
            return open_run_log(path)
        if not locked(descriptor):
            owner = file.owner()
            file.close()
            return Failure(JobLocked(job=str(path), owner=owner))
        problem = file.begin()
    except OSError as error:
        problem = _refused(path, error)
    if problem is not None:
        file.close()
        return Failure(problem)
    return Success(file.log())


def peek_run_log(path: Path) -> Settled[RunLog, LLMError]:
    """What the log holds now, for reading only; one that does not exist, or could not here, is empty."""
    if not can_lock():
        return Success(_nothing())
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except FileNotFoundError:
        return Success(_nothing())
    except OSError as error:
        return Failure(_refused(path, error))
    file = _File(descriptor, path)
    try:
        problem = file.scan()
    except OSError as error:
        problem = _refused(path, error)
    if problem is not None:
        file.close()
        return Failure(problem)
    log = file.log()
    return Success(evolve(log, settle=_only_read))


class _File:
    """The open file, where each record is in it, and where the next one goes."""

    def __init__(self, descriptor: int, path: Path) -> None:
        self._descriptor = descriptor
        self._path = path
        self._lock = threading.Lock()
        self._offsets = Offsets()
        self._end = _HEADER
        self._damaged = 0

    def log(self) -> RunLog:
        return RunLog(
            claim=self.claim,
            settle=self.settle,
            rows=self.rows,
            close=self.close,
            forget=self.forget,
            damaged=self._damaged,
            count=len(self._offsets),
        )

    def owner(self) -> str | None:
        header = os.pread(self._descriptor, _HEADER, 0)
        number = header[len(_TITLE) : -2].strip()
        return f"process {number.decode()}" if header.startswith(_TITLE) and number.isdigit() else None

    def begin(self) -> LLMError | None:
        """Read what is there, cut off what is torn, and put our name in the header."""
        if stat.S_IMODE(os.fstat(self._descriptor).st_mode) != 0o600:
            os.fchmod(self._descriptor, 0o600)
        problem = self.scan()
        if problem is not None:
            return problem
        os.pwrite(self._descriptor, _TITLE + b"%10d}\n" % os.getpid(), 0)
        os.ftruncate(self._descriptor, self._end)
        os.fsync(self._descriptor)
        _sync_folder(self._path.parent)
        return None

    def scan(self) -> LLMError | None:
        """Find every good record; a bad one before a good one is damaged, those after the last are a torn end."""
        header = os.pread(self._descriptor, _HEADER, 0)
        if not header.startswith(_TITLE[: len(header)]):
            return StorageFailed(message=f"{self._path} is no run log: move it away or choose another output", reason="corrupt")
        bad = 0
        offset = _HEADER
        with os.fdopen(os.dup(self._descriptor), "rb", buffering=_BLOCK) as file:
            file.seek(offset)
            for line in file:
                record = read(line)
                if record is None:
                    bad += 1
                else:
                    self._damaged, bad = self._damaged + bad, 0
                    self._offsets.put(record.key, offset)
                    self._end = offset + len(line)
                offset += len(line)
        return None

    def claim(self, key: str) -> RunRow | None:
        with self._lock:
            offset = self._offsets.get(key)
            if offset is None:
                return None
            record = read(self._line(offset))
        return record if record is not None and record.key == key else None

    def settle(self, rows: Sequence[RunRow]) -> Settled[None, LLMError]:
        lines = [written(row) for row in rows]
        with self._lock:
            try:
                self._append(b"".join(lines))
            except OSError as error:
                with suppress(OSError):
                    os.ftruncate(self._descriptor, self._end)
                return Failure(_refused(self._path, error))
            for row, line in zip(rows, lines, strict=True):
                self._offsets.put(row.key, self._end)
                self._end += len(line)
        return Success(None)

    def rows(self) -> Iterator[RunRow]:
        offset = _HEADER
        while offset < self._end:
            line = self._line(offset)
            if not line:
                return
            record = read(line)
            if record is not None and self._offsets.get(record.key) == offset:
                yield record
            offset += len(line)

    def forget(self) -> None:
        with self._lock, suppress(OSError):
            if self._end == _HEADER and self._descriptor >= 0:
                self._path.unlink()

    def close(self) -> None:
        with self._lock:
            if self._descriptor >= 0:
                os.close(self._descriptor)
                self._descriptor = -1

    def _append(self, data: bytes) -> None:
        rest = memoryview(data)
        offset = self._end
        while rest:
            size = os.pwrite(self._descriptor, rest, offset)
            rest, offset = rest[size:], offset + size
        _sync(self._descriptor)

    def _line(self, offset: int) -> bytes:
        parts: list[bytes] = []
        while block := os.pread(self._descriptor, min(_BLOCK, 4096 << len(parts)), offset):
            head, end, _ = block.partition(b"\n")
            parts.append(head + end)
            if end:
                break
            offset += len(block)
        return b"".join(parts)


def _nothing() -> RunLog:
    return RunLog(claim=lambda _: None, settle=_only_read, rows=lambda: iter(()), close=lambda: None)


def _only_read(_: Sequence[RunRow]) -> Settled[None, LLMError]:
    return Failure(StorageFailed(message="this log is open for reading only", reason="closed"))


def can_lock() -> bool:
    """Say whether this system has the locks that a log in a file needs."""
    try:
        import fcntl  # noqa: F401 - its presence is the question
    except ModuleNotFoundError:
        return False
    return True


def locked(descriptor: int) -> bool:
    """Hold an open file alone until it is closed; False when another does."""
    import fcntl

    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _sync_folder(folder: Path) -> None:
    """Make a new file's name durable, where folders can be."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _refused(path: Path, error: OSError) -> LLMError:
    if error.errno in _FULL:
        return StorageFailed(message=f"{path}: no room left; free some and run the same again", reason="full")
    if error.errno == errno.ENOENT:
        return StorageFailed(message=f"there is no folder {path.parent}: make it first", reason="missing")
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return StorageFailed(message=f"{path} may not be written: choose another output or change its permissions", reason="denied")
    if error.errno == errno.ELOOP:
        return StorageFailed(message=f"{path} is a link: move it away or choose another output", reason="denied")
    return StorageFailed(message=f"{path}: {error.strerror or type(error).__name__}")
