"""Keeping what happened so that nobody can change it unseen."""

from collections.abc import Callable, Sequence

from attrs import frozen
from returns.future import FutureResult

from llm_manager.domain.audit import Anchor, AuditReport, AuditRow
from llm_manager.domain.errors import LLMError
from llm_manager.services.journal import Subscriber


@frozen(kw_only=True)
class AuditTrail:
    """A trail that only grows. ``subscriber`` takes events and returns at once; what it took is written when ``flush`` returns, which
    anchors it, and when the store is closed.

    ``rows(after, most)`` reads them in order from the one after that number. ``anchor`` tells how long the trail is now, to be kept
    elsewhere; ``verify`` reads all of it and compares it with anchors.
    """

    subscriber: Subscriber
    flush: Callable[[], FutureResult[None, LLMError]]
    rows: Callable[[int, int], FutureResult[tuple[AuditRow, ...], LLMError]]
    end: Callable[[], FutureResult[Anchor, LLMError]]
    """Where it ends; who only looks vouches for nothing."""
    anchor: Callable[[], FutureResult[Anchor, LLMError]]
    verify: Callable[[Sequence[Anchor | None]], FutureResult[AuditReport, LLMError]]
