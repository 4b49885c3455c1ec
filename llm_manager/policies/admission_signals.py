"""What a quota reads from requests and their ends: whose quota it is, how large a request is, what a failure says of limits."""

from typing import Final, assert_never

from llm_manager.domain.attempts import AnyAttempt, Attempt
from llm_manager.domain.error_questions import charge_of
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
from llm_manager.policies.admission import How
from llm_manager.policies.tokens import estimate_request_tokens

LIMITED_BY_ACCOUNT: Final = frozenset({"openai", "anthropic", "gemini", "groq"})
"""Providers whose limits are those of the organisation or project, whichever of its keys is sent."""

_CROWD = "concurren"
_LONGEST_GUESS = 4096
_SHARE_GUESSED = 8


def how_it_failed(error: LLMError) -> How:
    """What a failed request says of the limits that it met."""
    match error:
        case RateLimitExceeded(local=True):
            return "unsent"
        case RateLimitExceeded(resend_helps=False):  # this one is too large, whenever it comes: others are not
            return "other"
        case RateLimitExceeded(ramp=ramp, origin=origin, message=message):
            code = "" if origin is None or origin.code is None else origin.code
            return "crowded" if ramp or _CROWD in code.lower() or _CROWD in message.lower() else "limited"
        case ModelUnavailable(reason=reason):
            return "crowded" if reason in ("overloaded", "busy") else "unsent" if reason == "not_running" else "other"
        case NetworkError(sent=sent):
            return "other" if sent else "unsent"
        case RequestTimeout(phase=phase):
            return "unsent" if phase == "connect" else "other"
        case ConfigurationError(origin=origin) if origin is not None and origin.status is not None:
            return "other"  # a redirect: it has been asked
        case ConfigurationError() | BudgetExceeded() | PolicyBlocked() | CircuitOpen() | StorageFailed() | JobLocked():
            return "unsent"
        case (
            InvalidRequest()
            | AuthenticationFailed()
            | ContextTooLarge()
            | QuotaExhausted()
            | ContentFiltered()
            | StreamInterrupted()
            | MalformedResponse()
            | AllModelsFailed()
            | ToolFailed()
            | OutputInvalid()
        ):
            return "other"
        case _:
            assert_never(error)


def tokens_of_failure(error: LLMError) -> int | None:
    """Tokens that a failed request took: none, where nothing can have been billed; else nobody knows."""
    return 0 if charge_of(error) == "none" else None


def is_told_of_account(error: LLMError) -> bool:
    """Say whether every key of the account met this."""
    return isinstance(error, RateLimitExceeded) and error.scope == "account" and not error.local


def charged_tokens(attempt: AnyAttempt, limit: int | None) -> int:
    """What a request is charged when it leaves: its prompt, and its answer as long as it may be.

    An answer that nobody bounds is taken for 4096 tokens, or an eighth of what a minute allows. A prompt that fits is never
    charged more than the limit.
    """
    if isinstance(attempt, Attempt):
        request, model = attempt.request, attempt.model
        prompt = estimate_request_tokens(request)
        most = model.max_output_tokens or model.context_window
        tokens = prompt + charged_answer(request.preferences.max_tokens, most, limit)
    else:
        tokens = prompt = attempt.prompt_tokens
    return tokens if limit is None or prompt > limit else min(tokens, limit)


def charged_answer(asked: int | None, most: int | None, limit: int | None) -> int:
    """What an answer is charged that was asked to be no longer than ``asked`` tokens, by a model that writes so many at ``most``."""
    if asked:
        return asked
    return min(most or 0, _LONGEST_GUESS if limit is None else min(_LONGEST_GUESS, limit // _SHARE_GUESSED))
