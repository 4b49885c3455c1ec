"""The end of a run in words and as plain data; what is not known is said to be not known."""

from collections.abc import Iterator
from typing import Any, Final

from attrs import field, frozen

from llm_manager.domain.error_questions import retry_after
from llm_manager.domain.errors import AllModelsFailed, LLMError, StorageFailed
from llm_manager.domain.standing import BudgetStanding
from llm_manager.domain.statistics import Statistics
from llm_manager.policies.budget_words import plain
from llm_manager.policies.expenses import Expense, expense_lines, expenses
from llm_manager.policies.long_waits import asks_too_long
from llm_manager.policies.plurals import counted
from llm_manager.policies.standing_words import budget_lines
from llm_manager.runs.tallies import Tally
from llm_manager.runs.telling import described

OFFLINE: Final = "offline: no provider elsewhere could be reached just now; what got nowhere can be asked again once the connection is back"


@frozen(kw_only=True)
class Report:
    """How a run ended. ``output`` is where the rows are, if any were written; ``again`` says that running the same goes on from here.

    ``asked`` is the model that the run settled on, ``quoted`` how many cells got a quote against spreadsheets.
    """

    tally: Tally
    seconds: float
    output: str | None
    stopped: LLMError | None = None
    interrupted: bool = False
    cancelled: bool = False
    """Whether somebody said that it is not to go on."""
    cut: int = 0
    """Calls under way that were left, which may be charged unless it is ``free``."""
    again: bool = True
    run: str | None = None
    """The id of the run, where it is kept."""
    doubtful_before: int = 0
    """Calls that earlier processes left without an answer, which may be charged."""
    asked: str | None = None
    free: bool = False
    """Whether nothing is charged for what that model is asked."""
    quoted: int = 0
    offline: bool = False
    """Whether no provider elsewhere could be reached when it ended."""
    budgets: tuple[BudgetStanding, ...] = ()
    statistics: Statistics = field(factory=Statistics)
    """What the manager has seen, for what the money went to."""


def report_document(report: Report) -> dict[str, Any]:
    """The report as plain data. Money is decimal text, since a float would round it."""
    tally = report.tally
    return {
        "rows": tally.rows,
        "answered": tally.answered,
        "answered_earlier": tally.earlier,
        "failed": tally.failed,
        "failed_earlier": tally.failed_earlier,
        "failures": dict(tally.failures),
        "not_asked": tally.left,
        "cached": tally.cached,
        "calls": tally.calls,
        "input_tokens": tally.input_tokens,
        "output_tokens": tally.output_tokens,
        "cost_usd": format(tally.cost_usd, "f"),
        "calls_of_unknown_cost": tally.unpriced,
        "failed_calls_maybe_charged": tally.doubtful,
        "calls_cut_off_maybe_charged": 0 if report.free else report.cut,
        "earlier_calls_maybe_charged": report.doubtful_before,
        "run": report.run,
        "asked": report.asked,
        "answered_by": dict(tally.answered_by),
        "notices": dict(tally.notices),
        "gave_up_after": tally.in_vain,
        "quoted_cells": report.quoted,
        "offline": report.offline,
        "budgets": [_budget_document(each) for each in report.budgets],
        "expenses": [_expense_document(each) for each in expenses(report.statistics)],
        "seconds": round(report.seconds, 3),
        "output": report.output,
        "interrupted": report.interrupted,
        "cancelled": report.cancelled,
        "stopped": None if report.stopped is None else {"tag": report.stopped.tag, "message": described(report.stopped)},
    }


def pause_line(error: LLMError) -> str | None:
    """How long the provider asks to wait, where that is longer than a run does."""
    if not asks_too_long(error):
        return None
    waits = [retry_after(cause) or 0.0 for cause in (error.causes if isinstance(error, AllModelsFailed) else (error,))]
    return f"asked to wait {duration(min(waits))}; the same command goes on then"


def _budget_document(one: BudgetStanding) -> dict[str, str]:
    told = {"limit": plain(one.limit), "spent": plain(one.spent), "unknown": plain(one.unknown)}
    return {"budget": one.budget, "of": one.of, "unit": one.unit, **told}


def _expense_document(one: Expense) -> dict[str, Any]:
    counts = {"requests": one.requests, "tokens": one.tokens, "unpriced": one.unpriced}
    return {"by": one.by, "name": one.name, "cost_usd": plain(one.cost_usd), **counts}


