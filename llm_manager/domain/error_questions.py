"""What follows from an error: every question asked of the union, each answered for every member.

A question lists all members on both sides and ends in `assert_never`, so that a new error is a type error here until
each question has its answer.
"""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, Literal, TypeAlias, assert_never

from llm_manager.domain.errors import (
    AllModelsFailed,
    AuthenticationFailed,
    BudgetExceeded,
    Charge,
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
    Origin,
    OutputInvalid,
    PolicyBlocked,
    QuotaExhausted,
    RateLimitExceeded,
    RequestTimeout,
    StorageFailed,
    StreamInterrupted,
    ToolFailed,
)
from llm_manager.domain.moments import moment

Resend: TypeAlias = Literal["never", "once", "freely"]

SeedTag: TypeAlias = Literal[
    "ModelUnavailable",
    "RateLimitExceeded",
    "InvalidRequest",
    "AuthenticationFailed",
    "TimeoutError",
    "ContextTooLarge",
    "ConfigurationError",
    "NetworkError",
]


def resend(error: LLMError) -> Resend:
    """Say how often the same request may go to the same model again after this."""
    match error:
        case ModelUnavailable(reason=reason, resend_helps=helps, resend_once=once):
            return "never" if not helps or reason == "permanent" else "once" if once else "freely"
        case RateLimitExceeded(local=local, resend_helps=helps):
            return "freely" if helps and not local else "never"
        case RequestTimeout(phase=phase):
            return "freely" if phase in ("connect", "provider") else "never" if phase == "total" else "once"
        case NetworkError(sent=sent, resend_once=once):
            return "once" if sent or once else "freely"
        case MalformedResponse():
            return "once"
        case StreamInterrupted(partial=partial):
            return "never" if partial else "once"
        case AllModelsFailed(causes=causes):
            return max((resend(cause) for cause in causes), key=("never", "once", "freely").index, default="never")
        case InvalidRequest(by_model=by_model):
            return "once" if by_model else "never"
        case (
            AuthenticationFailed()
            | ContextTooLarge()
            | ConfigurationError()
            | QuotaExhausted()
            | ContentFiltered()
            | BudgetExceeded()
            | PolicyBlocked()
            | CircuitOpen()
            | ToolFailed()
            | OutputInvalid()
            | StorageFailed()
            | JobLocked()
        ):
            return "never"
        case _:
            assert_never(error)


def is_transient(error: LLMError) -> bool:
    """Say whether the same request to the same model may succeed later."""
    return resend(error) != "never"


def may_fall_back(error: LLMError) -> bool:
    """Say whether another model may do better; for `ContextTooLarge` only one with a larger window."""
    match error:
        case (
            ModelUnavailable()
            | RateLimitExceeded()
            | AuthenticationFailed()
            | NetworkError()
            | QuotaExhausted()
            | MalformedResponse()
            | CircuitOpen()
            | ConfigurationError()
            | BudgetExceeded()
        ):
            return True
        case RequestTimeout(phase=phase):
            return phase != "total"
        case InvalidRequest(by_model=by_model):
            return by_model
        case ContextTooLarge(limit_kind=kind):
            return kind != "bytes"
        case StreamInterrupted(partial=partial):
            return not partial
        case AllModelsFailed(causes=causes):
            return any(may_fall_back(cause) for cause in causes)
        case ContentFiltered() | PolicyBlocked() | ToolFailed() | OutputInvalid() | StorageFailed() | JobLocked():
            return False
        case _:
            assert_never(error)


