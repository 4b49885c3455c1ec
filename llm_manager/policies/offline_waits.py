"""How long to wait before looking again whether the connection is back: soon at first, then ever more rarely."""

from typing import Final

FIRST_SECONDS: Final = 5.0
LONGEST_SECONDS: Final = 60.0
_MOST_DOUBLINGS: Final = 8


def pause_before_look(looks: int, jitter: float) -> float:
    """The pause after so many looks that found nobody; ``jitter`` is from 0 to 1, so that many who wait do not look at once."""
    longest = min(LONGEST_SECONDS, FIRST_SECONDS * 2.0 ** min(max(0, looks - 1), _MOST_DOUBLINGS))
    return longest * (0.8 + 0.2 * min(1.0, max(0.0, jitter)))
