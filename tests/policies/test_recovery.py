"""After a failure: re-send, fall back or give up, within the bounds that nothing may pass."""

from typing import Any

import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st

from llm_manager.domain.attempts import Ledger
from llm_manager.domain.error_questions import is_transient, may_fall_back, refused_here
from llm_manager.domain.errors import (
    AllModelsFailed,
    AttemptRecord,
    AuthenticationFailed,
    ConfigurationError,
    ContextTooLarge,
    InvalidRequest,
    LLMError,
    MalformedResponse,
    ModelUnavailable,
    NetworkError,
    Origin,
    QuotaExhausted,
    RateLimitExceeded,
    RequestTimeout,
)
from llm_manager.domain.models import Endpoint, ModelProfile
from llm_manager.domain.plans import Plan, PlanStep, Strategy, TaskClassification
from llm_manager.policies.recovery import LONGEST_WAIT_SECONDS, GiveUp, Move, Try, next_move
from llm_manager.testing.strategies import errors


def plan_of(
    steps: int,
    *,
    strategy: Strategy = "balanced",
    max_retries: int = 3,
    windows: tuple[int | None, ...] = (),
    hosts: str = "abcde",
) -> Plan:
    made = tuple(
        PlanStep(
            profile=ModelProfile(name=f"m{index}", provider="p", context_window=windows[index] if windows else None),
            endpoint=Endpoint(provider="p", base_url=f"https://{hosts[index]}", locality="cloud"),
        )
        for index in range(steps)
    )
    told = TaskClassification(task_type="general", complexity="simple", sensitivity="public", prefers_local=True)
    return Plan(steps=made, refused=(), strategy=strategy, max_retries=max_retries, classification=told)


def after(plan: Plan, *failures: tuple[int, LLMError], deadline: float = 1000.0, jitter: float = 0.5) -> Move:
    """What follows a history of one failure a second, each at once."""
    ledger = Ledger(started=0.0, deadline=deadline)
    for number, (step, error) in enumerate(failures):
        name = plan.steps[step].profile.name
        ledger = ledger.entered(
            AttemptRecord(number=number + 1, step=step, provider="p", model=name, after_seconds=number, seconds=0.0, error=error)
        )
    return next_move(plan, ledger, failures[-1][1], now=float(len(failures) - 1), jitter=jitter)


DOWN = ModelUnavailable(model="m", message="500")


def test_a_transient_failure_goes_to_the_next_fresh_model_at_once() -> None:
    assert after(plan_of(2), (0, DOWN)) == Try(step=1, after_seconds=0.0)


def test_cost_asks_the_same_model_once_more_first() -> None:
    plan = plan_of(2, strategy="cost")
    assert after(plan, (0, DOWN)) == Try(step=0, after_seconds=0.25, resend=True)
    assert after(plan, (0, DOWN), (0, DOWN)) == Try(step=1)


def test_when_every_model_was_tried_the_cheapest_wait_is_taken() -> None:
    slow = RateLimitExceeded(model="m0", retry_after_seconds=60.0)
    quick = RateLimitExceeded(model="m1", retry_after_seconds=2.0)
    assert after(plan_of(2), (0, slow), (1, quick)) == Try(step=1, after_seconds=2.15, resend=True)


def test_a_wait_past_the_cap_or_the_deadline_is_no_wait() -> None:
    endless = RateLimitExceeded(model="m", retry_after_seconds=LONGEST_WAIT_SECONDS + 1)
    assert after(plan_of(1), (0, endless)) == GiveUp(error=endless)
    long = RateLimitExceeded(model="m", retry_after_seconds=60.0)
    assert after(plan_of(1), (0, long), deadline=30.0) == GiveUp(error=long)


@pytest.mark.parametrize(
    "final",
    [
        AuthenticationFailed(model="m", message="no"),
        QuotaExhausted(model="m", message="spent"),
        ModelUnavailable(model="m", message="404", reason="permanent"),
    ],
)
def test_what_cannot_succeed_is_never_re_sent_but_another_model_is_asked(final: LLMError) -> None:
    assert after(plan_of(1), (0, final)) == GiveUp(error=final)
    assert after(plan_of(2), (0, final)) == Try(step=1)


@pytest.mark.parametrize(
    "error",
    [
        AuthenticationFailed(model="m", message="wrong key"),
        QuotaExhausted(model="m", message="spent"),
        ConfigurationError(message="it redirects", origin=Origin(provider="p")),
        ModelUnavailable(model="m", message="refused", reason="not_running"),
        NetworkError(model="m", message="no such host"),
        RequestTimeout(model="m", timeout_ms=5000, phase="connect"),
    ],
    ids=lambda error: error.tag,
)
def test_what_every_model_of_an_endpoint_would_meet_is_met_once(error: LLMError) -> None:
    """The next endpoint is asked, and the other models of the first one are not, whatever the next one says."""
    assert after(plan_of(3, hosts="aab"), (0, error)) == Try(step=2)
    assert after(plan_of(4, hosts="aabb"), (0, error), (2, DOWN)) == Try(step=3)
    alone = after(plan_of(3, hosts="aaa", max_retries=0), (0, error))
    assert alone == GiveUp(error=error)


