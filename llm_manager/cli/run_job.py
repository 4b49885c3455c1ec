"""A run from its first look at the log to its report; whatever happens, finished rows are kept."""

import asyncio
import signal
from pathlib import Path

from attrs import evolve
from returns.result import Failure, Success

from llm_manager.cells import Cell
from llm_manager.cli.exits import FAILED, INTERRUPTED, OK, TERMINATED, error_line, exit_code
from llm_manager.cli.output import Output
from llm_manager.cli.run_asking import Asking, Run
from llm_manager.cli.run_consent import withheld
from llm_manager.cli.run_output import Sink, sink_for
from llm_manager.cli.run_overwriting import overwriting, strangers_line
from llm_manager.cli.run_progress import showing
from llm_manager.cli.run_stopping import Stopping
from llm_manager.cli.run_words import Target
from llm_manager.cli.waits import waiting_words
from llm_manager.domain.errors import LLMError
from llm_manager.runs.memory_log import scratch_run_log
from llm_manager.runs.rendering import Rendering
from llm_manager.runs.reporting import Report, pause_line, report_document, report_lines
from llm_manager.runs.run_log import open_run_log
from llm_manager.runs.surveying import Survey, survey
from llm_manager.services.run_log import RunLog


def run_job(run: Run, scratch: Path) -> int:
    """Open the log, see what is left, ask it, write the output, tell how it ended. Raises `OSError` when nobody takes the rows."""
    output, job, target = run.session.output, run.prepared.job, run.prepared.target
    logged = scratch_run_log(scratch) if target.log is None else open_run_log(target.log)
    if isinstance(logged, Failure):
        return output.failure(logged.failure())
    log = logged.unwrap()
    try:
        found = survey(job, log, retry_failed=run.retry_failed)
        return output.failure(found.failure()) if isinstance(found, Failure) else _output(run, log, found.unwrap())
    finally:
        if target.path is None or not target.path.exists():
            log.forget()
        log.close()


def _output(run: Run, log: RunLog, found: Survey) -> int:
    output, prepared = run.session.output, run.prepared
    refused = overwriting(prepared, found, run.held)
    if refused is not None:
        return output.failure(refused)
    if found.strangers and found.requests:
        output.note(strangers_line(found))
    if run.consent is not None and (code := withheld(run.session, prepared.job, found, run.consent)) is not None:
        return code
    rendering = Rendering(prepared.job, prepared.layout, log)
    with sink_for(prepared.target, output, rendering, run.world.run_blocking) as opened:
        if isinstance(opened, Failure):
            return output.failure(opened.failure())
        return _asked(run, log, found, rendering, opened.unwrap())


def _asked(run: Run, log: RunLog, found: Survey, rendering: Rendering, sink: Sink) -> int:
    output, target = run.session.output, run.prepared.target
    tally = Cell(found.tally)
    stopping = Stopping(run.door, run.world)
    asking = Asking(run=run, found=found, log=log, tally=tally, sink=sink, stopping=stopping)
    began = run.world.now()
    stopped: LLMError | None = None
    interrupted = False
    try:
        with showing(output, found.tally, run.world.now, lambda: waiting_words(run.session.manager.standing())) as progress:
            stopped = asyncio.run(asking.ask(progress))
    except (KeyboardInterrupt, asyncio.CancelledError):
        interrupted = sink.broken is None
    seconds = run.world.now() - began
    ended = tally.read()
    if stopped is not None and not (asking.begun.read() and (ended.done or ended.in_vain)):
        code = output.failure(stopped)
        if (pause := pause_line(stopped)) is not None:
            output.note(pause)
        return code
    empty = (interrupted or stopped is not None) and not ended.done
    written = Success(None) if empty else sink.finish()
    if isinstance(sink.broken, BrokenPipeError):
        raise sink.broken
    asked, standing = asking.asked.read(), run.session.manager.standing()
    _report(
        output,
        target,
        Report(
            tally=ended,
            seconds=seconds,
            output=str(target.path or "standard output"),
            stopped=stopped,
            interrupted=interrupted,
            cut=run.door.cut,
            again=target.log is not None,
            damaged=log.damaged,
            asked=None if asked is None else asked.name,
            quoted=rendering.quoted,
            offline=standing.online is False,
            budgets=standing.budgets,
            statistics=run.session.manager.stats(),
        ),
    )
    if sink.broken is not None:
        raise sink.broken
    if isinstance(written, Failure):
        output.note(error_line(written.failure()))
    if interrupted:
        return TERMINATED if stopping.signal == signal.SIGTERM else INTERRUPTED
    if isinstance(written, Failure) or stopped is not None:
        return exit_code(stopped or written.failure())
    return FAILED if ended.failed + ended.failed_earlier else OK


def _report(output: Output, target: Target, report: Report) -> None:
    """Tell how it ended on standard error; as JSON on standard output, unless the rows went there."""
    if report.stopped is not None:
        output.note(error_line(report.stopped))
    if output.json:
        evolve(output, out=output.err if target.path is None else output.out).document(report_document(report))
        return
    for line in report_lines(report):
        output.note(line)
