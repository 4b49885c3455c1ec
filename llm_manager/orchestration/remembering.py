"""Say whether an answer is at hand already: what a request would be asked of first is looked up under the key it would have there."""

from collections.abc import Callable, Mapping

from returns.future import FutureResult
from returns.result import Failure, Result, Success

from llm_manager.domain.errors import LLMError
from llm_manager.domain.plans import Plan
from llm_manager.domain.requests import LLMRequest
from llm_manager.domain.responses import LLMResponse
from llm_manager.effects import publish
from llm_manager.outcomes import Settled, sealed
from llm_manager.policies.cache_key import answer_key
from llm_manager.policies.prompt_prefixes import arranged
from llm_manager.services.cache import Cache
from llm_manager.services.model_client import ModelClient


def remembering(
    plan: Callable[[LLMRequest], Result[Plan, LLMError]],
    clients: Callable[[], Mapping[str, ModelClient]],
    cache: Cache[LLMResponse] | None,
    *,
    stable_prompts: bool,
) -> Callable[[LLMRequest], FutureResult[bool, LLMError]]:
    """Whether whom a request would be asked of first has answered it, as far as ``cache`` knows; nothing is sent."""

    async def remembered(request: LLMRequest) -> Settled[bool, LLMError]:
        if cache is None or request.cache != "use":
            return Success(False)
        planned = sealed(plan(request))
        if isinstance(planned, Failure):
            return planned
        step = planned.unwrap().steps[0]
        sent = arranged(request) if stable_prompts else request
        encoded = sealed(clients()[step.profile.provider].encode(sent, step.profile))
        if isinstance(encoded, Failure):
            return encoded
        return await cache.holds(answer_key(encoded.unwrap(), step.endpoint, step.profile.name, request.metadata.tenant))

    return publish(remembered)
