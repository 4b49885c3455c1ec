"""What every place that keeps runs promises: nothing finished is lost, one owner at a time, and every doubtful charge is listed."""

import asyncio
from collections.abc import Iterator
from decimal import Decimal
from hashlib import sha256

import pytest
from attrs import evolve
from returns.result import Success

from llm_manager.domain.error_questions import describe
from llm_manager.domain.errors import ConfigurationError, JobLocked, LLMError, StorageFailed
from llm_manager.domain.runs import RunPlan, RunRow
from llm_manager.outcomes import Settled
from llm_manager.real_world import real_world
from llm_manager.services.run_store import RowIntent, RowOutcome, RunLog, RunStore
from llm_manager.stores.runs.keeping import kept_runs
from llm_manager.stores.runs.locks import local_locks, run_locks
from llm_manager.stores.sql.database import Database

PLAN = RunPlan(target="out.csv", source="in.csv", settings={"prompt": "Say {x}", "model": {"name": "m", "seed": 1}}, rows=3)
A, B, C, D = (sha256(name.encode()).hexdigest() for name in "abcd")


@pytest.fixture
def runs(store_url: str, database: Database) -> Iterator[RunStore]:
    """The runs of each place; whoever still holds one in the end lets it go."""
    kept, taken = kept_runs(database, run_locks(store_url, database), real_world()), list[RunLog]()

    def noted(log: RunLog) -> RunLog:
        taken.append(log)
        return log

    yield evolve(
        kept,
        begin=lambda plan: kept.begin(plan).map(noted),
        resume=lambda run_id, plan: kept.resume(run_id, plan).map(noted),
        fork=lambda run_id, plan: kept.fork(run_id, plan).map(noted),
    )
    for log in taken:
        log.close("interrupted", None)


def intended(log: RunLog, *keys: str, worst: str | None = None) -> list[Settled[None, LLMError]]:
    """Intents for these rows, durable together."""

    async def all_of_them() -> list[Settled[None, LLMError]]:
        worst_usd = None if worst is None else Decimal(worst)
        return list(
            await asyncio.gather(*(log.intend(RowIntent(key=key, place=place, worst_usd=worst_usd)) for place, key in enumerate(keys)))
        )

    return asyncio.run(all_of_them())


def settled(log: RunLog, *outcomes: RowOutcome) -> Settled[None, LLMError]:
    """Outcomes, durable."""

    async def them() -> Settled[None, LLMError]:
        return await log.settle(outcomes)

    return asyncio.run(them())


def answered(key: str, cost: str = "0.25") -> RowOutcome:
    """A row that was answered."""
    output = {"answer": "a \x00 \ud800 ü", "cost_usd": cost}
    return RowOutcome(row=RunRow(key=key, output=output, input_tokens=3, output_tokens=2, cost_usd=Decimal(cost)))


def failed(key: str, doubtful: int = 0) -> RowOutcome:
    """A row that failed."""
    return RowOutcome(row=RunRow(key=key, state="failed", error="NetworkError", output={"answer": None}), doubtful=doubtful)


def test_what_is_settled_is_there_for_the_next_owner(runs: RunStore) -> None:
    log = runs.begin(PLAN).unwrap()
    assert intended(log, A, B) == [Success(None)] * 2
    assert settled(log, answered(A), failed(B)) == Success(None)
    assert log.close("interrupted", "asked to") == Success(None)
    shown = runs.show(log.record.id[:6]).unwrap()
    assert (shown.state, shown.stopped, shown.plan) == ("interrupted", "asked to", PLAN)
    counts = shown.counts
    assert (counts.answered, counts.failed, counts.calls, counts.cost_usd, counts.errors) == (1, 1, 2, Decimal("0.25"), {"NetworkError": 1})
    again = runs.resume(log.record.id, PLAN).unwrap()
    assert again.standings([A, B, C]).unwrap() == {A: "answered", B: "failed"}
    rows = again.rows([A, B, C]).unwrap()
    assert rows[A].output == {"answer": "a \x00 \ud800 ü", "cost_usd": "0.25"}
    assert (rows[A].place, rows[A].attempt, rows[A].cost_usd) == (0, 1, Decimal("0.25"))
    assert again.close("finished", None) == Success(None)
    assert [record.id for record in runs.list(states=["finished"]).unwrap()] == [log.record.id]


