"""Name the provider, by any of its names; a misspelt one is an error that says what was probably meant."""
# needs the embedded model

import asyncio

from llm_manager import LLMConfig, LLMRequest, Preferences, describe, make_llm_manager, settle


def asking(provider: str) -> LLMRequest:
    """The same question for whichever provider."""
    return LLMRequest("Say hello.", preferences=Preferences(provider=provider, max_tokens=12, temperature=0.0))


async def main() -> None:
    """Right, by an alias, misspelt, and known but not set up."""
    async with make_llm_manager(LLMConfig()).unwrap() as manager:
        for name in ("embedded", "SmolLM2"):
            answer = (await settle(manager.generate(asking(name)))).unwrap()
            print(f"{name}: {answer.provider} answered")  # -> embedded: embedded answered # -> SmolLM2: embedded answered

        refused = manager.plan(asking("embeded")).failure()
        print(describe(refused))  # -> no provider is called 'embeded'; did you mean embedded?

        missing = manager.plan(asking("claude")).failure()
        print(describe(missing))  # -> anthropic cannot be asked: not configured: set ANTHROPIC_API_KEY


asyncio.run(main())
