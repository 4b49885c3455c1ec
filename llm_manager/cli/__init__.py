"""The command line: parsing and rendering, no decisions.

Belongs here: words in, text or JSON out, exit codes. Does not: anything a program embedding the library would want.
Importing this package loads next to nothing: `main` does, when it runs, where Ctrl-C is no traceback.
"""

import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from io import TextIOWrapper

_PARSER_PARTS = frozenset({"cyclopts", "rich"})


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and give its exit code."""
    try:
        _open_streams()
        _lenient_streams()
        return _run(list(sys.argv[1:] if argv is None else argv))
    except KeyboardInterrupt:
        sys.stderr.write("interrupted\n")
        return 130
    except BrokenPipeError:
        _abandon_output()
        return 1
    except OSError as error:
        _abandon_output()
        sys.stderr.write(f"error: {error.strerror or type(error).__name__}\n")
        return 1


def _run(words: list[str]) -> int:
    if words == ["--version"]:
        from llm_manager.cli.version import installed_version

        sys.stdout.write(installed_version() + "\n")
        sys.stdout.flush()
        return 0
    try:
        from llm_manager.cli.parsing import parse_and_run
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in _PARSER_PARTS:
            raise
        from llm_manager.distribution import install_hint

        sys.stderr.write(f"error: the command line needs more packages: {install_hint('cli')}\n")
        return 2
    return parse_and_run(words)


def _abandon_output() -> None:
    """Let the interpreter's last flush succeed though nobody reads."""
    with suppress(OSError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _open_streams() -> None:
    """Give each standard stream that the caller closed to nowhere, so that no file or connection gets its number."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115, PTH123 - open until the process ends


def _lenient_streams() -> None:
    """Make every text writable: what the terminal's encoding lacks is spelled out, and pipes hold UTF-8 as it is."""
    if isinstance(sys.stdin, TextIOWrapper) and not sys.stdin.isatty():
        sys.stdin.reconfigure(encoding="utf-8")
    for stream in (sys.stdout, sys.stderr):
        if not isinstance(stream, TextIOWrapper):
            continue
        if stream.isatty():
            stream.reconfigure(errors="backslashreplace")
        else:
            stream.reconfigure(encoding="utf-8", errors="backslashreplace", newline="\n")
