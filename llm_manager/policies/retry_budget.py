"""How often requests may be sent again to one endpoint: a share of what was asked of it in the last minute.

Calls and re-sends are counted in bins of five seconds, so that the memory is constant however many there are.
"""

from typing import Final

from msgspec import Struct

WINDOW_SECONDS: Final = 60.0
SHARE: Final = 0.2
LEAST: Final = 10
"""So many re-sends a minute are always within bounds."""

BINS: Final = 12
BIN_SECONDS: Final = WINDOW_SECONDS / BINS


class Resent(Struct, frozen=True):
    """What was sent to an endpoint: in the newest bin, number ``bin``, and in those before it, oldest first."""

    bin: int
    calls: int = 0
    resends: int = 0
    earlier: tuple[tuple[int, int], ...] = ()


def bin_at(now: float) -> int:
    """The number of the bin that a moment falls into."""
    return int(now // BIN_SECONDS)


def called(state: Resent, now: float) -> Resent:
    """Count a request, re-sent or not."""
    if now >= (state.bin + 1) * BIN_SECONDS:
        state = _at(state, bin_at(now))
    return Resent(state.bin, state.calls + 1, state.resends, state.earlier)


def resent(state: Resent, now: float) -> Resent:
    """Count a re-send when it is decided on, so that whoever asks next knows of it."""
    state = _at(state, bin_at(now))
    return Resent(state.bin, state.calls, state.resends + 1, state.earlier)


def taken(state: Resent, now: float) -> tuple[Resent, float]:
    """Count a re-send if there is room for it now; else say in how many seconds there is."""
    wait = wait_seconds(state, now)
    return (state, wait) if wait > 0.0 else (resent(state, now), 0.0)


def wait_seconds(state: Resent, now: float) -> float:
    """Seconds until one more re-send is within bounds: as soon as enough of those counted are older than a minute."""
    if state.resends + sum(each[1] for each in state.earlier) < LEAST:
        return 0.0
    state = _at(state, bin_at(now))
    bins = (*state.earlier, (state.calls, state.resends))
    all_calls, all_resends = sum(each[0] for each in bins), sum(each[1] for each in bins)
    first = state.bin - len(state.earlier)
    for place, (bin_calls, bin_resends) in enumerate(bins):
        if _has_room(all_calls, all_resends):
            return 0.0 if place == 0 else _forgotten_at(first + place - 1) - now
        all_calls, all_resends = all_calls - bin_calls, all_resends - bin_resends
    return _forgotten_at(state.bin) - now


def _has_room(calls: int, resends: int) -> bool:
    return resends < max(LEAST, int(SHARE * calls))


def _forgotten_at(number: int) -> float:
    """When a bin leaves the window: it does so as a whole."""
    return (number + BINS) * BIN_SECONDS


def _at(state: Resent, number: int) -> Resent:
    """The same with ``number`` as its newest bin; what is older than a minute is forgotten. A clock that goes back adds to the newest."""
    steps = number - state.bin
    if steps <= 0:
        return state
    if steps >= BINS:
        return Resent(number)
    bins = (*state.earlier, (state.calls, state.resends), *((0, 0),) * (steps - 1))
    return Resent(number, 0, 0, bins[-(BINS - 1) :])
