"""After a failure: re-send, fall back or give up, within the bounds that nothing may pass."""

from math import inf
from typing import Any

import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from llm_manager.domain.attempts import Ledger
from llm_manager.domain.error_questions import is_transient, may_fall_back, may_try_another_key, refused_here
from llm_manager.domain.errors import (
    AllModelsFailed,
    AttemptRecord,
    AuthenticationFailed,
    BudgetExceeded,
    CircuitOpen,
    ConfigurationError,
    ContentFiltered,
    ContextTooLarge,
    InvalidRequest,
    LLMError,
    MalformedResponse,
    ModelUnavailable,
    NetworkError,
    Origin,
    PolicyBlocked,
    QuotaExhausted,
    RateLimitExceeded,
    RequestTimeout,
)
from llm_manager.domain.models import Endpoint, ModelProfile
from llm_manager.domain.plans import Plan, PlanStep, Strategy, TaskClassification
from llm_manager.policies.recovery import LONGEST_WAIT_SECONDS, PATIENCE_SECONDS, GiveUp, Means, Move, Pause, Try, next_move
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


def after(
    plan: Plan, *failures: tuple[int, LLMError], deadline: float = 1000.0, jitter: float = 0.5, resent: int = 0, **means: Any
) -> Move:
    """What follows a history of one failure a second, each at once."""
    ledger = Ledger(started=0.0, deadline=deadline, resent=resent)
    for number, (step, error) in enumerate(failures):
        name = plan.steps[step].profile.name
        ledger = ledger.entered(
            AttemptRecord(
                number=number + 1,
                step=step,
                provider="p",
                model=name,
                after_seconds=number,
                seconds=0.0,
                error=error,
                sent=not refused_here(error),
            )
        )
    return next_move(plan, ledger, failures[-1][1], now=float(len(failures) - 1), jitter=jitter, means=Means(**means))


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
    assert after(plan_of(2), (0, slow), (1, quick)) == Try(step=1, after_seconds=2.15)


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
    assert isinstance(after(plan_of(1), (0, DOWN), (0, once)), Try), "what was surely not charged before is no re-send of this"
    assert after(plan_of(1), (0, once), (0, DOWN), (0, once)) == GiveUp(error=once)


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


NEVER_AGAIN = (QuotaExhausted, AuthenticationFailed, ContextTooLarge, ContentFiltered, BudgetExceeded, PolicyBlocked)


