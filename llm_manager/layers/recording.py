"""Tell the journal of every request that really leaves, and how it ended: inside caching, so that a hit and a call that
shares another's flight are none, and outside bounding, so that a deadline is an ending too."""

from __future__ import annotations

from collections.abc import Callable

from returns.result import Success

from llm_manager.domain.attempts import Attempt
from llm_manager.domain.errors import LLMError
from llm_manager.domain.events import AttemptAnswered, AttemptFailed, AttemptStarted
from llm_manager.outcomes import Settled
from llm_manager.policies.pricing import Pricing, price
from llm_manager.services.journal import Journal
from llm_manager.services.steps import Ending, Layer, Reply, Step, at_end


def recording(journal: Journal, now: Callable[[], float], pricing: Pricing = price) -> Layer:
    """Emit `AttemptStarted`, then `AttemptAnswered` or `AttemptFailed`; neither when the caller went away."""

    def wrap(step: Step[Attempt, Reply]) -> Step[Attempt, Reply]:
        async def recorded(attempt: Attempt) -> Settled[Reply, LLMError]:
            began = now()
            attempt.whereabouts.sent = True
            profile = attempt.model
            journal.emit(
                AttemptStarted(
                    at=began,
                    call_id=attempt.call_id,
                    number=attempt.number,
                    provider=profile.provider,
                    model=profile.name,
                    key_fingerprint=None if attempt.key is None else attempt.key.fingerprint,
                )
            )

            def tell(ending: Ending) -> Ending:
                at = now()
                if isinstance(ending, Success):
                    answer = ending.unwrap()
                    journal.emit(
                        AttemptAnswered(
                            at=at,
                            call_id=attempt.call_id,
                            number=attempt.number,
                            provider=profile.provider,
                            model=profile.name,
                            seconds=at - began,
                            usage=answer.usage,
                            cost=pricing(answer.usage, profile.price),
                            tokens_per_second=answer.tokens_per_second,
                        )
                    )
                else:
                    journal.emit(
                        AttemptFailed(
                            at=at,
                            call_id=attempt.call_id,
                            number=attempt.number,
                            provider=profile.provider,
                            model=profile.name,
                            seconds=at - began,
                            error=ending.failure(),
                        )
                    )
                return ending

            return at_end(await step(attempt), tell)

        return recorded

    return wrap
