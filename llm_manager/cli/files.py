"""What a command reads whole: files that are named to it, and the text that is piped into it."""

import os
import stat
from collections.abc import Callable
from io import TextIOWrapper
from pathlib import Path
from typing import Final, TextIO

from returns.result import Failure, Success

from llm_manager.domain.errors import InvalidRequest, LLMError, StorageFailed
from llm_manager.outcomes import Settled

LARGEST: Final = 32 * 1024 * 1024
"""More than this fits no request."""
_SOON_SECONDS: Final = 2.0


def bytes_of(place: str | Path) -> Settled[bytes, LLMError]:
    """A file's bytes, or why there are none, or too many."""
    try:
        with Path(place).open("rb") as file:
            data = file.read(LARGEST + 1)
    except FileNotFoundError:
        return Failure(StorageFailed(message=f"there is no file {place}: check the path", reason="missing"))
    except (OSError, ValueError) as error:
        return Failure(StorageFailed(message=f"{place} cannot be read: {getattr(error, 'strerror', None) or error}", reason="denied"))
    return Success(data) if len(data) <= LARGEST else _too_large(str(place))


def text_of(place: str | Path) -> Settled[str, LLMError]:
    """A file's text, with plain line ends."""
    data = bytes_of(place)
    if isinstance(data, Failure):
        return data
    try:
        return Success(data.unwrap().decode("utf-8-sig").replace("\r\n", "\n"))
    except UnicodeDecodeError:
        return Failure(InvalidRequest(message=f"{place} is not UTF-8: save it as UTF-8"))


def prompt_text(prompt: str) -> Settled[str, LLMError]:
    """The prompt itself, or the text of the file after ``@`` without its last line end; ``@@`` begins one with an ``@``."""
    if not prompt.startswith("@"):
        return Success(prompt)
    if prompt.startswith("@@"):
        return Success(prompt[1:])
    text = text_of(prompt[1:])
    return text if isinstance(text, Failure) else Success(text.unwrap().removesuffix("\n"))


def is_piped(stdin: TextIO) -> bool:
    """Say whether a pipe or a file stands behind a stream: no terminal, no device, nothing that is closed."""
    try:
        mode = os.fstat(stdin.fileno()).st_mode
    except (OSError, ValueError):
        return False
    return stat.S_ISFIFO(mode) or stat.S_ISREG(mode)


def read_stream(stdin: TextIO, tell: Callable[[str], object] = lambda _: None) -> Settled[str, LLMError]:
    """All text of a stream; ``tell`` is told what is waited for when nothing comes at first."""
    if is_piped(stdin) and not _comes_soon(stdin):
        tell("reading standard input until it ends; < /dev/null gives none")
    size = LARGEST + 1
    data = stdin.buffer.read(size) if isinstance(stdin, TextIOWrapper) else stdin.read(size).encode("utf-8", "surrogatepass")
    if len(data) > LARGEST:
        return _too_large("standard input")
    try:
        return Success(data.decode("utf-8-sig").replace("\r\n", "\n"))
    except UnicodeDecodeError as error:
        return Failure(InvalidRequest(message=f"standard input is no UTF-8, at byte {error.start}: send it as UTF-8"))


def _comes_soon(stdin: TextIO) -> bool:
    from select import select

    try:
        return bool(select([stdin.fileno()], [], [], _SOON_SECONDS)[0])
    except (OSError, ValueError):  # where pipes cannot be asked
        return True


def _too_large(what: str) -> Failure[LLMError]:
    return Failure(InvalidRequest(message=f"{what} is larger than {LARGEST >> 20} MB: give a part of it"))
