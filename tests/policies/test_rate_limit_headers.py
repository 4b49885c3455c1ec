"""What providers tell of their limits, as they write it."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llm_manager.domain.rate_limits import RateLimits
from llm_manager.policies.rate_limit_headers import rate_limits_of

WALL = 1_800_000_000.0  # 2027-01-15T08:00:00Z

TOLD = {
    "openai": (
        {
            "x-ratelimit-limit-requests": "60",
            "x-ratelimit-limit-tokens": "150000",
            "x-ratelimit-remaining-requests": "59",
            "x-ratelimit-remaining-tokens": "149984",
            "x-ratelimit-reset-requests": "1s",
            "x-ratelimit-reset-tokens": "6m0s",
        },
        RateLimits(
            requests=60, requests_left=59, requests_reset_seconds=1.0, tokens=150_000, tokens_left=149_984, tokens_reset_seconds=360.0
        ),
    ),
    "groq": (
        {
            "retry-after": "2",
            "x-ratelimit-limit-requests": "14400",
            "x-ratelimit-limit-tokens": "18000",
            "x-ratelimit-remaining-requests": "14370",
            "x-ratelimit-remaining-tokens": "17997",
            "x-ratelimit-reset-requests": "2m59.56s",
            "x-ratelimit-reset-tokens": "7.66s",
        },
        RateLimits(
            requests=14_400,
            requests_left=14_370,
            requests_reset_seconds=179.56,
            tokens=18_000,
            tokens_left=17_997,
            tokens_reset_seconds=7.66,
        ),
    ),
    "anthropic": (
        {
            "anthropic-ratelimit-requests-limit": "50",
            "anthropic-ratelimit-requests-remaining": "49",
            "anthropic-ratelimit-requests-reset": "2027-01-15T08:00:02Z",
            "anthropic-ratelimit-tokens-limit": "48000",
            "anthropic-ratelimit-tokens-remaining": "40000",
            "anthropic-ratelimit-tokens-reset": "2027-01-15T08:00:10Z",
            "anthropic-ratelimit-input-tokens-limit": "40000",
            "anthropic-ratelimit-input-tokens-remaining": "1",
        },
        RateLimits(requests=50, requests_left=49, requests_reset_seconds=2.0, tokens=48_000, tokens_left=40_000, tokens_reset_seconds=10.0),
    ),
    "anthropic, prompts apart": (
        {
            "anthropic-ratelimit-input-tokens-limit": "40000",
            "anthropic-ratelimit-input-tokens-remaining": "39000",
            "anthropic-ratelimit-input-tokens-reset": "2027-01-15T08:00:01+00:00",
        },
        RateLimits(tokens=40_000, tokens_left=39_000, tokens_reset_seconds=1.0),
    ),
    "openrouter, moments in milliseconds": (
        {"x-ratelimit-limit": "20", "x-ratelimit-remaining": "0", "x-ratelimit-reset": str(round((WALL + 30) * 1000))},
        RateLimits(requests=20, requests_left=0, requests_reset_seconds=30.0),
    ),
    "together, in seconds": (
        {"x-ratelimit-limit": "10", "x-ratelimit-remaining": "3", "x-ratelimit-reset": "1"},
        RateLimits(requests=10, requests_left=3, requests_reset_seconds=1.0),
    ),
    "azure tells what is left": ({"x-ratelimit-remaining-requests": "7"}, RateLimits(requests_left=7)),
    "the plain names, with a window": (
        {"ratelimit-limit": "100, 100;w=60", "ratelimit-remaining": "3"},
        RateLimits(requests=100, requests_left=3),
    ),
    "milliseconds": ({"x-ratelimit-reset-requests": "12ms"}, RateLimits(requests_reset_seconds=0.012)),
    "nothing of use": ({"x-ratelimit-limit-requests": "-5", "x-ratelimit-reset-requests": "soon", "x-ratelimit-mood": "1"}, None),
    "nothing": ({"content-type": "application/json"}, None),
    "a moment that has passed": ({"x-ratelimit-reset": "2020-01-01T00:00:00Z"}, None),
}


@pytest.mark.parametrize("name", TOLD)
def test_what_a_provider_tells(name: str) -> None:
    headers, told = TOLD[name]
    assert rate_limits_of(tuple(headers.items()), wall=WALL) == told


_NAMES = st.sampled_from(sorted({name for headers, _ in TOLD.values() for name in headers}))


@settings(max_examples=150)
@given(st.lists(st.tuples(_NAMES, st.text(max_size=80) | st.from_regex(r"[0-9.:hmsTZ,;=+-]{0,70}")), max_size=8), st.floats(0, 4e9))
def test_whatever_the_fields_hold(headers: list[tuple[str, str]], wall: float) -> None:
    told = rate_limits_of(headers, wall=wall)
    for seconds in (told.requests_reset_seconds, told.tokens_reset_seconds) if told is not None else ():
        assert seconds is None or 0.0 <= seconds < 1e16
