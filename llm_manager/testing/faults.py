"""How providers misbehave, as outcomes for `scripted`: each is a function of the attempt, so that the error names its model."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from llm_manager.domain.attempts import Attempt
from llm_manager.domain.errors import (
    AuthenticationFailed,
    Charge,
    LLMError,
    MalformedResponse,
    ModelUnavailable,
    NetworkError,
    Origin,
    QuotaExhausted,
    RateLimitExceeded,
    StreamInterrupted,
)
from llm_manager.testing.replies import Piece, Said

Fault = Callable[[Attempt], Said]


def rate_limited(retry_after_seconds: float | None = None) -> Fault:
    """429, with or without a Retry-After."""
    return lambda attempt: RateLimitExceeded(
        model=attempt.model.name,
        retry_after_seconds=retry_after_seconds,
        message="too many requests",
        origin=_origin(attempt, 429),
    )


def quota_exhausted() -> Fault:
    """429 for good: the account is empty."""
    return lambda attempt: QuotaExhausted(
        model=attempt.model.name, message="insufficient quota", origin=_origin(attempt, 429, code="insufficient_quota")
    )


def wrong_key() -> Fault:
    """401."""
    return lambda attempt: AuthenticationFailed(model=attempt.model.name, message="the key is not known", origin=_origin(attempt, 401))


def server_error(status: int = 500) -> Fault:
    """A 5xx; 503 and 529 say overloaded."""
    return lambda attempt: ModelUnavailable(
        model=attempt.model.name,
        message=f"status {status}",
        reason="overloaded" if status in (503, 529) else "server",
        origin=_origin(attempt, status),
    )


def malformed() -> Fault:
    """200, and a page of HTML in place of an answer."""
    return lambda attempt: MalformedResponse(model=attempt.model.name, message="not JSON", origin=_origin(attempt, 200, charge="possible"))


def refused() -> Fault:
    """Nobody listens: the request was never sent."""
    return lambda attempt: NetworkError(model=attempt.model.name, message="connection refused", origin=_origin(attempt))


def reset() -> Fault:
    """The connection broke after the request was sent."""
    return lambda attempt: NetworkError(
        model=attempt.model.name,
        message="connection reset",
        sent=True,
        origin=_origin(attempt, charge="possible"),
    )


def cut_after(chunks: int, of: Sequence[str] = ("Once ", "upon ", "a ", "time ", "there ", "was ")) -> Fault:
    """A stream that breaks after so many of its chunks; those who do not stream get the same failure."""
    told = tuple(of)[:chunks]

    def cut(attempt: Attempt) -> tuple[Piece, ...]:
        error: LLMError = StreamInterrupted(
            model=attempt.model.name,
            message=f"cut after {len(told)} chunks",
            partial="".join(told),
            origin=_origin(attempt, 200, charge="certain"),
        )
        return (*told, error)

    return cut


def hanging() -> Callable[[Attempt], Awaitable[Said]]:
    """Never answers; only a deadline or a cancellation ends it."""

    async def hang(_: Attempt) -> Said:
        await asyncio.get_running_loop().create_future()
        return ""

    return hang


def slow(seconds: float, said: Said | Fault = "at last") -> Callable[[Attempt], Awaitable[Said]]:
    """Says it after so many more seconds."""

    async def late(attempt: Attempt) -> Said:
        await asyncio.sleep(seconds)
        return said(attempt) if callable(said) else said

    return late


def _origin(attempt: Attempt, status: int | None = None, *, code: str | None = None, charge: Charge = "none") -> Origin:
    return Origin(
        provider=attempt.endpoint.provider,
        endpoint=attempt.endpoint.base_url,
        status=status,
        code=code,
        charge=charge,
    )
