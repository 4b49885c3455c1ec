"""What budgets and statistics count is what the providers' own bill says, to the micro-dollar, whichever way is asked."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import aclosing
from decimal import Decimal
from random import Random
from typing import Any, Final

import pytest
from attrs import field, frozen
from returns.result import Success
from sqlalchemy import Connection, insert

from llm_manager.domain.attempts import Attempt
from llm_manager.domain.configuration import BreakerSettings, Budget, HedgingSettings, LLMConfig
from llm_manager.domain.embeddings import EmbedRequest
from llm_manager.domain.errors import ModelUnavailable, NetworkError, RateLimitExceeded
from llm_manager.domain.events import AttemptStarted, Event
from llm_manager.domain.messages import ToolCall
from llm_manager.domain.models import KnownPrice
from llm_manager.domain.plans import RoutingPolicy
from llm_manager.domain.requests import LLMRequest, Preferences, RequestMetadata
from llm_manager.domain.responses import LLMResponse
from llm_manager.domain.usage import Priced, Usage
from llm_manager.domain.usage_log import PastSpending, UsageQuery, UsageReport
from llm_manager.effects import settle
from llm_manager.policies.budget_rules import amount_of
from llm_manager.policies.usage_entries import entry_of
from llm_manager.services.manager import LLMManager
from llm_manager.stores.sql.connecting import open_database
from llm_manager.stores.sql.tables.usage import USAGE
from llm_manager.stores.usage.reading import report_of, spent_of
from llm_manager.testing import run_virtual, scripted, scripted_manager
from llm_manager.testing.replies import Said
from llm_manager.tools.from_function import tool_from_function

READ, WRITTEN, MILLION = Decimal(1), Decimal(7), 1_000_000
PRICE: Final = KnownPrice(input_usd=READ, output_usd=WRITTEN, version="t")
DEAR = Decimal(100)
USERS = Budget(name="users", limit=DEAR, each="user")


@frozen
class Shape:
    """What is asked for by its class."""

    a: int


def weather(place: str) -> str:
    """The weather at a place.

    Args:
        place: Where.
    """
    return f"rain at {place}"


TOOL = tool_from_function(weather).unwrap()


@frozen
class Provider:
    """Answers, errors and delays by chance, and a bill of every answer that was given."""

    rng: Random
    bill: list[Decimal] = field(factory=list)

    async def said(self, attempt: Attempt) -> Said:
        """One of everything."""
        rng, name = self.rng, attempt.model.name
        await asyncio.sleep(rng.choice([0.1, 0.2, 0.5, 1.0, 3.0, 8.0]))
        chance = rng.random()
        if chance < 0.08:
            return ModelUnavailable(model=name, message="500", reason="server")
        if chance < 0.12:
            return RateLimitExceeded(model=name, retry_after_seconds=0.3)
        if chance < 0.17:
            return NetworkError(model=name, message="cut", sent=True)
        usage = Usage(input_tokens=rng.randrange(1, 20), output_tokens=rng.randrange(1, 40))
        self.bill.append((READ * usage.input_tokens + WRITTEN * usage.output_tokens) / MILLION)
        wants = bool(attempt.request.tools) and all(message.role != "tool" for message in attempt.request.messages)
        return LLMResponse(
            content=rng.choice(['{"a": 1}', '{"a": "no"}', "x"]),
            model=name,
            provider=attempt.model.provider,
            finish="tool_calls" if wants else "stop",
            tool_calls=(ToolCall(id="1", name="weather", arguments='{"place": "x"}'),) if wants else (),
            usage=usage,
        )


async def whole(manager: LLMManager, request: LLMRequest) -> Any:
    return await settle(manager.generate(request))


async def streamed(manager: LLMManager, request: LLMRequest) -> None:
    async with aclosing(manager.stream(request)) as events:
        async for _ in events:
            pass


async def typed(manager: LLMManager, request: LLMRequest) -> Any:
    return (await settle(manager.generate_as(Shape, request))).map(lambda read: read.response)


async def with_tools(manager: LLMManager, request: LLMRequest) -> None:
    await settle(manager.call_tools(request, [TOOL]))


async def embedded(manager: LLMManager, request: LLMRequest) -> None:
    await settle(manager.embed(EmbedRequest((str(request.prompt), "again"), metadata=request.metadata)))


async def left(manager: LLMManager, request: LLMRequest) -> None:
    running = asyncio.ensure_future(settle(manager.generate(request)))
    await asyncio.sleep(0.3)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


WAYS: Final[tuple[Callable[[LLMManager, LLMRequest], Any], ...]] = (whole, whole, streamed, typed, with_tools, embedded, left)


@pytest.mark.parametrize("seed", range(40))
def test_everything_that_is_counted_is_on_the_bill_and_nothing_else(seed: int) -> None:
    """Hits, shared flights, re-sends, re-asks, turns of tools, hedges, vectors and calls that were left, by every purse and name."""
    rng, told = Random(seed), list[Event]()
    provider = Provider(rng)
    able = {"price": PRICE, "tools": True, "json_schema": True}
    models = (
        scripted(provider.said, provider="openai", able=("embed",), profile=able),
        scripted(provider.said, provider="anthropic", profile=able),
    )
    manager = scripted_manager(
        *models,
        config=LLMConfig(
            budgets=(Budget(name="all", limit=DEAR), USERS),
            breaker=BreakerSettings(enabled=False),
            routing=RoutingPolicy(fallback_order=("openai", "anthropic")),
            hedging=HedgingSettings(enabled=seed % 2 == 0, least_answers=5, least_seconds=0.2),
        ),
        tell=told.append,
    )

    async def one() -> None:
        await asyncio.sleep(rng.random() * 30.0)
        most = rng.choice([None, Decimal("0.01"), Decimal("0.0008")])
        request = LLMRequest(
            f"question {rng.randrange(30)}",
            preferences=Preferences(max_tokens=50),
            cache=rng.choice(["use", "off"]),
            metadata=RequestMetadata(user=rng.choice(["ann", "ben"])),
            max_cost_usd=most,
        )
        outcome = await rng.choice(WAYS)(manager, request)
        if most is not None and isinstance(outcome, Success):
            assert sum(each.cost.usd for each in outcome.unwrap().attempts if isinstance(each.cost, Priced)) <= most

    async def story() -> None:
        await asyncio.gather(*(one() for _ in range(80)))
        seen, standing = manager.stats(), manager.standing().budgets
        vectors = sum(each.cost_usd for name, each in seen.models.items() if name.endswith(" embed"))
        billed = sum(provider.bill, Decimal(0)) + vectors
        known = {name: sum(each.spent - each.unknown for each in standing if each.budget == name) for name in ("all", "users")}
        assert all(each.reserved == 0 and each.above_reserved == 0 for each in standing)
        assert known == {"all": billed, "users": billed}
        assert sum(each.cost_usd for each in seen.models.values()) == billed
        assert sum(each.cost_usd for each in seen.users.values()) == billed
        assert sum(each.doubtful for each in seen.users.values()) == sum(each.doubtful for each in seen.models.values())
        assert sum(each.attempts for each in seen.models.values()) == sum(isinstance(event, AttemptStarted) for event in told)
        assert await kept_of(told) == (
            sum(isinstance(event, AttemptStarted) for event in told),
            billed,
            {each.of: (each.spent, each.unknown) for each in standing if each.budget == "users"},
        )

    run_virtual(story())


async def kept_of(told: Sequence[Event]) -> tuple[int, Decimal, dict[str, tuple[Decimal, Decimal]]]:
    """What the usage log makes of the same events: requests, what they cost, and what each user's purse would begin with."""

    def work(connection: Connection) -> Success[tuple[UsageReport, tuple[PastSpending, ...]]]:
        rows = [{"writer": 1, "place": place, **entry} for place, event in enumerate(told) if (entry := entry_of(event, 1e9)) is not None]
        connection.execute(insert(USAGE), rows)
        return Success((report_of(connection, UsageQuery()), spent_of(connection, USERS, 0.0, ())))

    database = open_database(":memory:").unwrap()
    report, spent = database.write_now(work).unwrap()
    database.close_now()
    purses = {each.purse: (amount_of(each.usd_parts, "usd"), amount_of(each.unknown_usd_parts, "usd")) for each in spent}
    return report.total.requests, report.total.cost_usd, purses
