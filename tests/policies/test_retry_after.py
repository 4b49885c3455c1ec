"""How long providers ask to wait, in all the forms they use."""

from math import isfinite

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llm_manager.policies.retry_after import duration_seconds, wait_seconds

WALL = 1_445_412_480.0
"""Wednesday 21 October 2015, 07:28:00 GMT."""


def wait(text: str = "", **headers: str) -> float | None:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return wait_seconds(named.get, wall=WALL, text=text)


@pytest.mark.parametrize(
    ("headers", "text", "seconds"),
    [
        ({"retry_after_ms": "1500", "retry_after": "9"}, "", 1.5),
        ({"retry_after_ms": "soon", "retry_after": "9"}, "", 9.0),
        ({"retry_after": "0"}, "", 0.0),
        ({"retry_after": " 2.5 "}, "", 2.5),
        ({"retry_after": "Wed, 21 Oct 2015 07:28:30 GMT"}, "", 30.0),
        ({"retry_after": "Wed, 21 Oct 2015 07:28:30"}, "", 30.0),
        ({"retry_after": "Wed, 21 Oct 2015 07:27:00 GMT"}, "", None),
        ({"retry_after": "Wed, 21 Oct 2015 07:27:00 GMT"}, "Please try again in 20s.", 20.0),
        ({}, "Please try again in 9m38.016s. Visit", 578.016),
        ({}, "try again in 12ms", 0.012),
        ({}, "try again in 1h2m3s", 3723.0),
        ({}, "try again in a while", None),
        ({"retry_after": "7"}, "try again in 12ms", 7.0),
        ({"x_ratelimit_remaining_requests": "0", "x_ratelimit_reset_requests": "6m0s"}, "", 360.0),
        ({"x_ratelimit_remaining_requests": "1", "x_ratelimit_reset_requests": "6m0s"}, "", None),
        (
            {
                "x_ratelimit_remaining_requests": "0",
                "x_ratelimit_reset_requests": "2s",
                "x_ratelimit_remaining_tokens": "0",
                "x_ratelimit_reset_tokens": "8s",
            },
            "",
            8.0,
        ),
        ({"x_ratelimit_remaining": "0", "x_ratelimit_reset": "1445412490000"}, "", 10.0),
        ({"x_ratelimit_remaining": "0", "x_ratelimit_reset": "1445412490"}, "", 10.0),
        ({"x_ratelimit_remaining": "0", "x_ratelimit_reset": "1445412400"}, "", None),
        ({"x_ratelimit_remaining": "0", "x_ratelimit_reset": "45"}, "", 45.0),
        ({"x_ratelimit_remaining": "0", "x_ratelimit_reset": "2015-10-21T07:28:05Z"}, "", 5.0),
        ({"x_ratelimit_remaining": "0", "x_ratelimit_reset": "2015-10-21T07:28:05"}, "", None),
        ({"x_ratelimit_remaining": "0", "x_ratelimit_reset": "whenever"}, "", None),
        ({"x_ratelimit_remaining": "0"}, "", None),
    ],
    ids=range(24),
)
def test_every_form(headers: dict[str, str], text: str, seconds: float | None) -> None:
    """In the order of trust: milliseconds, seconds or a date, the message, the reset headers when nothing remains."""
    found = wait(text, **headers)
    assert found == (None if seconds is None else pytest.approx(seconds))


@pytest.mark.parametrize("value", ["-1", "nan", "NaN", "inf", "Infinity", "1e999", "1e3", "", " ", "١٢", "9" * 400, "0x10"])
def test_what_is_no_length_of_time_says_nothing(value: str) -> None:
    """Negative, not finite, not a number, or absurdly long."""
    assert wait(retry_after=value) is None
    assert wait(retry_after_ms=value) is None
    assert wait(x_ratelimit_remaining="0", x_ratelimit_reset=value) is None


@settings(max_examples=300)
@given(
    values=st.fixed_dictionaries(
        {},
        optional=dict.fromkeys(
            ["retry-after-ms", "retry-after", "x-ratelimit-remaining", "x-ratelimit-reset", "x-ratelimit-reset-tokens"],
            st.text(max_size=30) | st.from_regex(r"[0-9.hms:TZ, -]{0,30}", fullmatch=True) | st.just("0"),
        ),
    ),
    text=st.text(max_size=40),
)
def test_any_text_is_a_wait_or_none(values: dict[str, str], text: str) -> None:
    """Total, and never negative."""
    found = wait_seconds(values.get, wall=WALL, text=f"try again in {text}")
    assert found is None or (isfinite(found) and found >= 0.0)


def test_long_texts_are_read_in_linear_time() -> None:
    """An answer of a megabyte costs no more than its length."""
    assert duration_seconds("1" * 1_000_000) is None
    assert wait("try again in " + "1." * 500_000) is None
