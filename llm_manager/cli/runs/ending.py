"""`llm-manager runs cancel` and `runs delete`: runs that are not to go on, and those that are not to be kept."""

from typing import Final

from attrs import evolve
from returns.result import Failure

from llm_manager.cli.exits import FAILED, OK
from llm_manager.cli.runs.at_hand import each_told
from llm_manager.cli.session import Session
from llm_manager.domain.errors import ConfigurationError, JobLocked
from llm_manager.domain.runs import RunState
from llm_manager.policies.moments import seconds_of
from llm_manager.policies.plurals import counted
from llm_manager.runs.portraying import SHORT_ID
from llm_manager.services.run_store import RunStore
from llm_manager.services.world import World

_STATES: Final[tuple[RunState, ...]] = ("interrupted", "paused", "finished", "cancelled")
_MOST: Final = 100_000
_LONGEST_SECONDS: Final = 60.0
_LOOK_SECONDS: Final = 0.25


async def cancel_runs(session: Session, runs: RunStore, ids: tuple[str, ...], world: World) -> int:
    """Tell those that run to stop, and wait until they have; mark the others."""
    told: list[str] = []
    states: dict[str, RunState] = {}

    def cancel(run_id: str) -> int:
        wished = runs.wish(run_id, "cancel")
        if isinstance(wished, Failure):
            return session.output.failure(wished.failure())
        record = wished.unwrap()
        states[run_id] = record.state
        if record.state == "running":
            session.output.note(f"run {run_id[:SHORT_ID]}: {record.owner or 'its owner'} was told to stop; calls under way are waited for")
            told.append(run_id)
        else:
            session.output.note(f"run {run_id[:SHORT_ID]} is {record.state}")
        return OK

    code = each_told(session, runs, ids, cancel)
    for run_id in told:
        states[run_id] = await _waited_for(session, runs, run_id, world)
        code = code or (FAILED if states[run_id] == "running" else OK)
    if session.output.json and states:
        session.output.document({"runs": [{"id": run_id, "state": state} for run_id, state in states.items()]})
    return code


async def _waited_for(session: Session, runs: RunStore, run_id: str, world: World) -> RunState:
    """The state it is in once its owner has left it, or when that took too long."""
    until = world.now() + _LONGEST_SECONDS
    while world.now() < until:
        found = runs.show(run_id)
        if isinstance(found, Failure):  # somebody deleted it meanwhile
            return "cancelled"
        if (state := found.unwrap().state) != "running":
            session.output.note(f"run {run_id[:SHORT_ID]} is {state}")
            return state
        await world.sleep(_LOOK_SECONDS)
    session.output.note(f"run {run_id[:SHORT_ID]} still runs: it stops as soon as its calls under way have ended")
    return "running"


async def delete_runs(session: Session, runs: RunStore, ids: tuple[str, ...], older_than: str | None, world: World) -> int:
    """Forget runs by their ids, or all that nobody works on and nothing was heard of for so long."""
    output = session.output
    if not ids and older_than is None:
        return output.failure(ConfigurationError(message="name a run by its id, or say --older-than 30d"))
    gone: list[str] = []

    def forget(run_id: str) -> int:
        forgotten = runs.forget(run_id)
        if isinstance(forgotten, Failure):
            error = forgotten.failure()
            return output.failure(evolve(error, job=f"run {run_id[:SHORT_ID]}") if isinstance(error, JobLocked) else error)
        gone.append(run_id)
        return OK

    code = each_told(session, runs, ids, forget)
    if older_than is not None:
        seconds = seconds_of(older_than)
        if seconds is None:
            return output.failure(
                ConfigurationError(message=f"--older-than {older_than}: give hours, days or weeks, such as 12h, 30d or 8w")
            )
        found = runs.list(limit=_MOST, states=_STATES)
        if isinstance(found, Failure):
            return output.failure(found.failure())
        for record in found.unwrap():
            if record.updated_at < world.wall() - seconds:
                code = code or forget(record.id)
    if output.json:
        output.document({"deleted": gone})
    if gone or not code:
        output.note(f"deleted {counted(len(gone), 'run')}; answers that they wrote stay where they are")
    return code
