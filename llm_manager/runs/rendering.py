"""The output's rows as lines: the input's columns, then ours, in input order."""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

import msgspec
from attrs import frozen
from returns.result import Failure, Success

from llm_manager.domain.errors import ConfigurationError, LLMError
from llm_manager.outcomes import Settled
from llm_manager.runs.cells import cell_line, quoted_cells
from llm_manager.runs.jobs import Job
from llm_manager.runs.outcomes import ABOUT, error_output
from llm_manager.runs.reading import Form, Row
from llm_manager.services.run_log import RunLog

Lines = Iterator[Settled[str, LLMError]]

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
    """Makes the lines of one output, each row's once, and counts in ``quoted`` the cells it kept spreadsheets from running."""

    def __init__(self, job: Job, layout: Layout, log: RunLog) -> None:
        self._job = job
        self._layout = layout
        self._log = log
        self._rows = job.table.rows()
        self._waiting: Settled[Row, LLMError] | None = None
        self._begun = layout.form != "csv"
        self.quoted = 0

    def ready(self) -> Lines:
        """The lines of the next rows, up to the first row that is not finished yet."""
        while (outcome := self._next()) is not None:
            line = self._line(outcome)
            if line is None or isinstance(line, Failure):
                self._waiting = outcome
                return
            yield from self._header()
            yield line

    def rest(self) -> Lines:
        """The lines of all further rows that are finished; those not yet asked are left out. A failure is the last."""
        yield from self._header()
        while (outcome := self._next()) is not None:
            line = self._line(outcome)
            if line is not None:
                yield line
            if isinstance(line, Failure):
                return

    def _next(self) -> Settled[Row, LLMError] | None:
        outcome, self._waiting = self._waiting, None
        return next(self._rows, None) if outcome is None else outcome

    def _header(self) -> Lines:
        if not self._begun:
            self._begun = True
            layout = self._layout
            yield self._cells([*layout.columns, *(layout.prefix + name for name in layout.added)])

    def _line(self, outcome: Settled[Row, LLMError]) -> Settled[str, LLMError] | None:
        if isinstance(outcome, Failure):
            return outcome
        row, layout = outcome.unwrap(), self._layout
        output = self._output(row)
        if output is None:
            return None
        cost = output.get("cost_usd")
        values = {**output, "cost_usd": None if cost is None else Decimal(str(cost))}
        if layout.form == "csv":
            return self._cells([*map(row.get, layout.columns), *map(values.get, layout.added)])
        ours = {layout.prefix + name: values.get(name) for name in layout.added}
        return Success(_ENCODER.encode({**row, **ours}).decode() + "\n")

    def _output(self, row: Row) -> Mapping[str, Any] | None:
        words = self._job.words(row)
        if isinstance(words, Failure):
            return error_output(self._job.columns, words.failure())
        known = self._log.claim(self._job.key_of(words.unwrap()))
        return None if known is None else known.output

    def _cells(self, values: list[Any]) -> Settled[str, LLMError]:
        if not self._layout.raw:
            self.quoted += quoted_cells(values)
        return Success(cell_line(values, raw=self._layout.raw))


def output_lines(job: Job, layout: Layout, log: RunLog) -> Lines:
    """The finished rows, in input order, each a line; those not yet asked are left out. A failure is the last."""
    return Rendering(job, layout, log).rest()
