"""`llm-manager run`: every row of a file asked, and the answers beside the rows."""

import asyncio
import signal
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

from attrs import evolve, frozen
from cyclopts import Parameter
from cyclopts.types import PositiveInt
from returns.result import Failure, Success

from llm_manager.cells import Cell
from llm_manager.cli.exits import FAILED, INTERRUPTED, OK, error_line, exit_code
from llm_manager.cli.hygiene import escaped
from llm_manager.cli.output import Output
from llm_manager.cli.parsing import Config, Json, MaxTokens, Model, Private, Provider, Route, System, Temperature
from llm_manager.cli.run_preview import preview
from llm_manager.cli.run_progress import Tell, showing
from llm_manager.cli.run_words import Prepared, RunWords, Target, prepare_run
from llm_manager.cli.session import Session, open_session, standard_output
from llm_manager.domain.errors import LLMError
from llm_manager.outcomes import Settled
from llm_manager.runs.memory_log import scratch_run_log
from llm_manager.runs.reporting import Report, report_document, report_lines
from llm_manager.runs.run_log import open_run_log
from llm_manager.runs.running import run_rows
from llm_manager.runs.surveying import Survey, prompts_to_ask, survey
from llm_manager.runs.tallies import Tally
from llm_manager.runs.writing import output_lines, write_whole
from llm_manager.services.run_log import RunLog
from llm_manager.services.world import World

Lines = Iterator[Settled[str, LLMError]]


def run(
    source: Annotated[str, Parameter(help="Rows: a .jsonl or .csv file, or - for standard input.", allow_leading_hyphen=True)],
    /,
    *,
    prompt: Annotated[str, Parameter(help="What to ask, {column} where a value goes; @FILE reads it.", allow_leading_hyphen=True)],
    to: Annotated[
        str,
        Parameter(name=("--output", "-o"), help="A .jsonl or .csv file; - (so by default) is standard output.", allow_leading_hyphen=True),
    ] = "-",
    field: Annotated[
        tuple[str, ...], Parameter(name="--field", negative=(), help="A typed column: score=int|float|bool|str, or mood=happy,sad.")
    ] = (),
    schema: Annotated[Path | None, Parameter(help="Typed columns: a file with the JSON schema of an object.")] = None,
    system: System = None,
    model: Model = None,
    provider: Provider = None,
    strategy: Route = None,
    concurrency: Annotated[PositiveInt | None, Parameter(help="So many rows at once; what the model takes by default.")] = None,
    limit: Annotated[PositiveInt | None, Parameter(help="Only the first rows.")] = None,
    dry_run: Annotated[bool, Parameter(negative=(), help="Show what would be sent, and send nothing.")] = False,
    retry_failed: Annotated[bool, Parameter(negative=(), help="Ask the rows again that failed in an earlier run.")] = False,
    max_tokens: MaxTokens = None,
    temperature: Temperature = None,
    private: Private = False,
    prefix: Annotated[str, Parameter(help="Put this before the name of every new column.")] = "",
    raw: Annotated[bool, Parameter(negative=(), help="Leave CSV cells alone that a spreadsheet would take for formulas.")] = False,
    json: Json = False,
    config: Config = None,
) -> int:
    """Ask a model about every row of a file; run the same again to go on where it stopped."""
    output = standard_output(json=json)
    words = RunWords(
        source=source,
        prompt=prompt,
        target=to,
        system=system,
        model=model,
        provider=provider,
        limit=limit,
        fields=field,
        schema=schema,
        max_tokens=max_tokens,
        temperature=temperature,
        private=private,
        prefix=prefix,
        raw=raw,
    )
    with TemporaryDirectory(prefix="llm-manager-") as scratch:
        prepared = prepare_run(words, stdin=sys.stdin.buffer, scratch=Path(scratch))
        if isinstance(prepared, Failure):
            return output.failure(prepared.failure())
        from llm_manager.real_world import real_world

        world = real_world()
        opened = open_session(output, config=config, strategy=strategy, world=world)
        if isinstance(opened, Failure):
            return output.failure(opened.failure())
        if dry_run:
            return preview(opened.unwrap(), prepared.unwrap(), limit=limit, retry_failed=retry_failed)
        run = Run(session=opened.unwrap(), prepared=prepared.unwrap(), world=world, concurrency=concurrency, retry_failed=retry_failed)
        return run_job(run, Path(scratch))


