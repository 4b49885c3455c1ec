"""Keep a call within its own ``max_cost_usd``: the first gate, behind caching, so that what is remembered or shared is free."""

from returns.result import Failure

from llm_manager.domain.attempts import AnyAttempt, Attempt
from llm_manager.domain.errors import LLMError
from llm_manager.outcomes import Settled
from llm_manager.policies.call_cost import uncovered
from llm_manager.services.gates import LET_THROUGH, Emit, Pass


def covering(attempt: AnyAttempt, _: Emit) -> Settled[Pass, LLMError]:
    """Refuse an attempt whose worst case is more than what is left; only chats have such a limit."""
    refused = uncovered(attempt) if isinstance(attempt, Attempt) else None
    return LET_THROUGH if refused is None else Failure(refused)
