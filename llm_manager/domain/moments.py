"""Times as people read them."""

from datetime import UTC, datetime
from typing import Final

_FAR: Final = 4e9


def moment(wall: float) -> str:
    """A time in seconds since 1970, for a person."""
    if not 0 <= wall < _FAR:
        return "a later time"
    return datetime.fromtimestamp(wall, UTC).strftime("%Y-%m-%d %H:%M UTC")
