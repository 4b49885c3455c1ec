"""What the owner of a run writes: intents, outcomes and how it stands, in groups that share one commit.

While one group is written the next one gathers. Each commit is refused once somebody else has taken the run. When there is no room
left, intents are refused and outcomes are written in the room that was kept for them: those are paid. When somebody has removed the
store, intents are refused and the rows that have ended are taken out of it, so that they can still be handed over.
"""

import asyncio
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future
from contextlib import suppress
from decimal import ROUND_CEILING
from typing import Any, Final, TypeAlias

from attrs import evolve, frozen
from returns.result import Failure, Success
from sqlalchemy import Connection, bindparam, func, insert, literal, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from llm_manager.domain.errors import JobLocked, LLMError, StorageFailed
from llm_manager.domain.runs import RunCounts, RunRow
from llm_manager.outcomes import Settled
from llm_manager.services.run_store import RowIntent, RowOutcome, Wish
from llm_manager.stores.runs.locks import Hold
from llm_manager.stores.runs.values import counts_text, micro, run_row, written
from llm_manager.stores.sql.database import Database
from llm_manager.stores.sql.misfortunes import told_by
from llm_manager.stores.sql.tables.runs import OPEN, RUN_DOUBTS, RUN_ROWS, RUNS

_Insert: TypeAlias = "sqlite.Insert | postgresql.Insert"
_Written: TypeAlias = Settled[None, LLMError]

_DONE: Final[_Written] = Success(None)
_AT_ONCE: Final = 4096
_LAST_SECONDS: Final = 30.0
_MOST_TOKENS: Final = 2**53
"""What a client tells above this is no count, and no column takes it."""

HOLD: Final = (  # by its id too: SQLite gives the number of a run that was deleted to the next
    update(RUNS)
    .where(RUNS.c.number == bindparam("run"), RUNS.c.id == bindparam("of"), RUNS.c.epoch == bindparam("mine"))
    .values(counts=bindparam("told"), updated_at=bindparam("at"))
    .returning(RUNS.c.wish)
)
_ENDED: Final = select(RUN_ROWS).where(RUN_ROWS.c.run == bindparam("of"), RUN_ROWS.c.state.in_(("answered", "failed")))
_STAND: Final = update(RUNS).where(RUNS.c.number == bindparam("run")).values(standing=bindparam("told"))


def _intending(insert: _Insert) -> _Insert:
    again = {
        "state": "asked",
        "attempt": RUN_ROWS.c.attempt + 1,
        "place": insert.excluded.place,
        "asked_at": insert.excluded.asked_at,
        "worst_micro": insert.excluded.worst_micro,
    }
    return insert.on_conflict_do_update(index_elements=["run", "key"], set_=again)


_INTEND: Final = {"sqlite": _intending(sqlite.insert(RUN_ROWS)), "postgresql": _intending(postgresql.insert(RUN_ROWS))}
_END: Final = (
    update(RUN_ROWS)
    .where(RUN_ROWS.c.run == bindparam("of"), RUN_ROWS.c.key == bindparam("by"))
    .values(
        state=bindparam("state"),
        ended_at=bindparam("ended_at"),
        error=bindparam("error"),
        input_tokens=bindparam("input_tokens"),
        output_tokens=bindparam("output_tokens"),
        cost_micro=bindparam("cost_micro"),
        output=bindparam("output"),
    )
)
_AS_DOUBTED: Final = ("run", "key", "place", "attempt", "asked_at", "worst_micro")
_DOUBTED: Final = (*_AS_DOUBTED, "calls")
MAY_COST: Final = or_(RUN_ROWS.c.worst_micro.is_(None), RUN_ROWS.c.worst_micro > 0)
"""Nobody charges for a model that is free."""
DOUBT: Final = insert(RUN_DOUBTS).from_select(
    _DOUBTED,
    select(*(RUN_ROWS.c[name] for name in _AS_DOUBTED), literal(1)).where(
        RUN_ROWS.c.run == bindparam("of"), OPEN, RUN_ROWS.c.state == "asked", MAY_COST
    ),
)
"""Every call of which nothing is known and that may cost something becomes a doubt."""
_OF_ANOTHER: Final = (*(RUN_ROWS.c[name] for name in _AS_DOUBTED[:-1]), func.nullif(RUN_ROWS.c.worst_micro, 0))
"""Where the model of the run is free, what may be charged was asked of one that stood in, and nobody knows its most."""
_DOUBT_ONE: Final = insert(RUN_DOUBTS).from_select(
    _DOUBTED,
    select(*_OF_ANOTHER, bindparam("doubtful", type_=RUN_DOUBTS.c.calls.type)).where(
        RUN_ROWS.c.run == bindparam("of"), RUN_ROWS.c.key == bindparam("by")
    ),
)


