"""A run is left in the state that says how it goes on."""

import pytest

from llm_manager.domain.errors import AllModelsFailed, AuthenticationFailed, BudgetExceeded, LLMError, NetworkError
from llm_manager.domain.runs import RunState
from llm_manager.policies.run_states import left_as

_SPENT = BudgetExceeded(budget="day")
_KEY = AuthenticationFailed(model="m", message="no")


@pytest.mark.parametrize(
    ("rows", "stopped", "wish", "state"),
    [
        (0, None, None, "finished"),
        (0, _KEY, None, "finished"),
        (0, None, "cancel", "cancelled"),
        (3, None, "cancel", "cancelled"),
        (3, _KEY, "pause", "paused"),
        (3, None, None, "interrupted"),
        (3, _KEY, None, "interrupted"),
        (3, _SPENT, None, "paused"),
        (3, AllModelsFailed(causes=(NetworkError(model="m", message="x"), _SPENT)), None, "paused"),
    ],
)
def test_how_a_run_is_left(rows: int, stopped: LLMError | None, wish: str | None, state: RunState) -> None:
    left, why = left_as(rows, stopped, wish)  # type: ignore[arg-type]  # the wishes are words of the table
    assert left == state
    assert (why is None) == (state == "finished" or (stopped is None and wish is None))
