"""What whoever runs a program asks of the caches: what is in them and what that is good for, and that some of it be forgotten."""

from collections.abc import Callable
from math import isnan

from returns.result import Failure, Success

from llm_manager.domain.caching import CacheReport, Forgetting, SimilarStatistics
from llm_manager.domain.embeddings import Vector
from llm_manager.domain.errors import InvalidRequest, LLMError
from llm_manager.domain.responses import LLMResponse
from llm_manager.effects import publish
from llm_manager.outcomes import Settled
from llm_manager.services.cache import Cache
from llm_manager.services.manager import CacheStatisticsOf, Forget


def clearing(answers: Cache[LLMResponse], vectors: Cache[Vector]) -> Forget:
    """Forget answers and vectors alike; that nothing was said is a failure, so that nobody forgets all by a slip."""

    async def forget(
        *,
        model: str | None = None,
        tag: str | None = None,
        tenant: str | None = None,
        older_than_seconds: float | None = None,
        everything: bool = False,
    ) -> Settled[int, LLMError]:
        meant = Forgetting(model=model, tag=tag, tenant=tenant, older_than_seconds=older_than_seconds)
        if everything == (meant != Forgetting()):
            return Failure(InvalidRequest(message="say what to forget: model, tag, tenant, older_than_seconds, or everything alone"))
        if older_than_seconds is not None and (isnan(older_than_seconds) or older_than_seconds < 0):
            return Failure(InvalidRequest(message="older_than_seconds: give a number from 0"))
        gone = await answers.forget(meant)
        if isinstance(gone, Failure):
            return gone
        others = await vectors.forget(meant)
        return others if isinstance(others, Failure) else Success(gone.unwrap() + others.unwrap())

    return publish(forget)


def telling_cache(
    answers: Cache[LLMResponse], vectors: Cache[Vector], similar: Callable[[], SimilarStatistics] | None = None
) -> CacheStatisticsOf:
    """Tell of answers and of vectors, and of similar prompts where they are compared."""

    async def statistics() -> Settled[CacheReport, LLMError]:
        told = await answers.statistics()
        if isinstance(told, Failure):
            return told
        others = await vectors.statistics()
        if isinstance(others, Failure):
            return others
        alike = None if similar is None else similar()
        return Success(CacheReport(answers=told.unwrap(), vectors=others.unwrap(), similar=alike))

    return publish(statistics)
