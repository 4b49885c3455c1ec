"""Where a command writes: data to standard output, progress and errors to standard error.

Belongs here: the two streams and what may pass to them. What is written is made by the commands and in `documents`.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, TextIO

from attrs import evolve, frozen

from llm_manager.cli.exits import error_document, error_line, exit_code
from llm_manager.domain.errors import LLMError
from llm_manager.policies.printing import Inside, cleaned, escaped, one_line, printable

_NARROWEST_PANEL = 40
_NARROWEST_COLUMN = 8
_BETWEEN_COLUMNS = 2


@frozen(kw_only=True)
class Output:
    """The two streams. On a terminal nothing passes that it would obey; in a pipe data passes unchanged.

    A ``quiet`` one writes no notes: what is told for programs stands alone on standard error, since data goes to standard output.
    """

    out: TextIO
    err: TextIO
    json: bool = False
    quiet: bool = False

    @property
    def terminal(self) -> bool:
        """Say whether a person reads the data."""
        return self.out.isatty()

    def text(self, text: str) -> None:
        """Write a whole text, ended by a line end."""
        shown = printable(text) if self.terminal else text
        self._write(shown if shown.endswith("\n") else shown + "\n")

    def pieces(self) -> Callable[[str], None]:
        """A writer of one text in pieces, each shown at once; an escape sequence split over pieces is one."""
        if not self.terminal:
            return self._write
        inside: Inside = "text"

        def write(piece: str) -> None:
            nonlocal inside
            inside, shown = cleaned(inside, piece)
            self._write(shown)

        return write

    def document(self, document: Any) -> None:
        """Write one JSON document: on one line in a pipe, indented on a terminal."""
        if self.terminal:
            self._write(escaped(json.dumps(document, ensure_ascii=False, indent=2)) + "\n")
        else:
            self._write(json.dumps(document, ensure_ascii=False, separators=(",", ":")) + "\n")

    def table(self, headings: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
        """Write a table: drawn on a terminal, or row below row where that is too narrow; lines of tab-separated cells in a pipe."""
        if not self.terminal:
            for row in (headings, *rows):
                self._write("\t".join(map(one_line, row)) + "\n")
            return
        from rich.console import Console
        from rich.table import Table
        from rich.text import Text

        console = Console(file=self.out, highlight=False)
        told = [tuple(map(one_line, row)) for row in rows]
        if _too_narrow(headings, told, console.width):
            for row in told:
                self._write("".join(_below(headings, row)))
            return
        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
        for heading, whole in zip(headings, _whole(headings, told, console.width), strict=True):
            table.add_column(heading, overflow="fold", no_wrap=whole)
        for row in told:
            table.add_row(*map(Text, row))
        console.print(table)

    def panels(self, panels: Sequence[tuple[str, str, str]]) -> None:
        """Write texts with a title above and a line below each: on a terminal side by side where there is room, else one by one."""
        if not self.terminal:
            for number, (title, text, below) in enumerate(panels):
                self._write("\n" * bool(number) + f"== {one_line(title)}\n{text.rstrip()}\n-- {one_line(below)}\n")
            return
        from rich.console import Console
        from rich.panel import Panel
        from rich.table import Table
        from rich.text import Text

        console = Console(file=self.out, highlight=False)
        drawn = [
            Panel(Text(printable(text).rstrip()), title=Text(one_line(title)), subtitle=Text(one_line(below)), title_align="left")
            for title, text, below in panels
        ]
        if len(drawn) * _NARROWEST_PANEL > console.width:
            for panel in drawn:
                console.print(panel)
            return
        grid = Table.grid(expand=True)
        for _ in drawn:
            grid.add_column(ratio=1)
        grid.add_row(*drawn)
        console.print(grid)

    def note(self, text: str) -> None:
        """Tell the person something that is no data, on one line."""
        if self.quiet:
            return
        self.err.write(one_line(text) + "\n")
        self.err.flush()

    def failure(self, error: LLMError) -> int:
        """Tell the error, as a line and, for programs, as the document they wait for; give the exit code."""
        self.note(error_line(error))
        if self.quiet:
            evolve(self, out=self.err).document(error_document(error))
        elif self.json:
            self.document(error_document(error))
        return exit_code(error)

    def _write(self, text: str) -> None:
        self.out.write(text)
        self.out.flush()


def _too_narrow(headings: Sequence[str], rows: Sequence[Sequence[str]], width: int) -> bool:
    """Say whether there is not even a little room for every column."""
    return bool(rows) and sum(_narrowest(each) for each in _widths(headings, rows)) - _BETWEEN_COLUMNS > width


def _below(headings: Sequence[str], row: Sequence[str]) -> Iterator[str]:
    """A row as lines: what it is of, then all that is said of that."""
    yield f"{row[0]}\n"
    room = max(map(len, headings[1:]), default=0)
    yield from (f"  {heading:<{room}}  {cell}\n" for heading, cell in zip(headings[1:], row[1:], strict=True) if cell)


def _widths(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> list[int]:
    from rich.cells import cell_len

    return [max(map(cell_len, (heading, *(row[place] for row in rows)))) for place, heading in enumerate(headings)]


def _narrowest(width: int) -> int:
    return min(width, _NARROWEST_COLUMN) + _BETWEEN_COLUMNS


def _whole(headings: Sequence[str], rows: Sequence[Sequence[str]], width: int) -> list[bool]:
    """Which columns of single words, such as names, can be kept unbroken while a little room is left to every other."""
    widths = _widths(headings, rows)
    room = width - sum(map(_narrowest, widths))
    whole: list[bool] = []
    for place, each in enumerate(widths):
        more = max(0, each - _NARROWEST_COLUMN)
        whole.append(more <= room and not any(" " in row[place] for row in rows))
        room -= more if whole[-1] else 0
    return whole
