"""Asking a person before something that cannot be taken back: where nobody is there, nobody is asked."""

from typing import Final, TextIO

from llm_manager.cli.output import Output
from llm_manager.policies.printing import one_line

_YES: Final = ("y", "yes")


def may_ask(output: Output, terminal: TextIO) -> bool:
    """Say whether a person is there to be asked."""
    return terminal.isatty() and output.err.isatty()


def agreed(output: Output, terminal: TextIO, question: str) -> bool:
    """Ask, and say whether the answer was yes."""
    output.err.write(f"{one_line(question)} [y/N] ")
    output.err.flush()
    return terminal.readline().strip().lower() in _YES
