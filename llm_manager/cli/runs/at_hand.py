"""Commands over the runs that are kept: where they are found, and the one that an id means."""

import os
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, TypeAlias

from returns.result import Failure, Success

from llm_manager.cli.session import Session, conduct, standard_output
from llm_manager.domain.errors import ConfigurationError, LLMError, StorageFailed
from llm_manager.domain.runs import RunRecord
from llm_manager.outcomes import Settled, sealed
from llm_manager.runs.reading import form_of
from llm_manager.services.run_store import RunStore

OnRuns: TypeAlias = Callable[[Session, RunStore], Coroutine[Any, Any, int]]

NO_STORE = "no runs are kept: set store.url, as by LLM_MANAGER_STORE__URL=sqlite:///runs.db"


def on_runs(work: OnRuns, *, json: bool, config: Path | None) -> int:
    """Do something with the runs of the store."""
    return conduct(standard_output(json=json), lambda session: with_runs(session, work), config=config)


async def with_runs(session: Session, work: OnRuns) -> int:
    """Do something with the runs of a session's store, where it has one."""
    if session.store is None:
        return session.output.failure(ConfigurationError(message=NO_STORE))
    return await work(session, session.store.runs)


def meant(runs: RunStore, said: str) -> Settled[RunRecord, LLMError]:
    """The run of an id, of the beginning of one, or the newest one that writes a file of this name."""
    if form_of(said) is not None or os.sep in said:
        found = sealed(runs.find(str(Path(said).resolve())))
        if isinstance(found, Failure):
            return found
        record = found.unwrap()
        told = f"no run that is kept writes {said}: `llm-manager runs list` tells which there are"
        return Failure(StorageFailed(message=told, reason="missing")) if record is None else Success(record)
    return sealed(runs.show(said))


def each_told(session: Session, runs: RunStore, ids: tuple[str, ...], work: Callable[[str], int]) -> int:
    """Do something with the whole id of each of several runs; the first that goes wrong decides how the command ends."""
    code = 0
    for said in ids:
        found = meant(runs, said)
        ended = session.output.failure(found.failure()) if isinstance(found, Failure) else work(found.unwrap().id)
        code = code or ended
    return code
