"""What an earlier embedding of the same rows left behind, so that the next goes on from there and pays for nothing twice."""

from pathlib import Path
from typing import Any

import msgspec
from attrs import evolve
from returns.result import Failure, Success

from llm_manager.domain.errors import ConfigurationError, LLMError
from llm_manager.outcomes import Settled
from llm_manager.policies.plurals import counted
from llm_manager.runs.embedding_rows import ADDED, EmbeddingJob, Taken
from llm_manager.runs.reading import Row

_LINE = msgspec.json.Decoder(dict[str, Any])


def take_over(place: Path, job: EmbeddingJob) -> Settled[Taken, LLMError]:
    """Compare a file's rows with the first rows of the input; a last line that was torn is no row. Raises `OSError`."""
    taken = Taken()
    rows = job.table.rows()
    with place.open("rb") as file:
        for line in file:
            if not line.endswith(b"\n"):
                break
            held = _read(line)
            if held is None:
                return _unfit(place, f"line {taken.rows + 1} is none that an embedding of ours wrote")
            row = next(rows, None)
            if row is None:
                return _unfit(place, f"it holds more than the {counted(job.table.count, 'row')} of {job.table.name}")
            if isinstance(row, Failure):
                return row
            if not _same(held, row.unwrap()):
                return _unfit(place, f"its row {taken.rows + 1} is not that of {job.table.name}")
            vector = held["vector"]
            taken = evolve(
                taken,
                rows=taken.rows + 1,
                failed=taken.failed + (vector is None),
                size=taken.size + len(line),
                model=held["model"] or taken.model,
                length=taken.length if vector is None else len(vector),
            )
    return Success(taken)


def _read(line: bytes) -> dict[str, Any] | None:
    try:
        held = _LINE.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    fine = isinstance(held.get("vector"), list | None) and isinstance(held.get("model"), str | None)
    return held if fine and all(name in held for name in ADDED) else None


def _same(held: dict[str, Any], row: Row) -> bool:
    return {name: value for name, value in held.items() if name not in ADDED} == row


def _unfit(place: Path, problem: str) -> Settled[Taken, LLMError]:
    return Failure(
        ConfigurationError(
            message=f"{place} is no beginning of this: {problem}; give the input it began with, or move it away to begin anew"
        )
    )
