"""Runs in a database: each has one owner at a time, and whoever lost it can write no more."""

import os
import platform
from collections.abc import Mapping
from typing import Final

from attrs import frozen
from returns.result import Failure, Result, Success
from sqlalchemy import Connection, Text, bindparam, delete, func, insert, select, update

from llm_manager.domain.errors import ConfigurationError, JobLocked, LLMError
from llm_manager.domain.runs import RunCounts, RunPlan, RunRecord
from llm_manager.outcomes import Settled
from llm_manager.policies.run_changes import changed_error, changes, fingerprint
from llm_manager.services.run_store import RunLog, RunStore, Wish
from llm_manager.services.world import World
from llm_manager.stores.runs.holding import Holder, doubt_all
from llm_manager.stores.runs.locks import Hold, RunLocks
from llm_manager.stores.runs.reading import BY_ID, Found, RunReading, found_all, no_such_run, number_of
from llm_manager.stores.runs.values import counts_of, counts_text, plan_of, plan_text
from llm_manager.stores.sql.database import Database, Work
from llm_manager.stores.sql.tables.runs import RUN_DOUBTS, RUN_ROWS, RUNS

_BEGIN: Final = insert(RUNS)
_TAKE: Final = (
    update(RUNS)
    .where(RUNS.c.number == bindparam("run"))
    .values(
        epoch=RUNS.c.epoch + 1,
        state="running",
        owner=bindparam("by"),
        stopped=None,
        wish=None,
        plan=bindparam("now"),
        counts=bindparam("told"),
        updated_at=bindparam("at"),
    )
)
_WISH: Final = update(RUNS).where(RUNS.c.id == bindparam("of")).values(wish=bindparam("wished"))
_AT_ONCE: Final = (
    update(RUNS).where(RUNS.c.id == bindparam("of")).values(wish=bindparam("wished"), state=bindparam("as_state"), counts=bindparam("told"))
)
_WRITING: Final = select(RUNS.c.id, RUNS.c.owner).where(RUNS.c.target == bindparam("of"), RUNS.c.state == "running")
_ALONE: Final = select(func.pg_advisory_xact_lock(func.hashtext(bindparam("of", type_=Text))))
_STATES: Final[Mapping[Wish, str]] = {"pause": "paused", "cancel": "cancelled"}


@frozen(kw_only=True)
class _Taken:
    """A run that was taken: how the table has it, and from whom it takes rows over."""

    found: Found
    parent: int | None


def kept_runs(database: Database, locks: RunLocks, world: World) -> RunStore:
    """All runs of a database."""
    runs, reading = _Runs(database, locks, world), RunReading(database, locks.busy)
    return RunStore(
        list=reading.list,
        show=reading.show,
        find=reading.find,
        begin=runs.begin,
        resume=runs.resume,
        fork=runs.fork,
        wish=runs.wish,
        rows=reading.rows,
        standings=reading.standings,
        doubts=reading.doubts,
        forget=runs.forget,
    )