def meets_every_model(error: LLMError) -> bool:
    """Say whether any other model at the same endpoint, asked with the same key, would meet this too."""
    match error:
        case ModelUnavailable(reason=reason):
            return reason == "not_running"
        case NetworkError(sent=sent):
            return not sent
        case RequestTimeout(phase=phase):
            return phase == "connect"
        case AuthenticationFailed(reason=reason):
            return reason == "key"
        case QuotaExhausted() | CircuitOpen():
            return True
        case ConfigurationError(origin=origin):
            return origin is not None
        case AllModelsFailed(causes=causes):
            return bool(causes) and all(meets_every_model(cause) for cause in causes)
        case (
            RateLimitExceeded()
            | InvalidRequest()
            | ContextTooLarge()
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


def may_try_another_key(error: LLMError) -> bool:
    """Say whether the same model may answer to another key of ours."""
    match error:
        case AuthenticationFailed() | RateLimitExceeded(local=False, scope="key", resend_helps=True) | QuotaExhausted(scope="key"):
            return True
        case AllModelsFailed(causes=causes):
            return any(may_try_another_key(cause) for cause in causes)
        case (
            ModelUnavailable()
            | RateLimitExceeded()
            | QuotaExhausted()
            | InvalidRequest()
            | RequestTimeout()
            | ContextTooLarge()
            | ConfigurationError()
            | NetworkError()
            | ContentFiltered()
            | StreamInterrupted()
            | MalformedResponse()
            | BudgetExceeded()
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


_FAIR_MS: Final = 1000
"""Who waits less than this tells nothing of an endpoint: one hurried caller would shut it for all."""


def counts_for_breaker(error: LLMError) -> bool:
    """Say whether the endpoint itself is at fault; a caller's mistake never is, nor is one who gave it less than a second."""
    match error:
        case ModelUnavailable(reason=reason):
            return reason in ("server", "overloaded", "not_running")
        case RequestTimeout(phase=phase, timeout_ms=timeout_ms, given_ms=given_ms):
            return phase in ("connect", "provider") or (timeout_ms if given_ms is None else given_ms) >= _FAIR_MS
        case NetworkError() | StreamInterrupted() | MalformedResponse():
            return True
        case AllModelsFailed(causes=causes):
            return any(counts_for_breaker(cause) for cause in causes)
        case (
            RateLimitExceeded()
            | InvalidRequest()
            | AuthenticationFailed()
            | ContextTooLarge()
            | ConfigurationError()
            | QuotaExhausted()
            | ContentFiltered()
            | BudgetExceeded()
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


def is_down(error: LLMError) -> bool:
    """Say whether an endpoint is at fault, or was just now, so that whoever is asked next will hardly do better."""
    if isinstance(error, AllModelsFailed):
        return any(map(is_down, error.causes))
    return isinstance(error, CircuitOpen) or counts_for_breaker(error)


def origin_of(error: LLMError) -> Origin | None:
    """Say which provider caused the error, when one did."""
    match error:
        case (
            ModelUnavailable()
            | RateLimitExceeded()
            | InvalidRequest()
            | AuthenticationFailed()
            | RequestTimeout()
            | ContextTooLarge()
            | ConfigurationError()
            | NetworkError()
            | QuotaExhausted()
            | ContentFiltered()
            | StreamInterrupted()
            | MalformedResponse()
            | OutputInvalid()
        ):
            return error.origin
        case AllModelsFailed(causes=causes):
            return origin_of(causes[-1]) if causes else None
        case BudgetExceeded() | PolicyBlocked() | CircuitOpen() | ToolFailed() | StorageFailed() | JobLocked():
            return None
        case _:
            assert_never(error)


def charge_of(error: LLMError) -> Charge:
    """Say whether the provider may bill the attempt that ended so."""
    origin = origin_of(error)
    if origin is not None and origin.charge != "none":
        return origin.charge
    match error:
        case StreamInterrupted() | OutputInvalid():
            return "certain"
        case NetworkError(sent=True):
            return "possible"
        case RequestTimeout(phase=phase):
            return "none" if phase == "connect" else "possible"
        case MalformedResponse():
            return "possible"
        case (
            ModelUnavailable()
            | RateLimitExceeded()
            | InvalidRequest()
            | AuthenticationFailed()
            | ContextTooLarge()
            | ConfigurationError()
            | NetworkError()
            | QuotaExhausted()
            | ContentFiltered()
            | BudgetExceeded()
            | PolicyBlocked()
            | CircuitOpen()
            | AllModelsFailed()
            | ToolFailed()
            | StorageFailed()
            | JobLocked()
        ):
            return "none"
        case _:
            assert_never(error)


def refused_here(error: LLMError) -> bool:
    """Say whether nothing was sent, since a breaker, a limit, a budget, a key or a rule of our own refused it."""
    match error:
        case RateLimitExceeded(local=local) | AuthenticationFailed(local=local):
            return local
        case CircuitOpen() | BudgetExceeded() | PolicyBlocked():
            return True
        case AllModelsFailed(causes=causes):
            return bool(causes) and all(refused_here(cause) for cause in causes)
        case (
            ModelUnavailable()
            | InvalidRequest()
            | RequestTimeout()
            | ContextTooLarge()
            | ConfigurationError()
            | NetworkError()
            | QuotaExhausted()
            | ContentFiltered()
            | StreamInterrupted()
            | MalformedResponse()
            | ToolFailed()
            | OutputInvalid()
            | StorageFailed()
            | JobLocked()
        ):
            return False
        case _:
            assert_never(error)


def retry_after(error: LLMError) -> float | None:
    """Say how many seconds the error itself asks to wait, when it does."""
    match error:
        case (
            RateLimitExceeded(retry_after_seconds=seconds)
            | ModelUnavailable(retry_after_seconds=seconds)
            | CircuitOpen(retry_after_seconds=seconds)
        ):
            return seconds
        case (
            InvalidRequest()
            | AuthenticationFailed()
            | RequestTimeout()
            | ContextTooLarge()
            | ConfigurationError()
            | NetworkError()
            | QuotaExhausted()
            | ContentFiltered()
            | StreamInterrupted()
            | MalformedResponse()
            | BudgetExceeded()
            | PolicyBlocked()
            | AllModelsFailed()
            | ToolFailed()
            | OutputInvalid()
            | StorageFailed()
            | JobLocked()
        ):
            return None
        case _:
            assert_never(error)


def seed_tag(error: LLMError) -> SeedTag:
    """Map every error onto the eight tags that older callers know."""
    match error:
        case (
            ModelUnavailable()
            | RateLimitExceeded()
            | InvalidRequest()
            | AuthenticationFailed()
            | RequestTimeout()
            | ContextTooLarge()
            | ConfigurationError()
            | NetworkError()
        ):
            return error.tag
        case QuotaExhausted():
            return "RateLimitExceeded"
        case BudgetExceeded():
            return "RateLimitExceeded"
        case ContentFiltered() | ToolFailed() | OutputInvalid():
            return "InvalidRequest"
        case StreamInterrupted():
            return "NetworkError"
        case MalformedResponse() | CircuitOpen():
            return "ModelUnavailable"
        case PolicyBlocked() | StorageFailed() | JobLocked():
            return "ConfigurationError"
        case AllModelsFailed(causes=causes):
            return seed_tag(causes[-1]) if causes else "ModelUnavailable"
        case _:
            assert_never(error)


Ways: TypeAlias = Mapping[str, str]
"""What the reader knows ``timeout_ms``, ``deadline_ms``, ``max_tokens`` and ``max_cost_usd`` by, where that is another name."""


def describe(error: LLMError, *, ways: Ways = MappingProxyType({})) -> str:
    """Tell a person in one line what went wrong and what to do, be it by its tag alone; safe to print and to log."""
    what, advice = _told(error, ways)
    return " ".join("; ".join(filter(None, (what, advice))).split()) or error.tag


_LATER: Final = "try again later or name a fallback"


_TOOLS: Final[Mapping[str, str]] = {
    "failed": "see what it raised",
    "timeout": "give it more time",
    "arguments": "describe its parameters better, or ask another model",
    "unknown": "the model asked for one that is not offered",
    "refused": "allow it where that is meant",
    "steps": "raise max_steps",
}
_STORES: Final[Mapping[str, str]] = {
    "full": "make room",
    "denied": "",
    "corrupt": "move it away, so that a new one is made",
    "conflict": "try again",
    "missing": "",
    "gone": "",
    "closed": "open it again",
    "other": "",
}


_WORD: Final = re.compile(r"[a-z_]+")


def _named(words: str, ways: Ways) -> str:
    """Words of our own, with what is known to the reader by another name called so."""
    return _WORD.sub(lambda word: ways.get(word[0], word[0]), words) if ways else words


def _told(error: LLMError, ways: Ways) -> tuple[str, str]:
    """What went wrong, and what to do, which may be nothing."""
    match error:
        case ModelUnavailable(model=model, message=message, reason=reason):
            if reason == "not_running":  # it is the server's matter, and the message says how it is started
                return message or f"the server of {model} does not run", ""
            hint = {
                "permanent": "choose another model (llm-manager models)",
                "overloaded": _LATER,
                "busy": _LATER,
                "loading": "wait until it is loaded",
                "server": _LATER,
            }[reason]
            return f"{model} is unavailable: {message}", hint
        case RateLimitExceeded(model=model, retry_after_seconds=seconds, message=message):
            wait = "later" if seconds is None else f"in {seconds:.0f} s"
            return f"{model} is limiting calls" + (f" ({message})" if message else ""), f"try again {wait}"
        case InvalidRequest(message=message, request=request, request_digest=digest, origin=origin):
            about_a_request = request is not None or digest is not None or origin is not None
            return (f"the request is not valid: {message}" if about_a_request else message), ""
        case AuthenticationFailed(model=model, message=message):
            return f"{model}: {message}", "check the key and what it may do"
        case RequestTimeout(model=model, phase="provider"):
            return f"the provider of {model} gave up waiting for its answer", _LATER
        case RequestTimeout(model=model, timeout_ms=timeout_ms, phase=phase):
            words = {
                "connect": "could not be connected to",
                "first_byte": "did not begin to answer",
                "stall": "fell silent",
                "attempt": "did not answer",
                "total": "did not answer, retries included,",
            }[phase]
            return (
                f"{model} {words} within {timeout_ms / 1000:g} s",
                f"raise {_named('deadline_ms' if phase == 'total' else 'timeout_ms', ways)} if it is only slow",
            )
        case ContextTooLarge(model=model, token_count=count, limit=limit):
            sizes = f" ({count or '?'} tokens, limit {limit or '?'})" if count or limit else ""
            return f"the request is too large for {model}{sizes}", "shorten it or choose a larger window"
        case ConfigurationError(message=message, faults=faults):
            said_already = any(fault.problem and fault.problem in message for fault in faults)
            return "; ".join((*(() if said_already else (message,)), *map(str, faults))), ""
        case NetworkError(model=model, message=message, sent=True):
            return f"{model} was reached and its answer did not come whole: {message}", "try again, or name a fallback"
        case NetworkError(model=model, message=message):
            return f"could not reach {model}: {message}", "check the address and that the server is running"
        case QuotaExhausted(model=model, message=message):
            return f"{model}: the quota is spent ({message})", "waiting does not help: add credit or use another provider"
        case ContentFiltered(model=model, message=message):
            return f"{model} refused the content" + (f": {message}" if message else ""), "put it in other words, or ask another model"
        case StreamInterrupted(model=model, message=message):
            return f"the answer of {model} was cut off" + (f": {message}" if message else ""), "ask again"
        case MalformedResponse(model=model, message=message):
            return f"{model} sent something that is no answer: {message}", "is the address an API of this kind?"
        case BudgetExceeded(budget=budget, message=message, left=left, unit=unit, resets_at=resets_at):
            anew = "" if resets_at is None else f"it begins anew at {moment(resets_at)}"
            if message.startswith("budget "):  # it names budget and limit itself
                return _named(message, ways), anew
            named = "USD" if unit == "usd" else unit
            more = (f", {left} {named} left" if left else "") + (f": {_named(message, ways)}" if message else "")
            return f"the budget {ways.get(budget, budget)} does not cover this call{more}", anew or "raise its limit"
        case PolicyBlocked(message=message):
            return message, ""
        case CircuitOpen(model=model, retry_after_seconds=seconds, cause=cause):
            wait = "soon" if seconds is None or seconds < 1 else f"in {seconds:.0f} s"
            return f"{model} failed too often just now" + (f": {_named(cause, ways)}" if cause else ""), f"it is asked again {wait}"
        case AllModelsFailed(causes=causes):
            each = [_told(cause, ways) for cause in causes]
            whats, advice = dict.fromkeys(what for what, _ in each), dict.fromkeys(advice for _, advice in each if advice)
            return "every model failed: " + "; ".join(whats), "; ".join(advice)
        case ToolFailed(tool=tool, message=message, reason=reason):
            return f"the tool {tool} failed: {message}", _TOOLS[reason]
        case OutputInvalid(model=model, message=message, reason="truncated"):
            return (
                f"the answer of {model} is not whole: {_named(message, ways)}",
                "" if "; " in message else f"raise {_named('max_tokens', ways)}",
            )
        case OutputInvalid(model=model, path=path, message=message):
            return f"the answer of {model} does not fit at {path}: {message}", "ask again, or a model that obeys schemas"
        case StorageFailed(message=message, reason=reason):
            return (f"storage failed: {message}" if reason == "other" or not message else message), _STORES[reason]
        case JobLocked(job=job, owner=owner):
            return f"another process is working on {job}" + (f" ({owner})" if owner else ""), "wait until it ends, or stop it"
        case _:
            assert_never(error)
