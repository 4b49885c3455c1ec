"""An answer shown as it comes."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import assert_never

from returns.result import Failure, Result, Success

from llm_manager.cli.output import Output
from llm_manager.domain.errors import LLMError
from llm_manager.domain.responses import LLMResponse
from llm_manager.domain.streaming import ReasoningDelta, StreamEvent, StreamFinished, TextDelta, ToolCallDelta
from llm_manager.outcomes import Settled, sealed


async def shown(output: Output, events: AsyncGenerator[Result[StreamEvent, LLMError], None]) -> Settled[LLMResponse, LLMError] | None:
    """Write the text of a stream; give what it ended with, or None when it did not say. The stream is closed and the line ended."""
    write = output.pieces()
    last = "\n"
    try:
        async with aclosing(events):
            async for event in events:
                happened = sealed(event)
                if isinstance(happened, Failure):
                    return happened
                match told := happened.unwrap():
                    case TextDelta(text=text):
                        write(text)
                        last = text or last
                    case StreamFinished(response=response):
                        last = last if response.content else ""
                        return Success(response)
                    case ReasoningDelta() | ToolCallDelta():
                        pass
                    case _:
                        assert_never(told)
    finally:
        if not last.endswith("\n"):
            write("\n")
    return None
