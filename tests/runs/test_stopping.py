"""What ends a run early, and leaves its rows to be asked again."""

import pytest

from llm_manager.domain.errors import (
    AllModelsFailed,
    AuthenticationFailed,
    BudgetExceeded,
    ContextTooLarge,
    LLMError,
    ModelUnavailable,
    NetworkError,
    RateLimitExceeded,
)
from llm_manager.runs.stopping import in_vain, stops

SPENT = BudgetExceeded(budget="b")
DOWN = NetworkError(model="m", message="refused")
KEY = AuthenticationFailed(model="m", message="no")
LARGE = ContextTooLarge(model="m")


@pytest.mark.parametrize(
    ("error", "stop", "vain"),
    [
        (SPENT, True, False),
        (DOWN, False, True),
        (LARGE, False, False),
        (ModelUnavailable(model="m", message="gone", reason="permanent"), True, False),
        (AllModelsFailed(causes=()), False, False),
        (AllModelsFailed(causes=(SPENT, KEY)), True, False),
        (AllModelsFailed(causes=(KEY, DOWN)), False, True),
        (AllModelsFailed(causes=(SPENT, DOWN)), True, False),
        (AllModelsFailed(causes=(SPENT, LARGE)), False, False),
        (RateLimitExceeded(model="m", retry_after_seconds=30.0), False, True),
        (RateLimitExceeded(model="m", local=True), False, True),
        (RateLimitExceeded(model="m", resend_helps=False), False, False),
        (AllModelsFailed(causes=(RateLimitExceeded(model="m"), DOWN)), False, True),
        (RateLimitExceeded(model="m", retry_after_seconds=3600.0), True, False),
        (ModelUnavailable(model="m", message="down", retry_after_seconds=3600.0), True, False),
        (AllModelsFailed(causes=(RateLimitExceeded(model="m", retry_after_seconds=3600.0), DOWN)), False, True),
        (AllModelsFailed(causes=(SPENT, AllModelsFailed(causes=(DOWN, KEY)))), True, False),
    ],
)
def test_a_row_that_the_budget_left_is_not_failed(error: LLMError, stop: bool, vain: bool) -> None:
    """Where whoever stands in is down too; a row that is at fault itself stays so."""
    assert (stops(error), in_vain(error)) == (stop, vain)
