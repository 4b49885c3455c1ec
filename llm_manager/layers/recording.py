"""Tell the journal of every request that really leaves, and how it ended: inside caching, so that a hit and a call that
shares another's flight are none, and outside bounding, so that a deadline is an ending too."""

from __future__ import annotations

from collections.abc import Callable

from returns.result import Success

from llm_manager.domain.attempts import Attempt
from llm_manager.domain.errors import LLMError
from llm_manager.outcomes import Settled
from llm_manager.policies.pricing import Pricing, price
from llm_manager.services.attempt_events import Started
from llm_manager.services.departures import departed
from llm_manager.services.journal import Journal
from llm_manager.services.steps import Ending, Layer, Reply, Step, at_end


def recording(journal: Journal, now: Callable[[], float], pricing: Pricing = price) -> Layer:
    """Emit `AttemptStarted`, then one `AttemptAnswered`, `AttemptFailed` or `AttemptLeft`."""

    def wrap(step: Step[Attempt, Reply]) -> Step[Attempt, Reply]:
        async def recorded(attempt: Attempt) -> Settled[Reply, LLMError]:
            attempt.whereabouts.sent = True
            departed()
            started = Started(attempt, journal.emit, now)

            def tell(ending: Ending) -> Ending:
                if isinstance(ending, Success):
                    answer = ending.unwrap()
                    started.answered(answer.usage, pricing(answer.usage, attempt.model.price), answer.tokens_per_second)
                else:
                    started.failed(ending.failure())
                return ending

            outcome = None
            try:
                outcome = await step(attempt)
            finally:
                if outcome is None:
                    started.left()
            return at_end(outcome, tell, started.left)

        return recorded

    return wrap
