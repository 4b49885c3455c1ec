"""From a status and a fixed sentence to an `LLMError`: the only file of this dialect that knows what a status means."""

import re
from typing import Final

from llm_manager.clients.cohere.shapes import read_problem
from llm_manager.clients.data import cohere_errors as known
from llm_manager.clients.refusals import LARGEST_ERROR_BYTES, lengths_in, sentence
from llm_manager.clients.statuses import by_status, with_wait
from llm_manager.clients.who import Who, request_id
from llm_manager.domain.errors import (
    ContentFiltered,
    ContextTooLarge,
    LLMError,
    ModelUnavailable,
    Origin,
    QuotaExhausted,
    RequestTimeout,
    Scope,
)
from llm_manager.domain.wire_requests import WireReply
from llm_manager.policies.retry_after import wait_seconds

_CONTEXT: Final = tuple(re.compile(sentence) for sentence in known.CONTEXT_SENTENCES)
_MONTH_SPENT: Final = re.compile(known.MONTH_SPENT)
_KEY_SPENT: Final = re.compile(known.KEY_SPENT)
_SCANNED: Final = 4000


def error_of(reply: WireReply, who: Who, *, wall: float) -> LLMError:
    """Say what an answer that is not good means."""
    problem = read_problem(reply.body) if len(reply.body) <= LARGEST_ERROR_BYTES else None
    said = ((problem.message if problem else None) or "").strip()
    origin = who.origin(
        request_id=request_id(reply.headers) or (problem.id if problem else None),
        status=reply.status,
        raw=reply.body[:_SCANNED].decode("utf-8", "replace"),
    )
    judged = _by_sentence(reply.status, said[:_SCANNED], who, origin)
    wait = wait_seconds(reply.header, wall=wall)
    told = judged or by_status(reply.status, who, origin, said=said, wait=wait, is_json=problem is not None)
    return with_wait(told, reply, wall=wall)


def bad_ending(reason: str | None, who: Who, *, said: str | None = None, request_id: str | None = None) -> LLMError | None:
    """Say what an answer means whose own ending says that it is none; ``said`` is an error that was told with it."""
    if not said and reason not in (known.FAILED, known.TOOK_TOO_LONG):
        return None
    origin = who.origin(request_id=request_id, code=reason, charge="possible", raw=said or "")
    if reason == known.TOOK_TOO_LONG:
        return RequestTimeout(model=who.model, timeout_ms=0, phase="provider", origin=origin)
    message = who.safe(said or "") or "the model failed while it answered"
    return ModelUnavailable(model=who.model, message=message, resend_once=True, origin=origin)


def _by_sentence(status: int, said: str, who: Who, origin: Origin) -> LLMError | None:
    message = sentence(said, status, who)
    match status:
        case 400:
            lengths = lengths_in(said, _CONTEXT)
            if lengths is None:
                return None
            return ContextTooLarge(model=who.model, token_count=lengths[0], limit=lengths[1], message=message, origin=origin)
        case 402:
            scope: Scope = "key" if _KEY_SPENT.match(said) else "account"
            return QuotaExhausted(model=who.model, message=message, scope=scope, origin=origin)
        case 429 if _MONTH_SPENT.match(said):
            return QuotaExhausted(model=who.model, message=message, origin=origin)
        case known.DENY_LISTED:
            return ContentFiltered(model=who.model, message=message, origin=origin)
        case 501:
            return ModelUnavailable(
                model=who.model, message=message if said else "it is not implemented", reason="permanent", origin=origin
            )
        case _:
            return None
