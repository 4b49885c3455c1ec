"""From a status and machine codes to an `LLMError`: the only file of this dialect that knows what a status means.

Order of judgement: the codes of the error's details, then its status; sentences only for what has no code, and only those listed
in ``clients/data``. Words that a prompt could hold decide nothing.
"""

import re
from typing import Final

from llm_manager.clients import endings
from llm_manager.clients.data import gemini_errors as known
from llm_manager.clients.gemini.signals import Signal, read_body, read_error, status_in
from llm_manager.clients.refusals import lengths_in, sentence
from llm_manager.clients.statuses import by_status, with_wait
from llm_manager.clients.who import Who, request_id
from llm_manager.domain.errors import (
    AuthenticationFailed,
    ConfigurationError,
    ContextTooLarge,
    InvalidRequest,
    LLMError,
    MalformedResponse,
    Origin,
    QuotaExhausted,
    RateLimitExceeded,
    RequestTimeout,
)
from llm_manager.domain.wire_requests import WireReply
from llm_manager.policies.retry_after import wait_seconds

_CONTEXT: Final = tuple(re.compile(sentence) for sentence in known.CONTEXT_SENTENCES)
_TOO_MANY_BYTES: Final = re.compile(known.TOO_MANY_BYTES)
_WRONG_KEY: Final = re.compile(known.WRONG_KEY_SENTENCE)
_CREDITS_SPENT: Final = re.compile(known.CREDITS_SPENT)
_NOTHING_ALLOWED: Final = re.compile(known.NOTHING_ALLOWED)
_RETRY_IN: Final = re.compile(known.RETRY_IN)
_SCANNED: Final = 4000
_SERVER_ERROR: Final = 500


def error_of(reply: WireReply, who: Who, *, wall: float) -> LLMError:
    """Say what an answer that is not good means."""
    return _judged(read_body(reply.status, reply.body), reply, who, wall)


def error_inside(told: object, who: Who, *, wall: float, raw: str = "", reply: WireReply | None = None) -> LLMError:
    """Say what an error inside a good answer or a stream means: its code counts as the status, 500 when it has none."""
    signal = read_error(status_in(told) or _SERVER_ERROR, told, raw=raw)
    return _judged(signal, reply or WireReply(status=signal.status), who, wall)


def blocked(reason: str, who: Who, *, request_id: str | None = None) -> LLMError:
    """Say what a prompt means that was not answered for what it holds."""
    return endings.filtered(
        who, message=f"the provider blocked the prompt ({who.safe_id(reason) or 'for its content'})", request_id=request_id
    )


def bad_ending(reason: str | None, who: Who, *, partial: str = "", request_id: str | None = None) -> LLMError | None:
    """Say what an answer means whose own ending says that it is none; None for a good or an unknown ending."""
    if reason is None or reason in known.GOOD_ENDINGS:
        return None
    if reason in known.WITHHELD:
        return endings.filtered(who, partial=partial, message=f"{endings.WITHHELD} ({reason})", request_id=request_id)
    origin = who.origin(request_id=request_id, code=reason, charge="certain")
    if reason in known.WRONG_CALLS:
        message = f"the model called a tool in a way that its provider refused ({reason})"
        return InvalidRequest(message=message, request=who.request, by_model=True, origin=origin)
    if reason in known.WRONG_HISTORY:
        message = f"the conversation came back without the model's own signatures ({reason})"
        return InvalidRequest(message=message, request=who.request, origin=origin)
    if reason in known.NO_ACCOUNT:
        message = f"the account is limited or disabled ({reason})"
        return AuthenticationFailed(model=who.model, message=message, reason="permission", origin=origin)
    if reason in known.NO_ANSWER:
        return MalformedResponse(model=who.model, message=f"the provider could not read the model's answer ({reason})", origin=origin)
    return None


def _judged(signal: Signal, reply: WireReply, who: Who, wall: float) -> LLMError:
    origin = who.origin(request_id=request_id(reply.headers), status=reply.status, code=signal.code, raw=signal.raw)
    judged = _by_code(signal, reply, who, origin, wall)
    told = judged or by_status(signal.status, who, origin, said=signal.message, is_json=signal.is_json)
    return with_wait(told, reply, wall=wall)


def _by_code(signal: Signal, reply: WireReply, who: Who, origin: Origin, wall: float) -> LLMError | None:
    words, status, model = signal.words, signal.status, who.model
    message = sentence(signal.message, signal.status, who)
    if status == 429:
        return _limited(signal, reply, who, origin, wall)
    if words & known.WRONG_KEY:
        return AuthenticationFailed(model=model, message=message, origin=origin)
    if words & known.NOT_SET_UP:
        return ConfigurationError(message=f"{who.provider} is not set up for this: {message}", origin=origin)
    if words & known.NO_PERMISSION:
        return AuthenticationFailed(model=model, message=message, reason="permission", origin=origin)
    if words & known.GAVE_UP:
        return RequestTimeout(model=model, timeout_ms=0, phase="provider", origin=origin)
    if status == 400:
        return _by_sentence(signal, who, origin)
    return None


def _by_sentence(signal: Signal, who: Who, origin: Origin) -> LLMError | None:
    """Fixed sentences, for the few errors that have no code of their own."""
    said = signal.message[:_SCANNED]
    message = sentence(signal.message, signal.status, who)
    lengths = lengths_in(said, _CONTEXT)
    if lengths is not None:
        return ContextTooLarge(model=who.model, token_count=lengths[0], limit=lengths[1], message=message, origin=origin)
    if _TOO_MANY_BYTES.match(said):
        return ContextTooLarge(model=who.model, limit_kind="bytes", message=message, origin=origin)
    return AuthenticationFailed(model=who.model, message=message, origin=origin) if _WRONG_KEY.match(said) else None


def _limited(signal: Signal, reply: WireReply, who: Who, origin: Origin, wall: float) -> LLMError:
    """A limit of the project: of a day, or of nothing at all, it is spent; else it passes."""
    said = signal.message[:_SCANNED]
    spent = any(known.A_DAY in name or value == "0" for name, value in signal.quotas)
    if spent or _NOTHING_ALLOWED.search(said) or _CREDITS_SPENT.match(said):
        return QuotaExhausted(model=who.model, message=sentence(signal.message, signal.status, who), scope="account", origin=origin)
    return RateLimitExceeded(
        model=who.model,
        message=sentence(signal.message, signal.status, who),
        retry_after_seconds=_wait(signal, reply, wall),
        scope="account",
        origin=origin,
    )


def _wait(signal: Signal, reply: WireReply, wall: float) -> float | None:
    """The delay asked for: by headers, by the error's details, by its sentence."""
    said = _RETRY_IN.search(signal.message[:_SCANNED])
    delay = signal.delay or (None if said is None else said["delay"].rstrip("."))
    return wait_seconds(reply.header, wall=wall, text="" if delay is None else f"try again in {delay}")
