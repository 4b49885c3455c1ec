"""What a provider told of its limits, as a bound: so much was left when that request left, and it comes back until the reset.

Between full and empty it is taken to come back evenly, which is how token buckets do; where a provider refills all at once,
it will say so when asked too soon.
"""

from math import inf

from msgspec import Struct

from llm_manager.domain.rate_limits import RateLimits

_FORGOTTEN_SECONDS = 120.0
_MINUTE = 60.0
_LARGEST_RESERVE = 10


class Told(Struct, frozen=True):
    """What came with an answer of ``model``, whose request left at ``at`` as number ``number``, with ``charged`` tokens before it."""

    limits: RateLimits
    model: str
    at: float
    number: int
    charged: int


def low_on_tokens(told: Told) -> bool:
    """Say whether tokens are short enough to be counted."""
    whole, left = told.limits.tokens, told.limits.tokens_left
    return left is not None and (whole is None or left * 2 < whole)


def is_plentiful(told: Told | None, room: float) -> bool:
    """Say whether so much is left that nobody need look."""
    if told is None:
        return True
    left = told.limits.requests_left
    return (left is None or left > 2.0 * room + _LARGEST_RESERVE) and not low_on_tokens(told)


def told_ready_at(told: Told, *, number: int, charged: int, size: int) -> float:
    """When a request of so many tokens fits, as the ``number``-th and after ``charged`` tokens in all.

    What was told is outdated after two minutes, or by what is told next.
    """
    limits, at = told.limits, told.at
    requests = _ready_at(at, limits.requests, limits.requests_left, limits.requests_reset_seconds, number - told.number)
    if not low_on_tokens(told):
        return requests
    tokens = _ready_at(at, limits.tokens, limits.tokens_left, limits.tokens_reset_seconds, charged + size - told.charged)
    return max(requests, tokens)


def _ready_at(at: float, limit: int | None, left: int | None, reset: float | None, wanted: int) -> float:
    """When so much is there, of which ``left`` was there ``at`` then, and all will be after ``reset`` seconds."""
    if left is None or (limit is not None and limit <= 0):
        return -inf
    if limit is None:
        return at + min(reset, _FORGOTTEN_SECONDS) if wanted > left and reset is not None else -inf
    lacking = wanted + min(limit // 100, _LARGEST_RESERVE) - left
    if lacking <= 0:
        return -inf
    used = limit - left
    rate = limit / _MINUTE if reset is None or reset <= 0.0 else (used if used > 0 else limit) / reset
    return at + min(lacking / rate, _FORGOTTEN_SECONDS)
