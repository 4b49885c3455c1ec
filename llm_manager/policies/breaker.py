"""Whether an endpoint is asked: a breaker is a value, and every function here is total and changes none.

    Closed     everybody is let through; verdicts are counted
    Open       nobody is, until it is due; then a probe is, and where it is the last resort one may go before that
    HalfOpen   probes are under way, never more than ``probes`` of them; the first verdict closes it or opens it again

A probe holds a slot until its request ends, however it ends; when all slots are back without a verdict the breaker is `Open`
as before, so nothing can keep it half open. ``epoch`` counts what was decided: what left before that has no say any more.
"""

from math import inf
from typing import Literal, TypeAlias, assert_never

from msgspec import Struct

from llm_manager.domain.configuration import BreakerSettings
from llm_manager.domain.standing import BreakerPhase
from llm_manager.policies.verdicts import Verdicts, counted, too_many_failed

Verdict: TypeAlias = Literal["answered", "failed", "nothing"]
"""What a request that has ended tells of its endpoint."""

_SHORTEST_SECONDS = 0.001
"""Who comes back after this long is not early again, however moments are rounded."""
_SOON_SECONDS = 1.0
"""When to come back while probes are under way: nobody knows when they end."""


class Closed(Struct, frozen=True):
    """All is well, as far as was ``seen``; ``probes`` still under way have no say here: another one has closed it."""

    epoch: int = 0
    seen: Verdicts = Verdicts()
    probes: int = 0

    @property
    def failures(self) -> int:
        """One after the other, up to now."""
        return self.seen.failures


class Open(Struct, frozen=True, kw_only=True):
    """Nobody is asked before ``until``, where it is the last resort before ``early``; ``probes`` are left from before."""

    epoch: int
    failures: int
    until: float
    early: float
    probes: int = 0


class HalfOpen(Struct, frozen=True, kw_only=True):
    """Being tried by ``probes`` requests; the moments are those of the `Open` one that it was."""

    epoch: int
    failures: int
    until: float
    early: float
    probes: int


Breaker: TypeAlias = Closed | Open | HalfOpen


class Leave(Struct, frozen=True, kw_only=True):
    """What a request takes with it: when it left, in epochs, and whether it holds a slot."""

    epoch: int
    probe: bool = False


class Refused(Struct, frozen=True, kw_only=True):
    """It may not go; coming back makes sense after so many seconds."""

    seconds: float


def phase_of(breaker: Breaker) -> BreakerPhase:
    """The phase as people name it."""
    match breaker:
        case Closed():
            return "closed"
        case Open():
            return "open"
        case HalfOpen():
            return "half_open"
        case _:
            assert_never(breaker)


def shut_until(breaker: Breaker, settings: BreakerSettings, *, now: float) -> float | None:
    """The moment until which every call is refused, `inf` while probes are under way; None when one may go."""
    if isinstance(breaker, Closed):
        return None
    due = _due(breaker, settings)
    if now < due:
        return due
    return inf if breaker.probes >= _most_probes(settings) else None


def refusal(
    breaker: Breaker, settings: BreakerSettings, *, now: float, last_resort: bool = False, checking: bool = False
) -> Refused | None:
    """Say why a request may not go now; None when it may. ``checking`` is a look in the background."""
    if isinstance(breaker, Closed):
        return None
    due = breaker.until if checking else _due(breaker, settings)
    if last_resort:
        due = min(due, breaker.early)
    if now < due:
        return Refused(seconds=max(due - now, _SHORTEST_SECONDS))
    return Refused(seconds=_SOON_SECONDS) if breaker.probes >= _most_probes(settings) else None


def leave(
    breaker: Breaker, settings: BreakerSettings, *, now: float, last_resort: bool = False, checking: bool = False
) -> tuple[Breaker, Leave | Refused]:
    """Let a request go, with a slot when it is a probe, or refuse it."""
    if isinstance(breaker, Closed):
        return breaker, Leave(epoch=breaker.epoch)
    refused = refusal(breaker, settings, now=now, last_resort=last_resort, checking=checking)
    if refused is not None:
        return breaker, refused
    trying = HalfOpen(
        epoch=breaker.epoch,
        failures=breaker.failures,
        until=breaker.until,
        early=now + settings.last_resort_seconds,
        probes=breaker.probes + 1,
    )
    return trying, Leave(epoch=breaker.epoch, probe=True)


