"""Looking at runs, whoever works on them."""

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from typing import Any, Final

from attrs import evolve, frozen
from returns.result import Failure, Result, Success
from sqlalchemy import Connection, Row, bindparam, case, func, literal, select

from llm_manager.domain.errors import LLMError, StorageFailed
from llm_manager.domain.runs import RowState, RunDoubt, RunRecord, RunRow, RunState
from llm_manager.outcomes import Settled
from llm_manager.stores.runs.scribe import MAY_COST
from llm_manager.stores.runs.values import record_of, run_doubt, run_row, usd
from llm_manager.stores.sql.database import Database
from llm_manager.stores.sql.tables.runs import OPEN, RUN_DOUBTS, RUN_ROWS, RUNS

BY_ID: Final = select(RUNS).where(RUNS.c.id == bindparam("id"))
_BY_TARGET: Final = select(RUNS).where(RUNS.c.target == bindparam("target")).order_by(RUNS.c.number.desc()).limit(1)
_NEWEST: Final = select(RUNS).order_by(RUNS.c.number.desc())
_OPENED: Final = (
    select(
        RUN_ROWS.c.run,
        RUN_ROWS.c.state,
        func.count().label("rows"),
        func.count(case((MAY_COST, 1))).label("calls"),
        func.sum(RUN_ROWS.c.worst_micro).label("worst"),
    )
    .where(RUN_ROWS.c.run.in_(bindparam("runs", expanding=True)), OPEN)
    .group_by(RUN_ROWS.c.run, RUN_ROWS.c.state)
)
ROWS_PAGE: Final = (
    select(RUN_ROWS)
    .where(RUN_ROWS.c.run == bindparam("run"), RUN_ROWS.c.number > bindparam("after"))
    .order_by(RUN_ROWS.c.number)
    .limit(bindparam("most"))
)
BY_KEYS: Final = (RUN_ROWS.c.run == bindparam("of"), RUN_ROWS.c.key.in_(bindparam("keys", expanding=True)))
_STANDINGS: Final = select(RUN_ROWS.c.key, RUN_ROWS.c.state).where(*BY_KEYS)
DOUBTS_PAGE: Final = (
    select(RUN_DOUBTS)
    .where(RUN_DOUBTS.c.run == bindparam("run"), RUN_DOUBTS.c.number > bindparam("after"))
    .order_by(RUN_DOUBTS.c.number)
    .limit(bindparam("most"))
)
_UNDER_WAY: Final = (
    select(RUN_ROWS, literal(1).label("calls"))
    .where(RUN_ROWS.c.run == bindparam("run"), OPEN, RUN_ROWS.c.state == "asked", MAY_COST, RUN_ROWS.c.number > bindparam("after"))
    .order_by(RUN_ROWS.c.number)
    .limit(bindparam("most"))
)
_AFTER_ALL: Final = 1 << 60
"""Beyond all numbers there are; doubts that nobody has written down yet are numbered from here."""


@frozen(kw_only=True)
class Found:
    """A run as the table has it, with its open rows; ``calls`` of it are under way, at ``worst`` in micro-dollars."""

    row: "Row[Any]"
    opened: Mapping[str, int]
    calls: int = 0
    worst: int = 0


