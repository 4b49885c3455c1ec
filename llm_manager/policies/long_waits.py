"""Waits that a provider asks for and no call bears."""

from llm_manager.domain.error_questions import retry_after
from llm_manager.domain.errors import AllModelsFailed, LLMError, ModelUnavailable, RateLimitExceeded
from llm_manager.policies.recovery import LONGEST_WAIT_SECONDS


def asks_too_long(error: LLMError) -> bool:
    """Say whether everybody who was asked wants to be left alone for longer than any call waits."""
    if isinstance(error, AllModelsFailed):
        return bool(error.causes) and all(map(asks_too_long, error.causes))
    if not isinstance(error, RateLimitExceeded | ModelUnavailable):
        return False
    seconds = retry_after(error)
    return seconds is not None and seconds > LONGEST_WAIT_SECONDS