def test_what_was_asked_and_never_answered_is_listed_as_a_possible_double_charge(runs: RunStore) -> None:
    log = runs.begin(PLAN).unwrap()
    intended(log, A, B, C, worst="0.5")
    settled(log, answered(A), failed(C, doubtful=2))
    assert runs.show(log.record.id).unwrap().counts.asked == 1
    log.close("interrupted", None)
    again = runs.resume(log.record.id, PLAN).unwrap()
    assert again.standings([B]).unwrap() == {B: "waiting"}
    doubts = [doubt for _, doubt in runs.doubts(log.record.id).unwrap()]
    assert [(doubt.key, doubt.attempt, doubt.worst_usd, doubt.calls) for doubt in doubts] == [
        (C, 1, Decimal("0.5"), 2),
        (B, 1, Decimal("0.5"), 1),
    ]
    counts = again.counts()
    assert (counts.doubtful, counts.doubtful_usd) == (3, Decimal("0.5"))
    intended(again, B)
    settled(again, answered(B))
    again.close("finished", None)
    assert len(runs.doubts(log.record.id).unwrap()) == 2
    (number, row), *_ = runs.rows(log.record.id, after=runs.rows(log.record.id, limit=1).unwrap()[0][0]).unwrap()
    assert (row.key, row.attempt, row.state) == (B, 2, "answered")
    assert number


def test_what_is_left_unanswered_by_its_owner_is_in_its_own_counts(runs: RunStore) -> None:
    """Which are what it reports."""
    log = runs.begin(PLAN).unwrap()
    intended(log, A, worst="0.5")
    log.close("interrupted", None)
    assert (log.counts().doubtful, log.counts().doubtful_usd) == (1, Decimal("0.5"))


def test_a_run_that_is_cancelled_after_its_owner_died_lists_what_may_be_charged(database: Database) -> None:
    """Nobody takes it again who would."""
    dead = kept_runs(database, local_locks(), real_world())
    log = dead.begin(PLAN).unwrap()
    intended(log, A, B, worst="0.5")
    settled(log, answered(A))
    runs = kept_runs(database, local_locks(), real_world())
    counts = runs.wish(log.record.id, "cancel").unwrap().counts
    assert (counts.doubtful, counts.doubtful_usd, counts.asked, counts.waiting) == (1, Decimal("0.5"), 0, 1)
    assert [doubt.key for _, doubt in runs.doubts(log.record.id).unwrap()] == [B]


def test_nobody_charges_a_second_time_for_what_is_free(runs: RunStore) -> None:
    """A model of this machine; however little a call may cost, it is listed."""
    log = runs.begin(PLAN).unwrap()
    intended(log, A, worst="0")
    intended(log, B, worst="0.0000001")
    intended(log, C)
    log.close("interrupted", None)
    again = runs.resume(log.record.id, PLAN).unwrap()
    assert again.standings([A, B, C]).unwrap() == dict.fromkeys((A, B, C), "waiting")
    assert [doubt.key for _, doubt in runs.doubts(log.record.id).unwrap()] == [B, C]
    assert again.counts().doubtful == 2


def test_what_stood_in_for_a_free_model_is_listed_without_its_most(runs: RunStore) -> None:
    """Nobody knows it; what a priced model may take is listed with it."""
    log = runs.begin(PLAN).unwrap()
    intended(log, A, worst="0")
    intended(log, B, worst="0.5")
    settled(log, failed(A, doubtful=1), failed(B, doubtful=1))
    assert [(doubt.key, doubt.worst_usd) for _, doubt in runs.doubts(log.record.id).unwrap()] == [(A, None), (B, Decimal("0.5"))]
    log.close("finished", None)


def test_who_lost_a_run_that_was_deleted_writes_into_no_other(database: Database) -> None:
    """SQLite gives its number to the next."""
    stale = kept_runs(database, local_locks(), real_world()).begin(PLAN).unwrap()
    runs = kept_runs(database, local_locks(), real_world())
    assert runs.forget(stale.record.id) == Success(None)
    log = runs.begin(PLAN).unwrap()
    assert isinstance(intended(stale, A)[0].failure(), JobLocked)
    assert isinstance(stale.close("finished", None).failure(), JobLocked)
    assert runs.show(log.record.id).unwrap().counts.asked == 0
    log.close("finished", None)