@settings(max_examples=200)
@given(
    st.integers(1, 5),
    st.integers(0, 6),
    st.sampled_from(["cost", "performance", "balanced"]),
    st.booleans(),
    st.data(),
)
def test_attempts_never_pass_the_fresh_steps_and_the_retries(
    steps: int, max_retries: int, strategy: Any, patient: bool, data: st.DataObject
) -> None:
    plan = plan_of(steps, strategy=strategy, max_retries=max_retries)
    earlier = data.draw(st.integers(0, max_retries))
    ledger, now, index = Ledger(started=0.0, deadline=500.0, resent=earlier), 0.0, 0
    for _ in range(200):
        error = data.draw(errors())
        began, now = now, now + data.draw(st.floats(0.0, 5.0))
        left = not refused_here(error) and data.draw(st.integers(0, 4)) > 0
        ledger = ledger.entered(
            AttemptRecord(
                number=len(ledger.attempts) + 1,
                step=index,
                provider="p",
                model=f"m{index}",
                after_seconds=began,
                seconds=now - began,
                error=error,
                sent=left,
            )
        )
        other_key = data.draw(st.booleans())
        waits = tuple(data.draw(st.lists(st.sampled_from([0.0, 0.0, 3.0, 59.0]), min_size=steps, max_size=steps)))
        outage_seconds, seen = data.draw(st.sampled_from([0.0, 120.0])), st.sampled_from([-inf, 0.0, now, now + 1.0])
        told = tuple((data.draw(seen),) * steps for _ in range(3))
        means = Means(
            patient=patient,
            outage_seconds=outage_seconds,
            other_key=other_key,
            waits=waits,
            answered=told[0] if patient else (),
            revived=told[1] if patient else (),
            due=told[2] if patient else (),
        )
        jitter = data.draw(st.floats(0.0, 0.999))
        for _ in range(600):  # more than there are seconds until the deadline
            move = next_move(plan, ledger, error, now=now, jitter=jitter, means=means)
            if not isinstance(move, Pause):
                break
            assert patient
            assert 1.0 <= move.after_seconds < 1.5
            now += move.after_seconds
            assert now < ledger.deadline
        else:
            pytest.fail("it never stopped waiting")
        if isinstance(move, GiveUp):
            break
        there = [record for record in ledger.attempts if record.step == move.step]
        met = [record.error for record in there if record.sent]
        changes_key = other_key and move.step == index and may_try_another_key(error)
        assert not met or changes_key or is_transient(met[-1])  # type: ignore[arg-type]  # every one of them is an error
        assert not met or changes_key or not isinstance(met[-1], NEVER_AGAIN)
        assert may_fall_back(error) or move.step == index or there
        again = bool(there and there[-1].sent and met)
        over = again and bool(means.revived) and means.revived[move.step] > there[-1].after_seconds + there[-1].seconds
        assert move.resend == again or (again and (changes_key or over or move.look or isinstance(met[-1], RateLimitExceeded)))
        assert not move.resend or waits[move.step] <= move.after_seconds
        back = bool(there and means.answered) and means.answered[move.step] > there[-1].after_seconds + there[-1].seconds
        waited = move.after_seconds > 0.0 or move.last_resort or over or back
        assert not there or there[-1].sent or waited or not patient or changes_key
        assert not there or there[-1].sent or (there[-1].error is not None and refused_here(there[-1].error))
        assert not isinstance(error, CircuitOpen) or move.step != index or patient or move.last_resort
        assert move.after_seconds >= 0.0
        assert now + move.after_seconds < ledger.deadline
        now, index = now + move.after_seconds, move.step
    else:
        pytest.fail("it never gave up")
    sent = [record.step for record in ledger.attempts if record.sent]
    assert len(sent) <= len(set(sent)) + max_retries - earlier
    assert ledger.resends <= max_retries


def test_who_sent_nothing_has_met_no_outage() -> None:
    """And looks for no end of one: nothing that it sent, and nobody who refused it, says that there is one."""
    error = NetworkError(model="m0", message="no way out")
    record = AttemptRecord(number=1, step=0, provider="p", model="m0", after_seconds=0.0, seconds=0.0, error=error, sent=False)
    ledger = Ledger(started=0.0, deadline=500.0).entered(record)
    means = Means(patient=True, outage_seconds=120.0, answered=(0.0,), revived=(-inf,), due=(-inf,))
    assert next_move(plan_of(1, max_retries=0), ledger, error, now=0.0, jitter=0.0, means=means) == GiveUp(error=error)


SHUT, PAUSED = (
    CircuitOpen(model="m", endpoint="e", retry_after_seconds=40.0),
    RateLimitExceeded(model="m", retry_after_seconds=5.0, local=True),
)
LIMITED = RateLimitExceeded(model="m", retry_after_seconds=9.0)


def test_what_was_refused_here_takes_no_re_send() -> None:
    plan = plan_of(2, max_retries=1)
    assert after(plan, (0, PAUSED), (1, DOWN)) == Try(step=1, after_seconds=0.25, resend=True)
    assert after(plan, (0, PAUSED), (1, LIMITED)) == Try(step=0)
    assert after(plan, (0, SHUT), (1, DOWN), (1, DOWN)) == Try(step=0, last_resort=True)


def test_another_key_of_the_same_model_comes_before_another_model_and_takes_no_share_of_re_sends() -> None:
    for error in (AuthenticationFailed(model="m", message="no"), LIMITED, QuotaExhausted(model="m", message="spent")):
        assert after(plan_of(2), (0, error), other_key=True) == Try(step=0)
        assert after(plan_of(2), (0, error)) == Try(step=1)
        assert after(plan_of(2, max_retries=0), (0, error), other_key=True) == Try(step=1)
        assert after(plan_of(2), (0, error), other_key=True, waits=(1.0, 0.0)) == Try(step=0)
    assert after(plan_of(2), (0, DOWN), other_key=True) == Try(step=1)
    account = RateLimitExceeded(model="m", scope="account")
    assert after(plan_of(2), (0, account), other_key=True) == Try(step=1)


