"""A subscriber of the journal that keeps `Statistics`, folding events in runs: a fold for each would cost four times as much."""

from collections import deque
from collections.abc import Callable

from attrs import frozen

from llm_manager.cells import Cell
from llm_manager.domain.events import AttemptFailed, Event
from llm_manager.domain.statistics import Statistics
from llm_manager.policies.statistics import COUNTED, observe_all
from llm_manager.services.journal import Subscriber

_MOST_WAITING = 64
_OLD_SECONDS = 0.1


@frozen(kw_only=True)
class StatisticsKeeper:
    """What has been seen, kept.

    ``read`` gives all of it. ``recent`` is for who asks on every call: it lacks at most the last 64 events, and none
    that was told 0.1 s before ``now`` (on the clock of the events) or that comes before a failed attempt.
    """

    subscriber: Subscriber
    read: Callable[[], Statistics]
    recent: Callable[[float], Statistics]


def keeping_statistics() -> StatisticsKeeper:
    """Make a keeper that has seen nothing."""
    cell = Cell(Statistics())
    waiting: deque[Event] = deque()

    def fold(statistics: Statistics) -> Statistics:
        return observe_all(statistics, [waiting.popleft() for _ in range(len(waiting))])

    def subscriber(event: Event) -> None:
        if type(event) not in COUNTED:
            return
        waiting.append(event)
        if len(waiting) >= _MOST_WAITING or isinstance(event, AttemptFailed):
            cell.swap(fold)

    def read() -> Statistics:
        return cell.swap(fold) if waiting else cell.read()

    def recent(now: float) -> Statistics:
        try:
            old = now - waiting[0].at >= _OLD_SECONDS
        except IndexError:
            return cell.read()
        return cell.swap(fold) if old else cell.read()

    return StatisticsKeeper(subscriber=subscriber, read=read, recent=recent)
