"""Let the answer to a similar prompt stand in, where the caller's policy accepts it; what is asked anew is found by others later.

A layer behind `caching`: the same words are a hit there. What stands in is told as such and is never remembered under these words.
"""

import logging
from collections.abc import Callable
from typing import Final

from attrs import define, evolve, frozen
from returns.result import Failure, Success

from llm_manager.domain.attempts import Attempt
from llm_manager.domain.caching import SimilarStatistics
from llm_manager.domain.embeddings import EmbedRequest, Vector
from llm_manager.domain.errors import LLMError
from llm_manager.domain.events import SimilarFound
from llm_manager.domain.requests import LLMRequest
from llm_manager.domain.responses import LLMResponse
from llm_manager.domain.similar import SimilarHit, SimilarSettings
from llm_manager.domain.usage import Cost, Priced, Unpriced
from llm_manager.effects import settle
from llm_manager.layers.caching import replayed
from llm_manager.outcomes import Settled
from llm_manager.policies.cache_key import cache_key
from llm_manager.policies.pricing import NOTHING_PAID
from llm_manager.policies.similar_prompts import Parted, context_of, parted
from llm_manager.services.cache import Cache
from llm_manager.services.journal import Journal
from llm_manager.services.model_client import Embed
from llm_manager.services.similar import SimilarPrompts
from llm_manager.services.steps import OpenStream, Reply, Step, on_answer

_logger = logging.getLogger(__name__)

_TRIES: Final = 4
"""So many prompts whose answers have gone are passed over for one request."""


@define
class Tally:
    """What was found, and what of it was used."""

    found: int = 0
    used: int = 0


@frozen(kw_only=True)
class Likeness:
    """What is needed: vectors, an index of them, the answers, and how a request without its last words is named."""

    settings: SimilarSettings
    prompts: SimilarPrompts
    answers: Cache[LLMResponse]
    embed: Embed
    rest_key: Callable[[Attempt, LLMRequest], str | None]
    """The key of the rest of a request at the model of an attempt; None when it cannot be encoded."""
    journal: Journal
    now: Callable[[], float]
    tally: Tally

    def statistics(self) -> SimilarStatistics:
        """What was found and used in this process."""
        return SimilarStatistics(prompts=self.prompts.count(), found=self.tally.found, used=self.tally.used)

    async def place(self, attempt: Attempt) -> "_Place | None":
        """Where an attempt stands among the prompts; None for one that is not compared, or whose vector cannot be had."""
        if attempt.request.cache == "off" or (attempt.private and not self.settings.private):
            return None
        if attempt.left_usd is not None:  # nobody knows beforehand what the vector costs
            return None
        parts = parted(attempt.request)
        rest_key = None if parts is None or not parts.words.strip() else self.rest_key(attempt, parts.rest)
        if parts is None or rest_key is None:
            return None
        embedded = await settle(self.embed(self._asked(attempt, parts)))
        if isinstance(embedded, Failure):
            return None
        made = embedded.unwrap()
        return _Place(context_of(rest_key, made.provider, made.model), made.vectors[0])

    async def answer(self, attempt: Attempt, place: "_Place") -> LLMResponse | None:
        """The answer that stands in, where there is one and it is accepted."""
        if attempt.request.cache != "use":
            return None
        for _ in range(_TRIES):
            near = await self.prompts.nearest(place.context, place.vector)
            found = near.unwrap() if isinstance(near, Success) else None
            if found is None or found.score < self.settings.threshold:
                return None
            kept = await self.answers.get(found.key)
            if isinstance(kept, Failure):
                return None
            remembered = kept.unwrap()
            if remembered is not None:
                come, response = remembered.provenance, remembered.value
                hit = SimilarHit(score=found.score, response=response, age_seconds=remembered.age_seconds, provenance=come)
                return self._judged(attempt, hit)
            await self.prompts.drop(place.context, found.key)
        return None

    def _asked(self, attempt: Attempt, parts: Parted) -> EmbedRequest:
        return EmbedRequest(
            parts.words,
            model=self.settings.model,
            provider=self.settings.provider,
            sensitivity="private" if attempt.private else attempt.request.sensitivity,
            deadline_ms=max(1, round((attempt.deadline - self.now()) * 1000)),
            metadata=attempt.metadata,
        )

    def _accepts(self, request: LLMRequest, hit: SimilarHit) -> bool:
        """What the caller's policy says; one that raises has a bug, which fails no call."""
        try:
            return bool(self.settings.accept(request, hit))
        except Exception as error:  # noqa: BLE001 - it is not our code
            _logger.warning("accept of cache.similar raised %s; the answer it was asked about is not used", type(error).__name__)
            return False

    def _judged(self, attempt: Attempt, hit: SimilarHit) -> LLMResponse | None:
        accepted, response = self._accepts(attempt.request, hit), hit.response
        usd = hit.provenance.cost_usd
        saved: Cost = Unpriced(reason="nobody told what it took") if usd is None else Priced(usd=usd, price_version="remembered")
        provider, model = attempt.endpoint.provider, attempt.model.name
        self.tally.found += 1
        self.tally.used += accepted
        self.journal.emit(
            SimilarFound(
                at=self.now(),
                call_id=attempt.call_id,
                provider=provider,
                model=model,
                score=hit.score,
                accepted=accepted,
                usage=response.usage,
                saved=saved,
                metadata=attempt.metadata,
            )
        )
        if not accepted:
            return None
        notice = f"this is the answer to a similar prompt (score {hit.score:.3f})"
        return evolve(response, cached=True, age_seconds=hit.age_seconds, cost=NOTHING_PAID, notices=(*response.notices, notice))


@frozen
class _Place:
    context: str
    vector: Vector


def similar(likeness: Likeness) -> Callable[[Step[Attempt, LLMResponse]], Step[Attempt, LLMResponse]]:
    """Answer as a similar prompt was answered, else ask."""
    return _alike(likeness, lambda answer: answer)


def similar_streams(likeness: Likeness) -> Callable[[Step[Attempt, OpenStream]], Step[Attempt, OpenStream]]:
    """The same for streams: what stands in is replayed as events."""
    return _alike(likeness, replayed)


def _alike(likeness: Likeness, shown: Callable[[LLMResponse], Reply]) -> Callable[[Step[Attempt, Reply]], Step[Attempt, Reply]]:
    def wrap(step: "Step[Attempt, Reply]") -> "Step[Attempt, Reply]":
        async def alike(attempt: Attempt) -> "Settled[Reply, LLMError]":
            place = await likeness.place(attempt)
            if place is None:
                return await step(attempt)
            answer = await likeness.answer(attempt, place)
            if answer is not None:
                return Success(shown(answer))
            return await on_answer(await step(attempt), lambda whole: _add(likeness, attempt, place, whole))

        return alike

    return wrap


async def _add(likeness: Likeness, attempt: Attempt, place: _Place, answer: LLMResponse) -> None:
    """Let others find the answer that is remembered for an attempt."""
    if answer.finish == "stop":
        await likeness.prompts.add(place.context, cache_key(attempt), place.vector, attempt.private)
