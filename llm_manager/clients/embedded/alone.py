"""The client used by itself, without a manager around it."""

from collections.abc import AsyncGenerator
from contextlib import aclosing

from attrs import evolve, frozen
from returns.result import Failure, Result, Success

from llm_manager.clients.embedded.asking import Asking
from llm_manager.domain.attempts import Attempt
from llm_manager.domain.configuration import ProviderSettings
from llm_manager.domain.errors import LLMError
from llm_manager.domain.models import Endpoint, ModelProfile
from llm_manager.domain.requests import LLMRequest
from llm_manager.domain.responses import LLMResponse
from llm_manager.domain.streaming import StreamEvent, StreamFinished
from llm_manager.outcomes import Settled, sealed
from llm_manager.policies.deadlines import limits_for
from llm_manager.policies.pricing import price
from llm_manager.services.model_client import ClientParts, Encode
from llm_manager.services.world import World


@frozen(kw_only=True)
class Alone:
    """One attempt per call."""

    world: World
    profile: ModelProfile
    endpoint: Endpoint
    encode: Encode
    steps: Asking
    settings: ProviderSettings
    parts: ClientParts

    async def generate(self, request: LLMRequest) -> Settled[LLMResponse, LLMError]:
        """Answer whole."""
        attempt = self._attempt(request, streamed=False)
        if isinstance(attempt, Failure):
            return attempt
        answered = await self.steps.answer(attempt.unwrap())
        return answered if isinstance(answered, Failure) else Success(self._told(answered.unwrap(), attempt.unwrap()))

    async def stream(self, request: LLMRequest) -> AsyncGenerator[Result[StreamEvent, LLMError], None]:
        """Answer piece by piece."""
        attempt = self._attempt(request, streamed=True)
        if isinstance(attempt, Failure):
            yield attempt
            return
        opened = await self.steps.open(attempt.unwrap())
        if isinstance(opened, Failure):
            yield opened
            return
        async with aclosing(opened.unwrap().rest) as rest:
            yield Success(self._finished(opened.unwrap().first, attempt.unwrap()))
            async for event in rest:
                yield event if isinstance(event, Failure) else Success(self._finished(event.unwrap(), attempt.unwrap()))

    def _attempt(self, request: LLMRequest, *, streamed: bool) -> Settled[Attempt, LLMError]:
        model = self.profile if request.preferences.model is None else evolve(self.profile, name=request.preferences.model)
        wire = sealed(self.encode(request, model))
        if isinstance(wire, Failure):
            return wire
        limits = limits_for(request, model, timeout_ms=self.parts.performance.timeout_ms, streamed=streamed)
        now = self.world.now()
        return Success(
            Attempt(
                call_id=self.world.new_id(),
                number=1,
                request=request,
                model=model,
                endpoint=self.endpoint,
                wire=wire.unwrap(),
                key=None,
                limits=limits,
                deadline=now + limits.attempt_seconds,
                call_deadline=now + limits.attempt_seconds,
                total_seconds=limits.attempt_seconds,
            )
        )

    def _told(self, response: LLMResponse, attempt: Attempt) -> LLMResponse:
        return evolve(
            response,
            cost=price(response.usage, attempt.model.price),
            notices=(*attempt.wire.notices, *response.notices),
            call_id=attempt.call_id,
        )

    def _finished(self, event: StreamEvent, attempt: Attempt) -> StreamEvent:
        return StreamFinished(response=self._told(event.response, attempt)) if isinstance(event, StreamFinished) else event
