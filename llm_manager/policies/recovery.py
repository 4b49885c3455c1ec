"""What to do after a failed attempt: the one place where re-sending and falling back are decided.

The law: requests that leave never pass the models tried plus ``plan.max_retries``. What our own breakers, limits and budgets
refuse does not leave, and takes none of them.
"""

from math import inf
from typing import ClassVar, Final, Literal, TypeAlias

from attrs import frozen

from llm_manager.domain.attempts import Ledger
from llm_manager.domain.error_questions import (
    is_down,
    may_fall_back,
    may_try_another_key,
    meets_every_model,
    refused_here,
    resend,
    retry_after,
)
from llm_manager.domain.errors import (
    AllModelsFailed,
    AttemptRecord,
    AuthenticationFailed,
    BudgetExceeded,
    CircuitOpen,
    ContextTooLarge,
    LLMError,
    ModelUnavailable,
    RateLimitExceeded,
)
from llm_manager.domain.plans import Plan

LONGEST_WAIT_SECONDS: Final = 120.0
PATIENCE_SECONDS: Final = 60.0
"""How long after its first failure a patient call that is only asked to slow down keeps its last re-send."""

_BASE_SECONDS = 0.5
_OVERLOADED_BASE_SECONDS = 2.0
_CAP_SECONDS = 30.0
_MOST_DOUBLINGS = 16
_REST_SECONDS = 1.0
_UNWATCHED_SECONDS = 10.0
"""An endpoint that nobody has looked after for so long, though it was due, is nobody's."""
_LEAST_LOCAL_SECONDS = 0.25
_LEAST_SPREAD_SECONDS = 0.1
_SPREAD = 0.1
_MOST_SPREAD_SECONDS = 5.0


@frozen(kw_only=True)
class Try:
    """Ask step ``step`` of the plan after ``after_seconds``; a ``resend`` is counted against the endpoint's share of them.

    A ``look`` is what one row of a batch does for all of them: to ask whether an endpoint that was down answers again.
    """

    tag: ClassVar[Literal["Try"]] = "Try"
    step: int
    after_seconds: float = 0.0
    resend: bool = False
    last_resort: bool = False
    look: bool = False


@frozen(kw_only=True)
class Pause:
    """Decide anew after ``after_seconds``, in which the endpoint of ``step`` may answer somebody; ``overdue`` says that one may look
    whether it does, and that this row is none who should."""

    tag: ClassVar[Literal["Pause"]] = "Pause"
    step: int
    after_seconds: float
    overdue: bool = False


@frozen(kw_only=True)
class GiveUp:
    """End the call with ``error``."""

    tag: ClassVar[Literal["GiveUp"]] = "GiveUp"
    error: LLMError


Move: TypeAlias = Try | Pause | GiveUp


@frozen(kw_only=True)
class Means:
    """What a call has beside its ledger.

    ``patient`` calls wait until limits let them through, and begin no wait for an endpoint that is down later than
    ``outage_seconds`` after their first failure; half of that their last re-send is kept. ``other_key`` says that the model
    which failed last can be asked with another key. ``waits`` are the seconds until the endpoint of each step has room for one
    more re-send, 0 where they are not told. Of the endpoint of each step, ``answered`` is when it last answered any row of the
    batch, ``revived`` when it last did after some had looked in vain, and ``due`` when one of those who wait for it may look
    whether it does again.
    """

    patient: bool = False
    outage_seconds: float = 0.0
    other_key: bool = False
    waits: tuple[float, ...] = ()
    answered: tuple[float, ...] = ()
    revived: tuple[float, ...] = ()
    due: tuple[float, ...] = ()


_MOST_KEPT_BACK: Final = 3
"""How often a call takes another key since the one it waited with was taken out of use meanwhile."""
FIRST: Final = Try(step=0)
_ALONE: Final = Means()


def next_move(plan: Plan, ledger: Ledger, error: LLMError, *, now: float, jitter: float, means: Means = _ALONE) -> Move:
    """Decide what follows ``error``, which the ledger's last attempt gave; ``jitter`` is a random number in [0, 1).

    Another key of the same model is tried at once, then a fresh model, but none of an endpoint that has just failed as it
    would for any; under ``cost`` the same model is asked once more first. When none is left, the cheapest wait is chosen, for
    a re-send or to be let through. When breakers alone are in the way, the one that opens soonest is probed as a last resort.
    """
    way = _Way(plan=plan, ledger=ledger, now=now, jitter=jitter, means=means)
    here = way.place(ledger.attempts[-1])
    in_time = now < ledger.deadline
    if here is not None and in_time and means.other_key and isinstance(error, AuthenticationFailed) and way.kept_back(here):
        return Try(step=here)
    if here is not None and in_time and ledger.attempts[-1].asked and way.may_resend(here):
        if means.other_key and may_try_another_key(error):
            return Try(step=here)  # who refused a key is not short of strength: no share of re-sends bounds that
        if plan.strategy == "cost" and way.sent(here) == 1 and not way.held(here) and (again := way.again(here)) is not None:
            return again.move
    if not may_fall_back(error) and resend(error) == "never":
        return GiveUp(error=error)
    if may_fall_back(error) and (fresh := way.fresh_step(error)) is not None:
        return Try(step=fresh) if in_time else GiveUp(error=verdict(plan, ledger))
    return way.wait() if in_time else GiveUp(error=verdict(plan, ledger))


