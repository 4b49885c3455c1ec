"""When a model cannot answer another one does, and the answer tells every attempt that was made.

The models are scripted: one whose server is down, one that limits calls, and one that is well.
"""

import asyncio

from attrs import evolve

from llm_manager import LLMConfig, LLMRequest, RoutingPolicy, describe, settle
from llm_manager.testing import faults, scripted, scripted_manager

ORDER = LLMConfig(routing=RoutingPolicy(fallback_order=("lmstudio", "groq", "openai")))


async def main() -> None:
    """Walk the chain; then the same with fallback switched off."""
    models = (
        scripted(faults.refused(), provider="lmstudio", model="gpt-oss-20b"),
        scripted(faults.rate_limited(20), provider="groq", model="llama-3.1-8b-instant", locality="cloud"),
        scripted("At your service.", provider="openai", model="gpt-4o-mini", locality="cloud"),
    )
    async with scripted_manager(*models, config=ORDER) as manager:
        answer = (await settle(manager.generate(LLMRequest("Hello?")))).unwrap()
        for tried in answer.attempts:
            print(f"{tried.number}. {tried.model}: {describe(tried.error) if tried.error else answer.content}")
        # -> 1. gpt-oss-20b: could not reach gpt-oss-20b: connection refused; check the address and that the server is running
        # -> 2. llama-3.1-8b-instant: llama-3.1-8b-instant is limiting calls (too many requests); try again in 20 s
        # -> 3. gpt-4o-mini: At your service.

    alone = evolve(ORDER, routing=evolve(ORDER.routing, enable_fallback=False, max_retries=0))
    async with scripted_manager(*models, config=alone) as manager:
        print((await settle(manager.generate(LLMRequest("Hello?")))).failure().tag)  # -> NetworkError
        print([model.count for model in models])  # -> [2, 1, 1]


asyncio.run(main())
