"""The output: every finished row in input order, written whole or not at all."""

import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
from attrs import frozen
from returns.result import Failure, Success

from llm_manager.domain.errors import ConfigurationError, LLMError, StorageFailed
from llm_manager.outcomes import Settled
from llm_manager.runs.cells import cell_line
from llm_manager.runs.outcomes import ABOUT, error_output
from llm_manager.runs.prompting import fill
from llm_manager.runs.reading import Form
from llm_manager.runs.surveying import Job
from llm_manager.services.run_log import RunLog

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


def output_lines(job: Job, layout: Layout, log: RunLog) -> Iterator[Settled[str, LLMError]]:
    """The finished rows, in input order, each a line; those not yet asked are left out. A failure is the last."""
    if layout.form == "csv":
        yield Success(cell_line([*layout.columns, *(layout.prefix + name for name in layout.added)], raw=layout.raw))
    for outcome in job.table.rows():
        if isinstance(outcome, Failure):
            yield outcome
            return
        row = outcome.unwrap()
        filled = fill(job.prompt, row)
        if isinstance(filled, Failure):
            output: Mapping[str, Any] = error_output(job.columns, filled.failure())
        else:
            known = log.claim(job.key(filled.unwrap()))
            if known is None:
                continue
            output = known.output
        cost = output.get("cost_usd")
        values = {**output, "cost_usd": None if cost is None else Decimal(str(cost))}
        if layout.form == "csv":
            yield Success(cell_line([*map(row.get, layout.columns), *map(values.get, layout.added)], raw=layout.raw))
        else:
            ours = {layout.prefix + name: values.get(name) for name in layout.added}
            yield Success(_ENCODER.encode({**row, **ours}).decode() + "\n")


def write_whole(path: Path, lines: Iterable[Settled[str, LLMError]]) -> Settled[None, LLMError]:
    """Write a file so that its name shows either what was there before or all of this.

    A new file is for its owner alone; one that is replaced keeps its mode.
    """
    kept: Path | None = None
    try:
        mode = path.stat().st_mode & 0o777 if path.exists() else 0o600
        descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        kept = Path(name)
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file:
            kept.chmod(mode)
            for line in lines:
                if isinstance(line, Failure):
                    return line
                file.write(line.unwrap())
            file.flush()
            os.fsync(descriptor)
        kept.replace(path)
        kept = None
    except OSError as error:
        return Failure(StorageFailed(message=f"{path} could not be written ({error.strerror}); the finished rows are kept in the run log"))
    finally:
        if kept is not None:
            with suppress(OSError):
                kept.unlink()
    return Success(None)
