"""Re-sends are a share of the calls of the last minute; counting takes the same memory however many there are."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llm_manager.policies.retry_budget import BINS, LEAST, SHARE, WINDOW_SECONDS, Resent, bin_at, called, resent, wait_seconds


def after(calls: int, resends: int, at: float = 0.0) -> Resent:
    state = Resent(bin_at(at))
    for _ in range(calls):
        state = called(state, at)
    for _ in range(resends):
        state = resent(state, at)
    return state


def test_ten_a_minute_are_always_within_bounds() -> None:
    assert wait_seconds(after(0, LEAST - 1), 1.0) == 0.0
    assert wait_seconds(after(0, LEAST), 1.0) == pytest.approx(59.0)


def test_a_fifth_of_the_calls_are_within_bounds() -> None:
    assert wait_seconds(after(100, 19), 2.0) == 0.0
    assert wait_seconds(after(100, 20), 2.0) > 0.0


def test_what_is_older_than_a_minute_is_forgotten_bin_by_bin() -> None:
    state = after(0, LEAST - 1)
    state = resent(state, 30.0)
    assert wait_seconds(state, 30.0) == pytest.approx(30.0)
    assert wait_seconds(state, 60.0) == 0.0
    assert wait_seconds(called(state, 1000.0), 1000.0) == 0.0


def test_whoever_asks_after_a_re_send_was_decided_on_waits_longer() -> None:
    state = after(0, LEAST)
    state = resent(state, 20.0)
    assert wait_seconds(state, 21.0) == pytest.approx(39.0)
    for _ in range(LEAST - 1):
        state = resent(state, 20.0)
    assert wait_seconds(state, 21.0) == pytest.approx(59.0)


def test_a_clock_that_goes_back_adds_to_the_newest_bin() -> None:
    assert called(called(Resent(10), 50.0), 20.0).calls == 2


@settings(max_examples=100)
@given(st.lists(st.tuples(st.floats(0.0, 20.0), st.booleans()), max_size=120))
def test_who_waits_as_told_never_passes_the_share_in_any_minute(steps: list[tuple[float, bool]]) -> None:
    state, now = Resent(0), 0.0
    calls, resends = list[float](), list[float]()
    for gap, again in steps:
        now += gap
        if again:
            wait = wait_seconds(state, now)
            assert 0.0 <= wait <= WINDOW_SECONDS
            if wait > 0.0:
                assert wait_seconds(state, now + wait + 0.001) == 0.0
                continue
            recent = sum(1 for at in resends if at > now - WINDOW_SECONDS + WINDOW_SECONDS / BINS)
            told = sum(1 for at in calls if at > now - WINDOW_SECONDS)
            assert recent < max(LEAST, SHARE * told)
            state = resent(state, now)
            resends.append(now)
        state = called(state, now)
        calls.append(now)
    assert len(state.earlier) < BINS