def test_what_one_model_met_another_of_its_endpoint_may_not_meet() -> None:
    for error in (DOWN, AuthenticationFailed(model="m", message="not this one", reason="permission")):
        assert after(plan_of(2, hosts="aa"), (0, error)) == Try(step=1)


def test_a_bad_request_ends_the_call_whoever_is_left() -> None:
    bad = InvalidRequest(message="no messages")
    assert after(plan_of(3), (0, bad)) == GiveUp(error=bad)


def test_a_context_too_large_goes_only_to_a_larger_window() -> None:
    error = ContextTooLarge(model="m0")
    assert after(plan_of(3, windows=(100, 100, 200)), (0, error)) == Try(step=2)
    assert after(plan_of(2, windows=(100, 100)), (0, error)) == GiveUp(error=error)


@pytest.mark.parametrize(
    "once",
    [
        RequestTimeout(model="m", timeout_ms=1000, phase="attempt"),
        NetworkError(model="m", message="reset", sent=True),
        MalformedResponse(model="m", message="html"),
    ],
)
def test_what_may_have_been_charged_is_re_sent_at_most_once(once: LLMError) -> None:
    assert isinstance(after(plan_of(1), (0, once)), Try)
    assert after(plan_of(1), (0, once), (0, once)) == GiveUp(error=once)


def test_giving_up_names_every_models_last_error() -> None:
    first, second = ModelUnavailable(model="m0", message="a", reason="permanent"), AuthenticationFailed(model="m1", message="b")
    assert after(plan_of(2), (0, first), (1, second)) == GiveUp(error=AllModelsFailed(causes=(first, second)))


def test_ten_thousand_attempts_do_not_overflow_the_backoff() -> None:
    plan = plan_of(1, max_retries=20_000)
    record = AttemptRecord(number=1, step=0, provider="p", model="m0", after_seconds=0.0, seconds=0.0, error=DOWN)
    ledger = Ledger(started=0.0, deadline=1e9, attempts=(record,) * 10_000)
    move = next_move(plan, ledger, DOWN, now=0.0, jitter=0.99)
    assert isinstance(move, Try)
    assert move.after_seconds <= 30.0


@settings(max_examples=200)
@given(
    st.integers(1, 5),
    st.integers(0, 6),
    st.sampled_from(["cost", "performance", "balanced"]),
    st.data(),
)
def test_attempts_never_pass_the_fresh_steps_and_the_retries(steps: int, max_retries: int, strategy: Any, data: st.DataObject) -> None:
    plan = plan_of(steps, strategy=strategy, max_retries=max_retries)
    ledger, now, index = Ledger(started=0.0, deadline=500.0), 0.0, 0
    for _ in range(100):
        error = data.draw(errors())
        began, now = now, now + data.draw(st.floats(0.0, 5.0))
        ledger = ledger.entered(
            AttemptRecord(
                number=len(ledger.attempts) + 1,
                step=index,
                provider="p",
                model=f"m{index}",
                after_seconds=began,
                seconds=now - began,
                error=error,
                sent=not refused_here(error),
            )
        )
        move = next_move(plan, ledger, error, now=now, jitter=data.draw(st.floats(0.0, 0.999)))
        if isinstance(move, GiveUp):
            break
        fresh = move.step not in {record.step for record in ledger.attempts}
        last_there = [record.error for record in ledger.attempts if record.step == move.step and record.sent][-1:]
        assert fresh or not last_there or (last_there[0] is not None and is_transient(last_there[0]))
        assert may_fall_back(error) or move.step == index or not fresh
        assert move.after_seconds >= 0.0
        assert now + move.after_seconds < ledger.deadline
        now, index = now + move.after_seconds, move.step
    else:
        pytest.fail("it never gave up")
    sent = [record.step for record in ledger.attempts if record.sent]
    assert len(sent) <= len(set(sent)) + max_retries


def test_no_fresh_model_is_asked_after_the_deadline() -> None:
    plan = plan_of(2)
    ledger = Ledger(started=0.0, deadline=10.0)
    ledger = ledger.entered(AttemptRecord(number=1, step=0, provider="p", model="m0", after_seconds=0.0, seconds=10.0, error=DOWN))
    assert next_move(plan, ledger, DOWN, now=10.0, jitter=0.0) == GiveUp(error=DOWN)
    assert next_move(plan, evolve(ledger, deadline=11.0), DOWN, now=10.0, jitter=0.0) == Try(step=1)
