"""Runs as they are kept: what each asks, how far it is, and what it cost."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Literal, TypeAlias

from attrs import field, frozen

RunState: TypeAlias = Literal["running", "interrupted", "paused", "finished", "cancelled"]
"""``running`` has an owner that lives, ``interrupted`` had one that died or was stopped, ``paused`` waits for money, a connection
or a person, ``finished`` has no row left to ask, ``cancelled`` is not to go on."""

RowState: TypeAlias = Literal["asked", "waiting", "answered", "failed"]
"""``asked`` is a row of which a call was sent, or about to be, and nothing is known since; ``waiting`` is one that was asked and is
to be asked again, since what it met was not its own fault."""


@frozen(kw_only=True)
class RunPlan:
    """What a run is to do, whole: two runs of one ``settings`` ask equal rows the same way.

    ``target`` is the name it is found by when the same is run again, as the file it writes; ``settings`` are everything that decides
    answers (prompt, system prompt, columns, model, provider, parameters), as plain data. ``options`` are all else that was said, as
    plain data, enough to do the same again: they decide no answer, and may change when it is resumed.
    """

    target: str | None
    source: str
    settings: Mapping[str, Any]
    rows: int
    budget_usd: Decimal | None = None
    options: Mapping[str, Any] = field(factory=dict)


@frozen(kw_only=True)
class RunCounts:
    """How far a run is: its requests by state (equal rows are one), what they took, and what may have been charged beside it."""

    answered: int = 0
    failed: int = 0
    asked: int = 0
    waiting: int = 0
    calls: int = 0
    cached: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: Decimal = Decimal(0)
    unpriced: int = 0
    doubtful: int = 0
    """Calls of which nothing is known but that they were sent: each may be charged beside what the answers cost."""
    doubtful_usd: Decimal = Decimal(0)
    """What those may have cost at worst, as far as prices are known, and answers of which nobody told what they took."""
    errors: Mapping[str, int] = field(factory=dict)
    """Failed rows by the tag of their error."""


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
    standing: Mapping[str, Any] = field(factory=dict)
    """What its owner told last of how it stands, as plain data: rates, what it waits for, breakers, limits."""
    forked_from: str | None = None
    """The run whose finished rows it took over."""


@frozen(kw_only=True)
class RunRow:
    """One request of a run, by the content of it: ``place`` is that of its first row in the input, counted from 0.

    ``output`` are the columns it gave, None for one that has not ended. ``attempt`` counts how often the run asked it.
    """

    key: str
    place: int = 0
    state: RowState = "answered"
    attempt: int = 1
    output: Mapping[str, Any] | None = None
    error: str | None = None
    """The tag of what it failed of."""
    input_tokens: int | None = None
    output_tokens: int | None = None
    cost_usd: Decimal | None = None
    asked_at: float | None = None
    ended_at: float | None = None


@frozen(kw_only=True)
class RunDoubt:
    """A call that may have been charged though no answer of it is known; its row was asked again, or is to be."""

    key: str
    place: int
    attempt: int
    asked_at: float
    worst_usd: Decimal | None = None
    """What it cost at most, where that is known."""
    calls: int = 1


@frozen(kw_only=True)
class RunChange:
    """One field that two runs' settings do not share; None is a field that is not there."""

    name: str
    then: Any
    now: Any
