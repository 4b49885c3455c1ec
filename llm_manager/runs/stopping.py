"""What ends a run early: errors that every other row would meet too."""

from typing import assert_never

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


def stops(error: LLMError) -> bool:
    """Say whether asking on is pointless: a key, a quota, a budget or a setting is wrong, whatever the row."""
    match error:
        case AuthenticationFailed() | QuotaExhausted() | BudgetExceeded() | ConfigurationError():
            return True
        case ModelUnavailable(reason=reason):
            return reason == "permanent"
        case AllModelsFailed(causes=causes):
            return bool(causes) and all(stops(cause) for cause in causes)
        case (
            RateLimitExceeded()
            | InvalidRequest()
            | RequestTimeout()
            | ContextTooLarge()
            | NetworkError()
            | ContentFiltered()
            | StreamInterrupted()
            | MalformedResponse()
            | PolicyBlocked()
            | CircuitOpen()
            | ToolFailed()
            | OutputInvalid()
            | StorageFailed()
            | JobLocked()
        ):
            return False
        case _:
            assert_never(error)


def unreachable(error: LLMError) -> bool:
    """Say whether nobody was there: the row cost nothing, and many in a row mean that the way to the model is down."""
    match error:
        case NetworkError(sent=sent):
            return not sent
        case ModelUnavailable(reason=reason):
            return reason in ("not_running", "loading")
        case CircuitOpen():
            return True
        case RequestTimeout(phase=phase):
            return phase == "connect"
        case AllModelsFailed(causes=causes):
            return bool(causes) and all(unreachable(cause) for cause in causes)
        case (
            RateLimitExceeded()
            | InvalidRequest()
            | AuthenticationFailed()
            | ContextTooLarge()
            | ConfigurationError()
            | QuotaExhausted()
            | ContentFiltered()
            | StreamInterrupted()
            | MalformedResponse()
            | BudgetExceeded()
            | PolicyBlocked()
            | ToolFailed()
            | OutputInvalid()
            | StorageFailed()
            | JobLocked()
        ):
            return False
        case _:
            assert_never(error)
