"""What the owner of a run tells those who watch it from elsewhere."""

from typing import Final

from attrs import evolve

from llm_manager.cli.waits import waiting_words
from llm_manager.domain.run_pulses import RunPulse
from llm_manager.domain.standing import Standing
from llm_manager.runs.tallies import Tally, rows_per_second, seconds_left

_MOST: Final = 20
"""So many breakers, limits and budgets are told of each kind: a run asks one model, and what it tells is written every second."""


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
