"""Trying the steps of a plan until one answers: the loop that obeys `next_move`, with one ledger for all attempts.

Nothing is re-sent anywhere else: whole answers, streams, embeddings and the rest are all asked from here.
"""

import asyncio
from collections.abc import Callable, Coroutine
from decimal import Decimal
from typing import Any, Final, Protocol, TypeAlias, TypeVar

from attrs import frozen
from returns.result import Failure, Success

from llm_manager.domain.attempts import ALONE, Ledger, Outages
from llm_manager.domain.error_questions import charge_of
from llm_manager.domain.errors import AttemptRecord, AuthenticationFailed, LLMError, RequestTimeout, with_attempts
from llm_manager.domain.events import MovedOn
from llm_manager.domain.models import Endpoint, ModelProfile
from llm_manager.domain.plans import Plan
from llm_manager.domain.secrets import Secret
from llm_manager.domain.usage import Cost, Unpriced
from llm_manager.outcomes import Settled
from llm_manager.policies.recovery import FIRST, GiveUp, Means, Move, Pause, Try, next_move, verdict
from llm_manager.policies.routing import retirement
from llm_manager.services.guards import Guards, Keys, Ready
from llm_manager.services.journal import Journal
from llm_manager.services.world import World

_Answer = TypeVar("_Answer")

_LEAST_WAIT_SECONDS: Final = 0.001
"""Rounding must not make anybody ask again at once, and again."""

MAYBE_BILLED: Final = Unpriced(reason="may have been billed")
"""The cost of an attempt that brought no answer and may be on the bill."""


@frozen(kw_only=True)
class Missed:
    """An attempt that brought no answer: why, with which key, whether it left, and the most it may have cost where that matters.

    One that was ``shared`` waited for an equal call's answer instead.
    """

    error: LLMError
    key: Secret | None = None
    sent: bool = True
    most_usd: Decimal | None = None
    shared: bool = False


Ask: TypeAlias = Callable[[Try, Ledger, float], Coroutine[Any, Any, Settled[_Answer, Missed]]]
"""Asks one step of the plan once; the float is when that begins, on the world's monotonic clock."""


class Decide(Protocol):
    """What follows a failed attempt: see `next_move`."""

    def __call__(self, plan: Plan, ledger: Ledger, error: LLMError, *, now: float, jitter: float, means: Means) -> Move: ...


@frozen(kw_only=True)
class Trial:
    """One call on its way through its plan: what all of its attempts share."""

    plan: Plan
    call_id: str
    world: World
    journal: Journal
    guards: Guards
    patient: bool = False
    outages: Outages = ALONE
    decide: Decide = next_move

    def means(self, key: Secret | None, at: int) -> Means:
        """What may be done now, after step ``at`` was asked with ``key``."""
        guards, steps, outages = self.guards, self.plan.steps, self.outages
        names = [step.profile.provider for step in steps] if self.patient else []
        return Means(
            patient=self.patient,
            outage_seconds=outages.seconds(),
            answered=tuple(map(outages.answered, names)),
            revived=tuple(map(outages.revived, names)),
            due=tuple(map(outages.due, names)),
            other_key=guards.keys.others(steps[at].profile.provider, key),
            waits=tuple(guards.resends.wait(step.endpoint) for step in steps),
        )


@frozen(kw_only=True)
class Lost:
    """An attempt that failed: which, when it began and ended, and the ledger without it."""

    ledger: Ledger
    asked: Try
    began: float
    ended: float
    missed: Missed


async def try_steps(ask: Ask[_Answer], trial: Trial, ledger: Ledger) -> Settled[_Answer, LLMError]:
    """Ask the first step, then whatever is decided, until there is an answer or it gives up."""
    now = trial.world.now
    began = now()
    outcome = await ask(FIRST, ledger, began)
    if isinstance(outcome, Success):
        return outcome
    return await try_on(Lost(ledger=ledger, asked=FIRST, began=began, ended=now(), missed=outcome.failure()), ask, trial)


async def try_on(lost: Lost, ask: Ask[_Answer], trial: Trial) -> Settled[_Answer, LLMError]:
    """Go on after an attempt that met an error; the error that the call ends with carries every attempt."""
    now, plan = trial.world.now, trial.plan
    while True:
        at, missed = lost.asked.step, lost.missed
        ledger = lost.ledger.entered(missed_record(plan, lost))
        move = await _decided(trial, ledger, lost)
        if isinstance(move, GiveUp):
            return Failure(with_attempts(move.error, ledger.attempts))
        if move.look:
            trial.outages.look(plan.steps[move.step].profile.provider, now() + move.after_seconds)
        endpoint = plan.steps[move.step].endpoint
        counted = not move.resend or trial.guards.resends.take(endpoint) <= 0.0
        trial.journal.emit(
            MovedOn(
                at=now(),
                call_id=trial.call_id,
                from_model=plan.steps[at].profile.name,
                to_model=plan.steps[move.step].profile.name,
                after_seconds=move.after_seconds,
                error_tag=missed.error.tag,
            )
        )
        if move.after_seconds > 0.0:
            await trial.world.sleep(move.after_seconds)
        if not counted:
            await _until_there_is_room(endpoint, trial, ledger.deadline)
        began = now()
        if began >= ledger.deadline:
            return Failure(with_attempts(verdict(plan, ledger), ledger.attempts))
        outcome = await ask(move, ledger, began)
        if isinstance(outcome, Success):
            return outcome
        lost = Lost(ledger=ledger, asked=move, began=began, ended=now(), missed=outcome.failure())


