"""From a status and Ollama's own sentences to an `LLMError`: the only file of this dialect that knows what a status means.

It sends no machine codes. A sentence of ``clients/data/ollama_errors.py`` decides where one status means several things.
"""

import re
from collections.abc import Mapping
from typing import Final

from attrs import frozen

from llm_manager.clients.data import ollama_errors as known
from llm_manager.clients.refusals import lengths_in, sentence, told_in
from llm_manager.clients.statuses import by_status, with_wait
from llm_manager.clients.who import Who, request_id
from llm_manager.domain.error_questions import origin_of
from llm_manager.domain.errors import (
    AuthenticationFailed,
    ContextTooLarge,
    LLMError,
    MalformedResponse,
    ModelUnavailable,
    NetworkError,
    Origin,
    RateLimitExceeded,
)
from llm_manager.domain.wire_requests import WireReply
from llm_manager.policies.retry_after import wait_seconds

_SERVER_ERROR: Final = 500
_SCANNED: Final = 2000
_CONTEXT: Final = tuple(re.compile(sentence) for sentence in known.CONTEXT)
_UNABLE: Final = tuple(re.compile(sentence) for sentence in known.UNABLE)
_MEMORY: Final = tuple(re.compile(sentence, re.IGNORECASE) for sentence in known.MEMORY)
_NO_SUCH_MODEL: Final = re.compile(known.NO_SUCH_MODEL)
_NOT_IN_REGISTRY: Final = re.compile(known.NOT_IN_REGISTRY)
_INVALID_NAME: Final = re.compile(known.INVALID_NAME)
_LOADING: Final = re.compile(known.LOADING)
_BUSY: Final = re.compile(known.BUSY)
_CLOUD_OFF: Final = re.compile(known.CLOUD_OFF)


@frozen(kw_only=True)
class _Signal:
    """One error as the server put it."""

    status: int
    message: str
    is_json: bool
    signs_in: bool = False


def error_of(reply: WireReply, who: Who, *, wall: float) -> LLMError:
    """Say what an answer that is not good means."""
    told = told_in(reply.body)
    if told is None:
        raw = reply.body[:_SCANNED].decode("utf-8", "replace")
        return _judged(_Signal(status=reply.status, message="", is_json=False), reply, who, wall, raw)
    return _judged(_signal(reply.status, told), reply, who, wall, "")


def error_inside(told: object, who: Who, *, wall: float) -> LLMError:
    """Say what an error after a good status means: it has no status of its own, so its sentence speaks for it."""
    signal = _signal(_SERVER_ERROR, {"error": told})
    if _NO_SUCH_MODEL.match(signal.message) or _NOT_IN_REGISTRY.match(signal.message):
        signal = _Signal(status=404, message=signal.message, is_json=True)
    return _judged(signal, WireReply(status=200), who, wall, "")


def not_reached(error: LLMError, who: Who) -> LLMError:
    """A server that does not run: whoever could not be reached at all is told how to start it."""
    unknown = isinstance(error, NetworkError) and not error.sent and error.resend_once
    refused = isinstance(error, ModelUnavailable) and error.reason == "not_running"
    if isinstance(error, NetworkError) and unknown:
        told = f"{error.message}; check the address ({who.endpoint})"
    elif refused or (isinstance(error, NetworkError) and not error.sent):
        told = f"nothing answers at {who.endpoint}; start it with: ollama serve"
    else:
        return error
    return ModelUnavailable(
        model=who.model,
        message=f"Ollama connection failed: {told}",
        reason="not_running",
        resend_once=True,
        origin=origin_of(error) or who.origin(),
    )


def absent(model: str) -> str:
    """How a model that the server does not have is fetched.

    >>> absent("llama3.2:3b")
    'the model is not there; fetch it with: llm-manager models pull llama3.2:3b'
    """
    return f"the model is not there; fetch it with: llm-manager models pull {model}"


def _signal(status: int, told: object) -> _Signal:
    error = told.get("error") if isinstance(told, Mapping) else told
    if isinstance(error, Mapping):
        error = error.get("message") or error.get("error")
    signs_in = isinstance(told, Mapping) and isinstance(told.get("signin_url"), str)
    return _Signal(status=status, message=error.strip() if isinstance(error, str) else "", is_json=True, signs_in=signs_in)


def _judged(signal: _Signal, reply: WireReply, who: Who, wall: float, raw: str) -> LLMError:
    origin = who.origin(request_id=request_id(reply.headers), status=reply.status, raw=signal.message or raw)
    found = _by_sentence(signal, who, origin)
    return with_wait(found or _by_status(signal, reply, who, origin, wall), reply, wall=wall)


def _by_sentence(signal: _Signal, who: Who, origin: Origin) -> LLMError | None:
    said, status, model = signal.message[:_SCANNED], signal.status, who.model
    message = sentence(signal.message, signal.status, who)
    if not said:
        return None
    lengths = lengths_in(said, _CONTEXT)
    if lengths is not None:
        return ContextTooLarge(model=model, token_count=lengths[0], limit=lengths[1], message=message, origin=origin)
    if status in (400, 500) and any(each.match(said) for each in _UNABLE):
        return ModelUnavailable(model=model, message=message, reason="permanent", origin=origin)
    if status == 400 and _INVALID_NAME.match(said):
        return ModelUnavailable(model=model, message=message, reason="permanent", origin=origin)
    if status == 403 and _CLOUD_OFF.match(said):
        return ModelUnavailable(model=model, message=message, reason="permanent", origin=origin)
    if status >= 500 and any(each.match(said) for each in _MEMORY):
        return ModelUnavailable(model=model, message=message, reason="busy", resend_helps=False, origin=origin)
    if status >= 500 and _LOADING.match(said):
        return ModelUnavailable(model=model, message=message, reason="loading", origin=origin)
    if status >= 500 and _BUSY.match(said):
        return ModelUnavailable(model=model, message=message, reason="busy", origin=origin)
    return None


def _by_status(signal: _Signal, reply: WireReply, who: Who, origin: Origin, wall: float) -> LLMError:
    status, model, message = signal.status, who.model, sentence(signal.message, signal.status, who)
    match status:
        case 401 if signal.signs_in:
            how = "the server passes this model on to ollama.com: sign it in with: ollama signin"
            return AuthenticationFailed(model=model, message=how, origin=origin)
        case 404 | 405 | 410 if not signal.is_json:
            told = f"answered {status} with something that is no JSON: is base_url that of Ollama, without /v1 or /api?"
            return MalformedResponse(model=model, message=told, origin=origin)
        case 404:
            return ModelUnavailable(model=model, message=absent(model), reason="permanent", origin=origin)
        case 429:
            wait = wait_seconds(reply.header, wall=wall)
            return RateLimitExceeded(model=model, message=message, retry_after_seconds=wait, scope="account", origin=origin)
        case 502:  # the server is well; the cloud behind it is not to be reached
            return ModelUnavailable(model=model, message=message, reason="busy", resend_helps=False, origin=origin)
        case _ if status in (408, 499) or (status >= 500 and status != 503):
            return ModelUnavailable(model=model, message=message, origin=origin)
    return by_status(status, who, origin, said=signal.message)
