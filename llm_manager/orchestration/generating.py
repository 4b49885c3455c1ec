"""One whole answer for one request."""

from returns.result import Failure

from llm_manager.domain.attempts import Call
from llm_manager.domain.errors import LLMError
from llm_manager.domain.requests import LLMRequest
from llm_manager.domain.responses import LLMResponse
from llm_manager.outcomes import Settled
from llm_manager.policies.request_faults import not_asked
from llm_manager.services.steps import Step
from llm_manager.services.world import World


def generating(step: Step[Call, LLMResponse], world: World) -> Step[LLMRequest, LLMResponse]:
    """Begin a call for each request; its id names it in the journal and on the answer."""

    async def generate(request: LLMRequest) -> Settled[LLMResponse, LLMError]:
        strange = not_asked(request)
        if strange is not None:
            return Failure(strange)
        return await step(Call(id=world.new_id(), request=request, started=world.now()))

    return generate