def test_a_wait_that_is_too_long_falls_over_at_once() -> None:
    endless = RateLimitExceeded(model="m", retry_after_seconds=LONGEST_WAIT_SECONDS + 1)
    assert after(plan_of(2, strategy="cost"), (0, endless)) == Try(step=1)


def test_a_server_that_is_down_is_left_as_long_as_it_asks_and_never_asked_sooner_than_is_wise() -> None:
    down = evolve(DOWN, retry_after_seconds=7.0)
    assert after(plan_of(1), (0, down), jitter=0.0) == Try(step=0, after_seconds=7.0, resend=True)
    assert after(plan_of(1), (0, evolve(down, retry_after_seconds=LONGEST_WAIT_SECONDS + 1))) == GiveUp(
        error=evolve(down, retry_after_seconds=LONGEST_WAIT_SECONDS + 1)
    )
    at_once = evolve(DOWN, retry_after_seconds=0.0)
    move = after(plan_of(1), (0, at_once), (0, at_once), (0, at_once), jitter=1.0)
    assert isinstance(move, Try)
    assert move.after_seconds == 2.0


def test_callers_of_one_retry_after_are_spread_above_it() -> None:
    pauses = [after(plan_of(1), (0, LIMITED), jitter=jitter).after_seconds for jitter in (0.0, 0.3, 0.6, 0.999)]  # type: ignore[union-attr]  # each is a Try
    assert pauses == sorted(pauses)
    assert len(set(pauses)) == 4
    assert (pauses[0], pauses[-1] <= 10.0) == (9.0, True)


def test_an_endpoint_out_of_re_sends_is_left_by_the_hurried_and_waited_for_by_the_patient() -> None:
    waits = (30.0, 0.0)
    assert after(plan_of(2), (0, DOWN), (1, DOWN), waits=waits) == Try(step=1, after_seconds=0.25, resend=True)
    assert after(plan_of(1), (0, DOWN), waits=waits) == GiveUp(error=DOWN)
    assert after(plan_of(1), (0, DOWN), waits=waits, patient=True) == Try(step=0, after_seconds=30.0, resend=True)
    assert after(plan_of(1), (0, DOWN), waits=waits, patient=True, deadline=20.0) == GiveUp(error=DOWN)


def test_who_was_asked_to_slow_down_takes_no_share_of_re_sends() -> None:
    """Admission lets it leave when it will be taken; a share of what was asked would lose calls that only had to wait."""
    assert after(plan_of(1), (0, LIMITED), waits=(30.0,)) == Try(step=0, after_seconds=9.5)


def test_the_last_resort_is_the_one_that_opens_soonest_and_is_tried_once() -> None:
    sooner = CircuitOpen(model="m", endpoint="e", retry_after_seconds=10.0)
    assert after(plan_of(2), (0, SHUT), (1, sooner)) == Try(step=1, last_resort=True)
    assert after(plan_of(2), (0, SHUT), (1, sooner), (1, sooner)) == GiveUp(error=AllModelsFailed(causes=(SHUT, sooner)))
    spent = QuotaExhausted(model="m", message="spent")
    assert after(plan_of(2), (0, SHUT), (1, spent)) == Try(step=0, last_resort=True)
    assert after(plan_of(2), (0, SHUT), (1, sooner), deadline=1.0) == GiveUp(error=AllModelsFailed(causes=(SHUT, sooner)))


def test_other_models_of_a_shut_endpoint_are_not_asked() -> None:
    assert after(plan_of(3, hosts="aab"), (0, SHUT)) == Try(step=2)


def test_only_the_patient_wait_for_a_breaker_and_for_limits() -> None:
    assert after(plan_of(1), (0, SHUT), (0, SHUT)) == GiveUp(error=SHUT)
    waiting = after(plan_of(1, max_retries=0), (0, SHUT), (0, SHUT), patient=True, jitter=0.0, outage_seconds=120.0)
    assert waiting == Try(step=0, after_seconds=40.0)
    assert after(plan_of(1), (0, SHUT), (0, SHUT), (0, SHUT), patient=True, outage_seconds=2.0) == GiveUp(error=SHUT)
    assert after(plan_of(1), (0, PAUSED), jitter=0.0) == GiveUp(error=PAUSED)
    assert after(plan_of(1), (0, PAUSED), patient=True, jitter=0.0) == Try(step=0, after_seconds=5.0)
    never = evolve(PAUSED, resend_helps=False)
    assert after(plan_of(1), (0, never), patient=True) == GiveUp(error=never)
    assert after(plan_of(1), (0, SHUT), (0, SHUT), patient=True, deadline=30.0, outage_seconds=120.0) == GiveUp(error=SHUT)


