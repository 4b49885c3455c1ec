"""Budgets hold while many ask at once, say what is left, and let a model that costs nothing stand in when the money is spent.

The two models are scripted: one has a price, the other runs here.
"""

import asyncio
from decimal import Decimal

from llm_manager import Budget, KnownPrice, LLMConfig, LLMRequest, Preferences, RequestMetadata, settle
from llm_manager.testing import scripted, scripted_manager

PRICE = KnownPrice(input_usd=Decimal(1), output_usd=Decimal(50_000), version="example")  # US dollars for a million tokens
BUDGETS = (
    Budget(name="team", limit=Decimal(1), period="month"),
    Budget(name="calls of each user", limit=Decimal(20), unit="requests", period="day", each="user"),
)


async def main() -> None:
    """Twelve questions at once, and money for some of them."""
    dear = scripted("Paris, of course.", provider="openai", model="gpt-large", locality="cloud", profile={"price": PRICE})
    free = scripted("Paris.", provider="ollama", model="small", locality="local")
    preferences = Preferences(provider="openai", max_tokens=5)
    asked = [
        LLMRequest(f"The capital of France? ({number})", preferences=preferences, metadata=RequestMetadata(user="ann"))
        for number in range(12)
    ]
    async with scripted_manager(dear, free, config=LLMConfig(budgets=BUDGETS)) as manager:
        answers = [(await settle(manager.generate(request))).unwrap() for request in asked]
        print([sum(answer.provider == who for answer in answers) for who in ("openai", "ollama")])  # -> [3, 9]
        team, calls = manager.standing().budgets
        print(f"{team.spent:.2f} of {team.limit} USD, {team.left:.2f} left")  # -> 0.75 of 1 USD, 0.25 left
        print(f"{calls.of}: {calls.spent} of {calls.limit} {calls.unit}")  # -> ann: 12 of 20 requests

        alone = LLMRequest("And of Spain?", preferences=Preferences(provider="openai", max_tokens=5, exact=True))
        refused = manager.check_limits(alone).failure()
        print(refused.tag)  # -> BudgetExceeded
        manager.reset_usage("monthly")
        print(manager.check_limits(alone).value_or("it would pass"))  # -> None


asyncio.run(main())
