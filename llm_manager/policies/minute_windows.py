"""Counting what left in the last minute, in bins of a second: so many a minute, in whichever minute one looks.

A bin counts until a minute and a second have passed since its end, so that no provider, who counts what arrives, sees more in a
minute when a request was up to a second on its way. So 62 of them are kept, and no more however many requests leave.
"""

from math import floor, inf

from msgspec import Struct

_BINS = 61
_LASTS = 62
_NONE = (0,) * _BINS


class Minute(Struct, frozen=True):
    """What left: in the second that began at ``second``, in the sixty-one before it (newest first), and in all of them."""

    second: int
    requests: int = 0
    tokens: int = 0
    older_requests: tuple[int, ...] = _NONE
    older_tokens: tuple[int, ...] = _NONE
    all_requests: int = 0
    all_tokens: int = 0


def begun(now: float) -> Minute:
    """A minute in which nothing has left."""
    return Minute(floor(now))


def at(minute: Minute, now: float) -> Minute:
    """The same, seen from ``now``."""
    second = floor(now)
    passed = second - minute.second
    if passed <= 0:
        return minute
    if passed > _BINS:
        return Minute(second)
    between = (0,) * (passed - 1)
    requests = (*between, minute.requests, *minute.older_requests)
    tokens = (*between, minute.tokens, *minute.older_tokens)
    return Minute(
        second,
        0,
        0,
        requests[:_BINS],
        tokens[:_BINS],
        minute.all_requests - sum(requests[_BINS:]),
        minute.all_tokens - sum(tokens[_BINS:]),
    )


def left(minute: Minute, tokens: int) -> Minute:
    """With one more request, of so many tokens, in the second it is at."""
    return Minute(
        minute.second,
        minute.requests + 1,
        minute.tokens + tokens,
        minute.older_requests,
        minute.older_tokens,
        minute.all_requests + 1,
        minute.all_tokens + tokens,
    )


def corrected(minute: Minute, when: float, requests: int, tokens: int) -> Minute:
    """With so many more, or fewer, in the second in which ``when`` lies; what is too old to count stays as it is."""
    ago = minute.second - floor(when)
    if ago <= 0:
        requests, tokens = max(requests, -minute.requests), max(tokens, -minute.tokens)
        return Minute(
            minute.second,
            minute.requests + requests,
            minute.tokens + tokens,
            minute.older_requests,
            minute.older_tokens,
            minute.all_requests + requests,
            minute.all_tokens + tokens,
        )
    if ago > _BINS:
        return minute
    index = ago - 1
    requests, tokens = max(requests, -minute.older_requests[index]), max(tokens, -minute.older_tokens[index])
    return Minute(
        minute.second,
        minute.requests,
        minute.tokens,
        _changed(minute.older_requests, index, requests),
        _changed(minute.older_tokens, index, tokens),
        minute.all_requests + requests,
        minute.all_tokens + tokens,
    )


def ready_at(minute: Minute, *, requests: int | None, tokens: int | None, size: int) -> float:
    """When one more request of so many tokens fits limits per minute; `inf` for what never does."""
    most_before = inf if requests is None else requests - 1
    room_before = inf if tokens is None else tokens - size
    if most_before < 0 or room_before < 0:
        return inf
    if minute.all_requests <= most_before and minute.all_tokens <= room_before:
        return -inf
    requests_left, tokens_left = minute.all_requests, minute.all_tokens
    for index in range(_BINS - 1, -1, -1):
        requests_left -= minute.older_requests[index]
        tokens_left -= minute.older_tokens[index]
        if requests_left <= most_before and tokens_left <= room_before:
            return float(minute.second - 1 - index + _LASTS)
    return float(minute.second + _LASTS)


def _changed(bins: tuple[int, ...], index: int, by: int) -> tuple[int, ...]:
    return (*bins[:index], bins[index] + by, *bins[index + 1 :]) if by else bins
