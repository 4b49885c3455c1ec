"""Admission as one pure step: limits that hold in any minute, turns that come, numbers that add up."""

from math import inf

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from llm_manager.domain.models import Endpoint
from llm_manager.domain.rate_limits import RateLimits
from llm_manager.policies.admission import (
    Commands,
    Ended,
    Enter,
    Event,
    Grant,
    Granted,
    Hold,
    How,
    Left,
    Opened,
    Pausing,
    Refused,
    Rules,
    Scope,
    Tick,
    counts_tokens,
    ready_at,
    scope_of,
    standing_of,
    step,
    wake_at,
)
from llm_manager.policies.fair_queue import Waiter

ENDPOINT = Endpoint(provider="p", base_url="https://p.example", locality="cloud")
ENDS: tuple[How, ...] = ("accepted", "limited", "crowded", "unsent", "other")


class Quota(RuleBasedStateMachine):
    """One quota, and everybody who leaves, waits, goes away or comes back with whatever end."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.numbers = 0
        self.scope = scope_of(Rules(), 0.0)
        self.waiting: dict[int, Waiter] = {}
        self.out: list[Grant] = []
        self.left: dict[int, tuple[float, int]] = {}
        self.granted = self.ended = 0

    @initialize(
        requests=st.none() | st.integers(1, 8),
        tokens=st.none() | st.integers(10, 60),
        concurrency=st.none() | st.integers(1, 5),
        queue=st.integers(0, 6),
        adaptive=st.booleans(),
    )
    def begin(self, requests: int | None, tokens: int | None, concurrency: int | None, queue: int, *, adaptive: bool) -> None:
        rules = Rules(requests=requests, tokens=tokens, concurrency=concurrency, queue=queue, longest_wait=90.0, adaptive=adaptive)
        self.scope = scope_of(rules, 0.0)

    def happen(self, event: Event) -> Commands:
        before = self.scope
        self.scope, commands = step(self.scope, event, self.now)
        assert step(before, event, self.now) == (self.scope, commands)
        for command in commands:
            if isinstance(command, Granted):
                self.granted += 1
                self.out.append(command.grant)
                waiter = self.waiting.pop(command.number)
                self.left[command.grant.number] = (self.now, waiter.tokens)
                assert command.grant.tokens in (0, waiter.tokens)
            elif isinstance(command, Refused):
                del self.waiting[command.number]
                assert command.seconds is None or command.seconds >= 0.0
        return commands

    @rule(
        seconds=st.sampled_from((0.5, 5.0, 90.0)),
        tokens=st.integers(0, 30),
        priority=st.sampled_from(("high", "normal", "low")),
        who=st.sampled_from("ab"),
        patience=st.sampled_from((1.0, inf)),
    )
    def enter(self, seconds: float, tokens: int, priority: str, who: str, patience: float) -> None:
        self.numbers += 1
        waiter = Waiter(
            self.numbers,
            self.now + seconds,
            "m",
            priority,  # type: ignore[arg-type]  # one of the three
            who,
            "",
            tokens if counts_tokens(self.scope) else 0,
            patience,
        )
        self.waiting[waiter.number] = waiter
        self.happen(Enter(waiter))

    @precondition(lambda self: self.waiting)
    @rule(pick=st.integers(0, 5))
    def leave(self, pick: int) -> None:
        number = sorted(self.waiting)[pick % len(self.waiting)]
        waiter = self.waiting.pop(number)
        self.happen(Left(waiter))
        again, _ = step(self.scope, Left(waiter), self.now)
        assert again.queue == self.scope.queue

    @precondition(lambda self: self.out)
    @rule(
        pick=st.integers(0, 5),
        how=st.sampled_from(ENDS),
        tokens=st.none() | st.integers(0, 10),
        wait=st.none() | st.sampled_from((0.0, 0.3, 20.0)),
        left=st.none() | st.integers(0, 5),
        ramp=st.booleans(),
    )
    def end(self, pick: int, how: How, tokens: int | None, wait: float | None, left: int | None, *, ramp: bool) -> None:
        grant = self.out.pop(pick % len(self.out))
        told = None if left is None else RateLimits(requests=5, requests_left=left, requests_reset_seconds=6.0)
        fewer = None if tokens is None else min(tokens, grant.tokens)
        self.ended += 1
        if how == "unsent":
            fewer = 0
            del self.left[grant.number]
        elif fewer is not None:
            self.left[grant.number] = (grant.at, fewer)
        self.happen(Ended(grant, how, fewer, told, wait, 0.5, ramp))

    @precondition(lambda self: self.out)
    @rule(pick=st.integers(0, 5))
    def open(self, pick: int) -> None:
        self.happen(Opened(self.out[pick % len(self.out)]))

    @rule(seconds=st.sampled_from((0.01, 0.7, 3.0, 40.0)))
    def wait(self, seconds: float) -> None:
        until = self.now + seconds
        for _ in range(200):
            due = wake_at(self.scope)
            if due > until:
                break
            self.now = max(self.now, due)
            self.happen(Tick())
        else:
            raise AssertionError("time does not pass")
        self.now = until

    @rule()
    def hold(self) -> None:
        self.happen(Hold(2.0))

    @invariant()
    def numbers_add_up(self) -> None:
        assert self.scope.under_way == len(self.out) == self.granted - self.ended
        assert self.scope.granted == self.granted
        assert self.scope.queue.size == len(self.waiting) <= self.scope.rules.queue

    @invariant()
    def limits_hold(self) -> None:
        rules = self.scope.rules
        assert rules.concurrency is None or len(self.out) <= rules.concurrency
        if rules.requests is None and rules.tokens is None:
            return
        for begin, _ in list(self.left.values())[-8:]:
            inside = [tokens for when, tokens in self.left.values() if begin <= when < begin + 60.0]
            assert rules.requests is None or len(inside) <= rules.requests
            assert rules.tokens is None or sum(inside) <= rules.tokens

    @invariant()
    def nobody_waits_without_a_reason_or_an_end(self) -> None:
        if self.waiting:
            assert wake_at(self.scope) <= max(waiter.until for waiter in self.waiting.values())
        else:
            assert wake_at(self.scope) == inf

    def teardown(self) -> None:
        """When all have ended and time has passed, everybody who still waits is let through or refused, and the next one is."""
        while self.out:
            self.happen(Ended(self.out.pop(), "other"))
            self.ended += 1
        for _ in range(400):
            if not self.waiting:
                break
            self.now = max(self.now, wake_at(self.scope))
            self.happen(Tick())
            while self.out:
                self.happen(Ended(self.out.pop(), "other"))
                self.ended += 1
        assert not self.waiting
        self.now += 4000.0
        self.numbers += 1
        self.waiting[self.numbers] = Waiter(self.numbers, self.now + 1.0)
        assert any(isinstance(command, Granted) for command in self.happen(Enter(self.waiting[self.numbers])))
        standing = standing_of(self.scope, self.now, ENDPOINT, None)
        assert (standing.waiting, standing.under_way) == (0, 1)


Quota.TestCase.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)
TestQuota = Quota.TestCase


def granted(scope: Scope, now: float, count: int = 1, *, model: str = "") -> tuple[Scope, list[Grant]]:
    """The quota after so many have left at once, who were all let through."""
    grants = []
    for _ in range(count):
        scope, commands = step(scope, Enter(Waiter(1, now + 100.0, model)), now)
        (command,) = commands
        assert isinstance(command, Granted)
        grants.append(command.grant)
    return scope, grants


def refusal(scope: Scope, waiter: Waiter, now: float) -> Refused:
    """How one is refused at once."""
    _, (command,) = step(scope, Enter(waiter), now)
    assert isinstance(command, Refused)
    return command


def test_a_thousand_streams_can_be_open_at_once() -> None:
    scope, opened = scope_of(Rules(), 0.0), 0
    for _ in range(10):
        scope, grants = granted(scope, 0.0, int(scope.room) - scope.under_way)
        for grant in grants:
            scope, _ = step(scope, Opened(grant), 0.1)
        opened += len(grants)
    assert scope.under_way == opened > 1000


def test_one_refusal_pauses_everybody_and_is_told_once() -> None:
    scope, grants = granted(scope_of(Rules(), 0.0), 0.0, 3)
    scope, commands = step(scope, Ended(grants[0], "limited", retry_after=20.0), 1.0)
    assert commands == (Pausing(20.0),)
    scope, commands = step(scope, Ended(grants[1], "limited", retry_after=20.0), 1.01)
    assert commands == ()
    assert refusal(scope, Waiter(7, 500.0, patience=5.0), 2.0) == Refused(7, "paused", scope.paused_until - 2.0)
    assert refusal(scope, Waiter(7, 12.0), 2.0).why == "wait"
    waiting, commands = step(scope, Enter(Waiter(7, 500.0)), 2.0)
    assert commands == ()
    assert wake_at(waiting) == pytest.approx(21.01)
    _, commands = step(waiting, Tick(), 22.0)
    assert isinstance(commands[0], Granted)


def test_who_waits_already_when_a_pause_begins_is_refused_where_it_is_too_long() -> None:
    scope, grants = granted(scope_of(Rules(concurrency=1), 0.0), 0.0)
    for waiter in (Waiter(1, 5.0), Waiter(2, 500.0, patience=2.0), Waiter(3, 500.0)):
        scope, _ = step(scope, Enter(waiter), 0.0)
    scope, commands = step(scope, Ended(grants[0], "limited", retry_after=10.0), 0.5)
    assert commands == (Pausing(10.0), Refused(1, "wait", 10.0), Refused(2, "paused", 10.0))
    assert scope.queue.size == 1


def test_a_pause_is_never_longer_than_an_hour_and_comes_back_with_a_spread() -> None:
    scope, grants = granted(scope_of(Rules(), 0.0), 0.0)
    late, _ = step(scope, Ended(grants[0], "limited", retry_after=1e9, jitter=0.999), 0.0)
    assert 3600.0 < late.paused_until < 3602.0


def test_without_learning_only_what_is_set_holds() -> None:
    scope, grants = granted(scope_of(Rules(adaptive=False), 0.0), 0.0, 500)
    told = RateLimits(requests=1, requests_left=0, requests_reset_seconds=60.0)
    scope, commands = step(scope, Ended(grants[0], "accepted", None, told), 1.0)
    scope, more = step(scope, Ended(grants[1], "limited", retry_after=60.0), 1.0)
    assert (commands, more) == ((), ())
    granted(scope, 1.0)


def test_bounds_are_told() -> None:
    scope, _ = granted(scope_of(Rules(requests=1, tokens=50, concurrency=9, queue=1), 0.0), 0.0)
    assert refusal(scope, Waiter(3, 500.0, tokens=51), 0.0).why == "size"
    assert refusal(scope, Waiter(3, 30.0), 0.0) == Refused(3, "wait", 62.0)
    scope, _ = step(scope, Enter(Waiter(4, 500.0)), 0.0)
    assert refusal(scope, Waiter(5, 500.0), 0.0) == Refused(5, "full", 62.0)


def test_a_queue_longer_than_a_minute_takes_is_known_to_last() -> None:
    scope, _ = granted(scope_of(Rules(requests=1), 0.0), 0.0)
    scope, _ = step(scope, Enter(Waiter(1, 70.0)), 0.0)
    assert refusal(scope, Waiter(2, 59.0), 0.0).why == "wait"
    for number in (3, 4):
        scope, _ = step(scope, Enter(Waiter(number, 1000.0)), 0.0)
    assert refusal(scope, Waiter(5, 170.0), 0.0) == Refused(5, "wait", 242.0)


def test_what_is_told_to_be_spent_is_waited_for() -> None:
    """OpenAI's reset is when all is back: one is back after a sixtieth of a minute's sixty."""
    scope, grants = granted(scope_of(Rules(), 0.0), 0.0, 1, model="m")
    told = RateLimits(requests=60, requests_left=0, requests_reset_seconds=60.0)
    scope, _ = step(scope, Ended(grants[0], "accepted", None, told), 0.2)
    assert ready_at(scope, Waiter(2, 100.0, "m")) == pytest.approx(1.0)
    assert ready_at(scope, Waiter(2, 100.0, "another")) <= 0.2
    standing = standing_of(scope, 0.5, ENDPOINT, "abcd")
    assert (standing.requests, standing.requests_left, standing.told, standing.key_fingerprint) == (60, 0, told, "abcd")


def test_an_older_answer_does_not_undo_what_a_newer_one_told() -> None:
    scope, (older, newer) = granted(scope_of(Rules(), 0.0), 0.0, 2)
    scope, _ = step(scope, Ended(newer, "accepted", None, RateLimits(requests=60, requests_left=0)), 0.2)
    scope, _ = step(scope, Ended(older, "accepted", None, RateLimits(requests=60, requests_left=59)), 0.3)
    assert scope.told is not None
    assert scope.told.limits.requests_left == 0


def test_standing_counts_what_is_set() -> None:
    scope, _ = granted(scope_of(Rules(requests=24, concurrency=7), 0.0), 0.0, 2)
    standing = standing_of(scope, 0.0, ENDPOINT, None)
    assert (standing.requests, standing.requests_left, standing.concurrency, standing.under_way) == (24, 22, 7, 2)
    assert standing_of(scope, 70.0, ENDPOINT, None).requests_left == 24
