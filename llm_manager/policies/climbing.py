"""How fast to climb back after a push-back: quickly towards the height that is thought to hold, slowly around it, then faster.

The same curve serves requests per second and requests at once; it depends on time only, not on how long answers take.
"""

from msgspec import Struct

PLATEAU_SECONDS = 12.0
"""How long it takes from the start to the height that is thought to hold."""
_DOUBLING_SECONDS = 40.0
"""How long after that it has doubled."""
_MOST_DOUBLED = 4.0
_MOST_DOUBLINGS = 20.0


class Climb(Struct, frozen=True):
    """A way up that began at ``start`` then, and levels out at ``target`` before it goes on.

    Where nothing is known of a target, it is doubled every ``doubling`` seconds instead.
    """

    start: float
    target: float
    since: float
    plateau: float = PLATEAU_SECONDS
    doubling: float = 0.0


def height(climb: Climb, now: float) -> float:
    """How high it is by now."""
    seconds = max(0.0, now - climb.since)
    if climb.doubling:
        doubled: float = 2.0 ** min(_MOST_DOUBLINGS, seconds / climb.doubling)
        return climb.start * doubled
    if seconds < climb.plateau:
        return climb.target - (climb.target - climb.start) * (1.0 - seconds / climb.plateau) ** 3
    return climb.target * (1.0 + min(_MOST_DOUBLED, (seconds - climb.plateau) / _DOUBLING_SECONDS) ** 3)


def held(climb: Climb, seconds: float) -> Climb:
    """The same, so much later: time in which nobody wanted more proves nothing."""
    return Climb(climb.start, climb.target, climb.since + seconds, climb.plateau, climb.doubling)
