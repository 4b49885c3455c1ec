"""What is told to the people who use a program, not to those who run it: one short sentence, with what happens next.

Where another request or whoever runs the program must help, it says what `describe` does: that may name a setting, never a key.
"""

from typing import Literal, TypeAlias, assert_never

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
from llm_manager.domain.moments import moment

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
    'The service cannot be reached at the moment: trying the backup service ollama.'
    """
    happened, then = _told(error)
    return f"{happened}: {then if backup is None else f'trying the backup service {backup}'}."


def moved_on_message(event: MovedOn) -> str:
    """Tell a user that the call goes on, and with which service."""
    if event.from_model != event.to_model:
        return f"{event.from_model} is not available at the moment: trying the backup service {event.to_model}."
    wait = f": please wait {_counted(event.after_seconds)}" if event.after_seconds >= 1 else ""
    return f"{event.to_model} did not answer and is asked again{wait}."


_LATER = "please try again later"
_VERY_LONG = 86_400.0
_TELL = "please tell those who run it"


def _told(error: LLMError) -> tuple[str, str]:
    """What happened, and what happens next."""
    match error:
        case ModelUnavailable(reason="loading"):
            return "The model is being loaded", "please wait"
        case ModelUnavailable() | CircuitOpen():
            return "The service is not available at the moment", _LATER
        case NetworkError():
            return "The service cannot be reached at the moment", _LATER
        case RequestTimeout():
            return "The service took too long to answer", _LATER
        case MalformedResponse():
            return "The service gave no answer that can be read", _LATER
        case StreamInterrupted():
            return "The answer broke off", "please try again"
        case RateLimitExceeded(retry_after_seconds=seconds):
            return (
                "Too many requests at the moment",
                "please wait" if seconds is None or seconds > _VERY_LONG else f"please wait {_counted(seconds)}",
            )
        case ContextTooLarge(limit_kind=kind):
            return "The conversation is too long", f"please {'start a fresh one, or shorten it' if kind == 'window' else 'shorten it'}"
        case InvalidRequest():
            return "This cannot be answered as it was asked", "please change it and try again"
        case ContentFiltered():
            return "The content filter let nothing through", "please put it in other words"
        case OutputInvalid():
            return "The answer did not have the form that is needed", "please try again, or ask in other words"
        case BudgetExceeded(resets_at=at):
            return "Your allowance is used up", _LATER if at is None else f"it begins anew at {moment(at)}"
        case PolicyBlocked():
            return "This may not be sent to any service that could answer it", _TELL
        case ToolFailed():
            return "A step on the way to the answer failed", _LATER
        case JobLocked():
            return "This work is under way already", "please wait until it has ended"
        case StorageFailed():
            return "What is needed could not be read or kept", _TELL
        case AuthenticationFailed() | ConfigurationError() | QuotaExhausted():
            return "The service cannot answer right now", _TELL
        case AllModelsFailed(causes=causes):
            each = {_told(cause) for cause in causes}
            return each.pop() if len(each) == 1 else ("No service could answer", _LATER)
        case _:
            assert_never(error)


def _counted(seconds: float) -> str:
    return "1 second" if seconds <= 1 else f"{seconds:.0f} seconds"