@frozen
class _Note:
    """Something to write, and who waits for it."""

    intents: tuple[RowIntent, ...]
    outcomes: Sequence[RowOutcome]
    standing: Mapping[str, Any] | None
    loop: asyncio.AbstractEventLoop
    told: "asyncio.Future[_Written]"


class Scribe:
    """Writes for one run under one epoch; what it is told is written whether it is awaited or not. Called on any event loop."""

    def __init__(
        self, database: Database, hold: Hold, wall: Callable[[], float], *, run_id: str, number: int, epoch: int, counts: RunCounts
    ) -> None:
        self._database = database
        self._hold = hold
        self._number = number
        self._epoch = epoch
        self._id = run_id
        self._wall = wall
        self._guard = threading.Lock()
        self._waiting: list[_Note] = []
        self._busy = False
        self._idle = threading.Event()
        self._idle.set()
        self._refusing: LLMError | None = None
        self._roomless = hold.roomless()
        self.counts = counts
        self.wish: Wish | None = None
        self.gone: LLMError | None = None
        self.saved: Mapping[str, RunRow] | None = None
        """All rows that have ended, taken out of a store that somebody removed; only this process can still read it."""

    def intend(self, intent: RowIntent) -> "asyncio.Future[_Written]":
        """Make an intent durable."""
        return self._put((intent,), (), None)

    def settle(self, outcomes: Sequence[RowOutcome]) -> "asyncio.Future[_Written]":
        """Make outcomes durable."""
        return self._put((), outcomes, None)

    def tell(self, standing: Mapping[str, Any]) -> "asyncio.Future[_Written]":
        """Keep how it stands."""
        return self._put((), (), standing)

    def rest(self) -> None:
        """Wait until nothing is being written."""
        self._idle.wait(_LAST_SECONDS)

    def lost(self) -> LLMError:
        """Why the run is not in the hands of this process any more: the store is gone, or another took it."""
        return self._hold.gone() or JobLocked(job=self._id)

    def _put(
        self, intents: tuple[RowIntent, ...], outcomes: Sequence[RowOutcome], standing: Mapping[str, Any] | None
    ) -> "asyncio.Future[_Written]":
        loop = asyncio.get_running_loop()
        note = _Note(intents, outcomes, standing, loop, loop.create_future())
        no = self._no(asking=bool(intents))
        if no is not None:
            note.told.set_result(Failure(no))
            return note.told
        with self._guard:
            self._waiting.append(note)
            begin, self._busy = not self._busy, True
            if begin:
                self._idle.clear()
        if begin:
            loop.call_soon(self._begin)
        return note.told

    def _no(self, *, asking: bool) -> LLMError | None:
        if not self._hold.held():
            return StorageFailed(message=f"run {self._id} is not in the hands of this process", reason="closed")
        return (self.gone or self._refusing or self._roomless) if asking else None

    def _begin(self) -> None:
        """Write what waits. Called where nothing is being written."""
        with self._guard:
            group, self._waiting = self._waiting[:_AT_ONCE], self._waiting[_AT_ONCE:]
        self._write(group)

    def _write(self, group: "list[_Note]") -> None:
        counts = counted(self.counts, [outcome for note in group for outcome in note.outcomes])
        work = self._work(group, counts)

        def ended(future: "Future[Settled[Wish | None, LLMError]]") -> None:
            outcome = told_by(future, self._database.place)
            if isinstance(outcome, Success):
                self.counts, self.wish = counts, outcome.unwrap() or self.wish
                gone = self.gone
                self._told([(note, _DONE if gone is None or not note.intents else Failure(gone)) for note in group])
                return
            self._failed(group, outcome.failure())

        self._database.write_soon(work).add_done_callback(ended)

    def _failed(self, group: "list[_Note]", error: LLMError) -> None:
        full = isinstance(error, StorageFailed) and error.reason == "full"
        self._refusing = error
        paid = [note for note in group if note.outcomes]
        refused = [(note, Failure(error)) for note in group if not note.outcomes]
        if full and paid and (self._hold.lighten() or refused):
            self._tell(refused)
            self._write(paid)
            return
        self._told([(note, Failure(error)) for note in group])

    def _told(self, ended: "Iterable[tuple[_Note, _Written]]") -> None:
        """Tell who waited, and go on with what has come meanwhile."""
        self._roomless = self._hold.roomless()
        with self._guard:
            group, self._waiting = self._waiting[:_AT_ONCE], self._waiting[_AT_ONCE:]
            self._busy = bool(group)
            if not group:
                self._idle.set()
        self._tell(ended)
        if group:
            self._write(group)

    def _tell(self, ended: "Iterable[tuple[_Note, _Written]]") -> None:
        by_loop: dict[asyncio.AbstractEventLoop, list[tuple[_Note, _Written]]] = {}
        for each in ended:
            by_loop.setdefault(each[0].loop, []).append(each)
        for loop, notes in by_loop.items():
            with suppress(RuntimeError):  # the loop is closed: nobody waits any more
                loop.call_soon_threadsafe(_settle, notes)

    def _work(self, group: "list[_Note]", counts: RunCounts) -> "Callable[[Connection], Settled[Wish | None, LLMError]]":
        now = self._wall()
        intents = [_intent(self._number, intent, now) for note in group for intent in note.intents]
        outcomes = [outcome for note in group for outcome in note.outcomes]
        standing = next((note.standing for note in reversed(group) if note.standing is not None), None)
        held = {"run": self._number, "of": self._id, "mine": self._epoch, "told": counts_text(counts), "at": now}
        stands = None if standing is None else {"run": self._number, "told": written(standing)}

        def work(connection: Connection) -> "Settled[Wish | None, LLMError]":
            mine = connection.execute(HOLD, held).first()
            if mine is None:
                return Failure(self.lost())
            if outcomes:
                write_outcomes(connection, number=self._number, outcomes=outcomes, now=now)
            self.gone = self.gone or self._hold.gone()
            if self.gone is not None:
                self.saved = _ended_rows(connection, self._number)
            elif intents:
                connection.execute(_INTEND[connection.dialect.name], intents)
            if stands is not None:
                connection.execute(_STAND, stands)
            return Success(mine.wish)

        return work


