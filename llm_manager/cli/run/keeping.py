"""Where a run is kept: the one that writes the same output goes on, unless it is told to begin anew."""

from collections.abc import Iterator, Mapping, Sequence

from attrs import evolve, frozen
from returns.result import Failure, Result, Success

from llm_manager.cli.exits import error_line
from llm_manager.cli.run.overwriting import strangers_line
from llm_manager.cli.run.typed import Prepared
from llm_manager.cli.session import Session
from llm_manager.domain.errors import ConfigurationError, LLMError
from llm_manager.domain.runs import RowState, RunPlan, RunRecord
from llm_manager.outcomes import Settled, sealed
from llm_manager.policies.run_changes import changed_error, changes, fingerprint
from llm_manager.runs.surveying import Look, Survey
from llm_manager.services.run_store import RunLog, RunStore


@frozen(kw_only=True)
class Keeping:
    """What is known of a run before it is taken: the one ``before`` it that wrote the same output."""

    runs: RunStore
    plan: RunPlan
    before: RunRecord | None = None
    fork: bool = False
    overwrite: bool = False

    @property
    def unused(self) -> int:
        """How many answers of the run before are replaced by those of one that asks otherwise."""
        before = self.before
        replaced = before is not None and self.overwrite and not self.fork and changed(before, self.plan) is not None
        return before.counts.answered + before.counts.failed if before is not None and replaced else 0

    def take(self) -> Result[RunLog, LLMError]:
        """Go on with the run before, or begin one."""
        before = self.before
        if before is None:
            return self.runs.begin(self.plan)
        if self.fork:
            return self.runs.fork(before.id, self.plan)
        why = changed(before, self.plan)
        if before.state == "cancelled" or (self.overwrite and why is not None):
            return self.runs.begin(self.plan)
        if why is not None:
            return Failure(why)
        return self.runs.resume(before.id, self.plan)


@frozen(kw_only=True)
class Peeked:
    """What is kept of a run, looked at by somebody who does not take it."""

    look: Look
    before: RunRecord | None = None
    changed: LLMError | None = None

    def notes(self, found: Survey) -> Iterator[str]:
        """What a run would say of it."""
        if self.changed is not None:
            yield error_line(self.changed)
        elif self.before is not None and (strangers := found.strangers(self.before.counts)):
            yield strangers_line(strangers)


def changed(before: RunRecord, plan: RunPlan) -> LLMError | None:
    """Why a run may not go on as it is now told to."""
    if before.fingerprint == fingerprint(plan.settings):
        return None
    found = changes(before.plan.settings, plan.settings)
    message = (
        f"{plan.target} was written by run {before.id[:8]}, which asked otherwise ({', '.join(change.name for change in found)}): "
        "ask as then, choose another output with -o, say --fork to keep the rows that both ask alike, or --overwrite to begin anew"
    )
    return evolve(changed_error(before.id, found), message=message)


def peek(session: Session, plan: RunPlan) -> Settled[Peeked, LLMError]:
    """Look at the run that a plan would go on with."""
    if plan.target is None or session.store is None:
        return Success(Peeked(look=_nothing))
    runs = session.store.runs
    found = sealed(runs.find(plan.target))
    if isinstance(found, Failure):
        return found
    before = found.unwrap()
    if before is None or before.state == "cancelled":
        return Success(Peeked(look=_nothing))
    why = changed(before, plan)
    look: Look = _nothing if why is not None else lambda keys: runs.standings(before.id, keys)
    return Success(Peeked(look=look, before=before, changed=why))


def keeping_of(
    session: Session, scratch: RunStore, prepared: Prepared, plan: RunPlan, *, fork: bool = False, overwrite: bool = False
) -> Settled[Keeping, LLMError]:
    """Find the run that goes on, if there is one; a run whose output nobody can come back to is kept in ``scratch``."""
    if plan.target is None or session.store is None:
        return Success(Keeping(runs=scratch, plan=plan))
    runs, path = session.store.runs, prepared.target.path
    found = sealed(runs.find(plan.target))
    if isinstance(found, Failure):
        return found
    before = found.unwrap()
    if before is None and fork:
        return _refused(f"no run that is kept wrote {plan.target}: leave --fork out to begin one")
    if before is None and not overwrite and path is not None and path.exists() and path.stat().st_size:
        return _refused(
            f"{path} exists and no run that is kept wrote it, so nobody knows what its rows were asked (runs that are deleted, or kept in "
            "another store, are not known): move it away, choose another output, or say --overwrite to replace it, which asks every row"
        )
    return Success(Keeping(runs=runs, plan=plan, before=before, fork=fork, overwrite=overwrite))


def _nothing(_: Sequence[str]) -> Result[Mapping[str, RowState], LLMError]:
    return Success({})


def _refused(message: str) -> Settled[Keeping, LLMError]:
    return Failure(ConfigurationError(message=message))
