"""Keep requests from endpoints that are down: `policies.breaker` decides, one cell for each endpoint remembers."""

from collections.abc import Callable, Mapping
from itertools import count
from math import inf
from typing import Final

from attrs import frozen
from returns.result import Failure, Success

from llm_manager.cells import Cell
from llm_manager.domain.attempts import AnyAttempt
from llm_manager.domain.configuration import BreakerSettings
from llm_manager.domain.error_questions import counts_for_breaker, describe
from llm_manager.domain.errors import CircuitOpen, LLMError
from llm_manager.domain.events import BreakerChanged
from llm_manager.domain.models import Endpoint
from llm_manager.domain.rate_limits import RateLimits
from llm_manager.domain.standing import BreakerStanding
from llm_manager.policies.breaker import (
    Breaker,
    Closed,
    Leave,
    Refused,
    Verdict,
    answered,
    begun,
    ended,
    last_used,
    leave,
    phase_of,
    refusal,
    reset,
    shut_until,
)
from llm_manager.policies.names import canonical_provider
from llm_manager.services.gates import LET_THROUGH, Emit, End, Entered, Pass, Replied
from llm_manager.services.guards import Breakers

_MOST_ENDPOINTS = 1000
_DROPPED_AT_ONCE = 100
_LONGEST_CAUSE = 500


def breaking(settings: BreakerSettings, now: Callable[[], float]) -> Breakers:
    """Breakers of every endpoint, by its identity."""
    if not settings.enabled:
        return _UNGUARDED
    kept = _Kept(settings, now)

    def entry(attempt: AnyAttempt, _: Emit) -> Entered:
        one = kept.of(attempt.endpoint)
        breaker = one.cell.read()
        if isinstance(breaker, Closed):
            return LET_THROUGH
        refused = refusal(breaker, settings, now=now(), last_resort=attempt.last_resort)
        return LET_THROUGH if refused is None else _refused(attempt, refused, one.cause)

    def gate(attempt: AnyAttempt, emit: Emit) -> Entered:
        one = kept.of(attempt.endpoint)
        breaker = one.cell.read()
        if isinstance(breaker, Closed):
            one.begun = next(one.beginnings)
            return one.usual(breaker.epoch, emit)
        left = one.leave(emit, last_resort=attempt.last_resort)
        if isinstance(left, Refused):
            return _refused(attempt, left, one.cause)
        if left.probe:
            return Success(one.probing(left, emit))
        one.begun = next(one.beginnings)
        return one.usual(left.epoch, emit)

    def check(endpoint: Endpoint, emit: Emit) -> Pass | None:
        one = kept.of(endpoint)
        left = one.leave(emit, checking=True)
        return one.probing(left, emit) if isinstance(left, Leave) and left.probe else None

    return Breakers(entry=entry, gate=gate, shut=kept.shut, standing=kept.standing, reset=kept.reset, check=check)


@frozen
class _Shut:
    """Who is shut; the same until ``changes_at``, unless a breaker changes before."""

    until: Mapping[str, float]
    changes_at: float


class _Kept:
    """One breaker for each endpoint, and who of them is shut."""

    __slots__ = ("_now", "_ones", "_settings", "_shut")

    def __init__(self, settings: BreakerSettings, now: Callable[[], float]) -> None:
        self._settings = settings
        self._now = now
        self._ones: dict[tuple[str, str, str], _One] = {}
        self._shut = Cell(_Shut({}, inf))

    def of(self, endpoint: Endpoint) -> "_One":
        """The breaker of an endpoint, made at its first request."""
        name = (endpoint.provider, endpoint.base_url, endpoint.account)  # `identity` takes thrice as long to make
        one = self._ones.get(name)
        return one if one is not None else self._made(name, endpoint)

    def shut(self) -> Mapping[str, float]:
        """Who is shut now, and until when."""
        seen = self._shut.read()
        if seen.changes_at == inf or self._now() < seen.changes_at:
            return seen.until
        return self.look().until

    def look(self) -> _Shut:
        """Find out anew who is shut."""
        return self._shut.swap(self._looked)

    def standing(self) -> tuple[BreakerStanding, ...]:
        """All of them, by name."""
        at = self._now()
        return tuple(one.standing(at) for _, one in sorted(self._ones.copy().items()))

    def reset(self, provider: str | None, emit: Emit) -> None:
        """Open the endpoints of a provider again, or all."""
        named = None if provider is None else canonical_provider(provider) or provider
        for one in list(self._ones.values()):
            if named in (None, one.endpoint.provider):
                one.change(reset, emit)

    def _looked(self, old: _Shut) -> _Shut:
        at = self._now()
        until = {
            one.endpoint.identity: moment
            for one in list(self._ones.values())
            if (moment := shut_until(one.cell.read(), self._settings, now=at)) is not None
        }
        return _Shut(old.until if until == old.until else until, min(until.values(), default=inf))

    def _made(self, name: tuple[str, str, str], endpoint: Endpoint) -> "_One":
        if len(self._ones) >= _MOST_ENDPOINTS:
            for old, _ in sorted(self._ones.copy().items(), key=lambda item: last_used(item[1].cell.read()))[:_DROPPED_AT_ONCE]:
                self._ones.pop(old, None)
        return self._ones.setdefault(name, _One(endpoint, self._settings, self._now, self.look))


