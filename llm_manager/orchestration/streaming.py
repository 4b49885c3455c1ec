"""A stream for its reader: the first event and the rest as one generator, closed however it is left."""

from __future__ import annotations

from collections.abc import AsyncGenerator

from returns.result import Failure, Result, Success

from llm_manager.domain.attempts import Call
from llm_manager.domain.errors import LLMError
from llm_manager.domain.requests import LLMRequest
from llm_manager.domain.streaming import StreamEvent
from llm_manager.policies.request_faults import not_asked
from llm_manager.services.steps import OpenStream, Step, Stream
from llm_manager.services.world import World


def streaming(step: Step[Call, OpenStream], world: World) -> Stream:
    """Give the events of a call as they come: at most one failure, the last of them, else one `StreamFinished`."""

    async def stream(request: LLMRequest) -> AsyncGenerator[Result[StreamEvent, LLMError], None]:
        strange = not_asked(request)
        if strange is not None:
            yield Failure(strange)
            return
        opened = await step(Call(id=world.new_id(), request=request, started=world.now()))
        if isinstance(opened, Failure):
            yield opened
            return
        reply = opened.unwrap()
        try:
            yield Success(reply.first)
            async for event in reply.rest:
                yield event
        finally:
            await reply.rest.aclose()

    return stream
