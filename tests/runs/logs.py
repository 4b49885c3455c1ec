"""A run log that keeps everything in a dictionary and is durable at once: for tests of what uses one, on any loop."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from attrs import evolve
from returns.result import Result, Success

from llm_manager.domain.errors import LLMError
from llm_manager.domain.runs import RowState, RunCounts, RunPlan, RunRecord, RunRow
from llm_manager.outcomes import Settled
from llm_manager.services.run_store import Pending, RowIntent, RowOutcome, RunLog, Wish

PLAN = RunPlan(target=None, source="rows.jsonl", settings={}, rows=0)
RECORD = RunRecord(id="r1", plan=PLAN, fingerprint="", state="running", created_at=0.0, updated_at=0.0)


class Kept:
    """What a log holds, to be looked at."""

    def __init__(self) -> None:
        self.rows: dict[str, RunRow] = {}
        self.intents: list[RowIntent] = []
        self.outcomes: list[RowOutcome] = []
        self.counts = RunCounts()
        self.wish: Wish | None = None

    def add(self, row: RunRow) -> None:
        """Hold a row."""
        self.rows[row.key] = row


def done(outcome: Settled[None, LLMError]) -> Pending:
    """An outcome that is there already."""
    future: Pending = asyncio.get_running_loop().create_future()
    future.set_result(outcome)
    return future


def memory_log(rows: Iterable[RunRow] = (), *, kept: Kept | None = None) -> RunLog:
    """A log that holds these rows; ``kept`` shows what it holds later."""
    held = Kept() if kept is None else kept
    held.rows.update((row.key, row) for row in rows)

    def standings(keys: Sequence[str]) -> Result[Mapping[str, RowState], LLMError]:
        return Success({key: held.rows[key].state for key in keys if key in held.rows})

    def found(keys: Sequence[str]) -> Result[Mapping[str, RunRow], LLMError]:
        return Success({key: held.rows[key] for key in keys if key in held.rows})

    def intend(intent: RowIntent) -> Pending:
        held.intents.append(intent)
        held.rows[intent.key] = RunRow(key=intent.key, place=intent.place, state="asked")
        return done(Success(None))

    def settle(outcomes: Sequence[RowOutcome]) -> Pending:
        held.outcomes.extend(outcomes)
        for outcome in outcomes:
            held.rows[outcome.row.key] = outcome.row
            held.counts = evolve(
                held.counts,
                answered=held.counts.answered + (outcome.row.state == "answered"),
                cost_usd=held.counts.cost_usd + (outcome.row.cost_usd or 0),
            )
        return done(Success(None))

    def reopen() -> Result[None, LLMError]:
        held.rows.update({key: evolve(row, state="waiting") for key, row in held.rows.items() if row.state == "failed"})
        return Success(None)

    def fine(*_: Any) -> Result[None, LLMError]:
        return Success(None)

    return RunLog(
        record=RECORD,
        standings=standings,
        rows=found,
        intend=intend,
        settle=settle,
        tell=lambda _: done(Success(None)),
        counts=lambda: held.counts,
        wish=lambda: held.wish,
        reopen=reopen,
        pin=fine,
        close=fine,
    )