def _settle(notes: "list[tuple[_Note, _Written]]") -> None:
    for note, outcome in notes:
        if not note.told.done():
            note.told.set_result(outcome)


def _ended_rows(connection: Connection, number: int) -> Mapping[str, RunRow]:
    return {row.key: row for row in map(run_row, connection.execute(_ENDED, {"of": number}))}


def write_outcomes(connection: Connection, *, number: int, outcomes: Sequence[RowOutcome], now: float) -> None:
    """Write what became of rows, and which of their calls may have been charged for nothing."""
    connection.execute(_END, [_outcome(number, outcome, now) for outcome in outcomes])
    for each in outcomes:
        if each.doubtful:
            connection.execute(_DOUBT_ONE, {"of": number, "by": bytes.fromhex(each.row.key), "doubtful": each.doubtful})


def _intent(number: int, intent: RowIntent, now: float) -> dict[str, Any]:
    return {
        "run": number,
        "key": bytes.fromhex(intent.key),
        "place": intent.place,
        "state": "asked",
        "attempt": 1,
        "asked_at": now,
        "worst_micro": micro(intent.worst_usd, ROUND_CEILING),
    }


def _outcome(number: int, outcome: RowOutcome, now: float) -> dict[str, Any]:
    row = outcome.row
    return {
        "of": number,
        "by": bytes.fromhex(row.key),
        "state": row.state,
        "ended_at": now,
        "error": row.error,
        "input_tokens": _column(row.input_tokens),
        "output_tokens": _column(row.output_tokens),
        "cost_micro": micro(row.cost_usd),
        "output": None if row.output is None else written(row.output),
    }


def _column(tokens: int | None) -> int | None:
    return None if tokens is None else min(tokens, _MOST_TOKENS)


def counted(counts: RunCounts, ended: Sequence[RowOutcome]) -> RunCounts:
    """The counts with these outcomes."""
    if not ended:
        return counts
    failed = [each.row.error for each in ended if each.row.state == "failed"]
    return evolve(
        counts,
        answered=counts.answered + sum(each.row.state == "answered" for each in ended),
        failed=counts.failed + len(failed),
        calls=counts.calls + sum(each.calls for each in ended),
        cached=counts.cached + sum(each.cached for each in ended),
        input_tokens=counts.input_tokens + sum(each.row.input_tokens or 0 for each in ended),
        output_tokens=counts.output_tokens + sum(each.row.output_tokens or 0 for each in ended),
        cost_usd=counts.cost_usd + sum(each.row.cost_usd or 0 for each in ended),
        unpriced=counts.unpriced + sum(each.unpriced for each in ended),
        doubtful=counts.doubtful + sum(each.doubtful for each in ended),
        doubtful_usd=counts.doubtful_usd + sum(each.doubtful_usd for each in ended),
        errors=_with(counts.errors, failed) if failed else counts.errors,
    )


def _with(errors: Mapping[str, int], tags: Sequence[str | None]) -> Mapping[str, int]:
    grown = dict(errors)
    for tag in tags:
        grown[tag or "other"] = grown.get(tag or "other", 0) + 1
    return grown
