"""Ask every endpoint how it is, and read what has been seen of each: counts, tokens, latency, errors.

The two models are scripted, so that one of them can be ill.
"""

import asyncio

from llm_manager import Health, LLMRequest, settle
from llm_manager.testing import faults, scripted, scripted_manager


async def main() -> None:
    """One server well, one that has lost its key."""
    well = scripted("Four.", provider="lmstudio", model="gpt-oss-20b")
    ill = scripted(
        faults.wrong_key(),
        provider="openai",
        model="gpt-4o-mini",
        locality="cloud",
        health=Health(provider="openai", healthy=False, error_message="the key is not known"),
    )
    async with scripted_manager(well, ill) as manager:
        for health in (await settle(manager.health())).unwrap():
            print(health.provider, "answers" if health.healthy else f"is ill: {health.error_message}")
        # -> lmstudio answers # -> openai is ill: the key is not known

        for question in ("Two and two?", "Two and two?", "Three and one?"):
            await settle(manager.generate(LLMRequest(question)))
        stats = manager.stats()
        print(f"{stats.calls} calls, {stats.answered} answered, {stats.cached} of them from memory")
        # -> 3 calls, 3 answered, 1 of them from memory
        seen = stats.models["lmstudio/gpt-oss-20b"]
        print(f"{seen.attempts} attempts, {seen.successes} good, {seen.usage.completion_tokens} tokens written, {seen.cost_usd} USD")
        # -> 2 attempts, 2 good, 4 tokens written, 0 USD
        print([profile.name for profile in (await settle(manager.models())).unwrap()])  # -> ['gpt-oss-20b', 'gpt-4o-mini']


asyncio.run(main())
