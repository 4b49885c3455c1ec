"""Remembering answers."""

from collections.abc import Callable, Coroutine
from typing import Any

from attrs import frozen

from llm_manager.domain.errors import LLMError
from llm_manager.domain.responses import LLMResponse
from llm_manager.outcomes import Settled


@frozen(kw_only=True)
class Cache:
    """Answers under digests; it forgets after its time to live and holds no more than its size."""

    get: Callable[[str], Coroutine[Any, Any, Settled[LLMResponse | None, LLMError]]]
    put: Callable[[str, LLMResponse], Coroutine[Any, Any, Settled[None, LLMError]]]
    clear: Callable[[], Coroutine[Any, Any, Settled[None, LLMError]]]