class _Runs:
    def __init__(self, database: Database, locks: RunLocks, world: World) -> None:
        self._database = database
        self._locks = locks
        self._world = world
        self._reading = RunReading(database, lambda _: True)

    def begin(self, plan: RunPlan) -> Settled[RunLog, LLMError]:
        run_id = self._world.new_id()
        return self._held(run_id, lambda connection: self._begun(connection, run_id, plan, None))

    def resume(self, run_id: str, plan: RunPlan) -> Settled[RunLog, LLMError]:
        return self._held(run_id, lambda connection: self._taken(connection, run_id, plan))

    def fork(self, run_id: str, plan: RunPlan) -> Settled[RunLog, LLMError]:
        new_id = self._world.new_id()
        return self._held(new_id, lambda connection: self._begun(connection, new_id, plan, run_id))

    def wish(self, run_id: str, wish: Wish) -> Result[RunRecord, LLMError]:
        busy = False

        def work(connection: Connection) -> Settled[Found, LLMError]:
            nonlocal busy
            row = connection.execute(BY_ID, {"id": run_id}).first()
            if row is None:
                return Failure(no_such_run(run_id))
            busy = self._locks.busy(run_id)
            if busy:
                connection.execute(_WISH, {"of": run_id, "wished": wish})
            elif row.state not in ("finished", "cancelled"):
                told = counts_text(doubt_all(connection, row.number, counts_of(row.counts)))
                connection.execute(_AT_ONCE, {"of": run_id, "wished": wish, "as_state": _STATES[wish], "told": told})
            return Success(found_all(connection, connection.execute(BY_ID, {"id": run_id}).all())[0])

        wished = self._database.write_now(work)
        if isinstance(wished, Success) and not busy:
            self._locks.sweep(run_id)
        return wished.map(RunReading(self._database, lambda _: busy).record)

    def forget(self, run_id: str) -> Settled[None, LLMError]:
        def work(connection: Connection) -> Settled[None, LLMError]:
            row = connection.execute(BY_ID, {"id": run_id}).first()
            if row is None:
                return Failure(no_such_run(run_id))
            if self._locks.busy(run_id):  # looked at in here: who takes it later finds it gone
                return Failure(JobLocked(job=run_id, owner=row.owner))
            connection.execute(delete(RUN_ROWS).where(RUN_ROWS.c.run == row.number))
            connection.execute(delete(RUN_DOUBTS).where(RUN_DOUBTS.c.run == row.number))
            connection.execute(delete(RUNS).where(RUNS.c.number == row.number))
            return Success(None)

        forgotten = self._database.write_now(work)
        if isinstance(forgotten, Success):
            self._locks.sweep(run_id)
        return forgotten

    def _held(self, run_id: str, work: "Work[_Taken]") -> Settled[RunLog, LLMError]:
        opened = self._database.read_now(lambda _: Success(None))
        if isinstance(opened, Failure):
            return opened
        held = self._locks.hold(run_id)
        if isinstance(held, Failure):
            return held
        hold = held.unwrap()
        if hold is None:
            return Failure(self._locked(run_id))
        taken = self._database.write_now(work)
        if isinstance(taken, Failure):
            hold.release()
            return taken
        return Success(self._log(taken.unwrap(), hold))

    def _log(self, taken: _Taken, hold: Hold) -> RunLog:
        row = taken.found.row
        return Holder(
            self._database,
            hold,
            self._world.wall,
            record=self._reading.record(taken.found),
            number=row.number,
            epoch=row.epoch,
            parent=taken.parent,
        ).log()

    def _locked(self, run_id: str) -> JobLocked:
        found = self._reading.show(run_id)
        return JobLocked(job=run_id, owner=None if isinstance(found, Failure) else found.unwrap().owner)

    def _begun(self, connection: Connection, run_id: str, plan: RunPlan, parent_id: str | None) -> Settled[_Taken, LLMError]:
        parent = None if parent_id is None else number_of(connection, parent_id)
        if parent_id is not None and parent is None:
            return Failure(no_such_run(parent_id))
        if plan.target is not None and (other := self._at_work_on(connection, plan.target)) is not None:
            return Failure(other)
        now = self._world.wall()
        connection.execute(
            _BEGIN,
            {
                "id": run_id,
                "target": plan.target,
                "fingerprint": fingerprint(plan.settings),
                "plan": plan_text(plan),
                "state": "running",
                "epoch": 1,
                "owner": _owner(),
                "counts": counts_text(RunCounts()),
                "standing": "{}",
                "forked_from": parent_id,
                "created_at": now,
                "updated_at": now,
            },
        )
        return Success(_again(connection, run_id, parent))

    def _at_work_on(self, connection: Connection, target: str) -> JobLocked | None:
        """The run that writes a target just now; until this is committed nobody else begins one that does."""
        if connection.dialect.name == "postgresql":
            connection.execute(_ALONE, {"of": target})
        running = connection.execute(_WRITING, {"of": target}).all()
        return next((JobLocked(job=row.id, owner=row.owner) for row in running if self._locks.busy(row.id)), None)

    def _taken(self, connection: Connection, run_id: str, plan: RunPlan) -> Settled[_Taken, LLMError]:
        row = connection.execute(BY_ID, {"id": run_id}).first()
        if row is None:
            return Failure(no_such_run(run_id))
        if row.state == "cancelled":
            return Failure(ConfigurationError(message=f"run {run_id} was cancelled: begin anew, or fork it to use its rows"))
        if row.fingerprint != fingerprint(plan.settings):
            return Failure(changed_error(run_id, changes(plan_of(row.plan).settings, plan.settings)))
        counts = doubt_all(connection, row.number, counts_of(row.counts))
        connection.execute(
            _TAKE,
            {"run": row.number, "by": _owner(), "now": plan_text(plan), "told": counts_text(counts), "at": self._world.wall()},
        )
        parent = None if row.forked_from is None else number_of(connection, row.forked_from)
        return Success(_again(connection, run_id, parent))


def _again(connection: Connection, run_id: str, parent: int | None) -> _Taken:
    return _Taken(found=found_all(connection, connection.execute(BY_ID, {"id": run_id}).all())[0], parent=parent)


def _owner() -> str:
    return f"process {os.getpid()} on {platform.node()}"
