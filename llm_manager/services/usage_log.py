"""Keeping what every request took, and asking for it."""

from collections.abc import Callable, Collection, Coroutine, Sequence
from typing import Any

from attrs import field, frozen
from returns.future import FutureResult

from llm_manager.domain.configuration import Budget
from llm_manager.domain.errors import LLMError
from llm_manager.domain.usage_log import PastSpending, UsageQuery, UsageReport
from llm_manager.outcomes import Settled
from llm_manager.services.journal import Subscriber


@frozen(kw_only=True)
class UsageLog:
    """One entry for each attempt, and for each answer that was remembered or shared.

    ``subscriber`` takes events and returns at once; ``flush`` returns when what it took is durable, and closing the store flushes.
    ``writer`` is the number under which this log writes, None before its first entry.
    """

    subscriber: Subscriber
    report: Callable[[UsageQuery], FutureResult[UsageReport, LLMError]]
    spent: Callable[
        [Sequence[tuple[Budget, float]], Collection[int]],
        Coroutine[Any, Any, Settled[tuple[tuple[PastSpending, ...], ...], LLMError]],
    ]
    """What each budget has spent since the beginning of its period, in seconds since 1970, by all but these writers."""
    flush: Callable[[], Coroutine[Any, Any, Settled[None, LLMError]]] = field(repr=False)
    writer: Callable[[], int | None] = field(repr=False)
