"""From a status and machine codes to an `LLMError`: the only file of this dialect that knows what a status means.

Order of judgement: the provider's machine codes, then its fixed sentences for the few errors that have no code of their own,
then its type and status. Words that a prompt could hold decide nothing.
"""

import re
from typing import Final

from llm_manager.clients.anthropic_messages.signals import Signal, read_body, read_error
from llm_manager.clients.data import anthropic_errors as known
from llm_manager.clients.refusals import lengths_in, sentence
from llm_manager.clients.statuses import by_status, with_wait
from llm_manager.clients.who import Who, request_id
from llm_manager.domain.errors import (
    ContextTooLarge,
    InvalidRequest,
    LLMError,
    ModelUnavailable,
    Origin,
    QuotaExhausted,
    RateLimitExceeded,
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
_NEVER_SENT: Final = (425, 499)
"""What others mean by these, Claude's servers do not."""


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
    return with_wait(told or _by_status(signal, reply, who, origin, wall), reply, wall=wall)


def _by_code(signal: Signal, reply: WireReply, who: Who, origin: Origin, wall: float) -> LLMError | None:
    model, message = who.model, sentence(signal.message, signal.status, who)
    if signal.code in known.QUOTA_OF_ACCOUNT:
        return QuotaExhausted(model=model, message=message, scope="account", origin=origin)
    if signal.code in known.RAMP:
        return _limited(signal, reply, who, origin, wall, ramp=True)
    if signal.code in known.BODY_TOO_LARGE:
        return ContextTooLarge(model=model, limit_kind="bytes", message=message, origin=origin)
    if signal.type in known.WINDOW:
        return _too_large(signal, who, origin)
    if signal.type == "overloaded_error":
        return _unavailable(signal, reply, who, origin)
    return None


def _by_sentence(signal: Signal, who: Who, origin: Origin) -> LLMError | None:
    """Fixed sentences, for the errors that share the type of every wrong request."""
    message = signal.message[:_SCANNED]
    if signal.status != 400 or not message:
        return None
    limit = _LIMIT.match(message)
    if limit is not None:
        scope: Scope = "key" if limit["workspace"] else "account"
        return QuotaExhausted(model=who.model, message=sentence(signal.message, signal.status, who), scope=scope, origin=origin)
    if _CREDIT.match(message):
        return QuotaExhausted(model=who.model, message=sentence(signal.message, signal.status, who), scope="account", origin=origin)
    return _too_large(signal, who, origin) if lengths_in(message, _CONTEXT) is not None else None


def _by_status(signal: Signal, reply: WireReply, who: Who, origin: Origin, wall: float) -> LLMError:
    status = signal.status
    match status:
        case 429:
            return _limited(signal, reply, who, origin, wall)
        case _ if status == 409 or (status >= 500 and status != 504):
            return _unavailable(signal, reply, who, origin)
    told = by_status(status, who, origin, said=signal.message, is_json=signal.is_json)
    if status not in _NEVER_SENT and not isinstance(told, InvalidRequest):
        return told
    if reply.header("x-should-retry") == "true":
        return _unavailable(signal, reply, who, origin)
    return InvalidRequest(message=sentence(signal.message, status, who), request=who.request, origin=origin)


def _unavailable(signal: Signal, reply: WireReply, who: Who, origin: Origin) -> LLMError:
    overloaded = signal.status == 529 or signal.type == "overloaded_error"
    return ModelUnavailable(
        model=who.model,
        message=sentence(signal.message, signal.status, who),
        reason="overloaded" if overloaded else "busy" if signal.status == 409 else "server",
        resend_helps=_helps(reply),
        origin=origin,
    )


def _limited(signal: Signal, reply: WireReply, who: Who, origin: Origin, wall: float, *, ramp: bool = False) -> LLMError:
    return RateLimitExceeded(
        model=who.model,
        message=sentence(signal.message, signal.status, who),
        retry_after_seconds=_wait(reply, wall),
        ramp=ramp,
        scope="account",
        resend_helps=_helps(reply),
        origin=origin,
    )


def _too_large(signal: Signal, who: Who, origin: Origin) -> ContextTooLarge:
    message = sentence(signal.message, signal.status, who)
    told = lengths_in(signal.message[:_SCANNED], _CONTEXT) or signal.counts
    count, limit = (field if field is not None else said for field, said in zip(signal.counts, told, strict=True))
    return ContextTooLarge(model=who.model, token_count=count, limit=limit, message=message, origin=origin)


def _wait(reply: WireReply, wall: float) -> float | None:
    """The delay asked for; Anthropic's names of the reset headers are given under the usual ones."""

    def header(name: str) -> str | None:
        bucket = _BUCKET.match(name)
        return reply.header(name if bucket is None else f"anthropic-ratelimit-{bucket[2]}-{bucket[1]}")

    return wait_seconds(header, wall=wall)


def _helps(reply: WireReply) -> bool:
    return reply.header("x-should-retry") != "false"