def test_other_settings_are_refused_with_every_field_that_differs(runs: RunStore) -> None:
    log = runs.begin(PLAN).unwrap()
    log.close("interrupted", None)
    other = evolve(PLAN, settings={"prompt": "Shout {x}", "model": {"name": "m", "seed": 2}})
    refused = runs.resume(log.record.id, other).failure()
    assert isinstance(refused, ConfigurationError)
    assert {fault.source: fault.problem for fault in refused.faults} == {
        "model.seed": "was 1, is 2",
        "prompt": "was 'Say {x}', is 'Shout {x}'",
    }
    assert runs.resume(log.record.id, evolve(PLAN, rows=9, options={"limit": 9})).unwrap().record.plan.rows == 9


def test_a_fork_takes_over_the_rows_that_both_ask_alike(runs: RunStore) -> None:
    log = runs.begin(PLAN).unwrap()
    intended(log, A, B, C)
    settled(log, answered(A), answered(B), failed(C))
    log.close("interrupted", None)
    fork = runs.fork(log.record.id, evolve(PLAN, settings={"prompt": "Shout {x}"})).unwrap()
    assert fork.standings([A, C, D]).unwrap() == {A: "answered"}
    assert fork.counts().answered == 1
    assert fork.counts().cost_usd == 0
    assert fork.rows([A]).unwrap()[A].output == log.rows([A]).unwrap()[A].output
    fork.close("finished", None)
    assert runs.show(fork.record.id).unwrap().forked_from == log.record.id
    assert runs.forget(log.record.id) == Success(None)
    assert runs.resume(fork.record.id, evolve(PLAN, settings={"prompt": "Shout {x}"})).unwrap().standings([A, B]).unwrap() == {
        A: "answered"
    }


def test_one_owner_at_a_time(runs: RunStore) -> None:
    log = runs.begin(PLAN).unwrap()
    refused = runs.resume(log.record.id, PLAN).failure()
    assert isinstance(refused, JobLocked)
    assert refused.owner is not None
    assert "process" in refused.owner
    assert runs.show(log.record.id).unwrap().state == "running"
    assert isinstance(runs.forget(log.record.id).failure(), JobLocked)
    log.close("finished", None)
    assert isinstance(runs.resume(log.record.id, PLAN), Success)


def test_one_target_is_worked_on_once_though_two_begin_it_at_once(runs: RunStore) -> None:
    """As when neither found a run that writes it; once the first has ended, another may begin."""
    log = runs.begin(PLAN).unwrap()
    refused = runs.begin(PLAN).failure()
    assert isinstance(refused, JobLocked)
    assert refused.job == log.record.id
    assert isinstance(runs.begin(evolve(PLAN, target="other.csv")), Success)
    assert isinstance(runs.begin(evolve(PLAN, target=None)), Success)
    assert isinstance(runs.begin(evolve(PLAN, target=None)), Success)
    assert len(runs.list().unwrap()) == 4
    log.close("cancelled", None)
    assert isinstance(runs.begin(PLAN), Success)


def test_who_lost_a_run_can_write_no_more(database: Database) -> None:
    """As when the machine slept so long that another took it over."""
    first = kept_runs(database, local_locks(), real_world())
    second = kept_runs(database, local_locks(), real_world())
    log = first.begin(PLAN).unwrap()
    intended(log, A)
    taken = second.resume(log.record.id, PLAN).unwrap()
    assert isinstance(settled(log, answered(A)).failure(), JobLocked)
    assert isinstance(intended(log, B)[0].failure(), JobLocked)
    assert isinstance(log.reopen().failure(), JobLocked)
    assert isinstance(log.close("finished", None).failure(), JobLocked)
    intended(taken, A)
    assert settled(taken, answered(A)) == Success(None)
    taken.close("finished", None)
    assert second.show(log.record.id).unwrap().counts.answered == 1


