"""From a status and machine codes to an `LLMError`: the only file of this dialect that knows what a status means.

Order of judgement: the provider's machine codes, then its fixed sentences for the few errors that have no code of their own,
then its type and status. Words that a prompt could hold decide nothing.
"""

import re
from typing import Final

from llm_manager.clients.anthropic_messages.signals import Signal, read_body, read_error
from llm_manager.clients.data import anthropic_errors as known
from llm_manager.clients.who import Who, request_id
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
    Scope,
)
from llm_manager.domain.wire_requests import WireReply
from llm_manager.policies.retry_after import wait_seconds

_CONTEXT: Final = tuple(re.compile(sentence) for sentence in known.CONTEXT_SENTENCES)
_CREDIT: Final = re.compile(known.CREDIT_SENTENCE)
_LIMIT: Final = re.compile(known.LIMIT_SENTENCE)
_BUCKET: Final = re.compile(r"x-ratelimit-(remaining|reset)-(requests|tokens)\Z")
_SCANNED = 2000
_SERVER_ERROR = 500


def is_good(status: int) -> bool:
    """Say whether an answer of this status is meant to hold a message."""
    return 200 <= status <= 299


def error_of(reply: WireReply, who: Who, *, wall: float) -> LLMError:
    """Say what an answer that is not good means."""
    return _judged(read_body(reply.status, reply.body), reply, who, wall)


def error_inside(told: object, who: Who, *, wall: float, raw: str = "", reply: WireReply | None = None) -> LLMError:
    """Say what an error inside a good answer or a stream means: its type stands for the status, 500 when that is not known."""
    signal = read_error(_SERVER_ERROR, told, raw)
    status = known.STATUS_OF.get(signal.type, _SERVER_ERROR)
    return _judged(read_error(status, told, raw), reply or WireReply(status=status), who, wall)


def _judged(signal: Signal, reply: WireReply, who: Who, wall: float) -> LLMError:
    origin = who.origin(
        request_id=request_id(reply.headers) or signal.request_id,
        status=reply.status,
        code=signal.code or signal.type or None,
        raw=signal.raw or signal.message,
    )
    told = _by_code(signal, reply, who, origin, wall) or _by_sentence(signal, who, origin)
    return told or _by_status(signal, reply, who, origin, wall)


def _by_code(signal: Signal, reply: WireReply, who: Who, origin: Origin, wall: float) -> LLMError | None:
    model, message = who.model, _message(signal, who)
    if signal.code in known.QUOTA_OF_ACCOUNT:
        return QuotaExhausted(model=model, message=message, scope="account", origin=origin)
    if signal.code in known.RAMP:
        return _limited(signal, reply, who, origin, wall, ramp=True)
    if signal.code in known.BODY_TOO_LARGE:
        return ContextTooLarge(model=model, limit_kind="bytes", message=message, origin=origin)
    if signal.type in known.WINDOW:
        return _too_large(signal, who, origin)
    if signal.type == "overloaded_error":
        return ModelUnavailable(model=model, message=message, reason="overloaded", resend_helps=_helps(reply), origin=origin)
    return None


def _by_sentence(signal: Signal, who: Who, origin: Origin) -> LLMError | None:
    """Fixed sentences, for the errors that share the type of every wrong request."""
    message = signal.message[:_SCANNED]
    if signal.status != 400 or not message:
        return None
    limit = _LIMIT.match(message)
    if limit is not None:
        scope: Scope = "key" if limit["workspace"] else "account"
        return QuotaExhausted(model=who.model, message=_message(signal, who), scope=scope, origin=origin)
    if _CREDIT.match(message):
        return QuotaExhausted(model=who.model, message=_message(signal, who), scope="account", origin=origin)
    return _too_large(signal, who, origin) if any(sentence.match(message) for sentence in _CONTEXT) else None


def _by_status(signal: Signal, reply: WireReply, who: Who, origin: Origin, wall: float) -> LLMError:
    status, model, message = signal.status, who.model, _message(signal, who)
    if status < 200:
        return MalformedResponse(model=model, message=f"answered with status {status}", origin=origin)
    if 300 <= status <= 399:
        return ConfigurationError(
            message=f"the address {who.endpoint or who.provider} answers with a redirect ({status}), which is never followed;"
            " set base_url to where it leads",
            origin=origin,
        )
    if status == 429:
        return _limited(signal, reply, who, origin, wall)
    if status == 401:
        return AuthenticationFailed(model=model, message=message, origin=origin)
    if status == 402:
        return QuotaExhausted(model=model, message=message, origin=origin)
    if status == 403:
        return AuthenticationFailed(model=model, message=message, reason="permission", origin=origin)
    if status in (404, 405, 410):
        if not signal.is_json:
            return MalformedResponse(model=model, message=f"answered {status} with something that is no JSON", origin=origin)
        return ModelUnavailable(model=model, message=message, reason="permanent", origin=origin)
    if status == 409:
        return ModelUnavailable(model=model, message=message, reason="busy", resend_helps=_helps(reply), origin=origin)
    if status == 413:
        return ContextTooLarge(model=model, limit_kind="bytes", message=message, origin=origin)
    if status in (408, 504):
        return RequestTimeout(model=model, timeout_ms=0, phase="provider", origin=origin)
    if status >= 500 or reply.header("x-should-retry") == "true":
        return ModelUnavailable(
            model=model,
            message=message,
            reason="overloaded" if status == 529 else "server",
            resend_helps=_helps(reply),
            origin=origin,
        )
    return InvalidRequest(message=message, request=who.request, origin=origin)


def _limited(signal: Signal, reply: WireReply, who: Who, origin: Origin, wall: float, *, ramp: bool = False) -> LLMError:
    return RateLimitExceeded(
        model=who.model,
        message=_message(signal, who),
        retry_after_seconds=_wait(reply, wall),
        ramp=ramp,
        scope="account",
        resend_helps=_helps(reply),
        origin=origin,
    )


def _too_large(signal: Signal, who: Who, origin: Origin) -> ContextTooLarge:
    count, limit = signal.counts
    for sentence in _CONTEXT:
        found = sentence.match(signal.message[:_SCANNED])
        if found is not None:
            count = int(found["count"]) if count is None and found["count"] else count
            limit = int(found["limit"]) if limit is None and found["limit"] else limit
            break
    return ContextTooLarge(model=who.model, token_count=count, limit=limit, message=_message(signal, who), origin=origin)


def _wait(reply: WireReply, wall: float) -> float | None:
    """The delay asked for; Anthropic's names of the reset headers are given under the usual ones."""

    def header(name: str) -> str | None:
        bucket = _BUCKET.match(name)
        return reply.header(name if bucket is None else f"anthropic-ratelimit-{bucket[2]}-{bucket[1]}")

    return wait_seconds(header, wall=wall)


def _helps(reply: WireReply) -> bool:
    return reply.header("x-should-retry") != "false"


def _message(signal: Signal, who: Who) -> str:
    """The provider's sentence, safe to show; the status where it has none."""
    return who.safe(signal.message.strip()) or f"answered with status {signal.status}"