async def _decided(trial: Trial, ledger: Ledger, lost: Lost) -> Try | GiveUp:
    """What follows, once there is more to do than to wait: while an endpoint is down, that is looked at again and again."""
    plan, world, missed, at = trial.plan, trial.world, lost.missed, lost.ended
    while True:
        means = trial.means(missed.key, lost.asked.step)
        move = trial.decide(plan, ledger, missed.error, now=at, jitter=world.rng.random(), means=means)
        if not isinstance(move, Pause):
            return move
        if move.overdue:
            trial.outages.overdue(plan.steps[move.step].profile.provider)
        await world.sleep(move.after_seconds)
        at = world.now()


async def _until_there_is_room(endpoint: Endpoint, trial: Trial, deadline: float) -> None:
    """Take room for a re-send, once there is; others who waited for the same may be sooner. Not past the deadline."""
    now = trial.world.now
    while now() < deadline and (room := trial.guards.resends.take(endpoint)) > 0.0:
        await trial.world.sleep(max(_LEAST_WAIT_SECONDS, min(room, deadline - now())))


def record(
    plan: Plan,
    ledger: Ledger,
    index: int,
    began: float,
    ended: float,
    *,
    error: LLMError | None = None,
    cost: Cost | None = None,
    key: Secret | None = None,
    sent: bool = True,
    left: bool = False,
    most_usd: Decimal | None = None,
    shared: bool = False,
) -> AttemptRecord:
    """The next line of a ledger, for an attempt at step ``index`` that lasted from ``began`` to ``ended``."""
    profile = plan.steps[index].profile
    return AttemptRecord(
        number=len(ledger.attempts) + 1,
        step=index,
        provider=profile.provider,
        model=profile.name,
        after_seconds=began - ledger.started,
        seconds=ended - began,
        error=error,
        cost=cost,
        key_fingerprint=None if key is None else key.fingerprint,
        sent=sent,
        left=left,
        most_usd=most_usd,
        shared=shared and not sent,
    )


def missed_record(plan: Plan, lost: Lost) -> AttemptRecord:
    """The line of an attempt that brought no answer: its cost is not known where it may have been billed, else there is none."""
    error, sent, most = lost.missed.error, lost.missed.sent, lost.missed.most_usd
    return record(
        plan,
        lost.ledger,
        lost.asked.step,
        lost.began,
        lost.ended,
        error=error,
        cost=MAYBE_BILLED if sent and charge_of(error) != "none" else None,
        key=lost.missed.key,
        sent=sent,
        most_usd=most,
        shared=lost.missed.shared,
    )


class Sending(Protocol):
    """What every way of sending has."""

    @property
    def world(self) -> World: ...
    @property
    def journal(self) -> Journal: ...
    @property
    def guards(self) -> Guards: ...


def key_now(keys: Keys, profile: ModelProfile, own: Secret | None, ledger: Ledger) -> Secret | Missed | None:
    """The key to ask a model with now; one that it has just refused is not sent again."""
    key = keys.choose(profile.provider, own)
    if key is None or not ledger.attempts:
        return key
    last = ledger.attempts[-1]
    if not isinstance(last.error, AuthenticationFailed) or last.error.local:
        return key
    if (last.provider, last.model, last.key_fingerprint) != (profile.provider, profile.name, key.fingerprint):
        return key
    return Missed(error=last.error, key=key, sent=False)


async def fetch_keys(ready: Ready, deps: Sending, profile: ModelProfile, ledger: Ledger) -> Missed | None:
    """Fetch the keys of a provider when that is due, for no longer than the call has time."""
    scope = asyncio.timeout(ledger.deadline - deps.world.now())
    try:
        async with scope:
            lacking = await ready(profile.provider, deps.journal.emit)
    except TimeoutError:
        if not scope.expired():
            raise
        lacking = too_late(profile, ledger)
    return None if lacking is None else Missed(error=lacking, sent=False)


def too_late(profile: ModelProfile, ledger: Ledger) -> RequestTimeout:
    """The error of a call whose time was over before a model was asked."""
    milliseconds = round((ledger.deadline - ledger.started) * 1000)
    return RequestTimeout(model=profile.name, timeout_ms=milliseconds, phase="total", attempts=ledger.attempts)


def moves(ledger: Ledger, answered: ModelProfile) -> tuple[str, ...]:
    """Say that the first model asked is not the one that answered, what it met, and whether the other one is retired."""
    if len(ledger.attempts) == ledger.begun:
        return ()
    first = ledger.turn[0]
    if (first.error is None and not first.left) or (first.provider, first.model) == (answered.provider, answered.name):
        return ()
    met = "was slow" if first.error is None else f"failed ({first.error.tag})"
    moved = f"{first.model} of {first.provider} {met}; {answered.name} of {answered.provider} answered"
    return (moved, *retirement(answered))
