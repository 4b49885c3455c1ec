"""Counting verdicts agrees with a list of all of them, within the width of a bin, and takes no more memory with time."""

from hypothesis import given
from hypothesis import strategies as st

from llm_manager.domain.configuration import BreakerSettings
from llm_manager.policies.verdicts import Verdicts, counted, too_many_failed

RULES = BreakerSettings(window_seconds=10.0, least_calls=4, failures=1000)

histories = st.lists(st.tuples(st.floats(0, 3), st.booleans()), max_size=60)


def totals(seen: Verdicts) -> tuple[int, int]:
    return seen.calls + sum(each.calls for each in seen.older), seen.failed + sum(each.failed for each in seen.older)


@given(histories)
def test_the_window_holds_the_last_seconds_and_no_more_than_a_bin_beside(history: list[tuple[float, bool]]) -> None:
    seen, now, everything = Verdicts(), 0.0, []
    for pause, failed in history:
        now += pause
        seen = counted(seen, RULES, now=now, failed=int(failed))
        everything.append((now, failed))
        calls, failures = totals(seen)
        surely = [each for at, each in everything if at > now - RULES.window_seconds]
        perhaps = [each for at, each in everything if at > now - RULES.window_seconds * 1.2]
        assert len(surely) <= calls <= len(perhaps)
        assert sum(surely) <= failures <= sum(perhaps)
        assert len(seen.older) <= 11


@given(histories)
def test_failures_in_a_row_are_those_since_the_last_answer(history: list[tuple[float, bool]]) -> None:
    seen, now, row = Verdicts(), 0.0, 0
    for pause, failed in history:
        now += pause
        seen = counted(seen, RULES, now=now, failed=int(failed))
        row = row + 1 if failed else 0
        assert seen.failures == row


@given(now=st.floats(allow_nan=True), then=st.floats(allow_nan=True), window=st.floats(allow_nan=True))
def test_any_clock_and_any_window_will_do(now: float, then: float, window: float) -> None:
    rules = BreakerSettings(window_seconds=window)
    seen = counted(counted(Verdicts(), rules, now=now, failed=1), rules, now=then, failed=1)
    assert seen.failures == 2
    assert too_many_failed(seen, rules) in (True, False)


def test_the_share_counts_only_with_enough_calls() -> None:
    seen = Verdicts()
    for failed in (1, 0, 1):
        seen = counted(seen, RULES, now=0.0, failed=failed)
    assert not too_many_failed(seen, RULES)
    assert too_many_failed(counted(seen, RULES, now=0.0, failed=1), RULES)
    assert too_many_failed(counted(seen, RULES, now=0.0, failed=0), RULES)