def verdict(plan: Plan, ledger: Ledger) -> LLMError:
    """The one error when one model was tried, or one budget refused them all; else all of them together."""
    causes = tuple(record.error for record in _last_of_each(plan, ledger).values() if record.error is not None)
    if all(isinstance(cause, BudgetExceeded) for cause in causes):
        causes = causes[:1]
    return causes[0] if len(causes) == 1 else AllModelsFailed(causes=causes)


@frozen(kw_only=True)
class _Wait:
    """How long it is until a model may be asked, be it here or in a queue, and the move for that."""

    seconds: float
    move: Try | Pause


@frozen(kw_only=True)
class _Way:
    """One moment of a call: what is behind it, and what it may do now."""

    plan: Plan
    ledger: Ledger
    now: float
    jitter: float
    means: Means

    def place(self, record: AttemptRecord) -> int | None:
        """Where in the plan the model of a record stands."""
        return _places(self.plan).get((record.provider, record.model))

    def records(self, index: int) -> list[AttemptRecord]:
        profile = self.plan.steps[index].profile
        return [record for record in self.ledger.turn if (record.provider, record.model) == (profile.provider, profile.name)]

    def sent(self, index: int) -> int:
        """How often a model has been asked."""
        return sum(record.asked for record in self.records(index))

    def kept_back(self, index: int) -> bool:
        """Say whether the last request to a model was kept back for its key alone, and not over and over."""
        held = [isinstance(record.error, AuthenticationFailed) and record.error.local for record in self.records(index)]
        return held[-1] and sum(held) <= _MOST_KEPT_BACK

    def may_resend(self, index: int) -> bool:
        """Say whether one more request to a model is within the call's own bound: the first one always is."""
        return self.ledger.resends < self.plan.max_retries or not self.sent(index)

    def room(self, index: int) -> float:
        """Seconds until the endpoint of a step takes one more re-send."""
        return self.means.waits[index] if index < len(self.means.waits) else 0.0

    def fresh_step(self, error: LLMError) -> int | None:
        """The next step not tried whose endpoint may do better, and whose window is larger when that was what lacked."""
        tried = _last_of_each(self.plan, self.ledger)
        needs_more_than = None
        here = self.place(self.ledger.attempts[-1])
        if isinstance(error, ContextTooLarge) and error.limit_kind == "window" and here is not None:
            needs_more_than = self.plan.steps[here].profile.context_window
        spoilt = {
            self.plan.steps[index].endpoint
            for index, record in tried.items()
            if record.error is not None and meets_every_model(record.error)
        }
        for index, step in enumerate(self.plan.steps):
            if index in tried or step.endpoint in spoilt:
                continue
            window = step.profile.context_window
            if needs_more_than is None or window is None or window > needs_more_than:
                return index
        return None

    def wait(self) -> Move:
        """The cheapest wait there is; a breaker's only when there is no other, after the last resort, and for the patient."""
        tried = _last_of_each(self.plan, self.ledger)
        ways = [self.rest(index) if self.held(index) else self.again(index) for index in tried]
        waits = [wait for wait in ways if wait is not None]
        shut = {index: record.error for index, record in tried.items() if isinstance(record.error, CircuitOpen) and not self.held(index)}
        if not waits and (probe := self.last_resort(shut)) is not None:
            return probe
        if self.bears():
            waits += [wait for index, error in shut.items() if (wait := self.let_in(index, error, error.retry_after_seconds)) is not None]
        if not waits:
            return GiveUp(error=verdict(self.plan, self.ledger))
        return min(waits, key=lambda wait: (wait.seconds, wait.move.step)).move

    def last_resort(self, shut: dict[int, CircuitOpen]) -> Try | None:
        """The shut endpoint that opens soonest, once a turn."""
        refusals = sum(isinstance(record.error, CircuitOpen) for record in self.ledger.turn)
        able = [(error.retry_after_seconds or 0.0, index) for index, error in shut.items() if self.may_ask_again(index)]
        if not able or refusals > len(shut):
            return None
        return Try(step=min(able)[1], last_resort=True)

    def again(self, index: int) -> "_Wait | None":
        """When a model that was tried may be asked again; None when it may not, or not within patience."""
        last = self.records(index)[-1]
        if last.error is None:
            return None
        if isinstance(last.error, CircuitOpen):
            return self.let_in_again(index)
        if refused_here(last.error):
            return self.limited(index, last.error)
        if not (last.asked and self.may_ask_again(index)):
            return None
        pause = self.pause(index, last, last.error)
        # admission lets who was limited leave when it will be taken, and an outage that is over is not made worse: no share bounds these
        paced = isinstance(last.error, RateLimitExceeded) or _at(self.means.revived, index) > _ended(self.ledger, last)
        room = 0.0 if paced else self.room(index)
        if pause is None or (room > pause and not self.means.patient):
            return None
        if room > max(pause, _REST_SECONDS) and self.is_back(index):  # those who go on make room soon
            return self.pausing(index)
        seconds = max(pause, room)
        return self.in_time(seconds, Try(step=index, after_seconds=seconds, resend=not paced))

    def may_ask_again(self, index: int) -> bool:
        """Say whether what was met by requests that left lets one more go."""
        met = [record.error for record in self.records(index) if record.asked and record.error is not None]
        if not met:
            return True
        willing = [resend(error) for error in met]
        return self.may_resend(index) and (willing[-1] == "freely" or (willing[-1] == "once" and willing.count("once") == 1))

    def limited(self, index: int, error: LLMError) -> "_Wait | None":
        """How to go on after a limit of our own: the patient wait; others stand in its queue, once no other model is left."""
        if not isinstance(error, RateLimitExceeded) or not error.resend_helps:
            return None
        if self.means.patient:
            return self.let_in(index, error, error.retry_after_seconds)
        hurried = len(self.plan.steps) > 1 and self.plan.strategy != "cost"
        refusals = sum(record.error is not None and refused_here(record.error) for record in self.records(index))
        if not hurried or error.retry_after_seconds is None or refusals > 1 or not self.may_ask_again(index):
            return None
        return self.in_time(error.retry_after_seconds, Try(step=index))

    def let_in(self, index: int, error: LLMError, asked: float | None) -> "_Wait | None":
        """The wait of a patient call for what was refused here; it grows, so that nothing spins."""
        if not self.means.patient or not self.may_ask_again(index):
            return None
        refusals = sum(record.error is not None and record.error.tag == error.tag and not record.asked for record in self.records(index))
        least = min(_CAP_SECONDS, _LEAST_LOCAL_SECONDS * 2.0 ** min(refusals - 1, _MOST_DOUBLINGS))
        seconds = max(0.0, _ended(self.ledger, self.records(index)[-1]) + self.spread(max(asked or 0.0, least)) - self.now)
        return self.in_time(seconds, Try(step=index, after_seconds=seconds))

    def let_in_again(self, index: int) -> "_Wait | None":
        """Who was refused by a breaker goes when its endpoint has answered another row since."""
        if not (self.is_back(index) and self.bears() and self.may_ask_again(index)):
            return None
        seconds = self.spread(0.0)
        return self.in_time(seconds, Try(step=index, after_seconds=seconds))

    def is_back(self, index: int) -> bool:
        """Say whether the endpoint of a step has answered a row since it was last asked by this one."""
        return _at(self.means.answered, index) > _ended(self.ledger, self.records(index)[-1])

    def held(self, index: int) -> bool:
        """Say whether this row waits, with others, for an endpoint that is down, and has answered before."""
        last = self.records(index)[-1]
        if last.error is None or not is_down(last.error) or not (self.means.patient and self.bears()):
            return False
        if not (last.asked or refused_here(last.error)):
            return False
        return _at(self.means.answered, index) > -inf and not self.is_back(index) and self.may_ask_again(index)

    def rest(self, index: int) -> "_Wait | None":
        """A short pause, or a look whether the endpoint answers again.

        Only who loses nothing by it looks when it is due. Others go when they hear of an answer; when nobody looks any more, one
        of them does, late.
        """
        last = self.records(index)[-1]
        own = self.backoff(index, last, last.error) if last.asked and last.error is not None else 0.0
        if own is None:
            return None
        due = _at(self.means.due, index)
        late = max(self.kept_until(index) - self.now, due + _UNWATCHED_SECONDS - self.now)
        may_look = self.may_look(index)
        soon = max(own, due - self.now if may_look else late, 0.0)
        if soon < _REST_SECONDS:
            shared = last.sent and self.room(index) == 0.0  # where there is no room, how often one looks is bound enough
            return self.in_time(soon, Try(step=index, after_seconds=soon, resend=shared, last_resort=True, look=True))
        return self.pausing(index, overdue=not may_look and due <= self.now)

    def pausing(self, index: int, *, overdue: bool = False) -> "_Wait | None":
        """A short pause, spread."""
        seconds = _REST_SECONDS * (1.0 + 0.5 * self.jitter)
        return self.in_time(seconds, Pause(step=index, after_seconds=seconds, overdue=overdue))

    def may_look(self, index: int) -> bool:
        """Say whether this row may still be sent again whatever a look meets."""
        left = self.plan.max_retries - self.ledger.resends
        met = [record.error for record in self.records(index) if record.asked and record.error is not None]
        return left >= (2 if met else 1) and all(resend(error) != "once" for error in met)

    def pause(self, index: int, last: AttemptRecord, error: LLMError) -> float | None:
        """Seconds until a re-send, which is kept for a while when it is the last; None for longer than anyone waits."""
        pause = self.backoff(index, last, error)
        if pause is None or self.is_back(index):
            return pause
        if self.means.patient and resend(error) == "freely" and 0 < self.ledger.resends == self.plan.max_retries - 1:
            keeps = PATIENCE_SECONDS if isinstance(error, RateLimitExceeded) else self.means.outage_seconds / 2
            kept = self.kept_until(index, keeps) - self.now
            if self.now + kept < self.ledger.deadline and keeps > 0.0:
                pause = max(pause, kept)
        return pause

    def kept_until(self, index: int, keeps: float | None = None) -> float:
        """Until when the last re-send to a model is kept: so long after it first failed, or half as long as an outage is borne."""
        failures = [record for record in self.records(index) if record.asked and record.error is not None]
        first = failures[0] if failures else self.records(index)[0]
        return _ended(self.ledger, first) + self.spread(self.means.outage_seconds / 2 if keeps is None else keeps)

    def backoff(self, index: int, last: AttemptRecord, error: LLMError) -> float | None:
        """Seconds until a re-send is wise, and as late as asked; None for longer than anyone waits."""
        failures = [record for record in self.records(index) if record.asked and record.error is not None]
        asked = retry_after(error)
        if asked is not None and asked > LONGEST_WAIT_SECONDS:
            return None
        wanted = _backoff(error, len(failures), self.jitter) if asked is None else self.spread(asked)
        if asked is not None and not isinstance(error, RateLimitExceeded):  # who is down may ask for less than is wise
            wanted = max(wanted, _backoff(error, len(failures), self.jitter))
        return max(0.0, _ended(self.ledger, last) + wanted - self.now)

    def bears(self) -> bool:
        """Say whether the call still has patience with what is down."""
        first = next((record for record in self.ledger.turn if record.error is not None), None)
        return first is not None and self.now - _ended(self.ledger, first) < self.means.outage_seconds

    def spread(self, seconds: float) -> float:
        """Spread those who wait for the same moment: behind it, never before it."""
        return seconds + self.jitter * min(_MOST_SPREAD_SECONDS, _LEAST_SPREAD_SECONDS + _SPREAD * seconds)

    def in_time(self, seconds: float, move: Try | Pause) -> "_Wait | None":
        return _Wait(seconds=seconds, move=move) if self.now + seconds < self.ledger.deadline else None


def _backoff(error: LLMError, tries: int, jitter: float) -> float:
    overloaded = isinstance(error, ModelUnavailable) and error.reason in ("overloaded", "loading")
    base = _OVERLOADED_BASE_SECONDS if overloaded else _BASE_SECONDS
    ceiling = min(_CAP_SECONDS, base * 2.0 ** min(tries - 1, _MOST_DOUBLINGS))
    return ceiling * (0.5 + 0.5 * jitter) if overloaded else ceiling * jitter


def _at(moments: tuple[float, ...], index: int) -> float:
    return moments[index] if index < len(moments) else -inf


def _ended(ledger: Ledger, record: AttemptRecord) -> float:
    return ledger.started + record.after_seconds + record.seconds


def _places(plan: Plan) -> dict[tuple[str, str], int]:
    return {(step.profile.provider, step.profile.name): index for index, step in enumerate(plan.steps)}


def _last_of_each(plan: Plan, ledger: Ledger) -> dict[int, AttemptRecord]:
    """The last record of each model of the plan that was tried in this turn, in the order tried."""
    places = _places(plan)
    found = ((places.get((record.provider, record.model)), record) for record in ledger.turn)
    return {index: record for index, record in found if index is not None}
