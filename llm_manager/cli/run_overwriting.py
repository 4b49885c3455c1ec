"""What a run would take out of the file it writes to: answers that were paid for, and that it does not give again."""

from io import BytesIO
from itertools import islice
from pathlib import Path
from typing import Any

from returns.result import Failure, Success

from llm_manager.cli.run_words import Prepared
from llm_manager.domain.errors import ConfigurationError, LLMError
from llm_manager.policies.plurals import counted
from llm_manager.runs.cells import cell
from llm_manager.runs.reading import Row, Table, open_table
from llm_manager.runs.surveying import Survey

_LOOKED_AT = 100


def held_by(prepared: Prepared, scratch: Path) -> Table | None:
    """The rows that the output file holds from an earlier run; None when it holds none that can be read."""
    path = prepared.target.path
    if path is None or not prepared.target.whole or not path.exists():
        return None
    held = open_table(str(path), stdin=BytesIO(), scratch=scratch, form=prepared.layout.form)
    return None if isinstance(held, Failure) else held.unwrap()


def overwriting(prepared: Prepared, found: Survey, held: Table | None) -> LLMError | None:
    """Why this run may not replace the file: most of what that holds was asked otherwise. A few rows that changed may go."""
    if held is None or not found.strangers or held.count <= 2 * found.known:
        return None
    return ConfigurationError(
        message=f"{prepared.target.path} holds {counted(held.count, 'answer')} of an earlier run, and {_difference(prepared, held)}: "
        "choose another output with -o, or say --overwrite to replace them"
    )


def strangers_line(found: Survey) -> str:
    """What is left aside of the run log, in words."""
    belong = "belongs" if found.strangers == 1 else "belong"
    return f"{counted(found.strangers, 'earlier answer')} {belong} to other settings or other rows, and will not be used"


def shrinking(prepared: Prepared, limit: int | None, held: Table | None) -> LLMError | None:
    """Why a run over the first rows only may not replace an output that holds more: those others would be gone from it."""
    rows = prepared.job.table.count
    if limit is None or held is None or held.count <= rows:
        return None
    return ConfigurationError(
        message=f"{prepared.target.path} holds {counted(held.count, 'row')}, and --limit {limit} would leave {rows} of them: "
        "leave --limit out, choose another output with -o, or say --overwrite"
    )


def _difference(prepared: Prepared, held: Table) -> str:
    """What this run does not share with the earlier one, as far as the file tells."""
    layout = prepared.layout
    theirs = [name for name in held.columns if name not in (*layout.columns, *(layout.prefix + name for name in layout.added))]
    if theirs:
        return f"it has other columns than this run gives ({', '.join(theirs[:5])})"
    first = next(held.rows(), None)
    if isinstance(first, Success):
        told = [first.unwrap().get(name) for name in layout.columns]
        rows = islice(prepared.job.table.rows(), _LOOKED_AT)
        if any(isinstance(row, Success) and _cells(prepared, held, row.unwrap()) == told for row in rows):
            return "this one asks the same rows otherwise (the prompt, what is said before it, the model or a preference differs)"
    return "this one asks other rows"


def _cells(prepared: Prepared, held: Table, row: Row) -> list[Any]:
    values = map(row.get, prepared.layout.columns)
    return [cell(value, raw=prepared.layout.raw) for value in values] if held.form == "csv" else list(values)
