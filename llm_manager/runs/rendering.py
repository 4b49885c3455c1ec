"""The output's rows as lines: the input's columns, then ours, in input order."""

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from itertools import islice
from typing import Any, Final, TypeAlias

import msgspec
from attrs import field, frozen
from returns.result import Failure, Result, Success

from llm_manager.domain.errors import ConfigurationError, LLMError
from llm_manager.domain.runs import RunRow
from llm_manager.outcomes import Settled, sealed
from llm_manager.runs.cells import cell_line, quoted_cells
from llm_manager.runs.jobs import Job
from llm_manager.runs.outcomes import ABOUT, error_output
from llm_manager.runs.reading import Form, Row

Lines: TypeAlias = Iterator[Settled[str, LLMError]]
Kept: TypeAlias = Callable[[Sequence[str]], Result[Mapping[str, RunRow], LLMError]]
"""Rows as they are kept, by their keys, several at once."""

_FIRST: Final = 16
_AT_ONCE: Final = 256

_ENCODER = msgspec.json.Encoder(decimal_format="number")


@frozen(kw_only=True)
class Layout:
    """The columns of the output: the input's, then ours under ``prefix``. ``raw`` leaves CSV cells to spreadsheets' mercy."""

    form: Form
    columns: tuple[str, ...]
    added: tuple[str, ...]
    prefix: str = ""
    raw: bool = False


def make_layout(job: Job, form: Form, *, prefix: str = "", raw: bool = False) -> Settled[Layout, LLMError]:
    """Refuse columns of one name; nothing of the input is ever overwritten."""
    added = (*job.columns.names, *ABOUT)
    twice = [name for place, name in enumerate(added) if name in added[:place]]
    if twice:
        return Failure(ConfigurationError(message=f"a field may not be called {twice[0]!r}, a column that every output has: rename it"))
    taken = [prefix + name for name in added if prefix + name in job.table.columns]
    if taken:
        return Failure(
            ConfigurationError(
                message=f"{job.table.name} already has a column {taken[0]!r}: rename it, or name the new columns apart, "
                f"such as --prefix {prefix}llm_"
            )
        )
    return Success(Layout(form=form, columns=job.table.columns, added=added, prefix=prefix, raw=raw))


class Rendering:
    """Makes the lines of one output, each row's once, and counts in ``quoted`` the cells it kept spreadsheets from running.

    ``kept`` looks rows up by their keys, hundreds at a time.
    """

    def __init__(self, job: Job, layout: Layout, kept: Kept) -> None:
        self._job = job
        self._layout = layout
        self._kept = kept
        self._rows = job.table.rows()
        self._waiting: deque[_Rendered] = deque()
        self._begun = layout.form != "csv"
        self.quoted = 0

    def ready(self) -> Lines:
        """The lines of the next rows, up to the first row that is not finished yet."""
        size = _FIRST
        while rows := self._next(size):
            outputs = self._outputs(rows)
            if isinstance(outputs, Failure):
                self._waiting.extendleft(reversed(rows))
                return
            for place, row in enumerate(rows):
                output = self._output(row, outputs.unwrap())
                if output is None:
                    self._waiting.extendleft(reversed(rows[place:]))
                    return
                yield from self._header()
                yield self._line(row, output)
            size = min(_AT_ONCE, size * 2)

    def rest(self) -> Lines:
        """The lines of all further rows that are finished; those not yet asked are left out. A failure is the last."""
        yield from self._header()
        while rows := self._next(_AT_ONCE):
            outputs = self._outputs(rows)
            if isinstance(outputs, Failure):
                yield outputs
                return
            for row in rows:
                if isinstance(row.read, Failure):
                    yield row.read
                    return
                output = self._output(row, outputs.unwrap())
                if output is not None:
                    yield self._line(row, output)

    def _next(self, count: int) -> "list[_Rendered]":
        rows = [self._waiting.popleft() for _ in range(min(count, len(self._waiting)))]
        rows.extend(map(self._seen, islice(self._rows, count - len(rows))))
        return rows

    def _seen(self, read: Settled[Row, LLMError]) -> "_Rendered":
        if isinstance(read, Failure):
            return _Rendered(read=read)
        words = self._job.words(read.unwrap())
        if isinstance(words, Failure):
            return _Rendered(read=read, broken=words.failure())
        return _Rendered(read=read, key=self._job.key_of(words.unwrap()))

    def _outputs(self, rows: "Sequence[_Rendered]") -> Settled[Mapping[str, RunRow], LLMError]:
        keys = tuple(dict.fromkeys(row.key for row in rows if row.key is not None))
        return sealed(self._kept(keys)) if keys else Success({})

    def _output(self, row: "_Rendered", kept: Mapping[str, RunRow]) -> Mapping[str, Any] | None:
        if row.broken is not None:
            return error_output(self._job.columns, row.broken)
        known = None if row.key is None else kept.get(row.key)
        return known.output if known is not None and known.state in ("answered", "failed") else None

    def _header(self) -> Lines:
        if not self._begun:
            self._begun = True
            layout = self._layout
            yield self._cells([*layout.columns, *(layout.prefix + name for name in layout.added)])

    def _line(self, rendered: "_Rendered", output: Mapping[str, Any]) -> Settled[str, LLMError]:
        if isinstance(rendered.read, Failure):
            return rendered.read
        row, layout = rendered.read.unwrap(), self._layout
        cost = output.get("cost_usd")
        values = {**output, "cost_usd": None if cost is None else Decimal(str(cost))}
        if layout.form == "csv":
            return self._cells([*map(row.get, layout.columns), *map(values.get, layout.added)])
        ours = {layout.prefix + name: values.get(name) for name in layout.added}
        return Success(_ENCODER.encode({**row, **ours}).decode() + "\n")

    def _cells(self, values: list[Any]) -> Settled[str, LLMError]:
        if not self._layout.raw:
            self.quoted += quoted_cells(values)
        return Success(cell_line(values, raw=self._layout.raw))


@frozen
class _Rendered:
    """A row that was read, with its key, or with why it has none."""

    read: Settled[Row, LLMError] = field()
    key: str | None = None
    broken: LLMError | None = None


def output_lines(job: Job, layout: Layout, kept: Kept) -> Lines:
    """The finished rows, in input order, each a line; those not yet asked are left out. A failure is the last."""
    return Rendering(job, layout, kept).rest()
