"""What a status means that a provider does not use in a way of its own; a dialect's ``errors`` judge first, and end here."""

from attrs import evolve

from llm_manager.clients.refusals import sentence
from llm_manager.clients.who import Who
from llm_manager.domain.errors import (
    AuthenticationFailed,
    ConfigurationError,
    ContextTooLarge,
    InvalidRequest,
    LLMError,
    MalformedResponse,
    ModelUnavailable,
    Origin,
    QuotaExhausted,
    RateLimitExceeded,
    RequestTimeout,
)
from llm_manager.domain.wire_requests import WireReply
from llm_manager.policies.retry_after import asked_seconds


def with_wait(error: LLMError, reply: WireReply, *, wall: float) -> LLMError:
    """The same error with the delay that a server which cannot answer now asks for in its headers."""
    if not isinstance(error, ModelUnavailable) or error.reason == "permanent":
        return error
    wait = asked_seconds(reply.header, wall=wall)
    return error if wait is None else evolve(error, retry_after_seconds=wait)


def is_good(status: int) -> bool:
    """Say whether an answer of this status is meant to hold what was asked for."""
    return 200 <= status <= 299


def by_status(status: int, who: Who, origin: Origin, *, said: str = "", wait: float | None = None, is_json: bool = True) -> LLMError:
    """Say what a status means by itself; ``said`` is the provider's own sentence, ``wait`` the seconds it asks for."""
    model, message = who.model, sentence(said, status, who)
    if status < 200:
        return MalformedResponse(model=model, message=f"answered with status {status}", origin=origin)
    if 300 <= status <= 399:
        return ConfigurationError(
            message=f"the address {who.endpoint or who.provider} answers with a redirect ({status}), which is never followed;"
            " set base_url to where it leads",
            origin=origin,
        )
    match status:
        case 401:
            return AuthenticationFailed(model=model, message=message, origin=origin)
        case 402:
            return QuotaExhausted(model=model, message=message, origin=origin)
        case 403:
            return AuthenticationFailed(model=model, message=message, reason="permission", origin=origin)
        case 404 | 405 | 410:
            if not is_json:
                return MalformedResponse(model=model, message=f"answered {status} with something that is no JSON", origin=origin)
            return ModelUnavailable(model=model, message=message, reason="permanent", origin=origin)
        case 413:
            return ContextTooLarge(model=model, limit_kind="bytes", message=message, origin=origin)
        case 429:
            return RateLimitExceeded(model=model, message=message, retry_after_seconds=wait, origin=origin)
        case 408 | 499 | 504:
            return RequestTimeout(model=model, timeout_ms=0, phase="provider", origin=origin)
        case 500:
            return ModelUnavailable(model=model, message=message, resend_once=True, origin=origin)
        case 503 | 529:
            return ModelUnavailable(model=model, message=message, reason="overloaded", origin=origin)
        case _ if status >= 500 or status in (409, 425):
            return ModelUnavailable(model=model, message=message, origin=origin)
        case _:
            return InvalidRequest(message=message, request=who.request, origin=origin)
