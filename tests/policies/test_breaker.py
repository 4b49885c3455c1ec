"""The breaker's table, and that nothing can wedge it: any events in any order, then time, then one answer closes it."""

from math import inf

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from llm_manager.domain.configuration import BreakerSettings
from llm_manager.policies.breaker import (
    Breaker,
    Closed,
    HalfOpen,
    Leave,
    Open,
    Refused,
    Verdict,
    answered,
    begun,
    ended,
    leave,
    phase_of,
    refusal,
    reset,
    shut_until,
)

USUAL = BreakerSettings()
FAILED: Verdict = "failed"
ANSWERED: Verdict = "answered"


def after(*verdicts: Verdict, rules: BreakerSettings = USUAL, breaker: Breaker | None = None, now: float = 0.0) -> Breaker:
    """What a breaker becomes when requests leave and end so, one after the other."""
    seen: Breaker = Closed() if breaker is None else breaker
    for verdict in verdicts:
        seen, left = leave(seen, rules, now=now)
        assert isinstance(left, Leave)
        seen = ended(seen, rules, left, verdict, now=now)
    return seen


def opened(rules: BreakerSettings = USUAL, now: float = 0.0) -> Breaker:
    return after(*[FAILED] * rules.failures, rules=rules, now=now)


def probe(breaker: Breaker, rules: BreakerSettings = USUAL, *, now: float, last_resort: bool = False) -> tuple[Breaker, Leave]:
    trying, left = leave(breaker, rules, now=now, last_resort=last_resort)
    assert isinstance(left, Leave)
    assert left.probe
    return trying, left


def test_the_fifth_failure_in_a_row_opens_it_for_a_minute() -> None:
    assert phase_of(after(*[FAILED] * 4)) == "closed"
    breaker = opened(now=7.0)
    assert isinstance(breaker, Open)
    assert (breaker.until, breaker.failures) == (67.0, 5)
    assert refusal(breaker, USUAL, now=10.0) == Refused(seconds=57.0)
    assert shut_until(breaker, USUAL, now=10.0) == 67.0
    assert refusal(breaker, USUAL, now=67.0) is None
    assert shut_until(breaker, USUAL, now=67.0) is None


@pytest.mark.parametrize("between", ["answered", "nothing"])
def test_an_answer_begins_the_count_anew_and_what_tells_nothing_does_not(between: Verdict) -> None:
    breaker = after("failed", "failed", "failed", "failed", between, "failed")
    assert phase_of(breaker) == ("closed" if between == "answered" else "open")


def test_half_of_twenty_in_a_minute_open_it_too() -> None:
    breaker = after(*[ANSWERED, FAILED] * 9, "answered")
    assert phase_of(breaker) == "closed"
    assert phase_of(after("failed", breaker=breaker)) == "open"
    assert phase_of(after("failed", breaker=breaker, now=1000.0)) == "closed"


def test_one_probe_at_a_time_and_its_answer_closes_it() -> None:
    trying, left = probe(opened(), now=60.0)
    assert isinstance(trying, HalfOpen)
    again, second = leave(trying, USUAL, now=61.0)
    assert again is trying
    assert isinstance(second, Refused)
    assert second.seconds > 0
    assert shut_until(trying, USUAL, now=61.0) == inf
    assert ended(trying, USUAL, left, "answered", now=62.0) == Closed(epoch=2)


def test_a_probe_that_fails_opens_it_for_a_minute_again() -> None:
    trying, left = probe(opened(), now=60.0)
    breaker = ended(trying, USUAL, left, "failed", now=63.0)
    assert isinstance(breaker, Open)
    assert (breaker.until, breaker.probes, breaker.failures) == (123.0, 0, 6)


def test_a_probe_that_tells_nothing_gives_its_slot_to_the_next() -> None:
    shut = opened()
    trying, left = probe(shut, now=60.0)
    breaker = ended(trying, USUAL, left, "nothing", now=61.0)
    assert isinstance(breaker, Open)
    assert breaker.epoch == shut.epoch
    trying, left = probe(breaker, now=61.0)
    assert isinstance(ended(trying, USUAL, left, "answered", now=62.0), Closed)


