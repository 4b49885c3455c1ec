"""Budgets of a day or a month begin where others left off, by what the usage log says."""

import asyncio
from collections.abc import Collection, Sequence
from decimal import Decimal
from typing import Any

from attrs import evolve
from returns.future import FutureResult
from returns.result import Failure, Success

from llm_manager.domain.configuration import Budget
from llm_manager.domain.errors import LLMError, StorageFailed
from llm_manager.domain.usage_log import PastSpending
from llm_manager.layers.budgeting import budgeting
from llm_manager.layers.recalling import EVERY_SECONDS
from llm_manager.outcomes import Settled
from llm_manager.services.guards import Budgets
from llm_manager.services.usage_log import UsageLog
from llm_manager.testing import run_virtual
from llm_manager.testing.world import WALL_START, fake_world
from tests.layers.test_budgeting import attempt, cost, entered, ignore, passed, refused, stand

DAILY = Budget(name="daily", limit=Decimal(10), period="day")
DOWN = StorageFailed(message="gone", reason="closed")


class Log:
    """A usage log that tells what it was told to tell, after a second, and remembers what it was asked."""

    def __init__(self, *answers: int | LLMError, number: int | None = None) -> None:
        self.answers = list(answers)
        self.asked: list[tuple[list[float], set[int]]] = []
        self.log = UsageLog(
            subscriber=lambda _: None,
            report=lambda _: FutureResult.from_failure(DOWN),
            spent=self.spent,
            flush=self.flush,
            writer=lambda: number,
        )

    async def flush(self) -> Settled[None, LLMError]:
        return Success(None)

    async def spent(
        self, budgets: Sequence[tuple[Budget, float]], but: Collection[int]
    ) -> Settled[tuple[tuple[PastSpending, ...], ...], LLMError]:
        self.asked.append(([since for _, since in budgets], set(but)))
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        await asyncio.sleep(1)
        if not isinstance(answer, int):
            return Failure(answer)
        return Success(tuple((PastSpending(purse="", usd_parts=answer * 10**12, requests=1),) for _ in budgets))


def remembering(log: Log, *budgets: Budget) -> Budgets:
    """Budgets that know of a log."""
    made = budgeting(budgets or (DAILY,), fake_world())
    made.remember(log.log)
    return made


def test_what_was_spent_before_is_spent() -> None:
    """The first requests wait for one reading together; each later one is let through by what is known."""

    async def story() -> None:
        log = Log(7)
        budgets = remembering(log)
        first, second = await asyncio.gather(*(passed(budgets, attempt(most=1)) for _ in range(2)))
        assert asyncio.get_running_loop().time() == 1
        assert len(log.asked) == 1
        assert log.asked[0][0] == [WALL_START - 8 * 3600]
        first.ended(cost(1))
        second.ended(cost(1))
        assert int(stand(budgets).spent) == 9
        assert (await refused(budgets, attempt(most=2))).left == "1"

    run_virtual(story())


def test_what_others_spend_meanwhile_is_learnt_within_a_minute() -> None:
    """One request waits for that, and the others go on; what this process wrote is not asked for."""

    async def story() -> None:
        log = Log(2, 5, number=3)
        budgets = remembering(log)
        (await passed(budgets, attempt(most=1))).ended(cost(1))
        await asyncio.sleep(EVERY_SECONDS + 1)
        waiting = asyncio.create_task(passed(budgets, attempt(most=1)))
        await asyncio.sleep(0.1)
        before = asyncio.get_running_loop().time()
        (await passed(budgets, attempt(most=1))).ended(cost(1))
        assert asyncio.get_running_loop().time() == before
        (await waiting).ended(cost(1))
        assert int(stand(budgets).spent) == 5 + 3
        assert [but for _, but in log.asked] == [{3}, {3}]

    run_virtual(story())


def test_a_log_that_cannot_be_read_refuses_until_it_can() -> None:
    """Since nobody knows what is left; once it was read, what is known stands."""

    async def story() -> None:
        log = Log(DOWN, 1, DOWN, 4)
        budgets = remembering(log)
        assert await entered(budgets, attempt(most=1)) == Failure(DOWN)
        await passed(budgets, attempt(most=1))
        await asyncio.sleep(EVERY_SECONDS + 1)
        await passed(budgets, attempt(most=1))
        assert int(stand(budgets).spent) == 1
        assert await budgets.recall() == Success(None)
        assert int(stand(budgets).spent) == 4

    run_virtual(story())


def test_budgets_of_a_run_ask_nobody() -> None:
    """And where no log is known none is read."""

    async def story() -> None:
        log = Log(7)
        await passed(remembering(log, evolve(DAILY, period="run")), attempt(most=1))
        alone = budgeting((DAILY,), fake_world())
        await passed(alone, attempt(most=1))
        assert await alone.recall() == Success(None)
        assert not log.asked

    run_virtual(story())


def test_managers_that_share_budgets_are_counted_once() -> None:
    """What any of their logs wrote is in the book already."""

    async def story() -> None:
        one, other = Log(100, number=1), Log(7, number=2)
        budgets = remembering(one)
        budgets.remember(other.log)
        await passed(budgets, attempt(most=1))
        assert not one.asked, "its manager may be closed by now"
        assert other.asked[0][1] == {1, 2}

    run_virtual(story())


def test_a_reset_forgets_what_others_spent_too() -> None:
    """And only what they spend after it counts."""

    async def story() -> None:
        log = Log(7, 2)
        budgets = remembering(log)
        await passed(budgets, attempt(most=1))
        told: list[Any] = []
        budgets.reset("day", told.append)
        assert int(stand(budgets).spent) == 0
        await budgets.recall()
        assert int(stand(budgets).spent) == 2
        budgets.reset("day", ignore)

    run_virtual(story())
