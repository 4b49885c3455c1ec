"""The usage log in a database, at every place: what was told is there once, and its sums are exact."""

import asyncio
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from returns.result import Failure, Success
from sqlalchemy import Connection, func, insert, select

from llm_manager.domain.configuration import Budget, BudgetPeriod
from llm_manager.domain.errors import LLMError, ModelUnavailable, RequestTimeout
from llm_manager.domain.events import AttemptAnswered, AttemptFailed, AttemptLeft, AttemptStarted, CacheHit, Event, SimilarFound, UsageReset
from llm_manager.domain.requests import RequestMetadata
from llm_manager.domain.usage import Most, Priced, Unpriced, Usage
from llm_manager.domain.usage_log import UsageQuery, UsageReport
from llm_manager.effects import settle
from llm_manager.outcomes import Settled
from llm_manager.services.usage_log import UsageLog
from llm_manager.stores.sql.database import Database
from llm_manager.stores.sql.tables.usage import USAGE
from llm_manager.stores.usage.keeping import usage_log
from llm_manager.testing import strategies
from tests.databases import emptied, opened_database

NOON: Final = 1_800_014_400.0
"""A Friday in 2027, 12:00 UTC."""
DAY: Final = 86_400.0
HOSTILE: Final = ("'; drop table usage; --", "%s %(x)s :x ?", "\0 \ud800", '"', "\\", "x" * 10_000, "日本語 \U0001f600", "", "=1+1")


class Clock:
    """A wall clock that is set by hand."""

    def __init__(self, now: float = NOON) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


def log_in(database: Database, clock: Callable[[], float] | None = None, keep_days: int = 400) -> UsageLog:
    """A log of one writer."""
    return usage_log(database, Clock() if clock is None else clock, keep_days)


def answered(
    call: str = "c", *, usd: str | None = "0.01", model: str = "gpt", provider: str = "openai", seconds: float = 1.0, **whose: Any
) -> AttemptAnswered:
    """An answer of fifteen tokens."""
    cost = Unpriced(reason="test") if usd is None else Priced(usd=Decimal(usd), price_version="v1")
    return AttemptAnswered(
        at=0.0,
        call_id=call,
        number=1,
        provider=provider,
        model=model,
        seconds=seconds,
        usage=Usage(input_tokens=10, output_tokens=5),
        cost=cost,
        metadata=RequestMetadata(**whose),
        key_fingerprint="abcd1234",
    )


def failed(error: LLMError, *, most: Most | None = None, **whose: Any) -> AttemptFailed:
    """A failure."""
    return AttemptFailed(
        at=0.0,
        call_id="f",
        number=1,
        provider="openai",
        model="gpt",
        seconds=2.0,
        error=error,
        most=most,
        metadata=RequestMetadata(**whose),
    )


TIMED_OUT: Final = RequestTimeout(model="gpt", timeout_ms=10)
REFUSED: Final = ModelUnavailable(model="gpt", message="down", reason="server")
LEFT: Final = AttemptLeft(
    at=0.0, call_id="l", number=1, provider="openai", model="gpt", seconds=1.0, most=Most(usd=Decimal("0.5"), tokens=100)
)
HIT: Final = CacheHit(
    at=0.0,
    call_id="h",
    provider="openai",
    model="gpt",
    shared=False,
    usage=Usage(input_tokens=10, output_tokens=5),
    saved=Priced(usd=Decimal("0.01"), price_version="v1"),
)


def tell(log: UsageLog, *events: Event) -> None:
    for event in events:
        log.subscriber(event)


async def asked(log: UsageLog, query: UsageQuery | None = None) -> UsageReport:
    """The report, which must be there."""
    return (await settle(log.report(UsageQuery() if query is None else query))).unwrap()


async def test_every_end_of_an_attempt_is_counted_once(database: Database) -> None:
    """And what has not ended is not; a hit is no request."""
    log = log_in(database)
    start = AttemptStarted(at=0.0, call_id="c", number=1, provider="openai", model="gpt")
    tell(log, start, answered(), answered(usd=None), failed(TIMED_OUT), failed(REFUSED), LEFT, HIT)
    total = (await asked(log)).total
    assert (total.requests, total.successful, total.failed, total.left, total.remembered) == (5, 2, 2, 1, 1)
    assert (total.cost_usd, total.unpriced, total.doubtful, total.total_tokens) == (Decimal("0.01"), 1, 2, 30)
    assert (total.saved_usd, total.saved_tokens, total.unknown_saved) == (Decimal("0.01"), 15, 0)
    assert total.errors == {"TimeoutError": 1, "ModelUnavailable": 1}
    assert total.average_latency_ms == 1000
    assert total.median_latency_ms is not None and abs(total.median_latency_ms - 1000) < 50