def test_several_probes_hold_a_slot_each_and_the_first_verdict_decides() -> None:
    two = BreakerSettings(probes=2)
    trying, first = probe(opened(two), two, now=60.0)
    trying, second = probe(trying, two, now=60.0)
    assert isinstance(leave(trying, two, now=60.0)[1], Refused)
    assert isinstance(ended(trying, two, first, "nothing", now=61.0), HalfOpen)
    shut = ended(trying, two, first, "failed", now=61.0)
    assert isinstance(shut, Open)
    assert shut.probes == 1
    waiting, third = probe(shut, two, now=121.0)
    assert isinstance(leave(waiting, two, now=121.0)[1], Refused)
    late = ended(waiting, two, second, "answered", now=122.0)
    assert isinstance(late, HalfOpen)
    assert late.probes == 1
    assert isinstance(ended(late, two, third, "answered", now=123.0), Closed)


def test_what_left_before_it_opened_has_no_say() -> None:
    closed: Breaker = Closed()
    late = leave(closed, USUAL, now=0.0)[1]
    assert isinstance(late, Leave)
    shut = opened()
    assert ended(shut, USUAL, late, "answered", now=1.0) is shut
    assert ended(shut, USUAL, late, "failed", now=1.0) is shut
    trying, left = probe(shut, now=60.0)
    assert ended(trying, USUAL, late, "answered", now=61.0) is trying
    closed = ended(trying, USUAL, left, "answered", now=61.0)
    assert ended(closed, USUAL, late, "failed", now=62.0) is closed


def test_the_last_resort_is_probed_early_but_not_often() -> None:
    shut = opened()
    assert leave(shut, USUAL, now=0.5, last_resort=True)[1] == Refused(seconds=0.5)
    trying, left = probe(shut, now=1.0, last_resort=True)
    assert isinstance(leave(trying, USUAL, now=2.5, last_resort=True)[1], Refused)
    assert refusal(trying, USUAL, now=2.0) == Refused(seconds=58.0)
    back = ended(trying, USUAL, left, "nothing", now=1.25)
    assert isinstance(back, Open)
    assert back.until == 60.0
    assert leave(back, USUAL, now=1.5, last_resort=True)[1] == Refused(seconds=0.5)
    assert isinstance(leave(back, USUAL, now=2.0, last_resort=True)[1], Leave)
    assert isinstance(leave(back, USUAL, now=2.0)[1], Refused)


def test_a_probes_stream_that_has_begun_lets_everybody_through_on_trial() -> None:
    trying, left = probe(opened(), now=60.0)
    trial, still = begun(trying, USUAL, left)
    assert isinstance(trial, Closed)
    assert (trial.failures, trial.probes, still.probe) == (4, 0, False)
    assert isinstance(ended(trial, USUAL, still, "failed", now=61.0), Open)
    assert ended(trial, USUAL, still, "answered", now=61.0).failures == 0
    assert ended(trial, USUAL, still, "nothing", now=61.0) is trial
    assert begun(trial, USUAL, still) == (trial, still)


def test_a_stream_that_begins_late_only_gives_its_slot_back() -> None:
    trying, left = probe(opened(), now=60.0)
    reopened, still = begun(reset(trying), USUAL, left)
    assert reopened == Closed(epoch=2)
    assert ended(reopened, USUAL, still, "failed", now=61.0) == reopened


def test_looked_at_in_the_background_calls_wait_as_long_again() -> None:
    rules = BreakerSettings(check_in_background=True)
    shut = opened(rules)
    assert refusal(shut, rules, now=60.0) == Refused(seconds=60.0)
    assert shut_until(shut, rules, now=60.0) == 120.0
    assert refusal(shut, rules, now=60.0, checking=True) is None
    assert refusal(shut, rules, now=59.0, checking=True) == Refused(seconds=1.0)
    assert refusal(shut, rules, now=120.0) is None
    assert refusal(shut, rules, now=1.0, last_resort=True) is None


def test_reset_closes_it_whatever_was_seen() -> None:
    trying, left = probe(opened(), now=60.0)
    for breaker in (after("failed", "failed"), opened(), trying):
        closed = reset(breaker)
        assert isinstance(closed, Closed)
        assert closed.failures == 0
    assert ended(reset(trying), USUAL, left, "failed", now=61.0) == Closed(epoch=2)


@given(start=st.floats(0, 1e6), lasts=st.floats(0.001, 1e5), at=st.floats(0, 1e6))
def test_who_comes_back_when_told_is_not_early_again(start: float, lasts: float, at: float) -> None:
    """Moments are rounded, and waiting for what is left of them must not be answered by a wait of nothing for ever."""
    rules = BreakerSettings(open_seconds=lasts)
    shut = opened(rules, now=start)
    now = start + min(at, lasts / 2)
    for _ in range(3):
        refused = refusal(shut, rules, now=now)
        if refused is None:
            return
        now += refused.seconds
    assert refusal(shut, rules, now=now) is None


