"""Ask without saying whom: the manager reads the question, plans a route and tells who answered.

With nothing configured the first call looks for LM Studio on this machine and, finding none, asks the built-in model.
"""
# needs the embedded model

import asyncio

from llm_manager import Failure, LLMRequest, Preferences, classify, create_default_llm_manager, describe, settle


async def main() -> None:
    """Plan, ask, and read what became of it."""
    request = LLMRequest("What is the capital of France?", preferences=Preferences(max_tokens=30, temperature=0.0))
    read = classify(request)
    print(f"task {read.task_type}, {read.complexity}, {read.sensitivity}, {'local will do' if read.prefers_local else 'by the ladder'}")

    async with create_default_llm_manager().unwrap() as manager:
        await settle(manager.discover())
        outcome = await settle(manager.generate(request))
        if isinstance(outcome, Failure):
            print(describe(outcome.failure()))
            return
        answer = outcome.unwrap()
        print(f"{answer.provider}/{answer.model} in {answer.latency_seconds:.1f} s: {answer.content.strip()}")
        print("notices:", *answer.notices, sep="\n  ")

        again = (await settle(manager.generate(request))).unwrap()
        print(f"asked again: cached={again.cached}, {again.latency_seconds * 1000:.1f} ms")


asyncio.run(main())