def test_waits_for_what_is_refused_here_grow_so_that_nothing_spins() -> None:
    soon = evolve(PAUSED, retry_after_seconds=0.0)
    waits = [after(plan_of(1), *((0, soon),) * times, patient=True, jitter=0.0).after_seconds for times in (1, 2, 5, 30)]  # type: ignore[union-attr]  # each is a Try
    assert waits == [0.25, 0.5, 4.0, 30.0]


def test_the_hurried_stand_in_the_queue_of_a_paused_endpoint_when_no_other_model_is_left() -> None:
    assert after(plan_of(2), (0, PAUSED)) == Try(step=1)
    gone = ModelUnavailable(model="m1", message="404", reason="permanent")
    assert after(plan_of(2), (0, PAUSED), (1, gone)) == Try(step=0)
    assert after(plan_of(2), (0, PAUSED), (1, gone), (0, PAUSED)) == GiveUp(error=AllModelsFailed(causes=(PAUSED, gone)))
    assert after(plan_of(2), (0, DOWN), (0, PAUSED), (1, gone)) == Try(step=0), "what left before was no refusal"
    spent = after(plan_of(2, max_retries=1), (0, DOWN), (0, PAUSED), (1, DOWN), (1, DOWN))
    assert isinstance(spent, GiveUp), "another model has taken the last re-send meanwhile"
    assert after(plan_of(2), (0, PAUSED), (1, gone), deadline=5.0) == GiveUp(error=AllModelsFailed(causes=(PAUSED, gone)))


def test_a_patient_call_keeps_its_last_re_send_for_a_minute() -> None:
    quick = after(plan_of(1), (0, DOWN), (0, DOWN), patient=True, outage_seconds=120.0)
    assert isinstance(quick, Try)
    assert quick.after_seconds < 1.0
    last = after(plan_of(1), (0, DOWN), (0, DOWN), (0, DOWN), patient=True, jitter=0.0, outage_seconds=90.0)
    assert last == Try(step=0, after_seconds=45.0 - 2.0, resend=True)
    limited = after(plan_of(1), (0, LIMITED), (0, LIMITED), (0, LIMITED), patient=True, jitter=0.0)
    assert limited == Try(step=0, after_seconds=PATIENCE_SECONDS - 2.0)
    hurried = after(plan_of(1), (0, DOWN), (0, DOWN), (0, DOWN), patient=True, deadline=30.0, outage_seconds=90.0)
    assert isinstance(hurried, Try)
    assert hurried.after_seconds < 2.0


def test_after_a_refusal_what_was_met_before_still_bounds_the_re_sends() -> None:
    reset = NetworkError(model="m", message="reset", sent=True)
    assert isinstance(after(plan_of(1), (0, reset), (0, SHUT), patient=True, outage_seconds=90.0), Try)
    assert after(plan_of(1), (0, reset), (0, reset), (0, SHUT), patient=True, outage_seconds=90.0) == GiveUp(error=SHUT)
    assert after(plan_of(1, max_retries=0), (0, DOWN), (0, SHUT), patient=True, outage_seconds=90.0) == GiveUp(error=SHUT)


def test_re_sends_of_earlier_turns_are_gone_and_their_models_may_be_asked_again() -> None:
    assert after(plan_of(1), (0, DOWN), resent=2) == Try(step=0, after_seconds=0.25, resend=True)
    assert after(plan_of(1), (0, DOWN), resent=3) == GiveUp(error=DOWN)
    record = AttemptRecord(number=1, step=0, provider="p", model="m0", after_seconds=0.0, seconds=0.0)
    before = Ledger(started=0.0, deadline=9.0, attempts=(record, record)).next_turn()
    assert (before.turn, before.resends) == ((), 1)
    ledger = before.entered(evolve(record, step=1, model="m1", error=DOWN))
    assert next_move(plan_of(2), ledger, DOWN, now=0.0, jitter=0.5) == Try(step=0)