def report_lines(report: Report) -> Iterator[str]:
    """The report for a person: what became of the rows, what it took, and how to go on."""
    tally = report.tally
    yield f"{counts(tally)} in {report.seconds:.1f} s: {report.output or 'nothing was written'}"
    yield took(tally)
    if report.cut:
        yield f"{counted(report.cut, 'call')} cut off" + ("" if report.free else ", maybe charged")
    yield from expense_lines(report.statistics)
    yield from budget_lines(report.budgets)
    if len(tally.answered_by) > 1 or any(not model.startswith(report.asked or "") for model in tally.answered_by):
        yield f"answered by {', '.join(f'{model} {rows}' for model, rows in sorted(tally.answered_by.items(), key=_most_first))}"
    for notice, count in tally.notices.items():
        yield f"note: {notice} ({counted(count, 'answer')})"
    if tally.in_vain:
        yield f"gave up: the last {counted(tally.in_vain, 'row')} asked got nowhere one after the other, and count as not asked"
    for tag, count in sorted(tally.failures.items(), key=_most_first):
        yield f"failed {count} x {tag}, such as: {tally.examples[tag]}"
    if report.quoted:
        yield f"{counted(report.quoted, 'cell')} quoted for spreadsheets, which would take them for formulas; --raw leaves them"
    if report.doubtful_before:
        listed = f": llm-manager runs show {report.run[:8]} lists them" if report.run else ""
        yield f"{counted(report.doubtful_before, 'call')} of earlier processes brought no answer, maybe charged{listed}"
    if report.offline:
        yield OFFLINE
    if report.cancelled:
        yield _cancelled_line(tally)
        return
    if report.stopped is not None and (pause := pause_line(report.stopped)) is not None:
        yield pause
    gone = isinstance(report.stopped, StorageFailed) and report.stopped.reason == "gone"
    if tally.left and gone:
        yield f"{counted(tally.left, 'row')} not asked yet"
    elif tally.left:
        yield f"{counted(tally.left, 'row')} not asked yet" + (
            "; run the same again to go on" if report.again else "; give -o FILE to be able to go on"
        )
    if (tally.failed or tally.failed_earlier) and report.again and not gone:
        yield "run the same again with --retry-failed to ask the failed rows again; those answered are never asked again"


def _cancelled_line(tally: Tally) -> str:
    """What becomes of a run that does not go on, and of its rows."""
    left = f"{counted(tally.left, 'row')} not asked; " if tally.left else ""
    keeping = "add --fork to keep its rows, or " if tally.done else ""
    return f"{left}it was cancelled and does not go on: {keeping}run the same again to begin anew"


def duration(seconds: float) -> str:
    """A length of time for a person.

    >>> duration(4.4), duration(75), duration(3600), duration(7300)
    ('4 s', '1 min 15 s', '1 h', '2 h 1 min')
    """
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    large, small, names = (whole // 60, whole % 60, ("min", "s")) if whole < 3600 else (whole // 3600, whole % 3600 // 60, ("h", "min"))
    return f"{large} {names[0]}" + (f" {small} {names[1]}" if small else "")


def _most_first(counted: tuple[str, int]) -> tuple[int, str]:
    return -counted[1], counted[0]


def counts(tally: Tally) -> str:
    """What became of the rows so far."""
    done = [
        f"{tally.answered + tally.earlier} of {counted(tally.rows, 'row')} answered"
        + (f" ({tally.earlier} earlier)" if tally.earlier else "")
    ]
    if tally.cached:
        done.append(f"{tally.cached} from the cache")
    if failed := tally.failed + tally.failed_earlier:
        done.append(f"{failed} failed" + (f" ({tally.failed_earlier} earlier)" if tally.failed_earlier else ""))
    return ", ".join(done)


def took(tally: Tally) -> str:
    """What the run took: tokens, and money with what is not known of it."""
    unknown = [f"{counted(tally.unpriced, 'call')} of unknown cost"] if tally.unpriced else []
    doubtful = [f"{counted(tally.doubtful, 'failed call')} maybe charged"] if tally.doubtful else []
    return ", ".join((f"{tally.input_tokens} + {tally.output_tokens} tokens", f"{tally.cost_usd:f} USD", *unknown, *doubtful))