class _One:
    """The breaker of one endpoint."""

    __slots__ = ("_ends", "_look", "_now", "_settings", "_usual", "beginnings", "begun", "cause", "cell", "endpoint")

    def __init__(self, endpoint: Endpoint, settings: BreakerSettings, now: Callable[[], float], look: Callable[[], object]) -> None:
        self.endpoint = endpoint
        self.cell: Cell[Breaker] = Cell(Closed())
        self.beginnings = count(1)
        self.begun = 0
        """How many have left that were no probes. Counters are safe for threads, and take a quarter of the time of a cell."""
        self.cause: str | None = None
        """Its last failure, in words."""
        self._ends = count(0)
        self._settings = settings
        self._now = now
        self._look = look
        self._usual: tuple[int, Emit | None, Entered] = (-1, None, LET_THROUGH)

    def usual(self, epoch: int, emit: Emit) -> Entered:
        """The pass of all who leave in this epoch and are no probe."""
        of, telling, made = self._usual
        if of == epoch and telling is emit:
            return made
        left, settings, now, cell, ends = Leave(epoch=epoch), self._settings, self._now, self.cell, self._ends

        def tell(how: End) -> None:
            over = next(ends)
            if isinstance(how, Replied):  # this runs on every call, and an answer shuts nothing
                cell.swap(answered, settings, left, now())
            elif how is not None and counts_for_breaker(how):
                self._end(left, how, emit, under_way=self.begun - over)

        passed = Success(Pass(ended=tell))
        self._usual = (epoch, emit, passed)
        return passed

    def leave(self, emit: Emit, *, last_resort: bool = False, checking: bool = False) -> Leave | Refused:
        """Let a request go, or not."""
        at = self._now()

        def step(breaker: Breaker) -> tuple[Breaker, tuple[Breaker, Breaker, Leave | Refused]]:
            after, left = leave(breaker, self._settings, now=at, last_resort=last_resort, checking=checking)
            return after, (breaker, after, left)

        before, after, left = self.cell.decide(step)
        self._tell(before, after, emit)
        return left

    def probing(self, left: Leave, emit: Emit) -> Pass:
        """The pass of a probe, which gives its slot back once."""
        held: Leave | None = left

        def opened(_: RateLimits | None) -> None:
            nonlocal held
            if held is None:
                return
            holding = held

            def step(breaker: Breaker) -> tuple[Breaker, tuple[Breaker, Breaker, Leave]]:
                after, still = begun(breaker, self._settings, holding)
                return after, (breaker, after, still)

            before, after, held = self.cell.decide(step)
            self._tell(before, after, emit)

        def tell(how: End) -> None:
            nonlocal held
            holding, held = held, None
            if holding is not None:
                self._end(holding, how, emit)

        return Pass(ended=tell, opened=opened)

    def change(self, step: Callable[[Breaker], Breaker], emit: Emit) -> None:
        """Swap the breaker, and tell when that is another phase."""

        def both(breaker: Breaker) -> tuple[Breaker, tuple[Breaker, Breaker]]:
            after = step(breaker)
            return after, (breaker, after)

        self._tell(*self.cell.decide(both), emit)

    def standing(self, at: float) -> BreakerStanding:
        """How it is now; one that is due stands half open, whoever may probe it first."""
        breaker = self.cell.read()
        wait = None if isinstance(breaker, Closed) else max(0.0, breaker.until - at)
        return BreakerStanding(
            provider=self.endpoint.provider,
            endpoint=self.endpoint.base_url,
            phase="half_open" if wait == 0.0 else phase_of(breaker),
            failures=breaker.failures,
            probes=breaker.probes,
            probe_in_seconds=wait,
            cause=None if wait is None else self.cause,
        )

    def _end(self, left: Leave, how: End, emit: Emit, *, under_way: int = 0) -> None:
        at, settings, verdict = self._now(), self._settings, _verdict(how)
        if verdict == "failed" and not isinstance(how, Replied | None):
            self.cause = describe(how)[:_LONGEST_CAUSE]  # before it opens: who is refused then is told why
        self.change(lambda breaker: ended(breaker, settings, left, verdict, now=at, under_way=under_way), emit)

    def _tell(self, before: Breaker, after: Breaker, emit: Emit) -> None:
        if isinstance(before, Closed) and isinstance(after, Closed):
            return
        self._look()
        if type(before) is not type(after):
            emit(BreakerChanged(at=self._now(), provider=self.endpoint.provider, endpoint=self.endpoint.base_url, phase=phase_of(after)))


def _verdict(how: End) -> Verdict:
    if isinstance(how, Replied):
        return "answered"
    return "failed" if how is not None and counts_for_breaker(how) else "nothing"


def _refused(attempt: AnyAttempt, refused: Refused, cause: str | None) -> Failure[LLMError]:
    model, endpoint = attempt.model.name, attempt.endpoint.base_url
    return Failure(CircuitOpen(model=model, endpoint=endpoint, retry_after_seconds=refused.seconds, cause=cause))


def _open_to_all(_: AnyAttempt, __: Emit) -> Entered:
    return LET_THROUGH


_NOBODY: Final[Mapping[str, float]] = {}
_UNGUARDED: Final = Breakers(
    entry=_open_to_all,
    gate=_open_to_all,
    shut=lambda: _NOBODY,
    standing=tuple,
    reset=lambda _, __: None,
    check=lambda _, __: None,
)
