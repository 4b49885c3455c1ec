"""A subscriber of the journal that keeps the newest calls as `UsageRecord`s, in memory."""

from collections import deque
from collections.abc import Callable

from attrs import frozen

from llm_manager.domain.events import Event
from llm_manager.domain.usage_records import UsageRecord
from llm_manager.policies.usage_records import usage_record
from llm_manager.services.journal import Subscriber


@frozen(kw_only=True)
class UsageKeeper:
    """The newest calls, kept: give ``subscriber`` to a journal, and ``read`` gives them, oldest first."""

    subscriber: Subscriber
    read: Callable[[], tuple[UsageRecord, ...]]


def keeping_usage(wall: Callable[[], float], *, most: int = 1000) -> UsageKeeper:
    """Make a keeper of at most so many records; ``wall`` is seconds since 1970."""
    kept: deque[UsageRecord] = deque(maxlen=most)

    def subscriber(event: Event) -> None:
        record = usage_record(event, wall())
        if record is not None:
            kept.append(record)

    return UsageKeeper(subscriber=subscriber, read=lambda: tuple(kept))
