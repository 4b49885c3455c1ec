"""What was told, as a bound."""

from math import inf

import pytest

from llm_manager.domain.rate_limits import RateLimits
from llm_manager.policies.told_limits import Told, is_plentiful, low_on_tokens, told_ready_at


def told(**limits: float) -> Told:
    return Told(RateLimits(**limits), "m", 100.0, 5, 1000)  # type: ignore[arg-type]  # whole numbers where they are wanted


def ready(limits: Told, number: int = 6, size: int = 0, charged: int = 1000) -> float:
    return told_ready_at(limits, number=number, charged=charged, size=size)


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        (told(), -inf),
        (told(requests=60, requests_left=1), -inf),
        (told(requests=60, requests_left=0), 101.0),  # a sixtieth of a minute's sixty
        (told(requests=60, requests_left=0, requests_reset_seconds=30.0), 100.5),
        (told(requests=60, requests_left=60, requests_reset_seconds=0.0), -inf),
        (told(requests_left=0, requests_reset_seconds=7.0), 107.0),  # of how many is not told
        (told(requests_left=0), -inf),
        (told(requests=0, requests_left=0), -inf),
        (told(requests=2, requests_left=0, requests_reset_seconds=1e9), 220.0),  # forgotten after two minutes
        (told(requests=10_000, requests_left=10), 100.006),  # a little is left to others
    ],
)
def test_requests(limits: Told, expected: float) -> None:
    assert ready(limits) == pytest.approx(expected)


def test_each_that_left_since_takes_one() -> None:
    limits = told(requests=60, requests_left=10)
    assert ready(limits, number=15) == -inf
    assert ready(limits, number=16) == pytest.approx(101.0)
    assert ready(limits, number=25) == pytest.approx(110.0)


def test_tokens_are_looked_at_when_they_are_short() -> None:
    plenty = told(tokens=1000, tokens_left=600)
    short = told(tokens=1000, tokens_left=400)
    assert (low_on_tokens(plenty), low_on_tokens(short), low_on_tokens(told(tokens_left=3))) == (False, True, True)
    assert ready(plenty, size=5000) == -inf
    assert ready(short, size=390) == -inf
    assert ready(short, size=490) == pytest.approx(106.0)
    assert ready(short, size=390, charged=1100) == pytest.approx(106.0)


def test_what_is_plentiful_need_not_be_looked_at() -> None:
    assert is_plentiful(None, 32.0)
    assert is_plentiful(told(requests=100, requests_left=90), 32.0)
    assert not is_plentiful(told(requests=100, requests_left=70), 32.0)
    assert not is_plentiful(told(tokens=1000, tokens_left=400), 32.0)