def test_a_wish_reaches_the_owner_and_is_done_at_once_without_one(runs: RunStore) -> None:
    log = runs.begin(PLAN).unwrap()
    assert runs.wish(log.record.id, "pause").unwrap().state == "running"
    assert log.wish() is None
    intended(log, A)
    assert log.wish() == "pause"
    log.close("paused", "asked to")
    again = runs.resume(log.record.id, PLAN).unwrap()
    intended(again, B)
    assert again.wish() is None
    again.close("interrupted", None)
    assert runs.wish(log.record.id, "cancel").unwrap().state == "cancelled"
    assert isinstance(runs.resume(log.record.id, PLAN).failure(), ConfigurationError)


def test_runs_are_found_by_their_target_and_failed_rows_are_reopened(runs: RunStore) -> None:
    assert runs.find("out.csv").unwrap() is None
    log = runs.begin(PLAN).unwrap()
    intended(log, A)
    settled(log, failed(A))
    assert log.pin("m of p") == Success(None)
    assert log.reopen() == Success(None)
    assert log.standings([A]).unwrap() == {A: "waiting"}
    found = runs.find("out.csv").unwrap()
    assert found is not None
    assert (found.id, found.model, found.counts.failed, found.counts.waiting, found.counts.errors) == (log.record.id, "m of p", 0, 1, {})
    assert runs.find("other.csv").unwrap() is None
    assert isinstance(runs.show("nothing").failure(), StorageFailed)
    assert isinstance(runs.show("").failure(), StorageFailed)
    log.close("finished", None)


def test_what_its_owner_tells_is_seen_by_others(runs: RunStore) -> None:
    log = runs.begin(PLAN).unwrap()

    async def told() -> Settled[None, LLMError]:
        return await log.tell({"rate": 2.5, "waits_for": None})

    assert asyncio.run(told()) == Success(None)
    assert runs.show(log.record.id).unwrap().standing == {"rate": 2.5, "waits_for": None}


def test_what_is_asked_while_a_commit_is_under_way_shares_the_next(runs: RunStore) -> None:
    """Hundreds of intents and outcomes at once, and each counted once."""
    keys = [sha256(str(number).encode()).hexdigest() for number in range(300)]
    log = runs.begin(PLAN).unwrap()

    async def one(place: int, key: str) -> None:
        assert await log.intend(RowIntent(key=key, place=place)) == Success(None)
        assert await log.settle([answered(key, "0.001")]) == Success(None)

    async def them() -> None:
        await asyncio.gather(*(one(place, key) for place, key in enumerate(keys)))

    asyncio.run(them())
    assert log.counts().answered == 300
    assert log.counts().cost_usd == Decimal("0.300")
    assert set(log.standings(keys).unwrap().values()) == {"answered"}
    log.close("finished", None)


def test_a_count_that_no_column_takes_holds_no_run_up(runs: RunStore) -> None:
    """As a client of somebody's own may tell it."""
    log = runs.begin(PLAN).unwrap()
    intended(log, A, B)
    huge = evolve(answered(A), row=evolve(answered(A).row, input_tokens=10**30))
    assert settled(log, huge, answered(B)) == Success(None)
    assert (row := log.rows([A]).unwrap()[A].input_tokens) is not None and row > 10**15
    assert log.counts().answered == 2


def test_an_outcome_that_cannot_be_written_is_told_and_ends_no_loop(database: Database) -> None:
    """Whatever a driver raises."""
    log = kept_runs(database, local_locks(), real_world()).begin(PLAN).unwrap()
    intended(log, A)
    place = evolve(answered(A), row=evolve(answered(A).row, cost_usd=Decimal(10**30)))

    async def told() -> Settled[None, LLMError]:
        return await asyncio.wait_for(log.settle([place]), 10)

    assert isinstance(asyncio.run(told()).failure(), StorageFailed)
    log.close("interrupted", None)


def test_what_is_asked_of_a_run_that_is_not_there_is_a_failure(runs: RunStore) -> None:
    for outcome in (
        runs.rows("none"),
        runs.doubts("none"),
        runs.standings("none", [A]),
        runs.wish("none", "pause"),
        runs.forget("none"),
        runs.fork("none", PLAN),
        runs.resume("none", PLAN),
    ):
        error = outcome.failure()
        assert isinstance(error, StorageFailed)
        assert error.reason == "missing"


