"""Budgets around calls: never exceeded by many at once, waited for, alerted, and settled by what calls took, however they end."""

import asyncio
from contextlib import suppress
from decimal import Decimal
from threading import Thread
from typing import Any

import pytest
from attrs import evolve
from msgspec.structs import replace
from returns.result import Failure, Success

from llm_manager.domain.attempts import Attempt
from llm_manager.domain.configuration import Budget
from llm_manager.domain.error_questions import describe
from llm_manager.domain.errors import BudgetExceeded, CircuitOpen, LLMError, NetworkError, RateLimitExceeded, RequestTimeout
from llm_manager.domain.events import BudgetAlert, Event, UsageReset
from llm_manager.domain.models import KnownPrice, ModelProfile
from llm_manager.domain.requests import LLMRequest, Preferences, RequestMetadata
from llm_manager.domain.standing import BudgetStanding
from llm_manager.domain.usage import Priced, Unpriced, Usage
from llm_manager.layers.budgeting import budgeting
from llm_manager.outcomes import Settled
from llm_manager.real_world import real_world
from llm_manager.services.gates import End, Pass, Replied, pass_all
from llm_manager.services.guards import Budgets
from llm_manager.testing import attempt_for, run_virtual
from llm_manager.testing.world import WALL_START, fake_world

PRICE = KnownPrice(input_usd=Decimal(0), output_usd=Decimal(1_000_000), version="t")
"""A dollar a token written: what a request may take is its max_tokens."""
PROFILE = ModelProfile(name="m", provider="p", price=PRICE)
TEN = Budget(name="ten", limit=Decimal(10))


def attempt(most: int = 4, *, user: str | None = None, seconds: float = 300.0, now: float | None = None) -> Attempt:
    """An attempt that may cost so many dollars."""
    request = LLMRequest("x", preferences=Preferences(max_tokens=most), metadata=RequestMetadata(user=user))
    at = asyncio.get_running_loop().time() if now is None else now
    return attempt_for(request, model=PROFILE, now=at, seconds=seconds).unwrap()


def cost(dollars: int) -> Replied:
    """An answer for so many dollars."""
    return Replied(usage=Usage(output_tokens=dollars), cost=Priced(usd=Decimal(dollars), price_version="t"))


def ignore(_: Event) -> None:
    """Nobody listens."""


async def entered(budgets: Budgets, asked: Attempt) -> Settled[Pass, LLMError]:
    """Go through the gate."""
    assert budgets.gate is not None
    return await budgets.gate(asked, ignore)


async def passed(budgets: Budgets, asked: Attempt) -> Pass:
    """Go through the gate, which lets one through."""
    through = await entered(budgets, asked)
    assert isinstance(through, Success), through
    return through.unwrap()


async def refused(budgets: Budgets, asked: Attempt) -> BudgetExceeded:
    """Be refused."""
    through = await entered(budgets, asked)
    assert isinstance(through, Failure), through
    error = through.failure()
    assert isinstance(error, BudgetExceeded)
    assert describe(error)
    return error


def stand(budgets: Budgets) -> BudgetStanding:
    """How the only purse stands."""
    (only,) = budgets.standing()
    return only


def amounts(budgets: Budgets) -> tuple[int, int, int]:
    """Spent, reserved and unknown, in dollars."""
    only = stand(budgets)
    return int(only.spent), int(only.reserved), int(only.unknown)


def test_without_budgets_there_is_no_gate() -> None:
    """Nothing is asked, nothing stands."""
    none = budgeting((), fake_world())
    none.reset("day", ignore)
    assert none.gate is None
    assert none.standing() == ()
    assert none.refusal(attempt(now=0.0)) is None


@pytest.mark.parametrize(
    ("how", "after"),
    [
        (cost(3), (3, 0, 0)),
        (cost(0), (0, 0, 0)),
        (cost(7), (7, 0, 0)),
        (Replied(usage=None, cost=Unpriced(reason="not told")), (4, 0, 4)),
        (None, (4, 0, 4)),
        (RequestTimeout(model="m", timeout_ms=1), (4, 0, 4)),
        (NetworkError(model="m", message="", sent=True), (4, 0, 4)),
        (NetworkError(model="m", message=""), (0, 0, 0)),
        (RateLimitExceeded(model="m"), (0, 0, 0)),
        (CircuitOpen(model="m", endpoint="e"), (0, 0, 0)),
    ],
)
def test_how_it_ended_says_what_is_spent(how: End, after: tuple[int, int, int]) -> None:
    """What it took, nothing for what was not billed, and the worst case for what may have been."""

    async def story() -> None:
        budgets = budgeting((TEN,), fake_world())
        through = await passed(budgets, attempt(4))
        assert amounts(budgets) == (0, 4, 0)
        through.ended(how)
        through.ended(how)
        assert amounts(budgets) == after

    run_virtual(story())


