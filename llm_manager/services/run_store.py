"""Every run that is kept: looking at them, and working on one as its only owner.

What is here blocks: call it from a thread, as by ``world.run_blocking``, where an event loop must go on. Only what a `RunLog` gives to
be awaited does not.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Literal, Protocol, TypeAlias

from attrs import field, frozen
from returns.result import Result

from llm_manager.domain.errors import LLMError
from llm_manager.domain.runs import RowState, RunCounts, RunDoubt, RunPlan, RunRecord, RunRow, RunState
from llm_manager.outcomes import Settled

_NOTHING = Decimal(0)

Pending: TypeAlias = "asyncio.Future[Settled[None, LLMError]]"
"""Ends once it is durable, on the loop where it was asked for."""

Wish: TypeAlias = Literal["pause", "cancel"]
"""What somebody else asked the owner of a run to do."""


@frozen(kw_only=True)
class RowIntent:
    """A request that is about to be sent: it is durable before it leaves. ``worst_usd`` is the most that it may cost."""

    key: str
    place: int
    worst_usd: Decimal | None = None


@frozen(kw_only=True)
class RowOutcome:
    """What became of one request: ``row`` in its last state with what was charged, and what that adds to the run.

    A row that is to be asked again comes back as ``waiting``; ``doubtful`` are calls of it that brought no answer and may be charged.
    """

    row: RunRow
    calls: int = 1
    cached: int = 0
    unpriced: int = 0
    doubtful: int = 0
    doubtful_usd: Decimal = _NOTHING
    """What those may have cost at worst, as far as prices are known, and answers of which nobody told what they took."""


@frozen(kw_only=True)
class RunLog:
    """One run in the hands of its only owner, until `close`. Another who took it over meanwhile makes every write a failure.

    ``standings`` and ``rows`` look several keys up at once; those never asked are left out. ``intend`` makes an intent durable, ``settle``
    an outcome: both share their commits with all others that come meanwhile, and are carried out whether they are awaited or not. They
    are called on an event loop; all else blocks.
    """

    record: RunRecord
    """The run as it was when it was taken."""
    standings: Callable[[Sequence[str]], Result[Mapping[str, RowState], LLMError]]
    rows: Callable[[Sequence[str]], Result[Mapping[str, RunRow], LLMError]]
    intend: Callable[[RowIntent], Pending]
    settle: Callable[[Sequence[RowOutcome]], Pending]
    tell: Callable[[Mapping[str, Any]], Pending]
    """Keep how it stands, for those who watch, and hear what somebody wishes."""
    counts: Callable[[], RunCounts]
    """What is durable so far."""
    wish: Callable[[], Wish | None]
    """What somebody else asked for, as of the last write."""
    reopen: Callable[[], Result[None, LLMError]]
    """Let the failed rows be asked again."""
    pin: Callable[[str], Result[None, LLMError]]
    """Keep which model the run settled on."""
    close: Callable[[RunState, str | None], Result[None, LLMError]] = field(repr=False)
    """Leave it in a state, with why it stopped early in words; the next may take it at once."""


class ListRuns(Protocol):
    """The newest runs first."""

    def __call__(self, *, limit: int = 100, states: Sequence[RunState] = ()) -> Result[tuple[RunRecord, ...], LLMError]: ...


class TakeRun(Protocol):
    """Take a run that exists as its only owner: refused with `JobLocked` while another process works on it.

    With other settings than it began with it is refused too, with every field that differs. What was asked and never answered becomes
    a `RunDoubt`, and is to be asked again. The plan's rows, budget and options become the run's.
    """

    def __call__(self, run_id: str, plan: RunPlan, /) -> Result[RunLog, LLMError]: ...


class ForkRun(Protocol):
    """Begin a new run that takes over the finished rows of another; those that it does not ask for are never looked at."""

    def __call__(self, run_id: str, plan: RunPlan, /) -> Result[RunLog, LLMError]: ...


class PageOfRows(Protocol):
    """Rows of a run in the order they were first asked, after so many of them; no longer than ``limit``."""

    def __call__(
        self, run_id: str, /, *, after: int = 0, limit: int = 1000, states: Sequence[RowState] = ()
    ) -> Result[tuple[tuple[int, RunRow], ...], LLMError]: ...


class PageOfDoubts(Protocol):
    """Calls of a run that may have been charged though no answer of them is known, the oldest first."""

    def __call__(self, run_id: str, /, *, limit: int = 1000, after: int = 0) -> Result[tuple[tuple[int, RunDoubt], ...], LLMError]: ...


@frozen(kw_only=True)
class RunStore:
    """All runs of one store. ``show`` takes an id or the beginning of one that no other run shares.

    ``find`` gives the newest run that writes a target. ``wish`` asks the owner of a run to pause or to cancel it, which lets what is
    under way end; without an owner it is done at once. ``rows`` and ``doubts`` give pages: each item comes with its number, which is
    ``after`` for the next page. ``forget`` removes a run that nobody works on, with its rows.
    """

    list: ListRuns
    show: Callable[[str], Result[RunRecord, LLMError]]
    find: Callable[[str], Result[RunRecord | None, LLMError]]
    begin: Callable[[RunPlan], Result[RunLog, LLMError]]
    resume: TakeRun
    fork: ForkRun
    wish: Callable[[str, Wish], Result[RunRecord, LLMError]]
    rows: PageOfRows
    standings: Callable[[str, Sequence[str]], Result[Mapping[str, RowState], LLMError]]
    """The states of some rows of a run, by their keys, whoever works on it."""
    doubts: PageOfDoubts
    forget: Callable[[str], Result[None, LLMError]]
