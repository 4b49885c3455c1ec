"""A run in the hands of its owner: the log that is given to whoever took it."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from attrs import evolve
from returns.result import Failure, Success
from sqlalchemy import Connection, bindparam, case, func, literal, select, update
from sqlalchemy.dialects import postgresql, sqlite

from llm_manager.domain.errors import LLMError
from llm_manager.domain.runs import RowState, RunCounts, RunRecord, RunRow, RunState
from llm_manager.outcomes import Settled
from llm_manager.services.run_store import RunLog
from llm_manager.stores.runs.locks import Hold
from llm_manager.stores.runs.reading import BY_KEYS, states_of
from llm_manager.stores.runs.scribe import DOUBT, HOLD, MAY_COST, Scribe
from llm_manager.stores.runs.values import counts_text, run_row, usd
from llm_manager.stores.sql.database import Database
from llm_manager.stores.sql.tables.runs import OPEN, RUN_ROWS, RUNS

_ROWS: Final = select(RUN_ROWS).where(*BY_KEYS)
_ASKED: Final = select(
    func.count().label("rows"), func.count(case((MAY_COST, 1))).label("calls"), func.sum(RUN_ROWS.c.worst_micro).label("worst")
).where(RUN_ROWS.c.run == bindparam("of"), OPEN, RUN_ROWS.c.state == "asked")
_WAIT: Final = update(RUN_ROWS).where(RUN_ROWS.c.run == bindparam("of"), OPEN, RUN_ROWS.c.state == "asked").values(state="waiting")
_REOPEN: Final = update(RUN_ROWS).where(RUN_ROWS.c.run == bindparam("of"), RUN_ROWS.c.state == "failed").values(state="waiting")
_LEAVE: Final = (
    update(RUNS).where(RUNS.c.number == bindparam("run")).values(state=bindparam("as_state"), stopped=bindparam("why"), wish=None)
)
_PIN: Final = update(RUNS).where(RUNS.c.number == bindparam("run")).values(model=bindparam("by"))

_COPIED: Final = ("key", "place", "state", "attempt", "asked_at", "ended_at", "input_tokens", "output_tokens", "cost_micro", "output")
_TAKEN: Final = select(bindparam("mine", type_=RUN_ROWS.c.run.type), *(RUN_ROWS.c[name] for name in _COPIED)).where(
    *BY_KEYS, RUN_ROWS.c.state == literal("answered")
)
_TAKE_OVER: Final = {
    "sqlite": sqlite.insert(RUN_ROWS).from_select(["run", *_COPIED], _TAKEN),
    "postgresql": postgresql.insert(RUN_ROWS).from_select(["run", *_COPIED], _TAKEN),
}


def doubt_all(connection: Connection, number: int, counts: RunCounts) -> RunCounts:
    """Let every row of which nothing is known wait to be asked again, and make a doubt of its call, unless that was free; gives the
    counts with them."""
    found = connection.execute(_ASKED, {"of": number}).one()
    if not found.rows:
        return counts
    connection.execute(DOUBT, {"of": number})
    connection.execute(_WAIT, {"of": number})
    worst = usd(int(found.worst or 0)) or 0
    return evolve(counts, doubtful=counts.doubtful + found.calls, doubtful_usd=counts.doubtful_usd + worst)


class Holder:
    """Makes the log of a run that is held. ``parent`` is the number of the run whose rows it takes over."""

    def __init__(
        self, database: Database, hold: Hold, wall: Callable[[], float], *, record: RunRecord, number: int, epoch: int, parent: int | None
    ) -> None:
        self._database = database
        self._hold = hold
        self._wall = wall
        self._record = record
        self._number = number
        self._epoch = epoch
        self._parent = parent
        self._scribe = Scribe(database, hold, wall, run_id=record.id, number=number, epoch=epoch, counts=record.counts)
        self._closed = False

    def log(self) -> RunLog:
        """What its owner works with."""
        scribe = self._scribe
        return RunLog(
            record=self._record,
            standings=self.standings,
            rows=self.rows,
            intend=scribe.intend,
            settle=scribe.settle,
            tell=scribe.tell,
            counts=lambda: scribe.counts,
            wish=lambda: scribe.wish,
            reopen=self.reopen,
            pin=self.pin,
            close=self.close,
        )

    def standings(self, keys: Sequence[str]) -> Settled[Mapping[str, RowState], LLMError]:
        """The states of some rows; those that another run has answered are taken over first."""

        def work(connection: Connection) -> Settled[Mapping[str, RowState], LLMError]:
            return Success(states_of(connection, self._number, keys))

        found = self._database.read_now(work)
        if self._parent is None or isinstance(found, Failure):
            return found
        missing = [key for key in keys if key not in found.unwrap()]
        taken = self._take_over(missing) if missing else Success(0)
        if isinstance(taken, Failure):
            return taken
        return self._database.read_now(work) if taken.unwrap() else found

    def rows(self, keys: Sequence[str]) -> Settled[Mapping[str, RunRow], LLMError]:
        """Some rows whole."""
        if self._scribe.saved is not None:
            return Success({key: self._scribe.saved[key] for key in keys if key in self._scribe.saved})
        if (gone := self._hold.gone()) is not None:
            return Failure(gone)
        asked = {"of": self._number, "keys": [bytes.fromhex(key) for key in keys]}

        def work(connection: Connection) -> Settled[Mapping[str, RunRow], LLMError]:
            return Success({found.key: found for found in map(run_row, connection.execute(_ROWS, asked))})

        return self._database.read_now(work)

    def reopen(self) -> Settled[None, LLMError]:
        """Let the failed rows be asked again."""
        return self._fenced(
            lambda connection: connection.execute(_REOPEN, {"of": self._number}), evolve(self._scribe.counts, failed=0, errors={})
        )

    def pin(self, model: str) -> Settled[None, LLMError]:
        """Keep which model it settled on."""
        return self._fenced(lambda connection: connection.execute(_PIN, {"run": self._number, "by": model}), self._scribe.counts)

    def close(self, state: RunState, stopped: str | None) -> Settled[None, LLMError]:
        """Leave the run to whoever takes it next; what was asked and not answered becomes a doubt."""
        if self._closed:
            return Success(None)
        self._closed = True
        self._scribe.rest()
        try:
            return self._leave(state, stopped)
        finally:
            self._hold.release()

    def _leave(self, state: RunState, stopped: str | None) -> Settled[None, LLMError]:
        gone = self._scribe.gone or self._hold.gone()
        if gone is not None:
            return Failure(gone)

        def work(connection: Connection) -> Settled[RunCounts, LLMError]:
            counts = doubt_all(connection, self._number, self._scribe.counts)
            if not self._mine(connection, counts):
                return Failure(self._scribe.lost())
            connection.execute(_LEAVE, {"run": self._number, "as_state": state, "why": stopped})
            return Success(counts)

        left = self._database.write_now(work)
        if isinstance(left, Failure):
            return left
        self._scribe.counts = left.unwrap()
        return Success(None)

    def _take_over(self, keys: Sequence[str]) -> Settled[int, LLMError]:
        asked = {"of": self._parent, "mine": self._number, "keys": [bytes.fromhex(key) for key in keys]}

        def work(connection: Connection) -> Settled[int, LLMError]:
            taken = connection.execute(_TAKE_OVER[connection.dialect.name], asked).rowcount
            counts = evolve(self._scribe.counts, answered=self._scribe.counts.answered + taken)
            return Success(taken) if self._mine(connection, counts) else Failure(self._scribe.lost())

        taken = self._database.write_now(work)
        if isinstance(taken, Success):
            self._scribe.counts = evolve(self._scribe.counts, answered=self._scribe.counts.answered + taken.unwrap())
        return taken

    def _fenced(self, change: Callable[[Connection], Any], counts: RunCounts) -> Settled[None, LLMError]:
        def work(connection: Connection) -> Settled[None, LLMError]:
            if not self._mine(connection, counts):
                return Failure(self._scribe.lost())
            change(connection)
            return Success(None)

        written = self._database.write_now(work)
        if isinstance(written, Success):
            self._scribe.counts = counts
        return written

    def _mine(self, connection: Connection, counts: RunCounts) -> bool:
        held = {"run": self._number, "of": self._record.id, "mine": self._epoch, "told": counts_text(counts), "at": self._wall()}
        return connection.execute(HOLD, held).first() is not None