def test_what_never_left_takes_nothing() -> None:
    """A later gate refused it, or its caller left while it waited there."""

    async def story() -> None:
        budgets = budgeting((TEN,), fake_world())
        assert budgets.gate is not None

        async def shut(attempt: object, emit: object) -> Settled[Pass, LLMError]:
            return Failure(RequestTimeout(model="m", timeout_ms=1, phase="total"))

        async def endless(attempt: object, emit: object) -> Settled[Pass, LLMError]:
            await asyncio.sleep(1e6)
            raise AssertionError

        assert isinstance(await pass_all((budgets.gate, shut), attempt(), ignore), Failure)
        assert amounts(budgets) == (0, 0, 0)
        waiting = asyncio.ensure_future(pass_all((budgets.gate, endless), attempt(), ignore))
        await asyncio.sleep(1.0)
        assert amounts(budgets) == (0, 4, 0)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        assert amounts(budgets) == (0, 0, 0)

    run_virtual(story())


def test_who_is_blocked_by_others_waits_for_them_in_order() -> None:
    """And goes on as soon as they have ended."""

    async def story() -> None:
        budgets = budgeting((TEN,), fake_world())
        first = await passed(budgets, attempt(8))
        order: list[int] = []

        async def wait(number: int, most: int) -> None:
            through = await passed(budgets, attempt(most))
            order.append(number)
            through.ended(cost(1))

        waiting = [asyncio.ensure_future(wait(number, most)) for number, most in enumerate((7, 2, 3))]
        await asyncio.sleep(5.0)
        assert order == []
        assert stand(budgets).waiting == 3
        first.ended(cost(2))
        await asyncio.gather(*waiting)
        assert order == [0, 1, 2]
        assert amounts(budgets) == (5, 0, 0)

    run_virtual(story())


def test_who_waited_in_vain_is_told_so_at_its_deadline() -> None:
    """Not before, and nothing of it is left."""

    async def story() -> None:
        budgets = budgeting((TEN,), fake_world())
        first = await passed(budgets, attempt(8))
        began = asyncio.get_running_loop().time()
        error = await refused(budgets, attempt(7, seconds=20.0))
        assert asyncio.get_running_loop().time() - began == pytest.approx(20.0, abs=0.01)
        assert "waited until its deadline" in error.message
        assert (error.left, error.limit) == ("10", "10")
        first.ended(cost(0))
        assert amounts(budgets) == (0, 0, 0)
        assert stand(budgets).waiting == 0

    run_virtual(story())


def test_who_is_refused_for_what_is_spent_is_told_at_once() -> None:
    """Also one that waited already, when others spend what it hoped for."""

    async def story() -> None:
        budgets = budgeting((TEN,), fake_world())
        first = await passed(budgets, attempt(8))
        waiting = asyncio.ensure_future(refused(budgets, attempt(7)))
        await asyncio.sleep(1.0)
        first.ended(cost(8))
        error = await waiting
        assert "8 USD are spent" in error.message
        assert (await refused(budgets, attempt(3))).left == "2"
        assert budgets.refusal(attempt(3)) == await refused(budgets, attempt(3))
        assert budgets.refusal(attempt(2)) is None

    run_virtual(story())


def test_a_cancelled_wait_leaves_nothing() -> None:
    """Nor does one that was let through in the moment it was cancelled."""

    async def story() -> None:
        budgets = budgeting((TEN,), fake_world())
        first = await passed(budgets, attempt(8))
        waiting = [asyncio.ensure_future(entered(budgets, attempt(7))) for _ in range(20)]
        await asyncio.sleep(1.0)
        for each in waiting[:10]:
            each.cancel()
        first.ended(cost(0))
        waiting[10].cancel()
        await asyncio.gather(*waiting[:11], return_exceptions=True)
        (await waiting[11]).unwrap().ended(cost(0))
        for each in waiting[12:]:
            (await each).unwrap().ended(cost(0))
        assert amounts(budgets) == (0, 0, 0)
        assert stand(budgets).waiting == 0

    run_virtual(story())


def test_a_new_day_lets_those_through_who_wait() -> None:
    """At midnight, UTC, without anybody's help."""

    async def story() -> None:
        daily = evolve(TEN, period="day")
        budgets = budgeting((daily,), fake_world())
        first = await passed(budgets, attempt(8))
        resets_at = stand(budgets).resets_at
        assert resets_at is not None
        await asyncio.sleep(resets_at - WALL_START - 60.0)
        second = await passed(budgets, attempt(7))
        assert asyncio.get_running_loop().time() == pytest.approx(resets_at - WALL_START, abs=0.01)
        first.ended(cost(8))
        assert amounts(budgets) == (0, 7, 0)
        second.ended(cost(7))
        assert amounts(budgets) == (7, 0, 0)

    run_virtual(story())


