"""The command line: parsing and rendering, no decisions.

Belongs here: words in, text or JSON out, exit codes. Does not: anything a program embedding the library would want.
Importing this package loads neither the parser nor the renderer: `main` does, when it runs.
"""

import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from io import TextIOWrapper

from llm_manager.cli.version import installed_version
from llm_manager.distribution import install_hint

_PARSER_PARTS = frozenset({"cyclopts", "rich"})


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and give its exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    _lenient_streams()
    try:
        if words == ["--version"]:
            sys.stdout.write(installed_version() + "\n")
            sys.stdout.flush()
            return 0
        return _run(words)
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
    try:
        from llm_manager.cli.parsing import parse_and_run
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in _PARSER_PARTS:
            raise
        sys.stderr.write(f"error: the command line needs more packages: {install_hint('cli')}\n")
        return 2
    return parse_and_run(words)


def _abandon_output() -> None:
    """Let the interpreter's last flush succeed though nobody reads."""
    with suppress(OSError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


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
