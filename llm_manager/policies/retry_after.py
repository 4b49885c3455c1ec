"""How long a provider asks us to wait, read from every form in which providers say it.

A form that is negative, not finite or not readable says nothing, and the next one is asked.
"""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from math import isfinite
from typing import TypeAlias

Header: TypeAlias = Callable[[str], str | None]
"""The value of a header by its lower-case name."""

_NUMBER = re.compile(r"[0-9]{1,15}(?:\.[0-9]{1,12})?\Z")
_DURATION_PART = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,9})?)(ms|us|µs|ns|d|h|m|s)")
_DURATION = re.compile(r"(?:[0-9]{1,9}(?:\.[0-9]{1,9})?(?:ms|us|µs|ns|d|h|m|s)){1,7}\Z")
_SECONDS = {"d": 86400.0, "h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}
_TRY_AGAIN = re.compile(r"try again in ([0-9][0-9.a-zµ]{0,40})")
_BUCKETS = ("", "-requests", "-tokens")
_LONGEST_VALUE = 64
_EPOCH_SECONDS = 1e9
_EPOCH_MILLISECONDS = 1e12


def wait_seconds(header: Header, *, wall: float, text: str = "") -> float | None:
    """Say how many seconds to wait, by ``retry-after-ms``, then ``retry-after``, then the text, then the reset headers.

    ``wall`` is now, in seconds since 1970; ``text`` is the provider's own message.
    """
    seconds = asked_seconds(header, wall=wall)
    if seconds is not None:
        return seconds
    said = _TRY_AGAIN.search(text)
    if said is not None:
        seconds = duration_seconds(said.group(1).rstrip("."))
        if seconds is not None:
            return seconds
    return _until_reset(header, wall)


def asked_seconds(header: Header, *, wall: float) -> float | None:
    """Say how many seconds to wait by ``retry-after-ms`` and ``retry-after`` alone, which any refusal may carry."""
    milliseconds = _number(header("retry-after-ms"))
    if milliseconds is not None:
        return milliseconds / 1000.0
    after = header("retry-after")
    if after is None:
        return None
    seconds = _number(after)
    return _until(_http_date(after), wall) if seconds is None else seconds


def duration_seconds(text: str) -> float | None:
    """Read a duration such as ``9m38.016s``, ``12ms`` or ``1h2m3s``.

    >>> duration_seconds("6m0s"), duration_seconds("12ms"), duration_seconds("soon")
    (360.0, 0.012, None)
    """
    text = text.strip()[:_LONGEST_VALUE]
    if _DURATION.match(text) is None:
        return None
    return sum(float(amount) * _SECONDS[unit] for amount, unit in _DURATION_PART.findall(text))


def leading_number(value: str) -> float | None:
    """Read the number with which a value begins: some write the window of a limit behind it, as in ``100;w=60``."""
    return _number(value[:_LONGEST_VALUE].partition(",")[0].partition(";")[0])


def _number(value: str | None) -> float | None:
    if value is None:
        return None
    value = value.strip()
    return float(value) if len(value) <= _LONGEST_VALUE and _NUMBER.match(value) else None


def _until(moment: float | None, wall: float) -> float | None:
    """Seconds from now to a moment; a moment that has passed says nothing."""
    if moment is None or not isfinite(moment) or moment < wall:
        return None
    return moment - wall


def _http_date(value: str) -> float | None:
    from email.utils import parsedate_to_datetime

    if len(value) > _LONGEST_VALUE:
        return None
    try:
        moment = parsedate_to_datetime(value)
        return (moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, TypeError, OverflowError, IndexError):
        return None


def _until_reset(header: Header, wall: float) -> float | None:
    """The longest wait among the limits of which nothing remains."""
    waits = []
    for bucket in _BUCKETS:
        remaining = _number(header(f"x-ratelimit-remaining{bucket}"))
        reset = header(f"x-ratelimit-reset{bucket}")
        if remaining == 0 and reset is not None:
            wait = reset_seconds(reset, wall)
            if wait is not None:
                waits.append(wait)
    return max(waits, default=None)


def reset_seconds(reset: str, wall: float) -> float | None:
    """Read a reset: a duration, a number of seconds, or a moment: since 1970 in (milli)seconds, or written out."""
    reset = reset.strip()
    number = _number(reset)
    if number is not None:
        if number >= _EPOCH_MILLISECONDS:
            return _until(number / 1000.0, wall)
        return _until(number, wall) if number >= _EPOCH_SECONDS else number
    seconds = duration_seconds(reset)
    if seconds is not None:
        return seconds
    try:
        moment = datetime.fromisoformat(reset[:_LONGEST_VALUE])
        return _until(moment.timestamp(), wall) if moment.tzinfo is not None else None
    except (ValueError, OverflowError):
        return None
