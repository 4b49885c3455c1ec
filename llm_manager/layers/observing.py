"""Tell the journal how each call ended, hits included: the outermost layer."""

from __future__ import annotations

from collections.abc import Callable

from returns.result import Success

from llm_manager.domain.attempts import Call
from llm_manager.domain.errors import LLMError
from llm_manager.domain.events import Answered, CallCancelled, CallFailed
from llm_manager.outcomes import Settled
from llm_manager.services.journal import Journal
from llm_manager.services.steps import CallLayer, Ending, Reply, Step, at_end


def observing(journal: Journal, now: Callable[[], float]) -> CallLayer:
    """Emit one `Answered`, `CallFailed` or `CallCancelled` for every call."""

    def wrap(step: Step[Call, Reply]) -> Step[Call, Reply]:
        async def observed(call: Call) -> Settled[Reply, LLMError]:
            def tell(ending: Ending) -> Ending:
                at = now()
                if isinstance(ending, Success):
                    answer = ending.unwrap()
                    journal.emit(
                        Answered(
                            at=at,
                            call_id=call.id,
                            provider=answer.provider,
                            model=answer.model,
                            seconds=at - call.started,
                            usage=answer.usage,
                            cost=answer.cost,
                            cached=answer.cached or answer.shared,
                            metadata=call.request.metadata,
                        )
                    )
                else:
                    error = ending.failure()
                    journal.emit(CallFailed(at=at, call_id=call.id, seconds=at - call.started, error=error, metadata=call.request.metadata))
                return ending

            def left() -> None:
                at = now()
                journal.emit(CallCancelled(at=at, call_id=call.id, seconds=at - call.started, metadata=call.request.metadata))

            outcome = None
            try:
                outcome = await step(call)
            finally:
                if outcome is None:
                    left()
            return at_end(outcome, tell, left)

        return observed

    return wrap
