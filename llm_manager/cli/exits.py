"""What the shell is told: exit codes, and an error as one line or one JSON object."""

from typing import Any, Final, assert_never

from llm_manager.domain.errors import (
    AllModelsFailed,
    AuthenticationFailed,
    BudgetExceeded,
    CircuitOpen,
    ConfigurationError,
    ContentFiltered,
    ContextTooLarge,
    InvalidRequest,
    JobLocked,
    LLMError,
    MalformedResponse,
    ModelUnavailable,
    NetworkError,
    OutputInvalid,
    PolicyBlocked,
    QuotaExhausted,
    RateLimitExceeded,
    RequestTimeout,
    StorageFailed,
    StreamInterrupted,
    ToolFailed,
)
from llm_manager.policies.long_waits import asks_too_long
from llm_manager.policies.printing import one_line
from llm_manager.runs.telling import described

OK: Final = 0
FAILED: Final = 1
USAGE: Final = 2
BUDGET: Final = 3
AUTHENTICATION: Final = 4
INTERRUPTED: Final = 130
TERMINATED: Final = 143


def exit_code(error: LLMError) -> int:
    """Say how the command ends after this error."""
    match error:
        case ConfigurationError() | InvalidRequest() | PolicyBlocked():
            return USAGE
        case StorageFailed(reason=reason):
            return USAGE if reason in ("denied", "missing") else FAILED
        case BudgetExceeded() | QuotaExhausted():
            return BUDGET
        case RateLimitExceeded() | ModelUnavailable() if asks_too_long(error):
            return BUDGET
        case AuthenticationFailed():
            return AUTHENTICATION
        case AllModelsFailed(causes=causes):
            codes = {exit_code(cause) for cause in causes}
            return codes.pop() if len(codes) == 1 else FAILED
        case (
            ModelUnavailable()
            | RateLimitExceeded()
            | RequestTimeout()
            | ContextTooLarge()
            | NetworkError()
            | ContentFiltered()
            | StreamInterrupted()
            | MalformedResponse()
            | CircuitOpen()
            | ToolFailed()
            | OutputInvalid()
            | JobLocked()
        ):
            return FAILED
        case _:
            assert_never(error)


def error_line(error: LLMError) -> str:
    """The error as the one line a person reads."""
    return one_line(f"error: {described(error)}")


def error_document(error: LLMError) -> dict[str, dict[str, Any]]:
    """The error as the object a program reads; of a failure of all models, with what became of each."""
    causes = {"causes": [_told(cause) for cause in error.causes]} if isinstance(error, AllModelsFailed) else {}
    return {"error": {**_told(error), **causes}}


def _told(error: LLMError) -> dict[str, Any]:
    return {"tag": error.tag, "message": one_line(described(error))}
