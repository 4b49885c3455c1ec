"""The journal: every event to every subscriber, and nothing back."""

import logging

from llm_manager.domain.events import Event
from llm_manager.services.journal import Journal, Subscriber, unheard

_logger = logging.getLogger(__name__)


def journal_of(*subscribers: Subscriber) -> Journal:
    """Make a journal of subscribers, told in this order.

    A subscriber that raises has a bug: that is logged once, and neither the call nor the other subscribers feel it.
    """
    heard = tuple(subscriber for subscriber in subscribers if subscriber is not unheard)
    if not heard:
        return Journal(emit=unheard)
    broken: set[int] = set()

    def emit(event: Event) -> None:
        for place, subscriber in enumerate(heard):
            try:
                subscriber(event)
            except Exception:
                if place not in broken:
                    broken.add(place)
                    _logger.exception("a subscriber of the journal raised on %s; its next failures are not logged", event.tag)

    return Journal(emit=emit)
