"""Budgets of several processes at a real Redis: never passed together, whatever is killed, and closed while it is away."""

import asyncio
from collections.abc import Collection, Sequence
from contextlib import suppress
from decimal import Decimal
from typing import Any

from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st
from returns.future import FutureResult
from returns.result import Failure, Success

from llm_manager.domain.attempts import Attempt
from llm_manager.domain.configuration import Budget
from llm_manager.domain.error_questions import describe
from llm_manager.domain.errors import BudgetExceeded, LLMError, NetworkError, StorageFailed
from llm_manager.domain.events import BudgetAlert, Event
from llm_manager.domain.models import FREE, KnownPrice, ModelProfile
from llm_manager.domain.requests import LLMRequest, Preferences, RequestMetadata
from llm_manager.domain.standing import BudgetStanding
from llm_manager.domain.usage import Priced, Usage
from llm_manager.domain.usage_log import PastSpending
from llm_manager.layers.budgeting import budgeting
from llm_manager.layers.budgeting_together import budgeting_together
from llm_manager.outcomes import Settled
from llm_manager.policies.shared_budgets import is_shared
from llm_manager.services.gates import End, Pass, Replied
from llm_manager.services.guards import Budgets
from llm_manager.services.sharing import Sharing
from llm_manager.services.usage_log import UsageLog
from llm_manager.testing import attempt_for
from tests.servers import Redis, running_redis
from tests.sharing import die, one_day, renewed, run_out, sharing_at

HERE = one_day()
PRICE = KnownPrice(input_usd=Decimal(0), output_usd=Decimal(1_000_000), version="t")
"""A dollar a token written: what a request may take is its max_tokens."""
PROFILE = ModelProfile(name="m", provider="p", price=PRICE)
TEN = Budget(name="ten", limit=Decimal(10), period="day")
HELD = "{llm-manager}:held"
TOLD = NetworkError(model="m", message="not sent", sent=False)


def budgets_of(sharing: Sharing, *budgets: Budget) -> Budgets:
    """The budgets of one of several processes."""
    own = budgeting([budget for budget in budgets if not is_shared(budget)], HERE)
    return budgeting_together(own, sharing.purses, budgets, HERE)


def attempt(most: int = 4, *, user: str | None = None, seconds: float = 300.0, profile: ModelProfile = PROFILE) -> Attempt:
    """An attempt that may cost so many dollars."""
    request = LLMRequest("x", preferences=Preferences(max_tokens=most), metadata=RequestMetadata(user=user))
    return attempt_for(request, model=profile, now=HERE.now(), seconds=seconds).unwrap()


def cost(dollars: int | Decimal) -> Replied:
    """An answer for so many dollars."""
    return Replied(usage=Usage(output_tokens=int(dollars)), cost=Priced(usd=Decimal(dollars), price_version="t"))


def ignore(_: Event) -> None:
    """Nobody listens."""


async def entered(budgets: Budgets, asked: Attempt, emit: Any = ignore) -> Settled[Pass, LLMError]:
    """Go through the gate."""
    assert budgets.gate is not None
    return await budgets.gate(asked, emit)


async def passed(budgets: Budgets, asked: Attempt, emit: Any = ignore) -> Pass:
    """Go through the gate, which lets one through."""
    through = await entered(budgets, asked, emit)
    assert isinstance(through, Success), through
    return through.unwrap()


async def refused(budgets: Budgets, asked: Attempt) -> LLMError:
    """Be refused in words."""
    through = await entered(budgets, asked)
    assert isinstance(through, Failure), through
    assert describe(through.failure())
    return through.failure()


async def end(sharing: Sharing, held: Pass, how: End) -> None:
    """End, and wait until that has arrived."""
    held.ended(how)
    held.ended(how)
    await sharing.answers.flush()


def stand(budgets: Budgets) -> tuple[int, int, int]:
    """Spent, reserved and unknown of the only purse."""
    (only,) = budgets.standing()
    return int(only.spent), int(only.reserved), int(only.unknown)


