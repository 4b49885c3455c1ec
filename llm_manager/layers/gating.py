"""Let an attempt through the gates, and tell each of them how it ended."""

from collections.abc import Callable, Sequence

from attrs import evolve
from returns.result import Success

from llm_manager.domain.attempts import Attempt
from llm_manager.domain.errors import LLMError
from llm_manager.outcomes import Settled
from llm_manager.policies.pricing import price
from llm_manager.services.gates import Emit, End, Gate, Replied, end_all, open_all, pass_all
from llm_manager.services.steps import Ending, Layer, Reply, Step, at_end, on_open

_LONG_SECONDS = 0.001
"""Who waited longer than this has its own time begin anew; its call's deadline stands."""


def gating(gates: Sequence[Gate], emit: Emit, now: Callable[[], float]) -> Layer:
    """Ask only what every gate lets through; waiting for that takes nothing from the attempt's own time."""

    def wrap(step: Step[Attempt, Reply]) -> Step[Attempt, Reply]:
        async def gated(attempt: Attempt) -> Settled[Reply, LLMError]:
            began = now()
            entered = await pass_all(gates, attempt, emit)
            if not isinstance(entered, Success):
                return entered
            passed = entered.unwrap()

            def left() -> None:
                end_all(passed, None)

            def tell(ending: Ending) -> Ending:
                end_all(passed, _end(ending, attempt))
                return ending

            outcome = None
            try:
                waited = now() - began
                going = attempt
                if waited > _LONG_SECONDS:
                    going = evolve(attempt, deadline=min(attempt.deadline + waited, attempt.call_deadline))
                outcome = await step(going)
            finally:
                if outcome is None:
                    left()
            on_open(outcome, lambda told: open_all(passed, told))
            return at_end(outcome, tell, left)

        return gated

    return wrap


def _end(ending: Ending, attempt: Attempt) -> End:
    if not isinstance(ending, Success):
        return ending.failure()
    answer = ending.unwrap()
    return Replied(usage=answer.usage, cost=price(answer.usage, attempt.model.price), rate_limits=answer.rate_limits)
