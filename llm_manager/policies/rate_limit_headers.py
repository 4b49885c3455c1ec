"""Reading what a provider tells of its limits in the head of an answer: OpenAI's words, Anthropic's, and the plain ones.

Whatever the fields hold, something or nothing is read from them, and nothing else happens.
"""

from collections.abc import Iterable
from types import MappingProxyType
from typing import Final

from llm_manager.domain.rate_limits import RateLimits
from llm_manager.policies.retry_after import leading_number, reset_seconds

_MARK: Final = "ratelimit"
_FIELDS: Final = MappingProxyType(
    {
        "x-ratelimit-limit-requests": "requests",
        "x-ratelimit-remaining-requests": "requests_left",
        "x-ratelimit-reset-requests": "requests_reset_seconds",
        "x-ratelimit-limit-tokens": "tokens",
        "x-ratelimit-remaining-tokens": "tokens_left",
        "x-ratelimit-reset-tokens": "tokens_reset_seconds",
        "anthropic-ratelimit-requests-limit": "requests",
        "anthropic-ratelimit-requests-remaining": "requests_left",
        "anthropic-ratelimit-requests-reset": "requests_reset_seconds",
        "anthropic-ratelimit-tokens-limit": "tokens",
        "anthropic-ratelimit-tokens-remaining": "tokens_left",
        "anthropic-ratelimit-tokens-reset": "tokens_reset_seconds",
    }
)
_INSTEAD: Final = MappingProxyType(
    {
        "x-ratelimit-limit": "requests",
        "x-ratelimit-remaining": "requests_left",
        "x-ratelimit-reset": "requests_reset_seconds",
        "ratelimit-limit": "requests",
        "ratelimit-remaining": "requests_left",
        "ratelimit-reset": "requests_reset_seconds",
        "anthropic-ratelimit-input-tokens-limit": "tokens",
        "anthropic-ratelimit-input-tokens-remaining": "tokens_left",
        "anthropic-ratelimit-input-tokens-reset": "tokens_reset_seconds",
    }
)
"""What is read where none of the fields above says it."""


def rate_limits_of(headers: Iterable[tuple[str, str]], *, wall: float) -> RateLimits | None:
    """What the head of an answer tells, at a time in seconds since 1970; None when that is nothing. Names are lower case."""
    named = [(name, value) for name, value in headers if _MARK in name]
    return _read(named, wall) if named else None


def _read(named: list[tuple[str, str]], wall: float) -> RateLimits | None:
    said: dict[str, float] = {}
    for fields in (_INSTEAD, _FIELDS):
        for name, value in named:
            field = fields.get(name)
            if field is None:
                continue
            number = reset_seconds(value, wall) if field.endswith("_seconds") else leading_number(value)
            if number is not None:
                said[field] = number
    return _limits(said) if said else None


def _limits(said: dict[str, float]) -> RateLimits:
    def whole(field: str) -> int | None:
        number = said.get(field)
        return None if number is None else int(number)

    return RateLimits(
        requests=whole("requests"),
        requests_left=whole("requests_left"),
        requests_reset_seconds=said.get("requests_reset_seconds"),
        tokens=whole("tokens"),
        tokens_left=whole("tokens_left"),
        tokens_reset_seconds=said.get("tokens_reset_seconds"),
    )