def begun(breaker: Breaker, settings: BreakerSettings, left: Leave) -> tuple[Breaker, Leave]:
    """A probe's stream has begun to answer: its slot is free, and everybody is let through on trial: one failure ends that."""
    if not left.probe:
        return breaker, left
    freed = _freed(breaker)
    if isinstance(breaker, Closed) or left.epoch != breaker.epoch:
        return freed, Leave(epoch=left.epoch)
    trial = _closed(freed, failures=max(0, settings.failures - 1))
    return trial, Leave(epoch=trial.epoch)


def ended(breaker: Breaker, settings: BreakerSettings, left: Leave, verdict: Verdict, *, now: float, under_way: int = 0) -> Breaker:
    """A request has ended: its slot comes back, and its verdict counts if nothing was decided since it left.

    ``under_way`` are the requests at the endpoint, this one among them.
    """
    if left.probe:
        breaker = _freed(breaker)
    if verdict == "nothing" or left.epoch != breaker.epoch:
        return breaker
    match breaker:
        case Closed(seen=seen) if verdict == "answered":
            return Closed(breaker.epoch, counted(seen, settings, now=now, failed=0), breaker.probes)
        case Closed(seen=before):
            seen = counted(before, settings, now=now, failed=1)
            if too_many_failed(seen, settings, under_way=under_way):
                return _opened(breaker, settings, now=now, failures=seen.failures)
            return Closed(epoch=breaker.epoch, seen=seen, probes=breaker.probes)
        case Open() | HalfOpen() if verdict == "answered":
            return _closed(breaker)
        case Open() | HalfOpen():
            return _opened(breaker, settings, now=now, failures=breaker.failures + 1)
        case _:
            assert_never(breaker)


def answered(breaker: Breaker, settings: BreakerSettings, left: Leave, now: float) -> Breaker:
    """A request was answered: what `ended` makes of that, sooner where it changes nothing but a count."""
    if isinstance(breaker, Closed) and not left.probe and left.epoch == breaker.epoch:
        return Closed(breaker.epoch, counted(breaker.seen, settings, now=now, failed=0), breaker.probes)
    return ended(breaker, settings, left, "answered", now=now)


def reset(breaker: Breaker) -> Breaker:
    """Let everybody through again, whatever was seen."""
    return _closed(breaker)


def last_used(breaker: Breaker) -> float:
    """About when it was last told anything; later for one that is not closed, so that it is kept longer."""
    return breaker.seen.ends if isinstance(breaker, Closed) else inf


def _due(breaker: Open | HalfOpen, settings: BreakerSettings) -> float:
    """When a call may probe; where that is looked at in the background, only if nobody has for as long again."""
    return breaker.until + settings.open_seconds if settings.check_in_background else breaker.until


def _most_probes(settings: BreakerSettings) -> int:
    return max(1, settings.probes)


def _freed(breaker: Breaker) -> Breaker:
    """One slot is back; the last one, without a verdict, leaves the breaker as open as it was."""
    probes = max(0, breaker.probes - 1)
    match breaker:
        case Closed():
            return Closed(epoch=breaker.epoch, seen=breaker.seen, probes=probes)
        case HalfOpen() if probes:
            return HalfOpen(epoch=breaker.epoch, failures=breaker.failures, until=breaker.until, early=breaker.early, probes=probes)
        case Open() | HalfOpen():
            return Open(epoch=breaker.epoch, failures=breaker.failures, until=breaker.until, early=breaker.early, probes=probes)
        case _:
            assert_never(breaker)


def _closed(breaker: Breaker, *, failures: int = 0) -> Closed:
    return Closed(epoch=breaker.epoch + 1, seen=Verdicts(failures=failures), probes=breaker.probes)


def _opened(breaker: Breaker, settings: BreakerSettings, *, now: float, failures: int) -> Open:
    return Open(
        epoch=breaker.epoch + 1,
        failures=failures,
        until=now + settings.open_seconds,
        early=now + settings.last_resort_seconds,
        probes=breaker.probes,
    )
