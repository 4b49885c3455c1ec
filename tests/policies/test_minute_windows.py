"""So many a minute, in whichever minute one looks."""

from math import inf

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llm_manager.policies import minute_windows
from llm_manager.policies.minute_windows import at, begun, corrected, left, ready_at


@settings(max_examples=80)
@given(
    st.integers(1, 20),
    st.integers(1, 100),
    st.lists(st.tuples(st.floats(0.0, 90.0), st.integers(0, 40)), max_size=60),
)
def test_no_minute_holds_more_than_the_limits(requests: int, tokens: int, wanted: list[tuple[float, int]]) -> None:
    """Each one leaves as soon as it may; no window of sixty seconds, and one for the way, wherever it begins, holds more."""
    now, minute, gone = 5.5, begun(5.5), list[tuple[float, int]]()
    for pause, size in wanted:
        now += pause
        minute = at(minute, now)
        ready = ready_at(minute, requests=requests, tokens=tokens, size=size)
        if size > tokens:
            assert ready == inf
            continue
        assert ready <= now + 62.0
        if ready > now:
            earlier = at(minute, max(now, ready - 0.001))
            assert ready_at(earlier, requests=requests, tokens=tokens, size=size) > earlier.second
        now = max(now, ready)
        minute = at(minute, now)
        assert ready_at(minute, requests=requests, tokens=tokens, size=size) == -inf
        minute = left(minute, size)
        gone.append((now, size))
    for begin, _ in gone:
        inside = [size for when, size in gone if begin <= when < begin + 61.0]
        assert len(inside) <= requests
        assert sum(inside) <= tokens


def test_one_a_minute() -> None:
    minute = left(begun(0.9), 0)
    assert ready_at(at(minute, 59.0), requests=1, tokens=None, size=0) == 62.0
    assert ready_at(at(minute, 62.0), requests=1, tokens=None, size=0) == -inf
    assert ready_at(begun(0.0), requests=0, tokens=None, size=0) == inf


def test_what_was_charged_is_corrected_where_it_was_charged_and_never_below_nothing() -> None:
    minute = left(left(begun(10.0), 100), 50)
    assert corrected(minute, 10.2, -1, -100).all_tokens == 50
    later = at(minute, 30.0)
    assert corrected(later, 10.2, 0, 25).all_tokens == 175
    assert (corrected(later, 10.2, -9, -1000).all_requests, corrected(later, 10.2, -9, -1000).all_tokens) == (0, 0)
    assert corrected(later, 12.0, -1, -5).all_tokens == 150
    assert corrected(later, 10.2, 0, 25).older_tokens[19] == 175
    assert corrected(at(minute, 76.0), 10.2, 0, 25) == at(minute, 76.0)
    assert at(corrected(later, 10.2, 0, 25), 72.0).all_tokens == 0


@pytest.mark.parametrize("seconds", [1.0, 61.0, 62.0, 1e6])
def test_it_stays_as_small_as_it_was(seconds: float) -> None:
    minute = begun(0.0)
    for number in range(200):
        minute = left(at(minute, number * seconds), 1)
    assert (len(minute.older_requests), len(minute.older_tokens)) == (61, 61)
    assert minute.all_requests == minute.requests + sum(minute.older_requests)
    assert minute_windows.at(minute, 0.0) is minute
