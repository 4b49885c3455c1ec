"""Errors in the words of the command line, where what a caller sets is an option."""

from typing import Final

from llm_manager.domain.error_questions import Ways, describe
from llm_manager.domain.errors import LLMError

OPTIONS: Final[Ways] = {
    "timeout_ms": "--timeout",
    "deadline_ms": "--timeout",
    "max_tokens": "--max-tokens",
    "max_cost_usd": "--max-cost",
}


def described(error: LLMError) -> str:
    """What went wrong and what to do, on one line."""
    return describe(error, ways=OPTIONS)
