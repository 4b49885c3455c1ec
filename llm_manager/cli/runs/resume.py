"""`llm-manager runs resume`: a run goes on as it was begun, from its rows to its output, wherever the command is given."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from attrs import evolve
from returns.result import Failure, Success

from llm_manager.cli.output import Output
from llm_manager.cli.run.beginning import Manner, begin
from llm_manager.cli.run.typed import RunWords, words_of
from llm_manager.cli.runs.at_hand import NO_STORE, meant
from llm_manager.cli.session import open_session
from llm_manager.domain.errors import ConfigurationError, JobLocked, LLMError, StorageFailed
from llm_manager.domain.runs import RunRecord
from llm_manager.outcomes import Settled, sealed
from llm_manager.runs.portraying import SHORT_ID
from llm_manager.services.run_store import RunStore


def resume_run(output: Output, said: str, manner: Manner) -> int:
    """Go on with a run; what the command says of the manner comes before how the run was begun."""
    found = _sought(output, said, manner)
    if isinstance(found, Failure):
        return output.failure(found.failure())
    record, words = found.unwrap()
    output.note(f"run {record.id[:SHORT_ID]}: {words.source} goes on")
    return begin(output, words, _as_begun(record, manner))


def _sought(output: Output, said: str, manner: Manner) -> Settled[tuple[RunRecord, RunWords], LLMError]:
    """The run, and what was typed for it; or why it cannot go on."""
    opened = open_session(output, config=manner.config)
    if isinstance(opened, Failure):
        return opened
    session = opened.unwrap()
    if session.store is None:
        return Failure(ConfigurationError(message=NO_STORE))
    runs = session.store.runs
    try:
        found = meant(runs, said)
        if isinstance(found, Failure):
            return found
        record = found.unwrap()
        words = words_of(record.plan)
        if words is None:
            return Failure(_cannot(record, "a program began it, which alone knows its rows: run the program again"))
        refused = _refusal(record, words) or _replaced(record, runs)
        return Success((record, words)) if refused is None else Failure(refused)
    finally:
        asyncio.run(session.manager.close())


def _refusal(record: RunRecord, words: RunWords) -> LLMError | None:
    """Why it cannot go on, as far as the run itself tells."""
    if record.state == "cancelled":
        return _cannot(record, "it was cancelled: run the command again to begin anew")
    if words.source == "-":
        return _cannot(record, "its rows came from standard input: pipe them into the same command again")
    if record.state != "running" and not Path(words.source).exists():
        there = f"there is no {words.source} any more; put the file back, or `runs export` what is finished"
        return _cannot(record, f"its rows are gone: {there}", missing=True)
    return None


def _replaced(record: RunRecord, runs: RunStore) -> LLMError | None:
    """Why an older run does not write over what a newer one wrote."""
    newest = sealed(Success(None) if record.plan.target is None else runs.find(record.plan.target))
    other = None if isinstance(newest, Failure) else newest.unwrap()
    if other is None or other.id == record.id:
        return None
    return _cannot(record, f"a newer run, {other.id[:SHORT_ID]}, writes the same file: resume that one, or delete it first")


def _cannot(record: RunRecord, why: str, *, missing: bool = False) -> LLMError:
    """Why it cannot go on; of one that somebody works on, that comes first."""
    if record.state == "running":
        return JobLocked(job=record.id, owner=record.owner)
    message = f"run {record.id[:SHORT_ID]} cannot go on: {why}"
    return StorageFailed(message=message, reason="missing") if missing else ConfigurationError(message=message)


def _as_begun(record: RunRecord, manner: Manner) -> Manner:
    """The manner that the run was begun in, where the command says nothing else; what it costs was agreed to when it was begun."""
    begun: Mapping[str, Any] = record.plan.options
    agreed = record.counts.calls + record.counts.asked + record.counts.waiting > 0
    config = begun.get("config")
    return evolve(
        manner,
        yes=manner.yes or agreed,
        config=manner.config or (Path(config) if isinstance(config, str) else None),
        strategy=manner.strategy or begun.get("strategy"),
        concurrency=manner.concurrency or begun.get("concurrency"),
        budget_usd=record.plan.budget_usd if manner.budget_usd is None else manner.budget_usd,
    )
