"""The full trace of a history, hashed as it grows: every event of the journal, of the transport, and every result, with its time."""

import hashlib
from collections import deque
from collections.abc import Callable

from llm_manager.domain import events
from llm_manager.domain.events import Event

_KEPT = 40
_AT_ONCE = 256


class Trace:
    """Lines of metadata; the last of them are kept for whoever must understand what happened. Those with ``show`` in them are printed."""

    __slots__ = ("_digest", "_lines", "_show", "last", "step")

    def __init__(self, keep: int = _KEPT, *, show: str | None = None) -> None:
        self._show = show
        self._digest = hashlib.sha256()
        self._lines: list[str] = []
        self.last: deque[str] = deque(maxlen=keep)
        self.step = 0

    def tell(self, line: str) -> None:
        """One more step."""
        self.step += 1
        if self._show is not None and self._show in line:
            print(f"{self.step:>8} {line}")
        self._lines.append(line)
        self.last.append(line)
        if len(self._lines) >= _AT_ONCE:
            self._fold()

    def _fold(self) -> None:
        self._digest.update("\n".join((*self._lines, "")).encode())
        self._lines.clear()

    def digest(self) -> str:
        """The hash of everything told so far."""
        self._fold()
        return self._digest.hexdigest()


def line_of(event: Event) -> str:
    """An event as a line."""
    write = _WRITERS.get(type(event))
    return repr(event) if write is None else write(event)


def _started(event: events.AttemptStarted) -> str:
    return f"{event.at!r} started {event.call_id} {event.number} {event.provider} {event.key_fingerprint}"


def _failed(event: events.AttemptFailed) -> str:
    return f"{event.at!r} failed {event.call_id} {event.number} {event.provider} {event.seconds!r} {event.error.tag}"


def _attempt_answered(event: events.AttemptAnswered) -> str:
    return f"{event.at!r} got {event.call_id} {event.number} {event.provider} {event.seconds!r} {event.usage and event.usage.total_tokens}"


def _attempt_left(event: events.AttemptLeft) -> str:
    return f"{event.at!r} let-go {event.call_id} {event.number} {event.provider} {event.seconds!r}"


def _moved(event: events.MovedOn) -> str:
    return f"{event.at!r} moved {event.call_id} {event.from_model} {event.to_model} {event.after_seconds!r} {event.error_tag}"


def _hit(event: events.CacheHit) -> str:
    return f"{event.at!r} hit {event.call_id} {event.provider} {event.shared}"


def _answered(event: events.Answered) -> str:
    return f"{event.at!r} answered {event.call_id} {event.provider} {event.seconds!r} {event.cached} {getattr(event.cost, 'usd', None)}"


def _call_failed(event: events.CallFailed) -> str:
    return f"{event.at!r} gave-up {event.call_id} {event.seconds!r} {event.error.tag}"


def _cancelled(event: events.CallCancelled) -> str:
    return f"{event.at!r} left {event.call_id} {event.seconds!r}"


_WRITERS: dict[type, Callable[..., str]] = {
    events.AttemptStarted: _started,
    events.AttemptFailed: _failed,
    events.AttemptAnswered: _attempt_answered,
    events.AttemptLeft: _attempt_left,
    events.MovedOn: _moved,
    events.CacheHit: _hit,
    events.Answered: _answered,
    events.CallFailed: _call_failed,
    events.CallCancelled: _cancelled,
}
