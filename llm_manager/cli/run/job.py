"""A run from its first look at the log to its report; whatever happens, finished rows are kept."""

import asyncio
import signal
from pathlib import Path
from typing import Final

from attrs import evolve
from returns.result import Failure, Success

from llm_manager.cells import Cell
from llm_manager.cli.exits import FAILED, INTERRUPTED, OK, TERMINATED, error_line, exit_code
from llm_manager.cli.output import Output
from llm_manager.cli.run.asking import Asking, Run
from llm_manager.cli.run.consent import withheld
from llm_manager.cli.run.keeping import Keeping, keeping_of
from llm_manager.cli.run.output import sink_for
from llm_manager.cli.run.overwriting import overwriting, strangers_line
from llm_manager.cli.run.progress import showing
from llm_manager.cli.run.stopping import Stopping
from llm_manager.cli.run.typed import Target
from llm_manager.domain.error_questions import describe
from llm_manager.domain.errors import JobLocked, LLMError
from llm_manager.domain.runs import RunCounts
from llm_manager.outcomes import sealed
from llm_manager.policies.pricing import is_free
from llm_manager.policies.run_states import Left, left_as
from llm_manager.policies.standing_words import waiting_words
from llm_manager.runs.portraying import SHORT_ID
from llm_manager.runs.rendering import Rendering
from llm_manager.runs.reporting import Report, pause_line, report_document, report_lines
from llm_manager.runs.surveying import Survey, survey
from llm_manager.services.run_store import RunLog

_UNTOLD: Final[Left] = ("interrupted", None)


def run_job(run: Run, scratch: Path) -> int:
    """Take the run, see what is left, ask it, write the output, tell how it ended. Raises `OSError` when nobody takes the rows."""
    from llm_manager.wiring import scratch_store

    opened = sealed(scratch_store(scratch, run.world))
    if isinstance(opened, Failure):
        return run.session.output.failure(opened.failure())
    aside = opened.unwrap()
    try:
        kept = keeping_of(run.session, aside.runs, run.prepared, run.plan, fork=run.fork, overwrite=run.overwrite)
        return run.session.output.failure(kept.failure()) if isinstance(kept, Failure) else _taken(run, kept.unwrap())
    finally:
        asyncio.run(aside.close())


def _taken(run: Run, keeping: Keeping) -> int:
    output, job, path = run.session.output, run.prepared.job, run.prepared.target.path
    taken = sealed(keeping.take())
    if isinstance(taken, Failure):
        return _refused(run, taken.failure())
    log, left = taken.unwrap(), Cell(_UNTOLD)
    run.spending.begin_at(log.counts())
    if keeping.unused:
        output.note(strangers_line(keeping.unused))
    try:
        found = survey(job, log.standings, retry_failed=run.retry_failed)
        code = output.failure(found.failure()) if isinstance(found, Failure) else _output(run, log, found.unwrap(), left)
    finally:
        state, why = left.read()
        closed = sealed(log.close(state, why))
        if isinstance(closed, Failure) and describe(closed.failure()) != why:
            output.note(error_line(closed.failure()))
        if keeping.before is None and not run.when_online and log.counts() == RunCounts() and (path is None or not path.exists()):
            keeping.runs.forget(log.record.id)
    return exit_code(closed.failure()) if code == OK and isinstance(closed, Failure) else code


def _refused(run: Run, error: LLMError) -> int:
    """Tell why the run may not begin; of one that another process works on, how to see it and how to end it."""
    output = run.session.output
    if not isinstance(error, JobLocked):
        return output.failure(error)
    short = error.job[:SHORT_ID]
    code = output.failure(evolve(error, job=f"run {short}, which writes {run.plan.target}"))
    output.note(f"see how it goes: llm-manager runs watch {short}; end it: llm-manager runs cancel {short}")
    return code


def _output(run: Run, log: RunLog, found: Survey, left: "Cell[Left]") -> int:
    output, prepared = run.session.output, run.prepared
    strangers = found.strangers(log.record.counts)
    refused = overwriting(prepared, found, run.held, strangers)
    if refused is not None:
        return output.failure(refused)
    if strangers and found.requests:
        output.note(strangers_line(strangers))
    if run.consent is not None and (code := withheld(run.session, prepared.job, found, run.consent)) is not None:
        return code
    if run.retry_failed and isinstance(reopened := sealed(log.reopen()), Failure):
        return output.failure(reopened.failure())
    rendering = Rendering(prepared.job, prepared.layout, log.rows)
    with sink_for(prepared.target, output, rendering, run.world.run_blocking) as opened:
        if isinstance(opened, Failure):
            return output.failure(opened.failure())
        stopping = Stopping(run.door, run.world)
        asking = Asking(run=run, found=found, log=log, tally=Cell(found.tally), sink=opened.unwrap(), stopping=stopping)
        return _asked(asking, stopping, rendering, left)


def _asked(asking: Asking, stopping: Stopping, rendering: Rendering, left: "Cell[Left]") -> int:
    run, found, log, sink, tally = asking.run, asking.found, asking.log, asking.sink, asking.tally
    output, target = run.session.output, run.prepared.target
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
    left.swap(lambda _: left_as(ended.left, stopped, log.wish()))
    if stopped is not None and not (asking.begun.read() and (ended.done or ended.in_vain)):
        code = output.failure(stopped)
        if (pause := pause_line(stopped)) is not None:
            output.note(pause)
        return code
    empty = (interrupted or stopped is not None) and not ended.done
    written = Success(None) if empty else sink.finish()
    if isinstance(sink.broken, BrokenPipeError):
        raise sink.broken
    unwritten = empty or (isinstance(written, Failure) and target.whole)
    asked, standing = asking.asked.read(), run.session.manager.standing()
    _report(
        output,
        target,
        Report(
            tally=ended,
            seconds=seconds,
            output=None if unwritten else str(target.path or "standard output"),
            stopped=stopped,
            interrupted=interrupted,
            cancelled=left.read()[0] == "cancelled",
            cut=run.door.cut,
            again=target.name is not None,
            run=None if target.name is None else log.record.id,
            doubtful_before=log.record.counts.doubtful,
            asked=None if asked is None else asked.name,
            free=asked is not None and is_free(asked.price),
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
