"""From a status and machine codes to an `LLMError`: the only file of this dialect that knows what a status means.

Order of judgement: the provider's machine codes, then its status; sentences only for what has no code, and only those listed
in ``clients/data``. Words that a prompt could hold decide nothing.
"""

import re
from typing import Final

from attrs import evolve

from llm_manager.clients.data import openai_chat_errors as known
from llm_manager.clients.endings import beginning
from llm_manager.clients.openai_chat.signals import Signal, read_body, read_error, status_in
from llm_manager.clients.refusals import lengths_in, sentence, told_in
from llm_manager.clients.statuses import by_status, with_wait
from llm_manager.clients.who import Who, request_id
from llm_manager.domain.errors import (
    AuthenticationFailed,
    ContentFiltered,
    ContextTooLarge,
    InvalidRequest,
    LLMError,
    ModelUnavailable,
    Origin,
    QuotaExhausted,
    RateLimitExceeded,
)
from llm_manager.domain.wire_requests import WireReply
from llm_manager.policies.retry_after import wait_seconds

_CONTEXT: Final = tuple(re.compile(sentence) for sentence in known.CONTEXT_SENTENCES)
_TOKENS_PER_MINUTE: Final = re.compile(known.TOKENS_PER_MINUTE)
_BUDGET_OF_PARAMETERS: Final = re.compile(known.BUDGET_OF_PARAMETERS)
_LOADING: Final = re.compile(known.LOADING_SENTENCE)
_NO_SUCH_MODEL: Final = re.compile(known.NO_SUCH_MODEL_SENTENCE)
_SCANNED = 2000
_SERVER_ERROR = 500


def error_of(reply: WireReply, who: Who, *, wall: float) -> LLMError:
    """Say what an answer that is not good means."""
    return _judged(read_body(reply.status, reply.body), reply, who, wall)


def error_inside(told: object, who: Who, *, wall: float, raw: str = "", reply: WireReply | None = None) -> LLMError:
    """Say what an error inside a good answer or a stream means: its code counts as the status, 500 when it has none."""
    status = status_in(told)
    signal = read_error(_SERVER_ERROR if status is None else status, told, raw=raw)
    if status is None:
        signal = evolve(signal, status=_status_of(signal.words))
    return _judged(signal, reply or WireReply(status=signal.status), who, wall)


def error_in_body(reply: WireReply, who: Who, *, wall: float) -> LLMError | None:
    """The error that a good answer holds in the place of what was asked for; None when it holds none."""
    told = told_in(reply.body)
    if not isinstance(told, dict) or not told.get("error"):
        return None
    return error_inside(told, who, wall=wall, raw=beginning(reply.body), reply=reply)


def _status_of(words: frozenset[str]) -> int:
    """The status that machine codes stand for where no number is told."""
    if words & known.RATE_LIMIT:
        return 429
    if words & known.NO_PERMISSION:
        return 403
    if words & known.NO_SUCH_MODEL:
        return 404
    return 400 if words & known.NOT_VALID else _SERVER_ERROR


def _judged(signal: Signal, reply: WireReply, who: Who, wall: float) -> LLMError:
    origin = who.origin(request_id=request_id(reply.headers), status=reply.status, code=signal.code, raw=signal.raw)
    coded = _by_code(signal, reply, who, origin, wall) or _by_sentence(signal, who, origin)
    return with_wait(coded or _by_status(signal, reply, who, origin, wall), reply, wall=wall)


def _by_code(signal: Signal, reply: WireReply, who: Who, origin: Origin, wall: float) -> LLMError | None:
    words, status, model = signal.words, signal.status, who.model
    message = sentence(signal.message, signal.status, who)
    if words & known.CONTEXT:
        return _too_large(signal, who, origin)
    if words & known.FILTERED:
        return ContentFiltered(model=model, message=message, origin=origin)
    if words & known.SLOW_DOWN:
        return RateLimitExceeded(
            model=model, message=message, ramp=True, scope="account", retry_after_seconds=_wait(signal, reply, wall), origin=origin
        )
    if words & known.QUOTA_OF_KEY:
        return QuotaExhausted(model=model, message=message, origin=origin)
    if words & known.QUOTA_OF_ACCOUNT:
        return QuotaExhausted(model=model, message=message, scope="account", origin=origin)
    if words & known.TOO_LONG_A_FIELD:
        return InvalidRequest(message=message, request=who.request, origin=origin)
    if words & known.BY_MODEL:
        return InvalidRequest(message=message, request=who.request, by_model=True, origin=origin)
    if words & known.WRONG_KEY:
        return AuthenticationFailed(model=model, message=message, origin=origin)
    if words & known.NO_SUCH_MODEL and status in (400, 404, 410):
        return ModelUnavailable(model=model, message=message, reason="permanent", origin=origin)
    if words & known.BUSY and status not in (400, 401, 403):
        return ModelUnavailable(model=model, message=message, reason="busy", origin=origin)
    if words & known.OVERLOADED and (status >= 500 or status == 429):
        return ModelUnavailable(model=model, message=message, reason="overloaded", origin=origin)
    return None


