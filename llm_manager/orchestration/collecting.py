"""From events back to one answer."""

from collections.abc import AsyncGenerator
from contextlib import aclosing

from returns.result import Failure, Result, Success

from llm_manager.domain.errors import LLMError, StreamInterrupted
from llm_manager.domain.responses import LLMResponse
from llm_manager.domain.streaming import StreamEvent, StreamFinished, TextDelta


async def collect(events: AsyncGenerator[Result[StreamEvent, LLMError], None]) -> Result[LLMResponse, LLMError]:
    """Read a stream to its end: the whole answer, or the failure it ended with. The stream is closed."""
    text: list[str] = []
    async with aclosing(events):
        async for event in events:
            if isinstance(event, Failure):
                return Failure(event.failure())
            happened = event.unwrap()
            if isinstance(happened, StreamFinished):
                return Success(happened.response)
            if isinstance(happened, TextDelta):
                text.append(happened.text)
    return Failure(StreamInterrupted(model="", message="the stream ended without saying so", partial="".join(text)))
