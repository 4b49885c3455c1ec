"""Moments as people write them: a while ago, a day, or a day with its time; by UTC where nothing else is said."""

import re
from datetime import UTC, datetime
from typing import Final

_WHILE: Final = re.compile(r"(\d{1,6})\s*([mhdw])")
_SECONDS: Final = {"m": 60.0, "h": 3600.0, "d": 86_400.0, "w": 604_800.0}
_DAY: Final = re.compile(r"\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?(Z|[+-]\d{2}:?\d{2})?)?")


def seconds_of(text: str) -> float | None:
    """How many seconds a while is.

    >>> seconds_of("12h"), seconds_of("30D"), seconds_of("soon")
    (43200.0, 2592000.0, None)
    """
    found = _WHILE.fullmatch(text.strip().lower())
    return None if found is None else int(found[1]) * _SECONDS[found[2]]


def moment_of(text: str, now: float) -> float | None:
    """The moment that a text names, in seconds since 1970; None when it names none.

    >>> moment_of("7d", 1_000_000.0), moment_of("2026-01-31", 0.0), moment_of("soon", 0.0)
    (395200.0, 1769817600.0, None)
    """
    ago = seconds_of(text)
    if ago is not None:
        return now - ago
    said = text.strip()
    if _DAY.fullmatch(said) is None:
        return None
    try:
        moment = datetime.fromisoformat(said)
        return (moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None
