"""What a command waits for, in words: nobody should sit before a silent screen."""

from collections.abc import Callable, Iterator
from typing import Final
from urllib.parse import urlsplit

from llm_manager.domain.events import Event, MovedOn, Paused
from llm_manager.domain.standing import Standing

_LONG_SECONDS: Final = 3.0
_SOON_SECONDS: Final = 60.0
"""Within this the last way there is has been tried before that."""


def waiting_words(standing: Standing) -> str | None:
    """What holds requests back now; None when nothing does.

    >>> waiting_words(Standing())
    """
    return next(_reasons(standing), None)


def _reasons(standing: Standing) -> Iterator[str]:
    for breaker in standing.breakers:
        if breaker.phase != "closed":
            seconds = breaker.probe_in_seconds or 0.0
            when = "soon" if seconds < _SOON_SECONDS else f"in {seconds:.0f} s"
            yield f"{_place(breaker.endpoint) or breaker.provider} is down, tried again {when}"
    for scope in standing.scopes:
        if scope.paused_seconds >= 1.0:
            yield f"asked to slow down, {scope.paused_seconds:.0f} s"


def _place(endpoint: str) -> str:
    """Host and port, and nothing else of an address."""
    return urlsplit(endpoint).netloc.rpartition("@")[2]


def telling_waits(tell: Callable[[str], None], now: Callable[[], float]) -> Callable[[Event], None]:
    """Tell each long wait once, as it begins."""
    told_until = 0.0

    def heed(event: Event) -> None:
        nonlocal told_until
        match event:
            case Paused(seconds=seconds):
                words = f"waiting: asked to wait {seconds:.0f} s"
            case MovedOn(after_seconds=seconds):
                words = f"waiting: {event.from_model} failed ({event.error_tag}), asked again in {seconds:.0f} s"
            case _:
                return
        if seconds <= _LONG_SECONDS or now() + seconds <= told_until + _LONG_SECONDS:
            return
        told_until = now() + seconds
        tell(words)

    return heed
