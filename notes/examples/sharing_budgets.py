"""Two managers that share one budget: what one of them spends, the other cannot."""

import asyncio
from decimal import Decimal

from llm_manager import Budget, LLMConfig, LLMRequest, make_guards, settle
from llm_manager.testing import fake_world, scripted, scripted_manager

CONFIG = LLMConfig(budgets=(Budget(name="together", limit=Decimal(3), unit="requests", period="day"),))


async def main() -> None:
    """Each asks twice; with real models, give the guards to `default_deps(CONFIG, guards=guards)`."""
    world = fake_world()
    guards = make_guards(CONFIG, world)
    one = scripted_manager(scripted("from one"), config=CONFIG, world=world, guards=guards)
    two = scripted_manager(scripted("from two"), config=CONFIG, world=world, guards=guards)
    async with one, two:
        for number in range(2):
            for manager in (one, two):
                outcome = await settle(manager.generate(LLMRequest(f"question {number}")))
                print(outcome.map(lambda answer: answer.content).alt(lambda error: error.tag))
        # -> <Success: from one>
        # -> <Success: from two>
        # -> <Success: from one>
        # -> <Failure: BudgetExceeded>
        print(one.standing().budgets == two.standing().budgets)  # -> True


asyncio.run(main())