async def test_sums_are_exact_to_the_last_digit(database: Database) -> None:
    """A thousand answers that cost less than a micro-dollar each."""
    log = log_in(database)
    tell(log, *(answered(f"c{number}", usd="0.0000001234") for number in range(1000)))
    assert (await asked(log)).total.cost_usd == Decimal("0.0001234")


async def test_the_dearest_groups_are_those_that_were_paid_most_for(database: Database) -> None:
    """What the cache saved is no cost, and all is in the total, whichever groups are shown."""
    log = log_in(database)
    tell(log, answered(usd="1", user="ann"), answered(usd="0.1", user="bob"), answered(usd="0.2"), answered(usd="0.3", user="eve"))
    tell(log, *(replace(HIT, metadata=RequestMetadata(user="bob"), saved=Priced(usd=Decimal(9), price_version="v1")) for _ in range(9)))
    report = await asked(log, UsageQuery(by=("user",), top=2))
    assert [group.of for group in report.groups] == [("ann",), ("eve",)]
    assert (report.total.cost_usd, report.total.saved_usd, report.total.remembered) == (Decimal("1.6"), Decimal(81), 9)
    everybody = await asked(log, UsageQuery(by=("user",), top=9))
    assert [group.of for group in everybody.groups] == [("ann",), ("eve",), (None,), ("bob",)]


async def test_what_kept_prompts_saved_is_told_apart(database: Database) -> None:
    """It is in no sum of what the cache saved."""
    log = log_in(database)
    tell(log, *(replace(answered(), prefix_saved_usd=Decimal(usd)) for usd in ("0.009", "-0.0025")), answered(), HIT)
    total = (await asked(log)).total
    assert (total.prefix_saved_usd, total.saved_usd) == (Decimal("0.0065"), Decimal("0.01"))


async def test_nothing_is_told_of_an_empty_log(database: Database) -> None:
    """All is zero, and what is no number is not known."""
    report = await asked(log_in(database), UsageQuery(by=("model", "day"), dearest=3))
    assert (report.total.requests, report.total.cost_usd, report.total.average_latency_ms) == (0, Decimal(0), None)
    assert (report.groups, report.dearest, report.lost, report.first, report.last) == ((), (), 0, None, None)


async def test_usage_is_grouped_by_time_and_by_name(database: Database) -> None:
    """In the order of time, else the dearest first; those that say no name are together."""
    clock = Clock()
    log = log_in(database, clock)
    tell(log, answered(usd="0.02", user="bob"), answered(usd="0.01", user="ann", model="mini"))
    clock.now = NOON + 40 * DAY
    tell(log, answered(usd="0.05"))

    async def groups(*by: Any, **more: Any) -> list[tuple[tuple[str | None, ...], str]]:
        report = await asked(log, UsageQuery(by=by, **more))
        return [(group.of, f"{group.totals.cost_usd:f}") for group in report.groups]

    assert await groups("user") == [((None,), "0.05"), (("bob",), "0.02"), (("ann",), "0.01")]
    assert await groups("user", top=1) == [((None,), "0.05")]
    assert await groups("model") == [(("openai/gpt",), "0.07"), (("openai/mini",), "0.01")]
    assert await groups("day") == [(("2027-01-15",), "0.03"), (("2027-02-24",), "0.05")]
    assert await groups("hour") == [(("2027-01-15 12:00",), "0.03"), (("2027-02-24 12:00",), "0.05")]
    assert await groups("month", "user") == [
        (("2027-01", "ann"), "0.01"),
        (("2027-01", "bob"), "0.02"),
        (("2027-02", None), "0.05"),
    ]
    assert await groups("month", top=1) == [(("2027-02",), "0.05")]
    assert await groups("key") == [(("abcd1234",), "0.08")]
    assert await groups("provider", until=NOON + 1) == [(("openai",), "0.03")]
    assert await groups("provider", since=NOON + 1) == [(("openai",), "0.05")]
    assert await groups("operation", model="openai/mini") == [(("chat",), "0.01")]
    assert await groups("operation", model="mini", user="bob") == []
    assert await groups("feature", provider="gpt") == [((None,), "0.08")], "a provider by another of its names"