async def test_what_one_spends_the_other_may_not(redis_url: str) -> None:
    """Set aside and spent together; who is over is told so, with what is left, and by `refusal` too."""
    ours, theirs = sharing_at(redis_url), sharing_at(redis_url)
    first, second = budgets_of(ours, TEN), budgets_of(theirs, TEN)
    await end(ours, await passed(first, attempt(4)), cost(3))
    assert stand(first) == (3, 0, 0)
    held = await passed(second, attempt(6))
    assert stand(second) == (3, 6, 0)
    error = await refused(first, attempt(8))
    assert isinstance(error, BudgetExceeded) and error.left == "7"
    waited = await refused(first, attempt(4, seconds=0.2))
    assert isinstance(waited, BudgetExceeded) and "waited" in waited.message
    await end(theirs, held, TOLD)
    assert stand(second) == (3, 0, 0)
    await end(ours, await passed(first, attempt(7)), None)
    assert stand(first) == (10, 0, 7)
    assert isinstance(await refused(second, attempt(1)), BudgetExceeded)
    assert isinstance(first.refusal(attempt(1)), BudgetExceeded) and isinstance(first.refusal(None), BudgetExceeded)
    await ours.close()
    await theirs.close()


async def test_who_waits_comes_in_when_another_ends(redis_url: str) -> None:
    """Wherever that is."""
    ours, theirs = sharing_at(redis_url), sharing_at(redis_url)
    first, second = budgets_of(ours, TEN), budgets_of(theirs, TEN)
    held = await passed(first, attempt(8))
    waiting = asyncio.ensure_future(passed(second, attempt(8, seconds=20.0)))
    await asyncio.sleep(0.1)
    assert not waiting.done()
    held.ended(cost(2))
    await end(theirs, await waiting, cost(1))
    assert stand(second) == (3, 0, 0)
    await ours.close()
    await theirs.close()


async def test_purses_by_name_and_of_a_run(redis_url: str) -> None:
    """A purse for each name; the budget of a run stays in its process; what is free asks for nothing."""
    ours, theirs = sharing_at(redis_url), sharing_at(redis_url)
    each = evolve(TEN, name="each", each="user", period="month")
    run = Budget(name="run", limit=Decimal(5))
    first, second = budgets_of(ours, each, run), budgets_of(theirs, each, run)
    await end(ours, await passed(first, attempt(4, user="ann")), cost(4))
    assert isinstance(await refused(first, attempt(4, user="bob")), BudgetExceeded)
    await end(theirs, await passed(second, attempt(4, user="ann")), cost(4))
    await passed(second, attempt(1, user="bob"))
    standing = {(one.budget, one.of): int(one.spent) for one in second.standing()}
    assert standing == {("each", "ann"): 8, ("each", "bob"): 0, ("run", ""): 4}
    await passed(first, attempt(10_000, profile=evolve(PROFILE, price=FREE)))
    unbounded = attempt_for(LLMRequest("x"), model=evolve(PROFILE, max_output_tokens=None, context_window=None), now=HERE.now()).unwrap()
    assert isinstance(await refused(budgets_of(ours, TEN), unbounded), BudgetExceeded)
    await ours.close()
    await theirs.close()


async def test_alerts_come_once(redis_url: str) -> None:
    """Whoever passes a share of the limit tells it, and nobody else."""
    ours, theirs = sharing_at(redis_url), sharing_at(redis_url)
    told: list[Event] = []
    for number in range(10):
        sharing = (ours, theirs)[number % 2]
        await end(sharing, await passed(budgets_of(sharing, TEN), attempt(1), told.append), cost(1))
    assert [(each.share, int(each.spent)) for each in told if isinstance(each, BudgetAlert)] == [(Decimal("0.8"), 8), (Decimal(1), 10)]
    await ours.close()
    await theirs.close()


async def test_a_reset_is_one_for_all(redis_url: str) -> None:
    """Nothing is spent any more, and what is under way still counts when it ends."""
    ours, theirs = sharing_at(redis_url), sharing_at(redis_url)
    first, second = budgets_of(ours, TEN), budgets_of(theirs, TEN)
    await end(ours, await passed(first, attempt(6)), cost(6))
    held = await passed(second, attempt(4))
    first.reset("day", ignore)
    await ours.answers.flush()
    await end(theirs, held, cost(3))
    assert stand(second) == (3, 0, 0)
    await ours.close()
    await theirs.close()


