"""Remembering values that cost something: answers, vectors."""

from collections.abc import Callable, Coroutine
from typing import Any, Generic, TypeVar

from attrs import frozen
from returns.result import Success

from llm_manager.domain.caching import CacheStatistics, Forgetting, Remembered
from llm_manager.domain.errors import LLMError
from llm_manager.outcomes import Settled

Value = TypeVar("Value")


def _nothing(_: str) -> None: ...


async def _done() -> Settled[None, LLMError]:
    return Success(None)


@frozen(kw_only=True)
class Cache(Generic[Value]):
    """Values under digests, with where they came from; it forgets after its time to live and holds no more than its size.

    ``get`` counts a hit or a miss, ``holds`` neither. ``put`` remembers a value as old as it says. ``forget`` tells how many went.
    """

    get: Callable[[str], Coroutine[Any, Any, Settled[Remembered[Value] | None, LLMError]]]
    put: Callable[[str, Remembered[Value]], Coroutine[Any, Any, Settled[None, LLMError]]]
    holds: Callable[[str], Coroutine[Any, Any, Settled[bool, LLMError]]]
    forget: Callable[[Forgetting], Coroutine[Any, Any, Settled[int, LLMError]]]
    statistics: Callable[[], Coroutine[Any, Any, Settled[CacheStatistics, LLMError]]]
    hit: Callable[[str], None] = _nothing
    """Counts a hit that a memory in front of this cache has answered, so that what is used is kept."""
    flush: Callable[[], Coroutine[Any, Any, Settled[None, LLMError]]] = _done
    """Waits until all that was put and counted is kept, and no more than there is room for."""