def test_a_budget_that_covers_nobody_is_the_error_itself() -> None:
    spent = BudgetExceeded(budget="day", left="0")
    assert after(plan_of(2), (0, spent)) == Try(step=1)
    assert after(plan_of(2), (0, spent), (1, spent)) == GiveUp(error=spent)


def test_no_fresh_model_is_asked_after_the_deadline() -> None:
    plan = plan_of(2)
    ledger = Ledger(started=0.0, deadline=10.0)
    ledger = ledger.entered(AttemptRecord(number=1, step=0, provider="p", model="m0", after_seconds=0.0, seconds=10.0, error=DOWN))
    assert next_move(plan, ledger, DOWN, now=10.0, jitter=0.0) == GiveUp(error=DOWN)
    assert next_move(plan, replace(ledger, deadline=11.0), DOWN, now=10.0, jitter=0.0) == Try(step=1)


def test_a_key_that_was_kept_back_gives_way_to_another_without_a_re_send_and_not_for_ever() -> None:
    """Nothing was sent: the same model is asked with the next key, three times at most."""
    error = AuthenticationFailed(model="m0", message="key 1234 is not sent", local=True)
    plan = plan_of(1, max_retries=0)
    for times in range(1, 4):
        assert after(plan, *[(0, error)] * times, other_key=True) == Try(step=0)
    assert after(plan, *[(0, error)] * 4, other_key=True) == GiveUp(error=error)
    assert after(plan, (0, error)) == GiveUp(error=error)
    assert after(plan_of(2), (0, error)) == Try(step=1)


def waiting(*failures: tuple[int, LLMError], answered: float = 0.0, due: float = 0.0, plan: Plan | None = None, **more: Any) -> Move:
    """What a row does whose endpoint has answered the batch at the beginning, and failed since; with no chance."""
    asked = plan_of(1) if plan is None else plan
    return after(asked, *failures, patient=True, outage_seconds=120.0, answered=(answered,), due=(due,), jitter=0.0, **more)


CUT = NetworkError(model="m", message="closed", sent=True)


def test_a_row_with_re_sends_to_spare_looks_whether_the_endpoint_answers_when_that_is_due() -> None:
    look = Try(step=0, resend=True, last_resort=True, look=True)
    assert waiting((0, DOWN), (0, DOWN)) == look
    assert waiting((0, DOWN), (0, DOWN), waits=(30.0,)) == evolve(look, resend=False), "how often one looks is bound enough"
    assert waiting((0, SHUT), (0, SHUT)) == evolve(look, resend=False), "it has not left yet"
    assert waiting((0, DOWN), (0, DOWN), due=1.5) == evolve(look, after_seconds=0.5)
    assert waiting((0, DOWN), (0, DOWN), due=3.0) == Pause(step=0, after_seconds=1.0)


def test_a_row_that_could_be_lost_does_not_look_until_nobody_does() -> None:
    rest = Pause(step=0, after_seconds=1.0)
    assert waiting((0, SHUT), (0, CUT), due=0.5) == evolve(rest, overdue=True)
    assert waiting((0, DOWN), (0, DOWN), (0, DOWN), due=3.0) == rest
    late = [(0, SHUT)] * 70
    assert waiting(*late, (0, CUT), due=65.0) == evolve(rest, overdue=True)
    assert waiting((0, CUT), *late, due=50.0) == Try(step=0, last_resort=True, look=True)


def test_when_the_endpoint_has_answered_somebody_all_go_on() -> None:
    for error in (DOWN, CUT):
        move = waiting((0, SHUT), (0, error), answered=1.5)
        assert move == Try(step=0, resend=True)
        assert waiting((0, SHUT), (0, error), answered=1.5, waits=(30.0,)) == Pause(step=0, after_seconds=1.0)
        assert waiting((0, SHUT), (0, error), answered=1.5, revived=(1.5,), waits=(30.0,)) == Try(step=0)
    assert waiting((0, DOWN), (0, SHUT), answered=1.5) == Try(step=0)
    assert waiting((0, DOWN), (0, SHUT), answered=1.5, deadline=1.0) == GiveUp(error=SHUT)
