"""Airgap: only local endpoints may be asked, whatever is configured, and a call that has none left is refused."""

import asyncio

from llm_manager import (
    EmbeddedSettings,
    LLMConfig,
    LLMRequest,
    ProviderSettings,
    RoutingPolicy,
    Secret,
    make_llm_manager,
    settle,
)

CLOUD = {"openai": ProviderSettings(api_key=Secret("sk-not-a-real-key"))}
AIRGAP = RoutingPolicy(airgap=True)


async def main() -> None:
    """With a cloud alone nothing is sent; with a local model beside it, the plan names that one only."""
    async with make_llm_manager(LLMConfig(providers=CLOUD, routing=AIRGAP)).unwrap() as manager:
        error = (await settle(manager.generate(LLMRequest("Hello?")))).failure()
        print(error.tag)  # -> PolicyBlocked
        print(manager.stats().models)  # -> {}

    beside = LLMConfig(providers=CLOUD, routing=AIRGAP, embedded=EmbeddedSettings(enabled=True))
    async with make_llm_manager(beside).unwrap() as manager:
        plan = manager.plan(LLMRequest("Hello?")).unwrap()
        print([step.profile.provider for step in plan.steps])  # -> ['embedded']
        print({refusal.reason for refusal in plan.refused if refusal.provider == "openai"})
        # -> {'airgap: only local endpoints may be asked'}


asyncio.run(main())
