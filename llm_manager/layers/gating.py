"""Let an attempt through the gates, and tell each of them how it ended."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from msgspec.structs import replace
from returns.result import Success

from llm_manager.domain.attempts import Attempt
from llm_manager.domain.errors import LLMError
from llm_manager.domain.responses import LLMResponse
from llm_manager.outcomes import Settled
from llm_manager.policies.pricing import Pricing, price
from llm_manager.services.gates import Emit, Gate, Pass, Replied, end_all, open_all, pass_all
from llm_manager.services.steps import Ending, Layer, Reply, Step, at_end

_LONG_SECONDS = 0.001
"""Who waited longer than this has its own time begin anew; its call's deadline stands."""


def gating(gates: Sequence[Gate], emit: Emit, now: Callable[[], float], pricing: Pricing = price) -> Layer:
    """Ask only what every gate lets through; waiting for that takes nothing from the attempt's own time."""

    def wrap(step: Step[Attempt, Reply]) -> Step[Attempt, Reply]:
        async def gated(attempt: Attempt) -> Settled[Reply, LLMError]:
            began = now()
            passed = await pass_all(gates, attempt, emit)
            if not isinstance(passed, list):
                return passed
            outcome = None
            try:
                waited = now() - began
                outcome = await step(attempt if waited < _LONG_SECONDS else _later(attempt, waited))
            finally:
                if outcome is None:
                    end_all(passed, None)
            return _told(outcome, passed, attempt, pricing)

        return gated

    return wrap


def _later(attempt: Attempt, seconds: float) -> Attempt:
    return replace(attempt, deadline=min(attempt.deadline + seconds, attempt.call_deadline))


def _told(outcome: Settled[Reply, LLMError], passed: Sequence[Pass], attempt: Attempt, pricing: Pricing) -> Settled[Reply, LLMError]:
    """Tell how it ended: now, for a failure and a whole answer; a stream ends with its last event, or when its reader leaves it."""
    if not isinstance(outcome, Success):
        end_all(passed, outcome.failure())
        return outcome
    reply = outcome.unwrap()
    if isinstance(reply, LLMResponse):
        end_all(passed, _replied(reply, attempt, pricing))
        return outcome
    open_all(passed, reply.rate_limits)

    def tell(ending: Ending) -> Ending:
        end_all(passed, _replied(ending.unwrap(), attempt, pricing) if isinstance(ending, Success) else ending.failure())
        return ending

    return at_end(outcome, tell, lambda: end_all(passed, None))


def _replied(answer: LLMResponse, attempt: Attempt, pricing: Pricing) -> Replied:
    return Replied(usage=answer.usage, cost=pricing(answer.usage, attempt.model.price), rate_limits=answer.rate_limits)