async def test_what_others_spent_is_seen_when_it_is_asked_for(redis_url: str) -> None:
    """By one that has asked for nothing itself; and a reset reaches it from where no loop runs."""
    ours, theirs = sharing_at(redis_url), sharing_at(redis_url)
    first, second = budgets_of(ours, TEN), budgets_of(theirs, TEN)
    await end(ours, await passed(first, attempt(4)), cost(3))
    assert stand(second) == (0, 0, 0)
    assert await second.recall() == Success(None)
    assert stand(second) == (3, 0, 0)
    await asyncio.to_thread(second.reset, "day", ignore)
    assert await first.recall() == Success(None)
    assert stand(first) == (0, 0, 0)
    await ours.close()
    await theirs.close()


async def test_a_server_that_is_started_anew_fails_nobody(redis_program: str) -> None:
    """Who asks while it is gone for a moment waits for it."""
    with running_redis(redis_program) as server:
        sharing = sharing_at(server.url)
        budgets = budgets_of(sharing, TEN)
        await end(sharing, await passed(budgets, attempt(1)), cost(1))
    asking = asyncio.ensure_future(passed(budgets, attempt(2)))
    await asyncio.sleep(0.3)
    assert not asking.done()
    with running_redis(redis_program, "--port", str(server.port)):
        await end(sharing, await asking, cost(2))
        assert stand(budgets) == (2, 0, 0)
        await sharing.close()


async def test_a_crash_leaves_what_it_held_as_unknown(redis_server: Redis, redis_url: str) -> None:
    """When nobody renews it; and who tells later after all what it took corrects that."""
    ours, theirs = sharing_at(redis_url), sharing_at(redis_url)
    first, second = budgets_of(ours, TEN), budgets_of(theirs, TEN)
    gone = await passed(first, attempt(6))
    await renewed(redis_server, HELD)
    held = await passed(second, attempt(1))
    assert stand(second) == (0, 7, 0), "it is renewed while its process lives"
    await die()
    run_out(redis_server, HELD)
    held = await passed(second, attempt(1))
    assert stand(second) == (7, 1, 7)
    await end(ours, gone, cost(2))
    assert stand(first) == (3, 1, 1)
    await end(theirs, held, cost(1))
    assert stand(second) == (4, 0, 1)
    await ours.close()
    await theirs.close()


async def test_redis_away_refuses_what_costs_something(redis_program: str) -> None:
    """As a failure of what is kept, not of the budget; what had ended meanwhile counts when it is back, whatever came of the server."""
    with running_redis(redis_program) as server:
        port = server.port
        ours = sharing_at(server.url)
        budgets = budgets_of(ours, TEN)
        held = await passed(budgets, attempt(4))
        server.process.kill()
        server.process.wait()
        error = await refused(budgets, attempt(4, seconds=0.3))
        assert isinstance(error, StorageFailed) and "budgets" in error.message
        await passed(budgets, attempt(4, profile=evolve(PROFILE, price=FREE)))
    with running_redis(redis_program, "--port", str(port)):
        through: Any = None
        for _ in range(300):
            through = await entered(budgets, attempt(1))
            if isinstance(through, Success):
                break
            await asyncio.sleep(0.1)
        assert isinstance(through, Success)
        await end(ours, held, cost(3))
        await end(ours, through.unwrap(), cost(1))
        assert stand(budgets) == (4, 0, 0)
        await ours.close()


async def test_a_purse_begins_with_what_the_log_knows(redis_url: str) -> None:
    """So that a server that forgot everything does not forget what is spent."""
    ours = sharing_at(redis_url)
    budgets = budgets_of(ours, TEN)
    past = PastSpending(purse="", usd_parts=6 * 10**12, unknown_usd_parts=10**12)

    async def spent(asked: Sequence[tuple[Budget, float]], _: Collection[int]) -> Settled[tuple[tuple[PastSpending, ...], ...], LLMError]:
        assert [each.name for each, _ in asked] == ["ten"]
        return Success(((past,),))

    async def flush() -> Settled[None, LLMError]:
        return Success(None)

    budgets.remember(
        UsageLog(
            subscriber=lambda _: None,
            report=lambda _: FutureResult.from_failure(StorageFailed(message="not asked")),
            spent=spent,
            flush=flush,
            writer=lambda: None,
        )
    )
    assert isinstance(await refused(budgets, attempt(5)), BudgetExceeded)
    assert await budgets.recall() == Success(None)
    assert stand(budgets) == (6, 0, 1), "as the log knows it"
    await passed(budgets, attempt(4))
    assert stand(budgets) == (6, 4, 1)
    await ours.close()


