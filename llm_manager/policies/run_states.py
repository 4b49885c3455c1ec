"""In which state a run is left by who worked on it, and why it stopped early, in words."""

from typing import Literal, TypeAlias

from llm_manager.domain.error_questions import describe
from llm_manager.domain.errors import AllModelsFailed, BudgetExceeded, LLMError
from llm_manager.domain.runs import RunState
from llm_manager.policies.connectivity import is_away

Left: TypeAlias = tuple[RunState, str | None]
"""The state, and why."""


def left_as(rows: int, stopped: LLMError | None, wish: Literal["pause", "cancel"] | None) -> Left:
    """How a run is left that has so many rows still to ask.

    >>> left_as(0, None, None), left_as(3, None, "pause")
    (('finished', None), ('paused', 'somebody asked for it'))
    """
    if not rows and wish != "cancel":
        return "finished", None
    if wish is not None:
        return "cancelled" if wish == "cancel" else "paused", "somebody asked for it"
    if stopped is None:
        return "interrupted", None
    return "paused" if _waits_for_money(stopped) or is_away(stopped) else "interrupted", describe(stopped)


def _waits_for_money(error: LLMError) -> bool:
    if isinstance(error, AllModelsFailed):
        return any(map(_waits_for_money, error.causes))
    return isinstance(error, BudgetExceeded)
