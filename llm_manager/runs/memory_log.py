"""A run log that forgets: for a run whose output nobody can come back to."""

from collections.abc import Sequence
from pathlib import Path

from returns.result import Success

from llm_manager.domain.errors import LLMError
from llm_manager.outcomes import Settled
from llm_manager.runs.run_log import can_lock, open_run_log
from llm_manager.services.run_log import RunLog, RunRow


def memory_run_log() -> RunLog:
    """Finished rows in memory."""
    kept: dict[str, RunRow] = {}

    def settle(rows: Sequence[RunRow]) -> Settled[None, LLMError]:
        kept.update((row.key, row) for row in rows)
        return Success(None)

    return RunLog(claim=kept.get, settle=settle, rows=lambda: iter(tuple(kept.values())), close=kept.clear)


def scratch_run_log(folder: Path) -> Settled[RunLog, LLMError]:
    """Finished rows in a file that goes with its folder, so that memory stays flat; in memory where such files cannot be."""
    return open_run_log(folder / "runlog") if can_lock() else Success(memory_run_log())
