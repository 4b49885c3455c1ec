"""Programs first, a manager later: pieces that wait for their manager compose like any other effects.

The same program runs on a scripted manager here, on yours in production, and on one that fails in a test.
"""

import asyncio

from returns.context import RequiresContextFutureResult

from llm_manager import LLMError, LLMManager, LLMRequest, LLMResponse, ModelUnavailable, describe, programs, settle
from llm_manager.testing import scripted, scripted_manager

Program = RequiresContextFutureResult[LLMResponse, LLMError, LLMManager]


def shorten(text: str) -> Program:
    """Ask for a title."""
    return programs.generate(LLMRequest(f"A title for: {text}"))


def translate(answer: LLMResponse) -> Program:
    """Ask for the same in French."""
    return programs.generate(LLMRequest(f"In French: {answer.content}"))


headline = shorten("The river rose by two metres overnight.").bind(translate).map(lambda answer: answer.content.upper())
"""A description of two calls; nothing has been asked yet, and nobody is named."""


async def main() -> None:
    """Give it one manager, then another."""
    async with scripted_manager(scripted("High water", "Hautes eaux")) as manager:
        print((await settle(headline(manager))).unwrap())  # -> HAUTES EAUX

    down = scripted("High water", ModelUnavailable(model="scripted-1", message="it is being updated", reason="permanent"))
    async with scripted_manager(down) as manager:
        print(describe((await settle(headline(manager))).failure()))
        # -> scripted-1 is unavailable: it is being updated; choose another model (llm-manager models)


asyncio.run(main())
