"""Rows that a program gives one by one, kept in a file first: a run reads them more than once, and memory stays flat."""

import io
import os
from collections.abc import Iterable, Mapping
from pathlib import Path

import msgspec
from returns.result import Failure

from llm_manager.domain.errors import InvalidRequest, LLMError, StorageFailed
from llm_manager.outcomes import Settled
from llm_manager.policies.value_faults import kind
from llm_manager.runs.reading import Table, open_table


def table_of(rows: object, scratch: Path) -> Settled[Table, LLMError]:
    """The table of a file, or of rows that are written to one in the folder ``scratch``; blocks."""
    if isinstance(rows, str | Path):
        return open_table(str(rows), stdin=io.BytesIO(), scratch=scratch)
    if not isinstance(rows, Iterable):
        return _unfit(f"rows: they are of type {kind(rows)}; give a file, or mappings one by one")
    path, place = scratch / "rows.jsonl", -1  # for their owner alone: a process that is killed leaves them there
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            for place, row in enumerate(rows):
                if not isinstance(row, Mapping):
                    return _unfit(f"rows: row {place} is of type {kind(row)}; give mappings, as dictionaries")
                try:
                    file.write(msgspec.json.encode(dict(row)) + b"\n")
                except (TypeError, ValueError) as problem:
                    return _unfit(f"rows: row {place} has no form in JSON ({str(problem)[:200]})")
    except OSError as error:
        return Failure(StorageFailed(message=f"{path}: {error.strerror}"))
    if place < 0:
        return _unfit("rows: there are none; give at least one")
    return open_table(str(path), stdin=io.BytesIO(), scratch=scratch)


def _unfit(problem: str) -> Settled[Table, LLMError]:
    return Failure(InvalidRequest(message=problem))
