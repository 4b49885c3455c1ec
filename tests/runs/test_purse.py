"""The money of a run: set aside, waited for, given back, and never passed."""

import asyncio
from decimal import Decimal

from attrs import evolve

from llm_manager.domain.errors import BudgetExceeded
from llm_manager.domain.runs import RunCounts
from llm_manager.runs.purse import Purse


async def test_a_row_waits_for_one_that_may_turn_out_cheaper() -> None:
    counts = RunCounts()
    purse = Purse(Decimal(10), lambda: counts)
    assert await purse.take(0, Decimal(6)) is None
    second = asyncio.create_task(purse.take(1, Decimal(6)))
    await asyncio.sleep(0)
    assert not second.done()
    counts = evolve(counts, cost_usd=Decimal(1))
    purse.give_back(0)
    assert await second is None
    purse.give_back(0)


async def test_who_would_pass_the_limit_is_refused_and_so_is_what_nobody_knows_the_most_of() -> None:
    purse = Purse(Decimal(10), lambda: RunCounts(cost_usd=Decimal(4), doubtful_usd=Decimal(4)))
    for worst in (Decimal(3), None):
        refused = await purse.take(0, worst)
        assert isinstance(refused, BudgetExceeded)
        assert refused.left == "2"
