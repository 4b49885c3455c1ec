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
from llm_manager.policies.long_waits import asks_too_long

PATIENCE = 50
"""So many rows one after the other that got nowhere end a run; they are left to be asked again."""


def stops(error: LLMError) -> bool:
    """Say whether asking on is pointless: a key, a quota, a budget or a setting is wrong, whatever the row, or the
    provider asks everybody to wait for longer than a call does.

    Where money is spent and whoever stands in is down, the row is not at fault either: it is left for the next run.
    """
    match error:
        case AuthenticationFailed() | QuotaExhausted() | BudgetExceeded() | ConfigurationError():
            return True
        case RateLimitExceeded() | ModelUnavailable() if asks_too_long(error):
            return True
        case ModelUnavailable(reason=reason):
            return reason == "permanent"
        case AllModelsFailed(causes=causes):
            spent = any(isinstance(cause, BudgetExceeded) for cause in causes)
            return bool(causes) and all(stops(cause) or (spent and in_vain(cause)) for cause in causes)
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


def in_vain(error: LLMError) -> bool:
    """Say whether the server, or a limit of it, is at fault rather than the row: many such in a row mean that it is down, answers
    nobody just now, or is no such server."""
    match error:
        case ModelUnavailable(reason=reason):
            return reason != "permanent" and not asks_too_long(error)
        case RateLimitExceeded(resend_helps=helps):  # where it never helps, this one row asks for more than the limit allows
            return helps and not asks_too_long(error)
        case CircuitOpen() | NetworkError() | RequestTimeout() | StreamInterrupted() | MalformedResponse():
            return True
        case AllModelsFailed(causes=causes):
            return not stops(error) and bool(causes) and all(in_vain(cause) or stops(cause) for cause in causes)
        case (
            InvalidRequest()
            | AuthenticationFailed()
            | ContextTooLarge()
            | ConfigurationError()
            | QuotaExhausted()
            | ContentFiltered()
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
