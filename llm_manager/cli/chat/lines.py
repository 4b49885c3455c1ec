"""Where a chat gets what is typed: a terminal with history and several lines, or any stream, line by line."""

import os
import sys
from collections.abc import Callable, Coroutine, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, TextIO, TypeAlias

from llm_manager.services.world import World

ReadText: TypeAlias = Callable[[], Coroutine[Any, Any, str | None]]
"""Gives the next text that was typed; None at the end, an empty one when it was thrown away."""

HISTORY: Final = "chat-history"
_QUOTES: Final = '"""'
_LONGEST: Final = 1_000_000


def plain_lines(stream: TextIO, world: World) -> ReadText:
    """Texts of a stream: a line each, or more where a backslash ends it or quotes are round it."""

    async def line() -> str | None:
        read = await world.run_apart(lambda: stream.readline(_LONGEST))
        return read.removesuffix("\n").removesuffix("\r") if read else None

    async def read() -> str | None:
        first = await line()
        if first is None:
            return None
        if first.strip() == _QUOTES:
            return "\n".join(await _until_quotes(line))
        said = [first]
        while said[-1].endswith("\\"):
            said[-1] = said[-1][:-1]
            more = await line()
            if more is None:
                break
            said.append(more)
        return "\n".join(said)

    return read


def terminal_lines(history: Path | None, environ: Mapping[str, str]) -> ReadText | None:
    """Texts of the terminal, with the history of a file, or one that is forgotten; None where there is no such terminal."""
    if environ.get("TERM", "dumb") == "dumb" and sys.platform != "win32":
        return None
    try:
        from prompt_toolkit import PromptSession
        from prompt_toolkit.history import FileHistory, InMemoryHistory
    except ModuleNotFoundError:
        return None
    kept = FileHistory(str(history)) if history is not None else InMemoryHistory()
    session: PromptSession[str] = PromptSession(history=kept, multiline=True, key_bindings=_bindings(), enable_open_in_editor=False)

    async def read() -> str | None:
        try:
            return await session.prompt_async("> ", prompt_continuation="  ")
        except KeyboardInterrupt:
            return ""
        except EOFError:
            return None

    return read


def history_file(folder: Path) -> Path | None:
    """The file of what was typed, for its owner alone and no link; None where there can be none."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_NOFOLLOW", 0)
    path = folder / HISTORY
    with suppress(OSError):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(path, flags, 0o600)
        try:
            if hasattr(os, "fchmod"):
                os.fchmod(descriptor, 0o600)
        finally:
            os.close(descriptor)
        return path
    return None


async def _until_quotes(line: Callable[[], Coroutine[Any, Any, str | None]]) -> list[str]:
    said: list[str] = []
    while (more := await line()) is not None and more.strip() != _QUOTES:
        said.append(more)
    return said


def _bindings() -> Any:
    """Enter sends, unless a backslash stands before it or quotes are open; Alt-Enter begins a new line."""
    from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent

    bindings = KeyBindings()

    @bindings.add("enter")
    def _(event: KeyPressEvent) -> None:
        buffer = event.current_buffer
        if buffer.document.text_before_cursor.endswith("\\"):
            buffer.delete_before_cursor()
            buffer.insert_text("\n")
        elif buffer.text.startswith(_QUOTES) and not (len(buffer.text) > len(_QUOTES) and buffer.text.rstrip().endswith(_QUOTES)):
            buffer.insert_text("\n")
        else:
            buffer.text = buffer.text.strip().removeprefix(_QUOTES).removesuffix(_QUOTES)
            buffer.validate_and_handle()

    @bindings.add("escape", "enter")
    def _(event: KeyPressEvent) -> None:
        event.current_buffer.insert_text("\n")

    return bindings
