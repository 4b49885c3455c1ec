"""One of several processes that share limits, budgets and answers at a Redis; what it got goes to standard output.

python one_of_many.py calls REDIS SERVER FIRST       # asks two hundred questions, all at once, in an order of its own
python one_of_many.py hold REDIS SERVER              # lets as many calls hang there as may be under way
"""

import asyncio
import json
import sys
from decimal import Decimal

from returns.result import Success

from llm_manager.domain.configuration import Budget, LLMConfig, ProviderSettings, StoreSettings
from llm_manager.domain.requests import LLMRequest, Preferences
from llm_manager.effects import settle
from llm_manager.outcomes import sealed
from llm_manager.services.manager import LLMManager
from llm_manager.wiring import make_llm_manager

QUESTIONS = 100
CALLS = 200
BUDGET = 60
AT_ONCE = 8
A_MINUTE = 600


def manager_at(redis: str, server: str) -> LLMManager:
    """As each of them has it."""
    settings = ProviderSettings(base_url=server, concurrency=AT_ONCE, requests_per_minute=A_MINUTE, default_model="m")
    budget = Budget(name="all", limit=Decimal(BUDGET), unit="requests", period="month")
    config = LLMConfig(providers={"vllm": settings}, store=StoreSettings(redis_url=redis), budgets=(budget,))
    return make_llm_manager(config).unwrap()


async def calls(redis: str, server: str, first: int) -> None:
    """Each question twice."""
    async with manager_at(redis, server) as manager:
        requests = [question((first + number) % QUESTIONS) for number in range(CALLS)]
        answers = [sealed(each) for each in await asyncio.gather(*(settle(manager.generate(request)) for request in requests))]
        got = ["answered" if isinstance(each, Success) else each.failure().tag for each in answers]
        paid = sum(isinstance(each, Success) and not (each.unwrap().shared or each.unwrap().cached) for each in answers)
        (budget,) = manager.standing().budgets
    print(json.dumps({"got": {tag: got.count(tag) for tag in set(got)}, "paid": paid, "spent": int(budget.spent)}))


async def hold(redis: str, server: str) -> None:
    """Until it is killed."""
    async with manager_at(redis, server) as manager:
        await asyncio.gather(*(settle(manager.generate(LLMRequest(f"held {number}"))) for number in range(AT_ONCE)))


def question(number: int) -> LLMRequest:
    """One of a hundred."""
    return LLMRequest(f"question {number}", preferences=Preferences(max_tokens=20), deadline_ms=60_000)


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["calls", redis, server, first]:
            asyncio.run(calls(redis, server, int(first)))
        case ["hold", redis, server]:
            asyncio.run(hold(redis, server))
        case _:
            sys.exit("calls or hold")
