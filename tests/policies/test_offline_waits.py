"""Looks grow rarer up to once a minute, and never come close together."""

from hypothesis import given
from hypothesis import strategies as st

from llm_manager.policies.offline_waits import FIRST_SECONDS, LONGEST_SECONDS, pause_before_look


def test_it_doubles_up_to_a_minute() -> None:
    assert [pause_before_look(looks, 1.0) for looks in range(1, 7)] == [5.0, 10.0, 20.0, 40.0, 60.0, 60.0]


@given(st.integers(-5, 10**9), st.floats(allow_nan=False))
def test_it_is_never_short_and_never_long(looks: int, jitter: float) -> None:
    assert 0.8 * FIRST_SECONDS <= pause_before_look(looks, jitter) <= LONGEST_SECONDS