def _by_sentence(signal: Signal, who: Who, origin: Origin) -> LLMError | None:
    """Fixed sentences, for the few errors that providers give no code."""
    message = signal.message[:_SCANNED]
    if not message:
        return None
    if signal.status in (413, 429):
        found = _TOKENS_PER_MINUTE.match(message)
        if found is not None and int(found["count"]) > int(found["limit"]):
            return ContextTooLarge(
                model=who.model,
                token_count=int(found["count"]),
                limit=int(found["limit"]),
                limit_kind="tokens_per_minute",
                message=sentence(signal.message, signal.status, who),
                origin=origin,
            )
    if signal.status in (400, 413, 422, 500) and lengths_in(message, _CONTEXT) is not None:
        return _too_large(signal, who, origin)
    if signal.status in (400, 404) and _NO_SUCH_MODEL.match(message):
        return ModelUnavailable(model=who.model, message=sentence(signal.message, signal.status, who), reason="permanent", origin=origin)
    return None


def _by_status(signal: Signal, reply: WireReply, who: Who, origin: Origin, wall: float) -> LLMError:
    status, provider, message = signal.status, who.provider, sentence(signal.message, signal.status, who)
    match status:
        case 429:
            return _rate_limited(signal, reply, who, origin, wall)
        case 402:
            return _payment_required(signal, reply, who, origin, wall)
        case 403:
            return _forbidden(signal, who, origin)
        case 413 if provider == "groq":
            return ContextTooLarge(model=who.model, message=message, origin=origin)
        case 424 | 501 if status == 501 or provider == "groq":
            return ModelUnavailable(model=who.model, message=message, reason="permanent", origin=origin)
        case 498 if provider == "groq":
            return ModelUnavailable(model=who.model, message=message, reason="busy", origin=origin)
        case _ if status >= 500 or status in (409, 425, 499) or (status == 408 and provider != "openrouter"):
            return _server_failed(signal, reply, who, origin)
    told = by_status(status, who, origin, said=signal.message, is_json=signal.is_json)
    if not isinstance(told, InvalidRequest):
        return told
    if reply.header("x-should-retry") == "true":
        return _server_failed(signal, reply, who, origin)
    return evolve(told, by_model=status == 422 and provider == "groq")


def _rate_limited(signal: Signal, reply: WireReply, who: Who, origin: Origin, wall: float) -> LLMError:
    message = sentence(signal.message, signal.status, who)
    helps = _BUDGET_OF_PARAMETERS.match(signal.message[:_SCANNED]) is None and reply.header("x-should-retry") != "false"
    return RateLimitExceeded(
        model=who.model,
        message=message,
        retry_after_seconds=_wait(signal, reply, wall),
        scope="account" if who.provider in ("groq", "openrouter") else "key",
        resend_helps=helps,
        origin=origin,
    )


def _payment_required(signal: Signal, reply: WireReply, who: Who, origin: Origin, wall: float) -> LLMError:
    wait, message = _wait(signal, reply, wall), sentence(signal.message, signal.status, who)
    if wait is not None and "openrouter_in_flight_budget" in signal.words:
        return RateLimitExceeded(model=who.model, message=message, retry_after_seconds=wait, scope="account", origin=origin)
    return QuotaExhausted(model=who.model, message=message, origin=origin)


def _forbidden(signal: Signal, who: Who, origin: Origin) -> LLMError:
    message = sentence(signal.message, signal.status, who)
    if any(word.endswith(("_budget", "key_limit")) for word in signal.words) or "resets_at" in signal.metadata:
        return QuotaExhausted(model=who.model, message=message, origin=origin)
    if "flagged_input" in signal.metadata or (who.provider == "openrouter" and "reasons" in signal.metadata):
        return ContentFiltered(model=who.model, message=message, origin=origin)
    return AuthenticationFailed(model=who.model, message=message, reason="permission", origin=origin)


def _server_failed(signal: Signal, reply: WireReply, who: Who, origin: Origin) -> LLMError:
    message = sentence(signal.message, signal.status, who)
    if signal.status == 503 and (signal.words & known.LOADING or _LOADING.match(signal.message)):
        return ModelUnavailable(model=who.model, message=message, reason="loading", origin=origin)
    return ModelUnavailable(
        model=who.model,
        message=message,
        reason="overloaded" if signal.status == 529 else "server",
        resend_helps=reply.header("x-should-retry") != "false",
        origin=origin,
    )


def _too_large(signal: Signal, who: Who, origin: Origin) -> ContextTooLarge:
    message = sentence(signal.message, signal.status, who)
    told = lengths_in(signal.message[:_SCANNED], _CONTEXT) or signal.counts
    count, limit = (field if field is not None else said for field, said in zip(signal.counts, told, strict=True))
    return ContextTooLarge(model=who.model, token_count=count, limit=limit, message=message, origin=origin)


def _wait(signal: Signal, reply: WireReply, wall: float) -> float | None:
    """The delay asked for, by the answer's headers or those that a router repeats in its error."""
    repeated = signal.metadata.get("headers")
    headers = {str(name).lower(): value for name, value in repeated.items() if isinstance(value, str)} if isinstance(repeated, dict) else {}
    return wait_seconds(lambda name: reply.header(name) or headers.get(name), wall=wall, text=signal.message[:_SCANNED])
