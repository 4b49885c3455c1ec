"""Ask for a class and get a value of it: a JSON schema holds the model to the form, and every field is checked.

The built-in model keeps to the form always and to the facts sometimes.
"""
# needs the embedded model

import asyncio
from typing import Annotated

from attrs import frozen
from msgspec import Meta

from llm_manager import LLMConfig, LLMRequest, OutputInvalid, Preferences, make_llm_manager, settle

Word = Annotated[str, Meta(max_length=20)]


@frozen
class City:
    """A city and where it is; the lengths keep a small model from rambling."""

    name: Word
    country: Word


def asking(max_tokens: int) -> LLMRequest:
    """The same question with more or less room for the answer."""
    preferences = Preferences(provider="embedded", max_tokens=max_tokens, temperature=0.0)
    return LLMRequest("Where is Rome?", system="You are a helpful assistant.", preferences=preferences)


async def main() -> None:
    """A value; then what happens when there is no room for it: it is not parsed, and nothing is guessed."""
    async with make_llm_manager(LLMConfig()).unwrap() as manager:
        found = (await settle(manager.generate_as(City, asking(max_tokens=40)))).unwrap()
        print(found.value, f"after {found.response.latency_seconds:.1f} s")

        cut = (await settle(manager.generate_as(City, asking(max_tokens=4)))).failure()
        if isinstance(cut, OutputInvalid):
            print(f"{cut.reason}: {cut.message}")


asyncio.run(main())
