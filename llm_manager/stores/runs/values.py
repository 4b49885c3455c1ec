"""Runs and their rows as rows of tables, and back."""

import json
from collections.abc import Mapping
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Final

import msgspec
from attrs import evolve
from sqlalchemy import Row

from llm_manager.domain.plain_data import canonical, converter
from llm_manager.domain.runs import RunCounts, RunDoubt, RunPlan, RunRecord, RunRow, RunState

_MICRO: Final = Decimal(1_000_000)
_ONE: Final = Decimal(1)


def micro(usd: Decimal | None, rounding: str = ROUND_HALF_UP) -> int | None:
    """Money as whole micro-dollars.

    >>> micro(Decimal("0.0000015")), micro(None)
    (2, None)
    """
    return None if usd is None else int((usd * _MICRO).quantize(_ONE, rounding))


def usd(whole: int | None) -> Decimal | None:
    """The money that so many micro-dollars are."""
    return None if whole is None else Decimal(whole) / _MICRO


def written(value: Mapping[str, Any]) -> str:
    """Plain data as JSON text."""
    try:
        return msgspec.json.encode(value).decode()
    except UnicodeEncodeError:  # half of a surrogate pair, which only escapes can say
        return json.dumps(value)


def read(text: str) -> dict[str, Any]:
    """What was written."""
    try:
        found: dict[str, Any] = msgspec.json.decode(text)
    except msgspec.DecodeError:
        found = json.loads(text)
    return found


def plan_text(plan: RunPlan) -> str:
    """A plan as JSON text."""
    return canonical(converter().unstructure(plan)).decode()


def counts_text(counts: RunCounts) -> str:
    """Counts as JSON text; money is decimal text, so that nothing is rounded. Open rows are counted where they are."""
    return msgspec.json.encode(
        {
            "answered": counts.answered,
            "failed": counts.failed,
            "calls": counts.calls,
            "cached": counts.cached,
            "input_tokens": counts.input_tokens,
            "output_tokens": counts.output_tokens,
            "cost_usd": format(counts.cost_usd, "f"),
            "unpriced": counts.unpriced,
            "doubtful": counts.doubtful,
            "doubtful_usd": format(counts.doubtful_usd, "f"),
            "errors": counts.errors,
        }
    ).decode()


def counts_of(text: str) -> RunCounts:
    """The counts of a text."""
    found = read(text)
    return RunCounts(**{**found, "cost_usd": Decimal(found["cost_usd"]), "doubtful_usd": Decimal(found["doubtful_usd"])})


def plan_of(text: str) -> RunPlan:
    """The plan of a text."""
    plan: RunPlan = converter().structure(read(text), RunPlan)
    return plan


def record_of(row: "Row[Any]", state: RunState, opened: Mapping[str, int]) -> RunRecord:
    """A run as it is kept. Its state is given, since the table does not know whether its owner lives, and so are its open rows."""
    return RunRecord(
        id=row.id,
        plan=plan_of(row.plan),
        fingerprint=row.fingerprint,
        state=state,
        created_at=row.created_at,
        updated_at=row.updated_at,
        owner=row.owner,
        model=row.model,
        stopped=row.stopped,
        counts=evolve(counts_of(row.counts), asked=opened.get("asked", 0), waiting=opened.get("waiting", 0)),
        standing=read(row.standing),
        forked_from=row.forked_from,
    )


def run_row(row: "Row[Any]") -> RunRow:
    """One request of a run."""
    return RunRow(
        key=row.key.hex(),
        place=row.place,
        state=row.state,
        attempt=row.attempt,
        output=None if row.output is None else read(row.output),
        error=row.error,
        input_tokens=row.input_tokens,
        output_tokens=row.output_tokens,
        cost_usd=usd(row.cost_micro),
        asked_at=row.asked_at,
        ended_at=row.ended_at,
    )


def run_doubt(row: "Row[Any]") -> RunDoubt:
    """One call that may have been charged."""
    return RunDoubt(
        key=row.key.hex(), place=row.place, attempt=row.attempt, asked_at=row.asked_at, worst_usd=usd(row.worst_micro), calls=row.calls
    )
