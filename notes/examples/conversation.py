"""A conversation is kept by its name: what was said before is sent again, the oldest turns left out when it grows long.

The model is scripted: it tells how much it was shown.
"""

import asyncio

from llm_manager import Attempt, ContextSettings, LLMConfig, LLMRequest, settle
from llm_manager.testing import scripted, scripted_manager


def recalling(attempt: Attempt) -> str:
    """Answer from what was said so far."""
    said = [message.text for message in attempt.request.conversation() if message.role == "user"]
    name = next((words.rpartition(" ")[2] for words in said if words.startswith("My name is")), None)
    return f"I was shown {len(said)} of your messages; " + (f"you are {name}." if name else "I do not know your name.")


async def main() -> None:
    """Two people at once; then a long talk, of which the last two messages at most are sent again."""
    async with scripted_manager(scripted(recalling)) as manager:
        await settle(manager.converse("ada", LLMRequest("My name is Ada")))
        for who in ("ada", "bob"):
            answer = (await settle(manager.converse(who, LLMRequest("What is my name?")))).unwrap()
            print(f"{who}: {answer.content}")
        # -> ada: I was shown 2 of your messages; you are Ada. # -> bob: I was shown 1 of your messages; I do not know your name.

    short = LLMConfig(context=ContextSettings(keep_messages=2))
    async with scripted_manager(scripted(recalling), config=short) as manager:
        for question in ("My name is Ada", "What is a turn?", "What is my name?"):
            answer = (await settle(manager.converse("ada", LLMRequest(question)))).unwrap()
        print(answer.content)  # -> I was shown 2 of your messages; I do not know your name.


asyncio.run(main())
