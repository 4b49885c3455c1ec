"""Finding the prompt that is most like another."""

from collections.abc import Callable, Coroutine
from typing import Any

from attrs import frozen

from llm_manager.domain.embeddings import Vector
from llm_manager.domain.errors import LLMError
from llm_manager.outcomes import Settled


@frozen(kw_only=True)
class Near:
    """The key of an answer, and how alike its prompt is."""

    key: str
    score: float


@frozen(kw_only=True)
class SimilarPrompts:
    """Vectors of prompts, apart by ``context``, which is all that must be the same; each leads to the key of its answer.

    ``add`` is told whether the prompt is private.
    """

    nearest: Callable[[str, Vector], Coroutine[Any, Any, Settled[Near | None, LLMError]]]
    add: Callable[[str, str, Vector, bool], Coroutine[Any, Any, Settled[None, LLMError]]]
    drop: Callable[[str, str], Coroutine[Any, Any, Settled[None, LLMError]]]
    count: Callable[[], int]
    """How many prompts are at hand in this process."""
