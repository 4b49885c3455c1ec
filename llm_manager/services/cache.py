"""Remembering values that cost something: answers, vectors."""

from collections.abc import Callable, Coroutine
from typing import Any, Generic, TypeVar

from attrs import frozen

from llm_manager.domain.errors import LLMError
from llm_manager.outcomes import Settled

Value = TypeVar("Value")


@frozen(kw_only=True)
class Cache(Generic[Value]):
    """Values under digests; it forgets after its time to live and holds no more than its size."""

    get: Callable[[str], Coroutine[Any, Any, Settled[Value | None, LLMError]]]
    put: Callable[[str, Value], Coroutine[Any, Any, Settled[None, LLMError]]]
    clear: Callable[[], Coroutine[Any, Any, Settled[None, LLMError]]]
