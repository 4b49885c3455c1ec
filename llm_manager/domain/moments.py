"""Times as people read them."""

from datetime import UTC, datetime
from typing import Final

_FAR: Final = 4e9


def moment(wall: float) -> str:
    """A time in seconds since 1970, for a person, to the minute.

    >>> moment(0.0), moment(1e300), moment(-1.0)
    ('1970-01-01 00:00 UTC', 'a later time', 'unknown')
    """
    return _written(wall, "%Y-%m-%d %H:%M UTC")


def moment_exactly(wall: float) -> str:
    """The same to the second."""
    return _written(wall, "%Y-%m-%d %H:%M:%S UTC")


def _written(wall: float, form: str) -> str:
    if 0 <= wall < _FAR:
        return datetime.fromtimestamp(wall, UTC).strftime(form)
    return "a later time" if wall > 0 else "unknown"
