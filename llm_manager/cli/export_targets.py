"""Where an export may be written: never over another file unasked, never through a link, and in a folder never outside it."""

import os
import re
import stat
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Final

from returns.result import Failure, Success

from llm_manager.domain.errors import ConfigurationError, LLMError, StorageFailed
from llm_manager.outcomes import Settled

_PLAIN: Final = re.compile(r"[a-z0-9_][a-z0-9_-]{0,63}")
"""In one case, since some systems know but one."""
_DEVICES: Final = frozenset({"con", "prn", "aux", "nul", *(f"{kind}{number}" for kind in ("com", "lpt") for number in range(10))})
_NO_LINKS: Final = getattr(os, "O_NOFOLLOW", 0)
_FOLDER: Final = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0)


def file_name_for(conversation_id: str, ending: str) -> str:
    """A name in a folder for what has this id: the id itself when it is plain, else a digest of it, so that no id is ever a path.

    >>> file_name_for("holiday-2026", ".md"), file_name_for("../../etc/passwd", ".md")
    ('holiday-2026.md', 'conversation-3754d6cb3a38e118.md')
    """
    if _PLAIN.fullmatch(conversation_id) and conversation_id not in _DEVICES:
        return conversation_id + ending
    return f"conversation-{sha256(conversation_id.encode('utf-8', 'surrogatepass')).hexdigest()[:16]}{ending}"


def write_target(path: Path, text: str, *, overwrite: bool) -> Settled[None, LLMError]:
    """Write a file for its owner alone: a new one, or in place of a regular file when ``overwrite`` says so; never through a link."""
    try:
        folder = os.open(path.parent, _FOLDER) if os.open in os.supports_dir_fd else None
    except (OSError, ValueError) as error:
        return _unwritten(path, error)
    try:
        return _write_in(folder, path, text, overwrite=overwrite)
    finally:
        if folder is not None:
            os.close(folder)


def _write_in(folder: int | None, path: Path, text: str, *, overwrite: bool) -> Settled[None, LLMError]:
    """All is done by names in the open folder, so that nothing that is moved meanwhile leads elsewhere; where there is no such thing,
    by whole paths."""

    def place(name: str) -> str:
        return name if folder is not None else str(path.parent / name)

    final = place(path.name)
    written = place(f".{path.name[:100]}.{os.getpid()}.part") if overwrite else final
    try:
        if overwrite and not _may_replace(folder, final):
            return Failure(ConfigurationError(message=f"{path} is a link or no regular file: choose another output"))
        descriptor = os.open(written, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _NO_LINKS, 0o600, dir_fd=folder)
    except FileExistsError:
        return Failure(ConfigurationError(message=f"{path} is there already: choose another output, or say --overwrite"))
    except (OSError, ValueError) as error:
        return _unwritten(path, error)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", errors="backslashreplace", newline="") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        if overwrite:
            os.replace(written, final, src_dir_fd=folder, dst_dir_fd=folder)
    except OSError as error:
        with suppress(OSError):
            os.unlink(written, dir_fd=folder)
        return _unwritten(path, error)
    return Success(None)


def _may_replace(folder: int | None, name: str) -> bool:
    try:
        return stat.S_ISREG(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode)
    except FileNotFoundError:
        return True


def _unwritten(path: Path, error: Exception) -> Failure[LLMError]:
    why = getattr(error, "strerror", None) or error
    missing = isinstance(error, FileNotFoundError)
    return Failure(StorageFailed(message=f"{path} cannot be written: {why}", reason="missing" if missing else "denied"))
