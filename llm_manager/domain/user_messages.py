"""What is told to the people who use a program, not to those who run it: one short sentence, with what happens next.

Where another request or whoever runs the program must help, it says what `describe` does: that may name a setting, never a key.
"""

from typing import Literal, TypeAlias, assert_never

from llm_manager.domain.error_questions import describe
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
from llm_manager.domain.events import MovedOn

Recovery: TypeAlias = Literal["backup", "wait", "fresh_context", "change_request", "operator"]
"""What helps: another service, patience, a shorter conversation, another request, or whoever runs the program."""


def recovery(error: LLMError) -> Recovery:
    """Say what helps after this error."""
    match error:
        case ModelUnavailable(reason=reason):
            return "wait" if reason == "loading" else "backup"
        case RequestTimeout() | NetworkError() | MalformedResponse() | StreamInterrupted() | CircuitOpen():
            return "backup"
        case RateLimitExceeded():
            return "wait"
        case ContextTooLarge(limit_kind=kind):
            return "fresh_context" if kind == "window" else "change_request"
        case InvalidRequest() | ContentFiltered() | OutputInvalid():
            return "change_request"
        case AllModelsFailed(causes=causes):
            helps = {recovery(cause) for cause in causes}
            return helps.pop() if len(helps) == 1 else "backup"
        case (
            AuthenticationFailed()
            | ConfigurationError()
            | QuotaExhausted()
            | BudgetExceeded()
            | PolicyBlocked()
            | ToolFailed()
            | StorageFailed()
            | JobLocked()
        ):
            return "operator"
        case _:
            assert_never(error)


def user_message(error: LLMError, *, backup: str | None = None) -> str:
    """Tell a user what happened and what happens next; ``backup`` is the service that is tried in its place, None when all is over.

    >>> user_message(RateLimitExceeded(model="m", retry_after_seconds=20))
    'Too many requests at the moment: please wait 20 seconds.'
    >>> user_message(NetworkError(model="m", message="refused"), backup="ollama")
    'The service is not available at the moment: trying the backup service ollama.'
    """
    helps = recovery(error)
    if backup is not None:
        return f"{_happened(helps, error)}: trying the backup service {backup}."
    match helps:
        case "backup":
            return f"{_happened(helps, error)}: please try again later."
        case "wait":
            return f"{_happened(helps, error)}: please wait{_seconds(error)}."
        case "fresh_context":
            return f"{_happened(helps, error)}: please start a fresh one, or shorten it."
        case "change_request" | "operator":
            return f"{_happened(helps, error)}: {describe(error)}"
        case _:
            assert_never(helps)


def moved_on_message(event: MovedOn) -> str:
    """Tell a user that the call goes on, and with which service."""
    if event.from_model != event.to_model:
        return f"{event.from_model} is not available at the moment: trying the backup service {event.to_model}."
    wait = f": please wait {_counted(event.after_seconds)}" if event.after_seconds >= 1 else ""
    return f"{event.to_model} did not answer and is asked again{wait}."


def _happened(helps: Recovery, error: LLMError) -> str:
    match helps:
        case "backup":
            return "No service could answer" if isinstance(error, AllModelsFailed) else "The service is not available at the moment"
        case "wait":
            loading = isinstance(error, ModelUnavailable)
            return "The model is being loaded" if loading else "Too many requests at the moment"
        case "fresh_context":
            return "The conversation is too long"
        case "change_request" | "operator":
            return "An error occurred"
        case _:
            assert_never(helps)


def _seconds(error: LLMError) -> str:
    if isinstance(error, RateLimitExceeded) and error.retry_after_seconds is not None:
        return f" {_counted(error.retry_after_seconds)}"
    return ""


def _counted(seconds: float) -> str:
    return "1 second" if seconds <= 1 else f"{seconds:.0f} seconds"
