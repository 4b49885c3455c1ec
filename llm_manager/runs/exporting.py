"""Rows of a kept run as lines of a file: what became of each, or the calls that may have been charged for nothing."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

import msgspec
from returns.result import Failure, Result, Success

from llm_manager.domain.errors import LLMError
from llm_manager.domain.runs import RowState, RunDoubt, RunRow
from llm_manager.outcomes import Settled, sealed
from llm_manager.runs.cells import cell_line
from llm_manager.runs.reading import Form
from llm_manager.runs.rendering import Lines
from llm_manager.services.run_store import RunStore

Record = Mapping[str, Any]

_PAGE: Final = 1000
_ENDED: Final[tuple[RowState, ...]] = ("answered", "failed")
_OF_DOUBTS: Final = ("row", "attempt", "calls", "asked_at", "at_most_usd")
_ENCODER: Final = msgspec.json.Encoder(decimal_format="number")


def export_rows(runs: RunStore, run_id: str, form: Form, *, states: Sequence[RowState] = (), raw: bool = False) -> Lines:
    """The rows of a run in the order they were first asked; ``row`` is their number in the input, from 1."""
    ended = sealed(runs.rows(run_id, limit=1, states=_ENDED))
    if isinstance(ended, Failure):
        yield ended
        return
    model = next((row for _, row in ended.unwrap()), RunRow(key=""))
    pages = _pages(lambda after: runs.rows(run_id, after=after, limit=_PAGE, states=states))
    yield from _written(pages, _row, tuple(_row(model)), form, raw=raw)


def export_doubts(runs: RunStore, run_id: str, form: Form, *, raw: bool = False) -> Lines:
    """Every call of a run that may have been charged for nothing."""
    pages = _pages(lambda after: runs.doubts(run_id, after=after, limit=_PAGE))
    yield from _written(pages, _doubt, _OF_DOUBTS, form, raw=raw)


def _pages(page: "Callable[[int], Result[tuple[tuple[int, Any], ...], LLMError]]") -> "Iterator[Settled[Any, LLMError]]":
    after = 0
    while True:
        found = sealed(page(after))
        if isinstance(found, Failure):
            yield found
            return
        numbered = found.unwrap()
        for number, item in numbered:
            after = number
            yield Success(item)
        if len(numbered) < _PAGE:
            return


def _written(
    items: "Iterator[Settled[Any, LLMError]]", record: Callable[[Any], Record], columns: Sequence[str], form: Form, *, raw: bool
) -> Lines:
    """Items as lines of a file; CSV begins with the names of its columns."""
    if form == "csv":
        yield Success(cell_line(columns, raw=raw))
    for item in items:
        if isinstance(item, Failure):
            yield item
            return
        values = record(item.unwrap())
        if form == "csv":
            yield Success(cell_line([values.get(name) for name in columns], raw=raw))
        else:
            yield Success(_ENCODER.encode(values).decode() + "\n")


def _row(row: RunRow) -> Record:
    """A row's own facts, then the columns it gave; those of rows that have not ended are left out."""
    output = dict(row.output or {})
    cost = output.pop("cost_usd", None)
    return {
        "row": row.place + 1,
        "state": row.state,
        "attempts": row.attempt,
        "error_tag": row.error,
        "cost_usd": row.cost_usd if cost is None else Decimal(str(cost)),
        **output,
    }


def _doubt(doubt: RunDoubt) -> Record:
    return {
        "row": doubt.place + 1,
        "attempt": doubt.attempt,
        "calls": doubt.calls,
        "asked_at": doubt.asked_at,
        "at_most_usd": doubt.worst_usd,
    }
