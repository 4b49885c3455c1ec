"""What a database driver raised, as a value that says what to do. It holds no value of any statement and no password."""

import errno
import logging
import sqlite3
from collections.abc import Mapping
from concurrent.futures import Future
from typing import Final, Literal, TypeAlias, TypeVar

from returns.result import Failure
from sqlalchemy.exc import SQLAlchemyError

from llm_manager.distribution import install_hint
from llm_manager.domain.errors import LLMError, StorageFailed
from llm_manager.outcomes import Settled

_Value = TypeVar("_Value")
_logger: Final = logging.getLogger(__name__)

Reason: TypeAlias = Literal["full", "denied", "corrupt", "conflict", "missing", "closed", "other"]
_Told: TypeAlias = tuple[Reason, str]

_DENIED: Final = "it may not be read and written: check who owns it and its folder, and their permissions"
_FULL: Final = "there is no room left: free some; what was kept is still there"
_ROOMLESS: Final = frozenset({errno.ENOSPC, errno.EDQUOT})
_DAMAGED: Final = "the file is damaged: put a backup in its place (notes/stores.md), or move it away to begin anew"
_LOGIN: Final = "the server refuses the user or the password"

_SQLITE: Final[Mapping[str, _Told]] = {
    "SQLITE_FULL": ("full", _FULL),
    "SQLITE_READONLY": ("denied", _DENIED),
    "SQLITE_PERM": ("denied", _DENIED),
    "SQLITE_AUTH": ("denied", _DENIED),
    "SQLITE_CANTOPEN": ("denied", _DENIED),
    "SQLITE_NOTADB": ("corrupt", "the file is no SQLite database: let store.url name another"),
    "SQLITE_CORRUPT": ("corrupt", _DAMAGED),
    "SQLITE_BUSY": ("other", "another process has kept it busy for too long: try again when that has ended"),
    "SQLITE_LOCKED": ("other", "another process has kept it busy for too long: try again when that has ended"),
}
_POSTGRES: Final[Mapping[str, _Told]] = {
    "53100": ("full", "the server has no room left"),
    "53300": ("other", "the server has too many connections: raise its max_connections, or end some"),
    "42501": ("denied", "the user may not do that: it needs the right to create a schema, or one called llm_manager that is its own"),
    "28P01": ("denied", _LOGIN),
    "28000": ("denied", _LOGIN),
    "3D000": ("missing", "the server has no such database: create it (createdb), or let store.url name another"),
    "57P01": ("closed", "the server is being shut down"),
    "57P03": ("closed", "the server is starting: try again"),
    "40001": ("conflict", "somebody else wrote at the same time: try again"),
    "40P01": ("conflict", "somebody else wrote at the same time: try again"),
}
_SAID_BY_A_TRIGGER: Final = "P0001"
"""Ours hold no values."""
_AWAY: Final = "the server cannot be reached: is it running, and are host and port right"


def is_misfortune(error: BaseException) -> bool:
    """Whether it is of the databases', the disk's or the network's making, and no bug. What is kept and cannot be read counts."""
    return isinstance(error, SQLAlchemyError | sqlite3.Error | OSError | ValueError) or type(error).__module__.startswith("asyncpg")


def storage_failed(place: str, error: BaseException) -> StorageFailed:
    """Tell what went wrong with the database at ``place``."""
    reason, told = _told(place, error)
    return StorageFailed(message=f"{place}: {told}", reason=reason)


def told_by(future: "Future[Settled[_Value, LLMError]]", place: str) -> Settled[_Value, LLMError]:
    """What became of work that nobody waits for: a bug that it raised is logged, and told as a failure, or its rows would be waited for
    for ever."""
    bug = future.exception()
    if bug is None:
        return future.result()
    _logger.error("work on %s raised", place, exc_info=bug)
    return Failure(storage_failed(place, bug))


def _told(place: str, error: BaseException) -> _Told:
    cause: BaseException = getattr(error, "orig", None) or error
    while cause.__cause__ is not None:  # the drivers' own exceptions are wrapped by the asynchronous dialects
        cause = cause.__cause__
    remote = place.startswith("postgresql")
    if isinstance(cause, sqlite3.Error):
        return _of_sqlite(cause)
    state = getattr(cause, "sqlstate", None)
    if state == _SAID_BY_A_TRIGGER:
        return "denied", str(cause.args[0])
    if isinstance(state, str):
        return _POSTGRES.get(state, ("other", f"the server says {type(cause).__name__} ({state})"))
    if isinstance(cause, ModuleNotFoundError):
        return "other", f"it needs more packages: {install_hint('postgres' if remote else 'store')}"
    if isinstance(cause, OSError):
        return _of_the_machine(cause, remote=remote)
    if isinstance(cause, ValueError) and not isinstance(cause, UnicodeEncodeError):
        return "corrupt", f"what is kept there cannot be read ({type(cause).__name__})"
    return ("closed" if getattr(error, "connection_invalidated", False) else "other"), type(cause).__name__


def _of_sqlite(error: sqlite3.Error) -> _Told:
    name = str(getattr(error, "sqlite_errorname", ""))
    known = next((told for start, told in _SQLITE.items() if name.startswith(start)), None)
    if known is not None:
        return known
    if name.startswith("SQLITE_IOERR"):
        return "other", f"the disk could not be read or written ({name}): is it full, or failing"
    return "other", f"{type(error).__name__}: {error}"


def _of_the_machine(error: OSError, *, remote: bool) -> _Told:
    if remote:
        return "missing", f"{_AWAY} ({error.strerror or type(error).__name__})"
    if isinstance(error, PermissionError):
        return "denied", _DENIED
    if error.errno in _ROOMLESS:
        return "full", _FULL
    if isinstance(error, FileNotFoundError):
        return "missing", "its folder is not there and cannot be made"
    return "other", error.strerror or str(error) or type(error).__name__
