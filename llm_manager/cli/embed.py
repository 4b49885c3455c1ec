"""`llm-manager embed`: a text, or every row of a file, goes out with its vector."""

import asyncio
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Final

import msgspec
from attrs import evolve, frozen
from returns.result import Failure, Success

from llm_manager.cells import Cell
from llm_manager.cli.exits import FAILED, INTERRUPTED, OK, error_line, exit_code
from llm_manager.cli.output import Output
from llm_manager.cli.run.progress import Progress, showing
from llm_manager.cli.session import Session
from llm_manager.domain.errors import ConfigurationError, InvalidRequest, JobLocked, LLMError, StorageFailed
from llm_manager.locking import can_lock, locked
from llm_manager.outcomes import Settled
from llm_manager.policies.plurals import counted
from llm_manager.real_world import real_world
from llm_manager.runs.embedding_rows import EmbeddingJob, Taken, Write, embed_rows, with_spending
from llm_manager.runs.reading import Delimiter, Form, Table, form_of, open_table
from llm_manager.runs.reporting import Report, counts, report_document, took
from llm_manager.runs.taking_over import take_over
from llm_manager.runs.tallies import Tally

_PARTIAL: Final = ".part"


def rows_of(
    source: str, column: str, *, scratch: Path, limit: int | None, form: Form | None, delimiter: Delimiter | None = None
) -> Settled[Table, LLMError]:
    """The rows of a file or of standard input; what is neither is a text, and the one row there is."""
    if not source.strip():
        return Failure(InvalidRequest(message="the text is empty: give it as an argument, or - to read rows from standard input"))
    if source != "-" and form_of(source) is None and not _is_there(source):
        file = scratch / "text.jsonl"
        file.write_bytes(msgspec.json.encode({column: source}))
        source, form = str(file), "jsonl"
    return open_table(source, stdin=sys.stdin.buffer, scratch=scratch, limit=limit, form=form, delimiter=delimiter)


def unfit_target(place: str) -> LLMError | None:
    """Why rows may not go there: nothing that is whole is overwritten."""
    if place == "-":
        return None
    if form_of(place) != "jsonl":
        return ConfigurationError(message=f"{place}: vectors are written as JSON Lines; end the name in .jsonl")
    if _is_there(place):
        return ConfigurationError(message=f"{place} exists: move it away or choose another output")
    part = _partial(Path(place))
    if _is_there(str(part)) and not part.is_file():
        return ConfigurationError(message=f"{part} is no file: move it away or choose another output")
    return None


def embed(session: Session, job: EmbeddingJob, target: Path | None) -> int:
    """Embed every row and tell how it ended; a file gets its name when it is whole, and keeps ``.part`` behind it until then.

    What such a part holds of the same rows is taken over.
    """
    output, now = session.output, real_world().now
    tally, began = Cell(Tally(rows=job.table.count)), now()
    place = None if target is None else _partial(target)
    stopped: LLMError | None = None
    interrupted = False
    try:
        with _writing(output, place, job) as opened:
            if isinstance(opened, Failure):
                return output.failure(opened.failure())
            writing = opened.unwrap()
            taken = writing.taken
            if taken.rows:
                output.note(f"going on after the {counted(taken.rows, 'row')} that {place} holds")
            tally.swap(lambda fresh: evolve(fresh, earlier=taken.rows - taken.failed, failed_earlier=taken.failed))
            with showing(output, tally.read(), now) as progress:
                stopped = asyncio.run(_asked(session, job, writing, tally, progress))
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
    again = place is not None and place != target
    _report(output, Report(tally=ended, seconds=now() - began, output=where, stopped=stopped, interrupted=interrupted, again=again))
    if interrupted:
        return INTERRUPTED
    return exit_code(stopped) if stopped is not None else FAILED if ended.failed + ended.failed_earlier else OK


@frozen
class _Writing:
    """Where rows go, and what is there already."""

    write: Write
    taken: Taken


async def _asked(session: Session, job: EmbeddingJob, writing: _Writing, tally: Cell[Tally], progress: Progress) -> LLMError | None:
    def written(line: str) -> None:
        with progress.aside() if session.output.terminal else nullcontext():
            writing.write(line)

    async with session.manager as manager:
        try:
            return await embed_rows(job, manager.embed, written, tally, progress.tell, taken=writing.taken)
        finally:
            tally.swap(lambda counted: with_spending(counted, manager.stats()))


@contextmanager
def _writing(output: Output, place: Path | None, job: EmbeddingJob) -> Iterator[Settled[_Writing, LLMError]]:
    """Open the place and hold it alone; what a kill left unfinished at its end is cut off. Raises `OSError`."""
    if place is None:
        yield Success(_Writing(output.text, Taken()))
        return
    with place.open("ab") as file:
        if can_lock() and not locked(file.fileno()):
            yield Failure(JobLocked(job=str(place)))
            return
        place.chmod(0o600)
        taken = take_over(place, job)
        if isinstance(taken, Failure):
            yield taken
            return
        file.truncate(taken.unwrap().size)

        def write(line: str) -> None:
            file.write(line.encode())
            file.flush()

        yield Success(_Writing(write, taken.unwrap()))


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
        output.note(f"{counted(tally.left, 'row')} not asked" + ("; run the same again to go on" if report.again else ""))


def _partial(path: Path) -> Path:
    return path.with_name(path.name + _PARTIAL)


def _is_there(place: str) -> bool:
    try:
        return Path(place).exists()
    except (OSError, ValueError):  # a text, too long or too odd for a name
        return False