rules_of = st.builds(
    BreakerSettings,
    failures=st.integers(1, 4),
    open_seconds=st.sampled_from([0.5, 10.0]),
    failure_rate=st.sampled_from([0.25, 0.5, 1.0]),
    window_seconds=st.sampled_from([1.0, 20.0]),
    least_calls=st.integers(1, 6),
    probes=st.integers(1, 3),
    last_resort_seconds=st.sampled_from([0.25, 1.0, 20.0]),
    check_in_background=st.booleans(),
)


class AnyHistory(RuleBasedStateMachine):
    """Requests leave, begin to answer and end in any order while time passes."""

    def __init__(self) -> None:
        super().__init__()
        self.settings = USUAL
        self.breaker: Breaker = Closed()
        self.now = 0.0
        self.out: list[Leave] = []
        self.probed: list[float] = []

    @initialize(drawn=rules_of)
    def begin(self, drawn: BreakerSettings) -> None:
        self.settings = drawn

    @rule(seconds=st.sampled_from([0.0, 0.1, 0.5, 1.0, 5.0, 10.0, 100.0]))
    def wait(self, seconds: float) -> None:
        self.now += seconds

    @rule(last_resort=st.booleans(), checking=st.booleans())
    def go(self, last_resort: bool, checking: bool) -> None:
        before = self.breaker
        said = refusal(before, self.settings, now=self.now, last_resort=last_resort, checking=checking)
        self.breaker, left = leave(before, self.settings, now=self.now, last_resort=last_resort, checking=checking)
        if isinstance(left, Refused):
            assert (left, self.breaker) == (said, before)
            assert left.seconds > 0
            return
        assert said is None
        assert left.probe == (not isinstance(before, Closed))
        if not isinstance(before, Closed) and self.now < before.until:
            assert last_resort
            assert all(self.now - at >= self.settings.last_resort_seconds for at in self.probed[-1:])
        if left.probe:
            self.probed.append(self.now)
        self.out.append(left)

    @precondition(lambda self: self.out)
    @rule(which=st.integers(0, 100), verdict=st.sampled_from(["answered", "failed", "nothing"]))
    def end(self, which: int, verdict: Verdict) -> None:
        left, before = self.out.pop(which % len(self.out)), self.breaker
        self.breaker = ended(before, self.settings, left, verdict, now=self.now)
        if verdict == "answered":
            assert answered(before, self.settings, left, self.now) == self.breaker, "the same, sooner"
        if left.epoch != before.epoch or verdict == "nothing":
            assert self.breaker.epoch == before.epoch
            assert self.breaker.failures == before.failures
            assert isinstance(self.breaker, Closed) == isinstance(before, Closed)

    @precondition(lambda self: self.out)
    @rule(which=st.integers(0, 100))
    def answer_begins(self, which: int) -> None:
        place = which % len(self.out)
        self.breaker, self.out[place] = begun(self.breaker, self.settings, self.out[place])
        assert not self.out[place].probe

    @rule()
    def by_hand(self) -> None:
        self.breaker = reset(self.breaker)

    @invariant()
    def no_more_probes_than_slots(self) -> None:
        probes = sum(left.probe for left in self.out)
        assert probes <= self.settings.probes
        assert self.breaker.probes == probes

    @invariant()
    def half_open_is_being_probed(self) -> None:
        assert not isinstance(self.breaker, HalfOpen) or self.breaker.probes > 0

    @invariant()
    def memory_is_bounded(self) -> None:
        if isinstance(self.breaker, Closed):
            assert len(self.breaker.seen.older) <= 10

    @invariant()
    def never_wedged(self) -> None:
        """From any state: when all have ended, in time one may go, and its answer closes the breaker."""
        breaker = self.breaker
        for left in self.out:
            breaker = ended(breaker, self.settings, left, "nothing", now=self.now)
        later = self.now + 2 * self.settings.open_seconds + 1.0
        assert shut_until(breaker, self.settings, now=later) is None
        breaker, gone = leave(breaker, self.settings, now=later)
        assert isinstance(gone, Leave)
        assert isinstance(ended(breaker, self.settings, gone, "answered", now=later), Closed)


AnyHistory.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestAnyHistory = AnyHistory.TestCase