class RunReading:
    """Reads runs; ``busy`` tells whether somebody works on one."""

    def __init__(self, database: Database, busy: Callable[[str], bool]) -> None:
        self._database = database
        self._busy = busy

    def list(self, *, limit: int = 100, states: Sequence[RunState] = ()) -> Result[tuple[RunRecord, ...], LLMError]:
        """The newest runs first."""
        wanted: set[RunState] = {*states, *(("running",) if "interrupted" in states else ())}
        listed: tuple[RunRecord, ...] = ()
        below = _AFTER_ALL
        while len(listed) < limit:  # who runs and who was interrupted shows only when it is looked at
            page = self._database.read_now(partial(_page, wanted, below, limit))
            if isinstance(page, Failure):
                return page
            found = page.unwrap()
            listed = (*listed, *(record for record in map(self.record, found) if not states or record.state in states))
            if len(found) < limit:
                break
            below = found[-1].row.number
        return Success(listed[:limit])

    def show(self, run_id: str) -> Result[RunRecord, LLMError]:
        """The run of an id, or of the beginning of one that no other shares."""

        def work(connection: Connection) -> Settled[Found, LLMError]:
            rows = (
                connection.execute(BY_ID, {"id": run_id}).all()
                or connection.execute(select(RUNS).where(RUNS.c.id.startswith(run_id, autoescape=True)).limit(2)).all()
            )
            if len(rows) != 1 or not run_id:
                return Failure(no_such_run(run_id, several=len(rows) > 1))
            return Success(found_all(connection, rows)[0])

        return self._database.read_now(work).map(self.record)

    def find(self, target: str) -> Result[RunRecord | None, LLMError]:
        """The newest run that writes a target."""

        def work(connection: Connection) -> Settled[Found | None, LLMError]:
            rows = connection.execute(_BY_TARGET, {"target": target}).all()
            return Success(found_all(connection, rows)[0] if rows else None)

        return self._database.read_now(work).map(lambda found: None if found is None else self.record(found))

    def rows(
        self, run_id: str, /, *, after: int = 0, limit: int = 1000, states: Sequence[RowState] = ()
    ) -> Settled[tuple[tuple[int, RunRow], ...], LLMError]:
        """A page of rows in the order they were first asked."""

        def work(connection: Connection) -> Settled[tuple[tuple[int, RunRow], ...], LLMError]:
            number = number_of(connection, run_id)
            if number is None:
                return Failure(no_such_run(run_id))
            asked = ROWS_PAGE if not states else ROWS_PAGE.where(RUN_ROWS.c.state.in_(states))
            found = connection.execute(asked, {"run": number, "after": after, "most": limit})
            return Success(tuple((row.number, run_row(row)) for row in found))

        return self._database.read_now(work)

    def standings(self, run_id: str, keys: Sequence[str]) -> Result[Mapping[str, RowState], LLMError]:
        """The states of some rows, by their keys."""

        def work(connection: Connection) -> Settled[Mapping[str, RowState], LLMError]:
            number = number_of(connection, run_id)
            if number is None:
                return Failure(no_such_run(run_id))
            return Success(states_of(connection, number, keys))

        return self._database.read_now(work)

    def doubts(self, run_id: str, /, *, after: int = 0, limit: int = 1000) -> Settled[tuple[tuple[int, RunDoubt], ...], LLMError]:
        """A page of doubts, the oldest first; last come those that an owner left who died, and nobody has written down yet."""

        def work(connection: Connection) -> Settled[tuple[tuple[int, RunDoubt], ...], LLMError]:
            run = connection.execute(BY_ID, {"id": run_id}).first()
            if run is None:
                return Failure(no_such_run(run_id))
            found = connection.execute(DOUBTS_PAGE, {"run": run.number, "after": after, "most": limit}).all()
            told = tuple((row.number, run_doubt(row)) for row in found)
            if len(told) == limit or run.state != "running" or busy:
                return Success(told)
            asked = {"run": run.number, "after": max(0, after - _AFTER_ALL), "most": limit - len(told)}
            return Success((*told, *((_AFTER_ALL + row.number, run_doubt(row)) for row in connection.execute(_UNDER_WAY, asked))))

        busy = self._busy(run_id)
        return self._database.read_now(work)

    def record(self, found: Found) -> RunRecord:
        """The run as it is: one that nobody works on does not run, and what it had under way may be charged."""
        state: RunState = found.row.state
        if not self._died(found.row):
            return record_of(found.row, state, found.opened)
        record = record_of(found.row, "interrupted", found.opened)
        counts, worst = record.counts, usd(found.worst) or 0
        doubted = evolve(counts, doubtful=counts.doubtful + found.calls, doubtful_usd=counts.doubtful_usd + worst)
        return evolve(record, counts=doubted)

    def _died(self, row: "Row[Any]") -> bool:
        return row.state == "running" and not self._busy(row.id)


def _page(states: Collection[RunState], below: int, most: int, connection: Connection) -> Settled[Sequence[Found], LLMError]:
    """The newest runs that are numbered lower, in any state or in these."""
    asked = _NEWEST.where(RUNS.c.number < below).limit(most)
    return Success(found_all(connection, connection.execute(asked.where(RUNS.c.state.in_(states)) if states else asked).all()))


def number_of(connection: Connection, run_id: str) -> int | None:
    """The number by which rows know their run."""
    row = connection.execute(BY_ID, {"id": run_id}).first()
    return None if row is None else row.number


def states_of(connection: Connection, number: int, keys: Sequence[str]) -> dict[str, RowState]:
    """The states of some rows of a run."""
    asked = {"of": number, "keys": [bytes.fromhex(key) for key in keys]}
    return {row.key.hex(): row.state for row in connection.execute(_STANDINGS, asked)}


def found_all(connection: Connection, rows: "Sequence[Row[Any]]") -> list[Found]:
    """Runs with how many of their rows are open."""
    opened: dict[int, dict[str, int]] = {}
    asked: dict[int, tuple[int, int]] = {}
    if rows:
        for row in connection.execute(_OPENED, {"runs": [each.number for each in rows]}):
            opened.setdefault(row.run, {})[row.state] = row.rows
            if row.state == "asked":
                asked[row.run] = row.calls, int(row.worst or 0)
    found = ((row, *asked.get(row.number, (0, 0))) for row in rows)
    return [Found(row=row, opened=opened.get(row.number, {}), calls=calls, worst=worst) for row, calls, worst in found]


def no_such_run(run_id: str, *, several: bool = False) -> StorageFailed:
    """Why there is nothing to show."""
    if several:
        return StorageFailed(message=f"several runs begin with {run_id!r}: give more of the id", reason="missing")
    return StorageFailed(message=f"there is no run {run_id!r}: `llm-manager runs list` tells which there are", reason="missing")
