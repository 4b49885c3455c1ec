"""What the last requests tell of an endpoint: how many failed one after the other, and which share of those in a sliding window.

The window is a few bins, so that it takes as much memory after a million requests as after ten.
"""

from msgspec import Struct

from llm_manager.domain.configuration import BreakerSettings

_BINS = 10


class Bin(Struct, frozen=True, kw_only=True):
    """What was seen in the part of the window that ``ends`` then."""

    ends: float
    calls: int
    failed: int


class Verdicts(Struct, frozen=True):
    """``failures`` one after the other up to now, the bin that is filled until ``ends``, and those before it."""

    failures: int = 0
    ends: float = 0.0
    calls: int = 0
    failed: int = 0
    older: tuple[Bin, ...] = ()


def counted(seen: Verdicts, settings: BreakerSettings, *, now: float, failed: int) -> Verdicts:
    """One more request has ended, with ``failed`` 1 or 0; what has left the window is forgotten."""
    failures = seen.failures + 1 if failed else 0
    if now < seen.ends:
        return Verdicts(failures, seen.ends, seen.calls + 1, seen.failed + failed, seen.older)
    begins = now - settings.window_seconds
    full = (*seen.older, Bin(ends=seen.ends, calls=seen.calls, failed=seen.failed))
    older = tuple(each for each in full if each.calls and each.ends > begins)[-_BINS:]
    return Verdicts(failures=failures, ends=now + settings.window_seconds / _BINS, calls=1, failed=failed, older=older)


def too_many_failed(seen: Verdicts, settings: BreakerSettings, *, under_way: int = 0) -> bool:
    """Say whether the last failures, or the share of failures in the window, are too many.

    Of many requests ``under_way`` some fail by chance: half as many have to one after the other, or as many be counted.
    """
    if seen.failures >= settings.failures and 2 * seen.failures >= under_way:
        return True
    calls = seen.calls + sum(each.calls for each in seen.older)
    failed = seen.failed + sum(each.failed for each in seen.older)
    return calls >= max(settings.least_calls, under_way) and failed >= settings.failure_rate * calls
