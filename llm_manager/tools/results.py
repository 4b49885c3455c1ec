"""What a tool gave, as the text that a model is told."""

from typing import Any, Final

from returns.result import Failure, Result, Success

from llm_manager.domain.errors import LLMError, ToolFailed
from llm_manager.outcomes import Settled, sealed

_LONGEST: Final = 500


def result_text(tool: str, value: Any) -> Settled[str, LLMError]:
    """A text as it is, anything else as JSON, a `Result` as what it holds; what has no form in JSON is a failure of the tool.

    >>> result_text("clock", {"hour": 7}).unwrap()
    '{"hour":7}'
    """
    if isinstance(value, Result):
        return _opened(tool, sealed(value))
    if isinstance(value, str):
        return Success(str(value))
    import msgspec

    try:
        return Success(msgspec.json.encode(value).decode())
    except (TypeError, ValueError, RecursionError):
        return Failure(ToolFailed(tool=tool, message=f"what it gave, of type {type(value).__name__}, has no form in JSON"))


def _opened(tool: str, outcome: Settled[Any, Any]) -> Settled[str, LLMError]:
    if isinstance(outcome, Success):
        return result_text(tool, outcome.unwrap())
    error = outcome.failure()
    return Failure(error if isinstance(error, LLMError) else ToolFailed(tool=tool, message=str(error)[:_LONGEST]))