async def test_the_dearest_calls_are_told_with_all_their_requests(database: Database) -> None:
    """A call that fell back has both models."""
    log = log_in(database)
    tell(log, answered("cheap", usd="0.001"), answered("dear", usd="0.3", model="mini"), answered("dear", usd="0.4", feature="search"))
    one, two = (await asked(log, UsageQuery(dearest=5))).dearest
    assert (one.call_id, one.models, one.requests, one.tokens, one.cost_usd) == (
        "dear",
        ("openai/mini", "openai/gpt"),
        2,
        30,
        Decimal("0.7"),
    )
    assert (one.feature, one.at, two.call_id) == ("search", NOON, "cheap")
    assert len((await asked(log, UsageQuery(dearest=1))).dearest) == 1


@pytest.mark.parametrize("name", HOSTILE, ids=range(len(HOSTILE)))
async def test_any_text_is_kept_as_a_text(database: Database, name: str) -> None:
    """In every column; what no database takes is replaced, what is too long is cut."""
    log = log_in(database)
    tell(log, answered(name, provider=name, model=name, feature=name, user=name, tenant=name, run=name))
    for key in ("provider", "model", "feature", "user", "tenant", "run"):
        (group,) = (await asked(log, UsageQuery(by=(key,)))).groups
        assert group.totals.requests == 1
    if name in HOSTILE[:2]:
        (group,) = (await asked(log, UsageQuery(by=("feature",), feature=name, user=name))).groups
        assert group.of == (name,)


async def test_what_another_log_wrote_is_there_after_a_restart(database: Database) -> None:
    """Each has a number of its own, and none overwrites another's rows."""
    one, other = log_in(database), log_in(database)
    tell(one, answered("a"))
    tell(other, answered("b"))
    await asyncio.gather(one.flush(), other.flush())
    assert one.writer() is not None and other.writer() is not None and one.writer() != other.writer()
    if database.place != ":memory:":
        await database.close()
    third = log_in(database)
    tell(third, answered("c"))
    assert (await asked(third)).total.requests == 3
    assert len({one.writer(), other.writer(), third.writer()}) == 3


async def test_two_processes_write_to_one_log(store_url: str) -> None:
    """Each through a database of its own, at the same time."""
    if store_url == ":memory:":
        return
    databases = [opened_database(store_url) for _ in range(2)]
    logs = [log_in(each) for each in databases]
    for number in range(200):
        logs[number % 2].subscriber(answered(f"c{number}"))
        if number % 20 == 0:
            await asyncio.sleep(0.001)
    assert await asyncio.gather(*(log.flush() for log in logs)) == [Success(None)] * 2
    assert (await asked(logs[0])).total.requests == 200
    assert logs[0].writer() != logs[1].writer()
    for each in databases:
        await each.close()


async def test_what_is_old_is_forgotten(database: Database) -> None:
    """When the log is next written to, and not before its days are over."""
    clock = Clock()
    old = log_in(database, clock, keep_days=32)
    tell(old, answered("old"))
    await old.flush()
    clock.now += 31 * DAY
    tell(old, answered("newer"))
    assert (await asked(old)).total.requests == 2
    clock.now += 2 * DAY
    tell(old, answered("newest"))
    assert (await asked(old)).total.requests == 2


async def test_what_could_not_be_kept_is_counted(database: Database) -> None:
    """When more wait than the bound allows, the report says how many are missing."""
    release = threading.Event()

    def held(_: Connection) -> Settled[None, LLMError]:
        release.wait(10)
        return Success(None)

    log = usage_log(database, Clock(), 400, most=50)
    stuck = database.write_soon(held)
    for number in range(200):
        log.subscriber(answered(f"c{number}"))
    release.set()
    await asyncio.wrap_future(stuck)
    report = await asked(log)
    assert (report.total.requests, report.lost) == (50, 150)
    tell(log, answered())
    assert (await asked(log)).lost == 150


def budget(period: BudgetPeriod = "day", **fields: Any) -> Budget:
    return Budget(name="b", limit=Decimal(10), period=period, **fields)


