"""How long to wait: for a connection, for the next byte, for an attempt, for the whole call."""

from typing import Protocol

from llm_manager.domain.attempts import Attempt, Limits
from llm_manager.domain.errors import Origin, RequestTimeout
from llm_manager.domain.events import Operation
from llm_manager.domain.models import ModelProfile
from llm_manager.domain.requests import LLMRequest

CONNECT_SECONDS = 5.0
_TOKENS_PER_SECOND = 20.0
_ASSUMED_TOKENS = 1200
"""What an answer may take when nobody bounds it: a minute, not the three and a half that 4096 tokens would."""
_LEAST_TOTAL_SECONDS = 300.0
_IMAGE_SECONDS = 180.0


def limits_for(
    request: LLMRequest,
    profile: ModelProfile,
    *,
    timeout_ms: int,
    provider_timeout_ms: int | None = None,
    streamed: bool = False,
) -> Limits:
    """Bound one attempt. A timeout set by the request, then by the provider, is obeyed as it stands.

    Otherwise ``timeout_ms`` bounds silence: a stream must begin within it, and a whole answer gets the time that its
    tokens need at 20 a second.
    """
    own = request.timeout_ms if request.timeout_ms is not None else provider_timeout_ms
    silence = (timeout_ms if own is None else own) / 1000.0
    if streamed or own is not None:
        return Limits(
            connect_seconds=min(CONNECT_SECONDS, silence),
            silence_seconds=silence,
            attempt_seconds=silence + profile.load_seconds,
        )
    tokens = request.preferences.max_tokens or min(profile.max_output_tokens or _ASSUMED_TOKENS, _ASSUMED_TOKENS)
    return Limits(
        connect_seconds=min(CONNECT_SECONDS, silence),
        silence_seconds=silence,
        attempt_seconds=max(silence, tokens / _TOKENS_PER_SECOND) + profile.load_seconds,
    )


class Patient(Protocol):
    """What is asked by somebody who may say how long he waits."""

    @property
    def timeout_ms(self) -> int | None: ...
    @property
    def deadline_ms(self) -> int | None: ...


def operation_seconds(
    asked: Patient, profile: ModelProfile, operation: Operation, *, timeout_ms: int, provider_timeout_ms: int | None = None
) -> float:
    """Bound one attempt at what is no chat: a timeout that was set is obeyed, else images get three minutes, as some take two."""
    own = asked.timeout_ms if asked.timeout_ms is not None else provider_timeout_ms
    if own is not None:
        return own / 1000.0 + profile.load_seconds
    least = _IMAGE_SECONDS if operation == "create_image" else 0.0
    return max(timeout_ms / 1000.0, least) + profile.load_seconds


def total_seconds(request: Patient, longest_attempt: float) -> float:
    """Bound the whole call: what the request says, else at least 300 s and twice the longest attempt."""
    if request.deadline_ms is not None:
        return request.deadline_ms / 1000.0
    return max(_LEAST_TOTAL_SECONDS, 2.0 * longest_attempt)


def late(attempt: Attempt, *, total: bool | None = None, given: float | None = None) -> RequestTimeout:
    """The error of an attempt that passed its deadline; of the whole call when ``total``, or when the two are one.

    ``given`` are the seconds that it had itself.
    """
    whole = attempt.deadline >= attempt.call_deadline if total is None else total
    seconds = attempt.total_seconds if whole else attempt.limits.attempt_seconds
    return RequestTimeout(
        model=attempt.model.name,
        timeout_ms=round(seconds * 1000),
        phase="total" if whole else "attempt",
        given_ms=None if given is None else round(given * 1000),
        origin=Origin(provider=attempt.endpoint.provider, endpoint=attempt.endpoint.base_url, charge="possible"),
    )
