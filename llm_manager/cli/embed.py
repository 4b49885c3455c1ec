"""`llm-manager embed`: a text, or every row of a file, goes out with its vector."""

import asyncio
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Final

import msgspec
from attrs import evolve
from returns.result import Failure

from llm_manager.cells import Cell
from llm_manager.cli.exits import FAILED, INTERRUPTED, OK, error_line, exit_code
from llm_manager.cli.output import Output
from llm_manager.cli.run_progress import Progress, showing
from llm_manager.cli.session import Session
from llm_manager.domain.errors import ConfigurationError, InvalidRequest, LLMError, StorageFailed
from llm_manager.outcomes import Settled
from llm_manager.policies.plurals import counted
from llm_manager.real_world import real_world
from llm_manager.runs.embedding_rows import EmbeddingJob, Write, embed_rows, with_spending
from llm_manager.runs.reading import Form, Table, form_of, open_table
from llm_manager.runs.reporting import Report, counts, report_document, took
from llm_manager.runs.tallies import Tally

_PARTIAL: Final = ".part"


def rows_of(source: str, column: str, *, scratch: Path, limit: int | None, form: Form | None) -> Settled[Table, LLMError]:
    """The rows of a file or of standard input; what is neither is a text, and the one row there is."""
    if not source.strip():
        return Failure(InvalidRequest(message="the text is empty: give it as an argument, or - to read rows from standard input"))
    if source != "-" and form_of(source) is None and not _is_there(source):
        file = scratch / "text.jsonl"
        file.write_bytes(msgspec.json.encode({column: source}))
        source, form = str(file), "jsonl"
    return open_table(source, stdin=sys.stdin.buffer, scratch=scratch, limit=limit, form=form)


def unfit_target(place: str) -> LLMError | None:
    """Why rows may not go there: nothing that exists is overwritten."""
    if place == "-":
        return None
    path = Path(place)
    if form_of(place) != "jsonl":
        return ConfigurationError(message=f"{place}: vectors are written as JSON Lines; end the name in .jsonl")
    for taken in (path, _partial(path)):
        if _is_there(str(taken)):
            return ConfigurationError(message=f"{taken} exists: move it away or choose another output")
    return None


def embed(session: Session, job: EmbeddingJob, target: Path | None) -> int:
    """Embed every row and tell how it ended; a file gets its name when it is whole, and keeps ``.part`` behind it until then."""
    output, now = session.output, real_world().now
    tally, began = Cell(Tally(rows=job.table.count)), now()
    place = None if target is None else _partial(target)
    stopped: LLMError | None = None
    interrupted = False
    try:
        with _writing(output, place) as write, showing(output, tally.read(), now) as progress:
            stopped = asyncio.run(_asked(session, job, write, tally, progress))
        if target is not None and place is not None and stopped is None:
            place = place.rename(target)
    except (KeyboardInterrupt, asyncio.CancelledError):
        interrupted = True
    except OSError as error:
        if place is None:
            raise
        return output.failure(StorageFailed(message=f"{place} cannot be written: {error.strerror}", reason="denied"))
    ended = tally.read()
    if not ended.done and (stopped is not None or interrupted):
        if place is not None:
            place.unlink()
        return INTERRUPTED if stopped is None else output.failure(stopped)
    where = "standard output" if place is None else str(place)
    _report(output, Report(tally=ended, seconds=now() - began, output=where, stopped=stopped, interrupted=interrupted, again=False))
    if interrupted:
        return INTERRUPTED
    return exit_code(stopped) if stopped is not None else FAILED if ended.failed else OK


async def _asked(session: Session, job: EmbeddingJob, write: Write, tally: Cell[Tally], progress: Progress) -> LLMError | None:
    def written(line: str) -> None:
        with progress.aside() if session.output.terminal else nullcontext():
            write(line)

    async with session.manager as manager:
        try:
            return await embed_rows(job, manager.embed, written, tally, progress.tell)
        finally:
            tally.swap(lambda counted: with_spending(counted, manager.stats()))


@contextmanager
def _writing(output: Output, place: Path | None) -> Iterator[Write]:
    if place is None:
        yield output.text
        return
    with place.open("x", encoding="utf-8", newline="") as file:
        place.chmod(0o600)

        def write(line: str) -> None:
            file.write(line)

        yield write


def _report(output: Output, report: Report) -> None:
    """Tell how it ended on standard error; as JSON on standard output, unless the rows went there."""
    tally = report.tally
    if report.stopped is not None:
        output.note(error_line(report.stopped))
    if output.json:
        evolve(output, out=output.err if report.output == "standard output" else output.out).document(report_document(report))
        return
    output.note(f"{counts(tally)} in {report.seconds:.1f} s: {report.output}")
    output.note(", ".join((took(tally), *(f"by {model}" for model in tally.answered_by))))
    for notice in tally.notices:
        output.note(f"note: {notice}")
    for tag, count in tally.failures.items():
        output.note(f"failed {count} x {tag}, such as: {tally.examples[tag]}")
    if tally.left:
        output.note(f"{counted(tally.left, 'row')} not asked")


def _partial(path: Path) -> Path:
    return path.with_name(path.name + _PARTIAL)


def _is_there(place: str) -> bool:
    try:
        return Path(place).exists()
    except (OSError, ValueError):  # a text, too long or too odd for a name
        return False