async def test_what_budgets_have_spent(database: Database) -> None:
    """By all others, in their period, as far as it may be billed; what nobody told of with the most it can have been."""
    clock = Clock()
    log = log_in(database, clock)
    tell(log, answered(usd="1", user="ann"), answered(usd="2", user="bob"), answered(usd=None, user="bob"))
    tell(log, failed(REFUSED), failed(TIMED_OUT, most=Most(usd=Decimal("0.25"), tokens=50), user="bob"), LEFT, HIT)
    await log.flush()
    ((one,), split, models, none) = (
        await log.spent([(budget(), NOON - DAY), (budget(each="user"), 0.0), (budget(each="model"), 0.0), (budget(user="eve"), 0.0)], ())
    ).unwrap()
    assert (one.usd_parts, one.tokens, one.requests) == (3_750_000_000_000, 195, 5)
    assert (one.unknown_usd_parts, one.unknown_tokens, one.unknown_requests) == (750_000_000_000, 150, 2)
    assert {each.purse: (each.usd_parts, each.requests) for each in split} == {
        "ann": (10**12, 1),
        "bob": (2_250_000_000_000, 3),
        "(none)": (500_000_000_000, 1),
    }
    assert [each.purse for each in models] == ["openai/gpt"]
    assert [(each.usd_parts, each.requests) for each in none] == [(0, 0)]
    number = log.writer()
    assert number is not None
    (mine,) = (await log.spent([(budget(), 0.0)], (number,))).unwrap()
    assert [each.requests for each in mine] == [0]
    (later,) = (await log.spent([(budget(), NOON)], ())).unwrap()
    assert [each.requests for each in later] == [0], "they left before the period began"


async def test_a_budget_begun_anew_stays_so(database: Database) -> None:
    """What came before the reset of its period no longer counts, also after a restart."""
    clock = Clock()
    log = log_in(database, clock)
    tell(log, answered(usd="1", seconds=0.0))
    clock.now += 10
    tell(log, UsageReset(at=0.0, period="day"))
    clock.now += 10
    tell(log, answered(usd="2", seconds=0.0))
    await log.flush()
    (day,), (month,) = (await log.spent([(budget(), 0.0), (budget("month"), 0.0)], ())).unwrap()
    assert (day.usd_parts, month.usd_parts) == (2 * 10**12, 3 * 10**12)


async def test_the_log_of_a_database_that_cannot_be_opened_says_so() -> None:
    """As a value, whatever is asked; and who tells events never feels it."""
    log = usage_log(Database("nowhere", lambda: Failure(_GONE)), Clock(), 400)
    tell(log, answered())
    assert await settle(log.report(UsageQuery())) == Failure(_GONE)
    assert await log.spent([(budget(), 0.0)], ()) == Failure(_GONE)


_GONE: Final = ModelUnavailable(model="none", message="there is no database", reason="server")


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(events=st.lists(strategies.events(), max_size=30))
def test_any_events_add_up(database: Database, events: Sequence[Event]) -> None:
    """Whatever they hold: the report says of them what a plain sum does."""

    async def story() -> None:
        log = log_in(emptied(database))
        tell(log, *events)
        report = await asked(log, UsageQuery(by=("provider",)))
        counts = Counter(type(event) for event in events)
        total = report.total
        assert (total.successful, total.failed, total.left) == (counts[AttemptAnswered], counts[AttemptFailed], counts[AttemptLeft])
        similar = sum(isinstance(event, SimilarFound) and event.accepted for event in events)
        assert total.remembered == counts[CacheHit] + similar
        assert sum(group.totals.requests for group in report.groups) == total.requests
        assert sum(Fraction(group.totals.cost_usd) for group in report.groups) == Fraction(total.cost_usd)
        assert sum(total.errors.values()) == total.failed

    asyncio.run(story())


async def test_a_row_that_is_written_twice_is_there_once(database: Database) -> None:
    """As when a connection broke while it was committed."""
    log = log_in(database)
    tell(log, answered())
    await log.flush()

    def again(connection: Connection) -> Settled[int, LLMError]:
        row = connection.execute(select(USAGE)).mappings().one()
        values = {column.key: row[column] for column in USAGE.columns}
        try:
            with connection.begin_nested():
                connection.execute(insert(USAGE), values)
        except Exception:  # noqa: BLE001 - each database has its own
            return Success(int(connection.execute(select(func.count()).select_from(USAGE)).scalar_one()))
        return Success(-1)

    assert await database.write(again) == Success(1)