async def test_what_cannot_be_known_refuses(redis_url: str) -> None:
    """A log that cannot be read says so to whoever needs it; what nobody bounds is refused by a look as well."""
    sharing = sharing_at(redis_url)
    budgets = budgets_of(sharing, TEN)
    down = StorageFailed(message="down")

    async def spent(*_: object) -> Settled[tuple[tuple[PastSpending, ...], ...], LLMError]:
        return Failure(down)

    async def flush() -> Settled[None, LLMError]:
        return Success(None)

    none = UsageLog(
        subscriber=lambda _: None, report=lambda _: FutureResult.from_failure(down), spent=spent, flush=flush, writer=lambda: None
    )
    budgets.remember(none)
    assert await refused(budgets, attempt(1)) == down
    assert await budgets.recall() == Failure(down)
    unbounded = attempt_for(LLMRequest("x"), model=evolve(PROFILE, max_output_tokens=None, context_window=None), now=HERE.now()).unwrap()
    assert isinstance(budgets.refusal(unbounded), BudgetExceeded)
    assert budgets.refusal(attempt(1)) is None
    away = budgets_of(sharing_at("redis://127.0.0.1:1/0"), TEN)
    assert isinstance(await away.recall(), Failure)
    assert budgets_of(sharing, Budget(name="run", limit=Decimal(1))).gate is not None
    await sharing.close()


@settings(max_examples=15)
@given(st.lists(st.tuples(st.integers(1, 6), st.integers(0, 6), st.sampled_from(["told", "nothing", "left", "cancel"])), max_size=40))
def test_spent_and_reserved_never_pass_the_limit(redis_server: Redis, calls: list[tuple[int, int, str]]) -> None:
    """Under any interleaving of four processes; in the end nothing is reserved."""

    async def story() -> None:
        redis_server.say("FLUSHALL")
        every = [sharing_at(redis_server.url) for _ in range(4)]
        each = [budgets_of(sharing, TEN) for sharing in every]
        spent = held = unknown = 0

        async def call(number: int, most: int, took: int, how: str) -> None:
            nonlocal spent, held, unknown
            entering = asyncio.ensure_future(entered(each[number % 4], attempt(most, seconds=0.4)))
            if how == "cancel":
                await asyncio.sleep(0.0005 * took)
                entering.cancel()
            with suppress(asyncio.CancelledError):
                through = await entering
                if isinstance(through, Failure):
                    return
                held += most
                assert spent + held <= 10
                await asyncio.sleep(0.002)
                held -= most
                took = min(took, most) if how == "told" else 0 if how == "nothing" else most
                spent += took
                if how == "told":
                    through.unwrap().ended(cost(took))
                else:
                    through.unwrap().ended(TOLD if how == "nothing" else None)

        await asyncio.gather(*(call(number, *one) for number, one in enumerate(calls)))
        for sharing in every:
            await sharing.answers.flush()
        await entered(each[0], attempt(1, seconds=0.0))
        for sharing in every:
            await sharing.close()

    asyncio.run(story())


def test_amounts_are_told_as_they_are() -> None:
    """The standing of a purse that nobody has seen is as its budget says."""
    budgets = budgets_of(sharing_at("redis://127.0.0.1:1/0"), TEN)
    (only,) = budgets.standing()
    assert only == BudgetStanding(
        budget="ten",
        unit="usd",
        limit=Decimal(10),
        spent=Decimal(0),
        reserved=Decimal(0),
        unknown=Decimal(0),
        left=Decimal(10),
        resets_at=only.resets_at,
    )