@frozen(kw_only=True)
class Run:
    """A run that is about to begin."""

    session: Session
    prepared: Prepared
    world: World
    concurrency: int | None = None
    retry_failed: bool = False


def run_job(run: Run, scratch: Path) -> int:
    """Open the log, see what is left, ask it, write the output, tell how it ended; whatever happens, finished rows are kept."""
    output, job, target = run.session.output, run.prepared.job, run.prepared.target
    logged = scratch_run_log(scratch) if target.log is None else open_run_log(target.log)
    if isinstance(logged, Failure):
        return output.failure(logged.failure())
    log = logged.unwrap()
    try:
        found = survey(job, log, retry_failed=run.retry_failed)
        return output.failure(found.failure()) if isinstance(found, Failure) else _asked(run, log, found.unwrap())
    finally:
        log.close()


def _asked(run: Run, log: RunLog, found: Survey) -> int:
    output, job, target = run.session.output, run.prepared.job, run.prepared.target
    tally = Cell(found.tally)
    began = run.world.now()
    stopped: LLMError | None = None
    interrupted = False
    try:
        with showing(output, found.tally, run.world.now) as tell:
            stopped = asyncio.run(_ask(run, found, log, tally, tell))
    except (KeyboardInterrupt, asyncio.CancelledError):
        interrupted = True
    seconds = run.world.now() - began
    if stopped is not None and not tally.read().done:
        return output.failure(stopped)
    empty = interrupted and not tally.read().done
    written = Success(None) if empty else _write(output, target, output_lines(job, run.prepared.layout, log))
    _report(
        output,
        target,
        Report(
            tally=tally.read(),
            seconds=seconds,
            output=str(target.path or "standard output"),
            stopped=stopped,
            interrupted=interrupted,
            again=target.log is not None,
            damaged=log.damaged,
        ),
    )
    if isinstance(written, Failure):
        output.note(error_line(written.failure()))
    if interrupted:
        return INTERRUPTED
    if isinstance(written, Failure) or stopped is not None:
        return exit_code(stopped or written.failure())
    return FAILED if tally.read().failed + tally.read().failed_earlier else OK


async def _ask(run: Run, found: Survey, log: RunLog, tally: Cell[Tally], tell: Tell) -> LLMError | None:
    job = run.prepared.job
    async with run.session.manager as manager:
        task = asyncio.current_task()
        if task is not None:
            with suppress(NotImplementedError, ValueError, RuntimeError):
                asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
        for prompt in prompts_to_ask(job, found, 1):
            ready = await run.session.prepare(evolve(job.request, prompt=prompt))
            if isinstance(ready, Failure):
                return ready.failure()
        return await run_rows(
            job,
            found,
            log,
            generate_all=manager.generate_all,
            run_blocking=run.world.run_blocking,
            tally=tally,
            concurrency=run.concurrency,
            tell=tell,
        )


def _write(output: Output, target: Target, lines: Lines) -> Settled[None, LLMError]:
    if target.path is not None and target.whole:
        return write_whole(target.path, lines)
    if target.path is None:
        return _write_stream(output, lines)
    with target.path.open("w", encoding="utf-8", newline="") as out:
        return _write_stream(Output(out=out, err=output.err), lines)


def _write_stream(output: Output, lines: Lines) -> Settled[None, LLMError]:
    for line in lines:
        if isinstance(line, Failure):
            return line
        output.out.write(escaped(line.unwrap().removesuffix("\n")) + "\n" if output.terminal else line.unwrap())
    output.out.flush()
    return Success(None)


def _report(output: Output, target: Target, report: Report) -> None:
    """Tell how it ended on standard error; as JSON on standard output, unless the rows went there."""
    if report.stopped is not None:
        output.note(error_line(report.stopped))
    if output.json:
        evolve(output, out=output.err if target.path is None else output.out).document(report_document(report))
        return
    for line in report_lines(report):
        output.note(line)
