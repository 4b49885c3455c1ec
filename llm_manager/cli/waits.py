"""What a command waits for, in words: nobody should sit before a silent screen."""

from collections.abc import Callable
from typing import Final

from llm_manager.domain.events import Event, MovedOn, Paused

_LONG_SECONDS: Final = 3.0


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
