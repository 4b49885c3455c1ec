"""Anchors of the audit trail in a file of their own: one line each, only ever added to."""

import os
from pathlib import Path
from typing import Final

import msgspec
from returns.result import Failure, Success

from llm_manager.domain.audit import Anchor
from llm_manager.domain.errors import LLMError, StorageFailed
from llm_manager.outcomes import Settled

_ADDING: Final = os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)


class _Line(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    rows: int
    digest: str
    at: float


_LINE: Final = msgspec.json.Decoder(_Line)


def add_anchor(place: Path, anchor: Anchor) -> Settled[None, LLMError]:
    """Add one line, durable when it returns; the file is its owner's alone."""
    line = msgspec.json.encode(_Line(rows=anchor.rows, digest=anchor.digest, at=anchor.at)) + b"\n"
    try:
        descriptor = os.open(place, _ADDING, 0o600)
        try:
            os.write(descriptor, line)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        return _failed(place, error, "written")
    return Success(None)


def read_anchors(place: Path) -> Settled[tuple[Anchor | None, ...], LLMError]:
    """Every anchor of a file, None for a line that is none; a file that is not there is a failure."""
    try:
        lines = place.read_bytes().splitlines()
    except OSError as error:
        return _failed(place, error, "read")
    return Success(tuple(map(_read, lines)))


def _read(line: bytes) -> Anchor | None:
    try:
        read = _LINE.decode(line)
    except ValueError:
        return None
    return Anchor(rows=read.rows, digest=read.digest, at=read.at)


def _failed(place: Path, error: OSError, done: str) -> "Failure[LLMError]":
    message = f"the anchors in {place} cannot be {done}: {error.strerror}"
    return Failure(StorageFailed(message=message, reason="missing" if isinstance(error, FileNotFoundError) else "denied"))
