"""`llm-manager runs list` and `runs show`: which runs are kept, and how one of them is."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

from returns.result import Failure

from llm_manager.cli.exits import OK
from llm_manager.cli.runs.at_hand import meant
from llm_manager.cli.session import Session
from llm_manager.domain.moments import moment_exactly
from llm_manager.domain.runs import RunDoubt, RunState
from llm_manager.policies.budget_words import plain
from llm_manager.policies.plurals import counted
from llm_manager.runs.portraying import LIST_HEADINGS, list_row, portrait_document, portrait_lines
from llm_manager.runs.pulses import pulse_of
from llm_manager.services.run_store import RunStore

_DOUBTS_SHOWN: Final = 20

Wall = Callable[[], float]


async def list_runs(session: Session, runs: RunStore, *, last: int, states: Sequence[RunState], wall: Wall) -> int:
    """Show the newest runs, one line each."""
    output = session.output
    found = runs.list(limit=last, states=states)
    if isinstance(found, Failure):
        return output.failure(found.failure())
    records = found.unwrap()
    if output.json:
        output.document({"runs": [portrait_document(record, pulse_of(record), wall()) for record in records]})
    elif records:
        output.table(LIST_HEADINGS, [list_row(record, pulse_of(record)) for record in records])
    else:
        output.note("no runs are kept yet" if not states else f"no run is {' or '.join(states)}")
    return OK


async def show_run(session: Session, runs: RunStore, said: str, *, wall: Wall) -> int:
    """Show one run whole, with the calls that may have been charged for nothing."""
    output = session.output
    found = meant(runs, said)
    if isinstance(found, Failure):
        return output.failure(found.failure())
    record = found.unwrap()
    doubts = runs.doubts(record.id, limit=_DOUBTS_SHOWN)
    if isinstance(doubts, Failure):
        return output.failure(doubts.failure())
    listed = [doubt for _, doubt in doubts.unwrap()]
    if output.json:
        document = portrait_document(record, pulse_of(record), wall())
        output.document({**document, "double_charges": [doubt_document(doubt) for doubt in listed]})
        return OK
    for line in (*portrait_lines(record, pulse_of(record), wall()), *_doubt_lines(listed, record.counts.doubtful)):
        output.text(line)
    return OK


def doubt_document(doubt: RunDoubt) -> dict[str, Any]:
    """A call that may have been charged for nothing, as plain data; rows are counted from 1."""
    return {
        "row": doubt.place + 1,
        "attempt": doubt.attempt,
        "calls": doubt.calls,
        "asked_at": moment_exactly(doubt.asked_at),
        "at_most_usd": None if doubt.worst_usd is None else plain(doubt.worst_usd),
    }


def _doubt_lines(listed: Sequence[RunDoubt], doubtful: int) -> Iterator[str]:
    for doubt in listed:
        most = "" if doubt.worst_usd is None else f", at most {plain(doubt.worst_usd)} USD"
        yield f"maybe charged: row {doubt.place + 1}, attempt {doubt.attempt}, asked {moment_exactly(doubt.asked_at)}{most}"
    more = doubtful - sum(doubt.calls for doubt in listed)
    if listed and more > 0:
        yield f"and {counted(more, 'call')} more"
