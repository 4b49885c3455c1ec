"""The pulse of a run: how it is doing now, for those who watch from elsewhere, and as the plain data that a store keeps."""

from collections.abc import Mapping
from typing import Any, Final

from attrs import evolve
from returns.result import Failure

from llm_manager.domain.run_pulses import RunPulse
from llm_manager.domain.runs import RunRecord
from llm_manager.domain.standing import Standing
from llm_manager.domain.wire import Kind, from_plain, to_plain
from llm_manager.outcomes import sealed
from llm_manager.policies.standing_words import waiting_words
from llm_manager.runs.tallies import Tally, rows_per_second, seconds_left

_MOST: Final = 20
"""So many breakers, limits and budgets are told of each kind: a run asks one model, and what it tells is written every second."""
TICK_SECONDS: Final = 1.0
_PULSE: Final[Kind[RunPulse]] = Kind("RunPulse", RunPulse)


def pulse_plain(pulse: RunPulse) -> Mapping[str, Any]:
    """A pulse as plain data."""
    plain: Mapping[str, Any] = to_plain(pulse)
    return plain


def pulse_of(record: RunRecord) -> RunPulse | None:
    """The last pulse of a run; None for one that never told any, or told it in a form that is not ours."""
    read = sealed(from_plain(_PULSE, record.standing)) if record.standing else None
    return None if read is None or isinstance(read, Failure) else read.unwrap()


def pulse_now(tally: Tally, *, seconds: float, under_way: int, standing: Standing, wall: float, waiting: str | None = None) -> RunPulse:
    """How a run is doing after so many seconds; keys are nobody else's matter. ``waiting`` is told before what holds requests back."""
    return RunPulse(
        at=wall,
        rows_done=tally.done,
        under_way=under_way,
        rows_per_second=rows_per_second(tally, seconds),
        seconds_left=seconds_left(tally, seconds),
        waiting=waiting or waiting_words(standing),
        standing=evolve(
            standing, breakers=standing.breakers[:_MOST], scopes=standing.scopes[:_MOST], budgets=standing.budgets[:_MOST], keys=()
        ),
    )
