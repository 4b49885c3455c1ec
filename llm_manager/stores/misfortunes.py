"""What a database driver raised, as a value that says what to do."""

from collections.abc import Mapping
from typing import Final, Literal, TypeAlias

from llm_manager.domain.errors import StorageFailed

Reason: TypeAlias = Literal["full", "denied", "corrupt", "conflict", "missing", "closed", "other"]

_BY_NAME: Final[Mapping[str, Reason]] = {
    "SQLITE_FULL": "full",
    "SQLITE_READONLY": "denied",
    "SQLITE_PERM": "denied",
    "SQLITE_AUTH": "denied",
    "SQLITE_CANTOPEN": "denied",
    "SQLITE_CORRUPT": "corrupt",
    "SQLITE_NOTADB": "corrupt",
    "53100": "full",
    "42501": "denied",
    "28P01": "denied",
    "28000": "denied",
    "3D000": "missing",
    "57P01": "closed",
}


def storage_failed(place: str, error: BaseException) -> StorageFailed:
    """Tell what went wrong with the database at ``place``; the values of statements are never told."""
    cause = getattr(error, "orig", None) or error
    while cause.__cause__ is not None:  # the drivers' own exceptions are wrapped by the asynchronous dialects
        cause = cause.__cause__
    name = str(getattr(cause, "sqlite_errorname", None) or getattr(cause, "sqlstate", None) or "")
    reason: Reason = next((reason for start, reason in _BY_NAME.items() if name.startswith(start)), "other")
    told = f"{type(cause).__name__}: {cause}" if name or isinstance(cause, OSError) else type(cause).__name__
    return StorageFailed(message=f"{place}: {told}", reason=reason)
