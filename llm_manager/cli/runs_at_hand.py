"""Commands over the runs that are kept: where they are found, and the one that an id means."""

from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, TypeAlias

from returns.result import Failure

from llm_manager.cli.session import Session, conduct, standard_output
from llm_manager.domain.errors import ConfigurationError
from llm_manager.services.run_store import RunStore

OnRuns: TypeAlias = Callable[[Session, RunStore], Coroutine[Any, Any, int]]

_NO_STORE = "no runs are kept: set store.url, as by LLM_MANAGER_STORE__URL=sqlite:///runs.db"


def on_runs(work: OnRuns, *, json: bool, config: Path | None) -> int:
    """Do something with the runs of the store."""

    async def command(session: Session) -> int:
        if session.store is None:
            return session.output.failure(ConfigurationError(message=_NO_STORE))
        return await work(session, session.store.runs)

    return conduct(standard_output(json=json), command, config=config)


def each_told(session: Session, runs: RunStore, ids: tuple[str, ...], work: Callable[[str], int]) -> int:
    """Do something with each of several runs by its whole id; the first that goes wrong decides how the command ends."""
    code = 0
    for beginning in ids:
        found = runs.show(beginning)
        ended = session.output.failure(found.failure()) if isinstance(found, Failure) else work(found.unwrap().id)
        code = code or ended
    return code
