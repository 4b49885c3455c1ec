"""How many requests a provider takes at once, learned: 32 at first, and one more with every answer while half of them are used.

Once a request is refused because so many are under way, it falls, and climbs back along the curve of `climbing`. Of all that
were under way then only the first refusal counts, so that it falls once in a round trip.
"""

from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from llm_manager.policies.climbing import Climb, height

FIRST: Final = 32.0
_KEPT = 0.7
_FORGOTTEN_SECONDS = 600.0
_RAMP_SECONDS = 900.0
_RAMP_GROWTH = 1.5


class Room(Struct, frozen=True):
    """What is known. Refusals of grants up to ``number`` are old news; ``peak`` is how many were under way at most since then.

    ``fruitless`` says that nothing was answered since the last refusal. A slow climb was asked for at ``ramp_since``:
    from ``ramp_base`` by half every quarter of an hour, until it is ``ramp_top`` again.
    """

    size: float = FIRST
    climb: Climb | None = None
    number: int = 0
    peak: int = 0
    fruitless: bool = False
    ramp_base: float = 0.0
    ramp_top: float = 0.0
    ramp_since: float = 0.0


UNKNOWN: Final = Room()


def room_at(room: Room, now: float) -> float:
    """How many may be under way; what was never tried is not believed: no more than twice as many as were."""
    size = room.size
    if room.climb is not None:
        size = min(height(room.climb, now), max(2.0 * room.peak, room.climb.start))
    if room.ramp_top:
        size = min(size, _ramp_at(room, now))
    return max(1.0, size)


def is_steady(room: Room) -> bool:
    """Say whether time alone changes nothing."""
    return room.climb is None and not room.ramp_top


def peaked(room: Room, under_way: int) -> Room:
    """With so many under way."""
    return room if under_way <= room.peak or room.climb is None else replace(room, peak=under_way)


def accepted(room: Room, *, more: float, now: float) -> Room:
    """After an answer, or the beginning of one, which keeps its place; so much ``more`` room is believed in, where it is wanted."""
    if room.climb is None:
        return replace(room, size=room.size + more) if more else room
    if now - room.climb.since > _FORGOTTEN_SECONDS and not room.ramp_top:
        return Room(size=max(FIRST, room_at(room, now)))
    if room.ramp_top and _ramp_at(room, now) >= room.ramp_top:
        room = replace(room, ramp_top=0.0)
    return replace(room, fruitless=False) if room.fruitless else room


def crowded(room: Room, *, number: int, latest: int, under_way: int, now: float, ramp: bool) -> Room:
    """After the refusal of grant ``number`` of ``latest``, because so many were under way."""
    if number <= room.number:
        return room
    before = room_at(room, now)
    used = max(1.0, min(before, float(under_way)))
    start = max(1.0, used / 2.0) if ramp else max(1.0, used * _KEPT, before / 2.0)
    target = max(start, used)
    if room.fruitless and room.climb is not None:  # an outage says nothing of how much is taken afterwards
        target = max(target, room.climb.target)
    return Room(
        before,
        Climb(start, target, now),
        latest,
        under_way,
        True,
        start if ramp else room.ramp_base,
        max(before, room.ramp_top) if ramp else room.ramp_top,
        now if ramp else room.ramp_since,
    )


def _ramp_at(room: Room, now: float) -> float:
    quarters = min(64.0, max(0.0, now - room.ramp_since) / _RAMP_SECONDS)
    grown: float = _RAMP_GROWTH**quarters
    return min(room.ramp_top, room.ramp_base * grown)
