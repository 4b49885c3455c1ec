"""Answers to prompts that are alike, which are used only where the caller's own policy accepts them."""

from collections.abc import Callable
from typing import TypeAlias

from attrs import field, frozen

from llm_manager.domain.caching import NOWHERE, Provenance
from llm_manager.domain.requests import LLMRequest
from llm_manager.domain.responses import LLMResponse


@frozen(kw_only=True)
class SimilarHit:
    """The answer to the prompt most like this one: all but the last words of the user is the same, down to the model and the tenant.

    ``score`` is the cosine of the two prompts' vectors: 1 for what means the same. It is a guess, and never the answer to these words.
    """

    score: float
    response: LLMResponse = field(repr=False)
    age_seconds: float
    provenance: Provenance = NOWHERE


AcceptSimilar: TypeAlias = Callable[[LLMRequest, SimilarHit], bool]
"""Says whether the answer to a similar prompt will do for this request; it is asked each time, and should be quick."""


@frozen(kw_only=True)
class SimilarSettings:
    """When the answer to a similar prompt may stand in: from which score on, and where ``accept`` agrees.

    ``model`` and ``provider`` make the vectors, each told and counted as a request of its own beside the answer: a request with a
    ``max_cost_usd`` is not compared, so that no vector can pass it. Of private requests nothing is compared unless ``private``
    says so, and then only a local model makes the vector. ``max_prompts`` are compared with at most, the newest.
    """

    accept: AcceptSimilar = field(repr=False)
    threshold: float = 0.95
    model: str | None = None
    provider: str | None = None
    private: bool = False
    max_prompts: int = 10_000