def test_so_many_of_a_state_are_listed_whatever_was_begun_since(database: Database) -> None:
    """A run that somebody works on looks like one that was left, until it is looked at."""
    dead = kept_runs(database, local_locks(), real_world())
    seen = kept_runs(database, local_locks(), real_world())
    left = [dead.begin(evolve(PLAN, target=f"left {number}")).unwrap() for number in range(2)]
    begun = [seen.begin(evolve(PLAN, target=f"begun {number}")).unwrap() for number in range(3)]
    ids = [log.record.id for log in reversed(left)]
    assert [record.id for record in seen.list(limit=1, states=["interrupted"]).unwrap()] == ids[:1]
    assert [record.id for record in seen.list(limit=2, states=["interrupted"]).unwrap()] == ids
    assert [record.id for record in seen.list(limit=9, states=["interrupted"]).unwrap()] == ids
    assert [record.id for record in seen.list(limit=2, states=["running"]).unwrap()] == [log.record.id for log in (begun[2], begun[1])]
    for log in (*left, *begun):
        log.close("interrupted", None)


def test_a_run_whose_owner_died_is_interrupted_and_looked_at_without_taking_it(database: Database) -> None:
    """Its state is still that of one who works on it."""
    dead = kept_runs(database, local_locks(), real_world())
    seen = kept_runs(database, local_locks(), real_world())
    log = dead.begin(PLAN).unwrap()
    intended(log, A, B)
    settled(log, answered(A))
    assert [record.state for record in dead.list(states=["running"]).unwrap()] == ["running"]
    assert seen.list(states=["running"]).unwrap() == ()
    assert [record.state for record in seen.list(states=["interrupted"]).unwrap()] == ["interrupted"]
    assert seen.standings(log.record.id, [A, B, C]).unwrap() == {A: "answered", B: "asked"}
    assert [row.key for _, row in seen.rows(log.record.id, states=["answered"]).unwrap()] == [A]
    log.close("interrupted", None)


def test_what_a_dead_owner_left_under_way_is_told_before_anybody_goes_on(database: Database) -> None:
    """Once, whoever looks; while its owner lives its calls are under way and no doubts."""
    dead = kept_runs(database, run_locks(":memory:", database), real_world())
    seen = kept_runs(database, run_locks(":memory:", database), real_world())
    log = dead.begin(PLAN).unwrap()
    intended(log, A, B, C, worst="0.5")
    settled(log, answered(A), failed(C, doubtful=2))
    assert [doubt.key for _, doubt in dead.doubts(log.record.id).unwrap()] == [C]
    assert dead.show(log.record.id).unwrap().counts.doubtful == 2
    listed = seen.doubts(log.record.id).unwrap()
    assert [(doubt.key, doubt.calls, doubt.worst_usd) for _, doubt in listed] == [(C, 2, Decimal("0.5")), (B, 1, Decimal("0.5"))]
    first = seen.doubts(log.record.id, limit=1).unwrap()
    assert (*first, *seen.doubts(log.record.id, limit=1, after=first[-1][0]).unwrap()) == listed
    assert seen.doubts(log.record.id, after=listed[-1][0]).unwrap() == ()
    counts = seen.show(log.record.id).unwrap().counts
    assert (counts.doubtful, counts.doubtful_usd) == (3, Decimal("0.5"))
    assert seen.wish(log.record.id, "cancel").unwrap().counts.doubtful == 3
    assert [doubt.key for _, doubt in seen.doubts(log.record.id).unwrap()] == [C, B]
    log.close("interrupted", None)


def test_the_beginning_of_an_id_means_one_run_or_none(database: Database) -> None:
    ids = iter(("aa1", "aa2"))
    runs = kept_runs(database, local_locks(), evolve(real_world(), new_id=lambda: next(ids)))
    for _ in range(2):
        runs.begin(PLAN).unwrap().close("finished", None)
    assert "give more of the id" in describe(runs.show("aa").failure())
    assert runs.show("aa2").unwrap().id == "aa2"
    assert [record.id for record in runs.list(limit=1).unwrap()] == ["aa2"]


def test_closed_it_is_closed(runs: RunStore) -> None:
    log = runs.begin(PLAN).unwrap()
    assert log.close("finished", None) == Success(None)
    assert log.close("interrupted", "again") == Success(None)
    assert runs.show(log.record.id).unwrap().state == "finished"
    assert runs.wish(log.record.id, "cancel").unwrap().state == "finished"
