"""One prompt to several models side by side: what each says, how long it took, what it cost.

Fallback is off, so that nobody answers in another's name. The models are scripted, at a dollar for a million tokens read
and two for a million written, the local one free.
"""

import asyncio

from attrs import evolve

from llm_manager import Failure, LLMConfig, LLMManager, LLMRequest, Preferences, Priced, RoutingPolicy, describe, settle
from llm_manager.testing import faults, run_virtual, scripted, scripted_manager

ALONE = LLMConfig(routing=RoutingPolicy(enable_fallback=False))
QUESTION = LLMRequest("Which river flows through Lyon?")


async def compared(manager: LLMManager, *models: str) -> None:
    """Ask all at once; the slowest decides how long it takes."""

    async def asked(model: str) -> str:
        outcome = await settle(manager.generate(evolve(QUESTION, preferences=Preferences(model=model))))
        if isinstance(outcome, Failure):
            return describe(outcome.failure())
        answer = outcome.unwrap()
        cost = f"{answer.cost.usd:f} USD" if isinstance(answer.cost, Priced) else "price unknown"
        return f"{answer.model}: {answer.content} ({answer.latency_seconds:.1f} s, {cost})"

    print(*await asyncio.gather(*map(asked, models)), sep="\n")
    # -> gpt-oss-20b: The Rhone. (0.8 s, 0 USD)
    # -> gpt-4o: The Rhone and the Saone. (1.4 s, 0.000062 USD)
    # -> llama-3.1-8b-instant: the key is not known; check the key and what it may do


async def main() -> None:
    """Three models, one of which has lost its key."""
    small = scripted("The Rhone.", provider="lmstudio", model="gpt-oss-20b", seconds=0.8)
    large = scripted("The Rhone and the Saone.", provider="openai", model="gpt-4o", locality="cloud", seconds=1.4)
    locked = scripted(faults.wrong_key(), provider="groq", model="llama-3.1-8b-instant", locality="cloud")
    async with scripted_manager(small, large, locked, config=ALONE) as manager:
        await compared(manager, "gpt-oss-20b", "gpt-4o", "llama-3.1-8b-instant")


run_virtual(main())
