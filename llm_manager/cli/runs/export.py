"""`llm-manager runs export`: the rows of a kept run in a file, all of them or those that failed, or what may have been charged twice."""

from pathlib import Path
from typing import Final, Literal, TypeAlias

from returns.result import Failure

from llm_manager.cli.exits import OK
from llm_manager.cli.runs.at_hand import meant
from llm_manager.cli.session import Session
from llm_manager.domain.errors import ConfigurationError
from llm_manager.domain.runs import RowState
from llm_manager.policies.plurals import counted
from llm_manager.runs.exporting import export_doubts, export_rows
from llm_manager.runs.reading import Form, form_of
from llm_manager.runs.rendering import Lines
from llm_manager.runs.writing import write_whole
from llm_manager.services.run_store import RunStore

Wanted: TypeAlias = Literal["rows", "failed", "doubts"]

_STATES: Final[tuple[RowState, ...]] = ("failed",)


async def export_run(
    session: Session, runs: RunStore, said: str, *, to: str, wanted: Wanted, form: Form | None, raw: bool, overwrite: bool
) -> int:
    """Write rows of a run to a file, whole or not at all, or to standard output."""
    output = session.output
    found = meant(runs, said)
    if isinstance(found, Failure):
        return output.failure(found.failure())
    run_id = found.unwrap().id
    written_as = form_of(to) or form or ("jsonl" if to == "-" else None)
    if written_as is None:
        return output.failure(
            ConfigurationError(message=f"{to} is neither JSON Lines nor CSV by its name: end it in .jsonl or .csv, or say --format")
        )
    if wanted == "doubts":
        lines = export_doubts(runs, run_id, written_as, raw=raw)
    else:
        lines = export_rows(runs, run_id, written_as, states=_STATES if wanted == "failed" else (), raw=raw)
    if wanted == "failed" and not found.unwrap().counts.failed:
        output.note("no row of it failed")
    if to == "-":
        return _told(session, lines)
    path = Path(to)
    if _taken(path) and not overwrite:
        return output.failure(ConfigurationError(message=f"{to} is there already: choose another output, or say --overwrite"))
    count = _Counted(lines)
    written = write_whole(path, count.lines())
    if isinstance(written, Failure):
        return output.failure(written.failure())
    output.note(f"{counted(count.seen - (written_as == 'csv'), 'row')}: {to}")
    return OK


def _taken(path: Path) -> bool:
    return path.exists()


def _told(session: Session, lines: Lines) -> int:
    for line in lines:
        if isinstance(line, Failure):
            return session.output.failure(line.failure())
        session.output.text(line.unwrap())
    return OK


class _Counted:
    """Lines, and how many there were."""

    def __init__(self, lines: Lines) -> None:
        self._lines = lines
        self.seen = 0

    def lines(self) -> Lines:
        for line in self._lines:
            self.seen += 1
            yield line