def test_alerts_and_resets_are_told() -> None:
    """Each share once, what is above the limit once, and whose purse it is."""

    async def story() -> None:
        told: list[Event] = []
        budgets = budgeting((evolve(TEN, each="user"),), fake_world())
        assert budgets.gate is not None
        for took in (7, 1, 1):
            (await budgets.gate(attempt(1, user="ann"), told.append)).unwrap().ended(cost(took))
        assert told == [alert(Decimal("0.8"), 8)]
        (await budgets.gate(attempt(1, user="ann"), told.append)).unwrap().ended(cost(3))
        assert told[1:] == [alert(Decimal(1), 12), alert(Decimal("1.2"), 12)]
        budgets.reset("run", told.append)
        assert told[3:] == [UsageReset(at=0.0, period="run")]
        assert amounts(budgets) == (0, 0, 0)

    def alert(share: Decimal, spent: int) -> BudgetAlert:
        return BudgetAlert(at=0.0, budget="ten", of="ann", unit="usd", share=share, spent=Decimal(spent), limit=Decimal(10))

    run_virtual(story())


def test_nothing_may_be_spent_of_a_budget_of_nothing() -> None:
    """And what is spent all the same, since a price was wrong, is told."""

    async def story() -> None:
        told: list[Event] = []
        budgets = budgeting((evolve(TEN, limit=Decimal(0), unpriced="allow"),), fake_world())
        assert (await refused(budgets, attempt(1))).left == "0"
        assert budgets.gate is not None
        unbounded = replace(attempt(1), model=ModelProfile(name="m", provider="p"))
        (await budgets.gate(unbounded, told.append)).unwrap().ended(cost(1))
        assert [each.share for each in told if isinstance(each, BudgetAlert)] == [Decimal("0.8"), Decimal(1), Decimal(1)]

    run_virtual(story())


def test_an_unknown_price_is_refused_and_says_what_to_do() -> None:
    """By the gate and by whoever only asks."""

    async def story() -> None:
        budgets = budgeting((TEN,), fake_world())
        unknown = replace(attempt(1), model=ModelProfile(name="m", provider="p"))
        error = await refused(budgets, unknown)
        assert "profiles" in error.message
        assert budgets.refusal(unknown) == error

    run_virtual(story())


def test_threads_share_a_budget_and_wake_each_other() -> None:
    """Eight loops in eight threads; the sum of what is under way never passes the limit, and nobody is left waiting."""
    budgets = budgeting((TEN,), real_world({}))
    under_way, most, done = [0], [0], [0]

    async def one(number: int) -> None:
        through = await passed(budgets, attempt(3, seconds=60.0))
        under_way[0] += 3
        most[0] = max(most[0], under_way[0])
        await asyncio.sleep(0.0005 * (number % 3))
        under_way[0] -= 3
        through.ended(cost(0))
        done[0] += 1

    async def many() -> None:
        await asyncio.gather(*(one(number) for number in range(20)))

    threads = [Thread(target=lambda: asyncio.run(many())) for _ in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join(30.0)
    assert done[0] == 160
    assert most[0] <= 9
    assert amounts(budgets) == (0, 0, 0)


def test_another_thread_may_decide_before_the_wait_has_begun() -> None:
    """Who holds what is waited for ends in the very moment between the decision to wait and the waiting."""

    async def story() -> None:
        budgets = budgeting((Budget(name="one", limit=Decimal(1), unit="requests"),), fake_world())
        first = await passed(budgets, attempt())

        class Interrupted:
            """An attempt that is interrupted when its deadline is read."""

            def __getattr__(self, name: str) -> Any:
                return getattr(attempt(), name)

            @property
            def call_deadline(self) -> float:
                other = Thread(target=first.ended, args=(CircuitOpen(model="m", endpoint="e"),))
                other.start()
                other.join()
                return asyncio.get_running_loop().time() + 10.0

        second: Any = Interrupted()
        through = await passed(budgets, second)
        through.ended(cost(0))
        assert amounts(budgets) == (1, 0, 0)

    run_virtual(story())


def test_who_waited_on_a_loop_that_is_closed_holds_nothing() -> None:
    """The loop went away in the middle of a wait, and nobody could tell."""
    budgets = budgeting((TEN,), real_world({}))

    async def first() -> Pass:
        return await passed(budgets, attempt(8))

    through = asyncio.run(first())
    loop = asyncio.new_event_loop()
    ticketed = loop.create_task(entered(budgets, attempt(7, now=0.0, seconds=1e9)))
    loop.run_until_complete(asyncio.sleep(0))
    assert stand(budgets).waiting == 1
    loop.close()
    through.ended(cost(0))
    assert amounts(budgets) == (0, 0, 0)
    assert stand(budgets).waiting == 0
    with suppress(RuntimeError):
        ticketed.get_coro().close()
