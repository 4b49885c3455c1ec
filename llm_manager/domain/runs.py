"""Runs as they are kept: what each asks, how far it is, and what it cost."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Literal, TypeAlias

from attrs import field, frozen

RunState: TypeAlias = Literal["running", "interrupted", "paused", "finished", "cancelled"]
"""``running`` has an owner that lives, ``interrupted`` had one that died or was stopped, ``paused`` waits for money or a connection,
``finished`` has no row left to ask, ``cancelled`` is not to go on."""

RowState: TypeAlias = Literal["asked", "answered", "failed"]
"""``asked`` is a row of which a call was sent, or about to be, and nothing is known since: it may have been charged."""


@frozen(kw_only=True)
class RunPlan:
    """What a run is to do, whole: two runs of one ``settings`` ask equal rows the same way.

    ``target`` is the name it is found by when the same is run again, as the file it writes; ``settings`` are everything that decides
    answers (prompt, system prompt, columns, model, provider, parameters), as plain data.
    """

    target: str | None
    source: str
    settings: Mapping[str, Any]
    rows: int
    budget_usd: Decimal | None = None


@frozen(kw_only=True)
class RunCounts:
    """How far a run is: its rows by state, what they took, and what may have been charged beside it."""

    answered: int = 0
    failed: int = 0
    asked: int = 0
    calls: int = 0
    cached: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: Decimal = Decimal(0)
    unpriced: int = 0
    doubtful: int = 0
    """Calls of which nothing is known but that they were sent: each may be charged a second time."""
    errors: Mapping[str, int] = field(factory=dict)


@frozen(kw_only=True)
class RunRecord:
    """A run as it is kept. ``owner`` is the process that works on it, or that did last; times are seconds since 1970."""

    id: str
    plan: RunPlan
    fingerprint: str
    state: RunState
    created_at: float
    updated_at: float
    owner: str | None = None
    model: str | None = None
    stopped: str | None = None
    """Why it stopped early, in words."""
    counts: RunCounts = field(factory=RunCounts)
