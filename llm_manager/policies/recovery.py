"""What to do after a failed attempt: the one place where re-sending and falling back are decided."""

from typing import ClassVar, Literal, TypeAlias

from attrs import frozen

from llm_manager.domain.attempts import Ledger
from llm_manager.domain.error_questions import may_fall_back, meets_every_model, resend, retry_after
from llm_manager.domain.errors import AllModelsFailed, AttemptRecord, ContextTooLarge, LLMError, ModelUnavailable
from llm_manager.domain.plans import Plan

LONGEST_WAIT_SECONDS = 120.0
_BASE_SECONDS = 0.5
_OVERLOADED_BASE_SECONDS = 2.0
_CAP_SECONDS = 30.0
_MOST_DOUBLINGS = 16


@frozen(kw_only=True)
class Try:
    """Ask step ``step`` of the plan after ``after_seconds``."""

    tag: ClassVar[Literal["Try"]] = "Try"
    step: int
    after_seconds: float = 0.0


@frozen(kw_only=True)
class GiveUp:
    """End the call with ``error``."""

    tag: ClassVar[Literal["GiveUp"]] = "GiveUp"
    error: LLMError


Move: TypeAlias = Try | GiveUp


def next_move(plan: Plan, ledger: Ledger, error: LLMError, *, now: float, jitter: float) -> Move:
    """Decide what follows ``error``, which the ledger's last attempt gave; ``jitter`` is a random number in [0, 1).

    A fresh model is asked at once, but none of an endpoint that has just failed as it would for any; under ``cost`` the
    same model is asked once more first. When none is left, the cheapest wait among those that may be re-sent is chosen.
    Attempts never pass the steps tried plus ``plan.max_retries``.
    """
    last = ledger.attempts[-1]
    tried = {record.step for record in ledger.attempts}
    resends_left = plan.max_retries - (len(ledger.attempts) - len(tried))
    if plan.strategy == "cost" and resends_left > 0 and _tries(ledger, last.step) == 1:
        pause = _pause(ledger, last, now=now, jitter=jitter)
        if pause is not None:
            return Try(step=last.step, after_seconds=pause)
    if not may_fall_back(error) and resend(error) == "never":
        return GiveUp(error=error)
    if may_fall_back(error) and (fresh := _fresh_step(plan, ledger, tried, error)) is not None:
        return Try(step=fresh) if now < ledger.deadline else GiveUp(error=_verdict(ledger))
    if resends_left > 0:
        waits = [
            (pause, record.step)
            for record in _last_of_each(ledger)
            if (pause := _pause(ledger, record, now=now, jitter=jitter)) is not None
        ]
        if waits:
            pause, step = min(waits)
            return Try(step=step, after_seconds=pause)
    return GiveUp(error=_verdict(ledger))


def _fresh_step(plan: Plan, ledger: Ledger, tried: set[int], error: LLMError) -> int | None:
    """The next step not tried whose endpoint may do better, and whose window is larger when that was what lacked."""
    needs_more_than = None
    if isinstance(error, ContextTooLarge) and error.limit_kind == "window":
        needs_more_than = plan.steps[ledger.attempts[-1].step].profile.context_window
    spoilt = {
        plan.steps[record.step].endpoint for record in _last_of_each(ledger) if record.error is not None and meets_every_model(record.error)
    }
    for index, step in enumerate(plan.steps):
        if index in tried or step.endpoint in spoilt:
            continue
        window = step.profile.context_window
        if needs_more_than is None or window is None or window > needs_more_than:
            return index
    return None


def _pause(ledger: Ledger, record: AttemptRecord, *, now: float, jitter: float) -> float | None:
    """Seconds until the step of ``record`` may be asked again; None when it may not, or not within patience."""
    error = record.error
    if error is None:
        return None
    tries = _tries(ledger, record.step)
    willing = resend(error)
    if willing == "never" or (willing == "once" and tries > 1):
        return None
    asked = retry_after(error)
    wanted = _backoff(error, tries, jitter) if asked is None else asked
    if wanted > LONGEST_WAIT_SECONDS:
        return None
    failed_at = ledger.started + record.after_seconds + record.seconds
    pause = max(0.0, failed_at + wanted - now)
    return pause if now + pause < ledger.deadline else None


def _backoff(error: LLMError, tries: int, jitter: float) -> float:
    overloaded = isinstance(error, ModelUnavailable) and error.reason in ("overloaded", "loading")
    base = _OVERLOADED_BASE_SECONDS if overloaded else _BASE_SECONDS
    ceiling = min(_CAP_SECONDS, base * 2.0 ** min(tries - 1, _MOST_DOUBLINGS))
    return ceiling * (0.5 + 0.5 * jitter) if overloaded else ceiling * jitter


def _tries(ledger: Ledger, step: int) -> int:
    return sum(1 for record in ledger.attempts if record.step == step)


def _last_of_each(ledger: Ledger) -> tuple[AttemptRecord, ...]:
    return tuple({record.step: record for record in ledger.attempts}.values())


def _verdict(ledger: Ledger) -> LLMError:
    """The one error when one step was tried, else all of them together."""
    causes = tuple(record.error for record in _last_of_each(ledger) if record.error is not None)
    return causes[0] if len(causes) == 1 else AllModelsFailed(causes=causes)
