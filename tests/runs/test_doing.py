"""A whole run in one call: rows in, typed values out; called again it goes on, and nothing is paid twice."""

import asyncio
import json
import threading
from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from shutil import rmtree
from typing import Any

import pytest
from attrs import evolve, frozen
from returns.result import Result, Success

from llm_manager.blocking import blocking
from llm_manager.domain.attempts import Attempt
from llm_manager.domain.configuration import StoreSettings
from llm_manager.domain.error_questions import describe
from llm_manager.domain.errors import (
    AuthenticationFailed,
    BudgetExceeded,
    ConfigurationError,
    ContentFiltered,
    InvalidRequest,
    JobLocked,
    LLMError,
    StorageFailed,
)
from llm_manager.domain.requests import LLMRequest, Preferences
from llm_manager.domain.responses import LLMResponse
from llm_manager.domain.runs import RunPlan
from llm_manager.effects import settle
from llm_manager.real_world import real_world
from llm_manager.runs.pulses import pulse_of
from llm_manager.runs.spooling import table_of
from llm_manager.services.manager import LLMManager
from llm_manager.services.run_store import RunLog
from llm_manager.services.store import Store
from llm_manager.stores.opening import open_store
from llm_manager.testing import scripted, scripted_manager


@frozen
class Judged:
    """What is asked of a review."""

    mood: str
    score: int


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return open_store(StoreSettings(url=str(tmp_path / "kept" / "store.db")), real_world()).unwrap()


def echo(attempt: Attempt) -> str:
    return (attempt.request.prompt or "").upper()


def manager_of(*says: Any, store: Store | None = None) -> LLMManager:
    return scripted_manager(scripted(*(says or (echo,))), store=store, world=real_world({}))


async def test_rows_one_by_one_become_typed_values_in_their_order() -> None:
    """Ten lines of a user, without a store."""

    def rows() -> Iterator[Mapping[str, Any]]:
        yield from ({"text": "good"}, {"text": "bad"}, {"text": "good"})

    def judge(attempt: Attempt) -> str:
        return json.dumps({"mood": attempt.request.prompt, "score": 4})

    manager = manager_of(judge)
    report = (await settle(manager.run(rows(), "{text}", output=Judged))).unwrap()
    assert (report.state, report.left, report.stopped, report.counts.answered) == ("finished", 0, None, 2)
    for _ in range(2):
        values = [each.unwrap() for each in report.rows()]
        assert [(each.row["text"], each.value) for each in values] == [(t, Judged(t, 4)) for t in ("good", "bad", "good")]


async def test_called_again_it_goes_on_with_what_is_left(store: Store, tmp_path: Path) -> None:
    rows = [{"n": str(n)} for n in range(6)]
    asked: list[str] = []

    def say(attempt: Attempt) -> str | LLMError:
        asked.append(attempt.request.prompt or "")
        return AuthenticationFailed(model="m", message="no") if len(asked) == 4 else echo(attempt)

    out = tmp_path / "out.csv"
    first = (await settle(manager_of(say, store=store).run(rows, "row {n}", to=out, concurrency=1))).unwrap()
    assert (first.state, first.left + first.counts.answered) == ("interrupted", 6)
    assert isinstance(first.stopped, AuthenticationFailed)
    assert out.read_text().count("\n") == 1 + first.counts.answered
    again = (await settle(manager_of(store=store).run(rows, "row {n}", to=out))).unwrap()
    assert (again.id, again.state, again.left, again.counts.answered) == (first.id, "finished", 0, 6)
    assert [each.unwrap().value for each in again.rows()] == [{"answer": f"ROW {n}"} for n in range(6)]
    assert out.read_text().count("\n") == 7


async def test_a_changed_question_is_refused_and_forks_when_told(store: Store) -> None:
    rows = [{"n": "1"}]
    assert (await settle(manager_of(store=store).run(rows, "row {n}", name="mine"))).unwrap().state == "finished"
    refused = await settle(manager_of(store=store).run(rows, "Row {n}", name="mine"))
    assert isinstance(refused.failure(), ConfigurationError)
    forked = (await settle(manager_of(store=store).run(rows, "Row {n}", name="mine", fork=True))).unwrap()
    assert forked.counts.answered == 1


@pytest.mark.parametrize("named", ["name", "to"])
async def test_two_at_once_pay_once(store: Store, tmp_path: Path, named: str) -> None:
    """In one process too: the second is refused, and nothing is asked for it."""
    model = scripted(echo)
    manager = scripted_manager(model, store=store, world=real_world({}))
    target: dict[str, Any] = {named: tmp_path / "out.jsonl" if named == "to" else "mine"}
    rows = [{"n": str(n)} for n in range(4)]
    ended = await asyncio.gather(*(settle(manager.run(rows, "row {n}", concurrency=1, **target)) for _ in range(2)))
    reports = [each.unwrap() for each in ended if isinstance(each, Success)]
    assert [type(each.failure()) for each in ended if not isinstance(each, Success)] == [JobLocked]
    assert [report.counts.answered for report in reports] == [4]
    assert (len(model.calls), len(store.runs.list().unwrap())) == (4, 1)


@pytest.mark.parametrize("removed", ["*", "store.db*"])
async def test_a_store_that_is_removed_under_a_run_takes_no_answer_with_it(store: Store, tmp_path: Path, removed: str) -> None:
    """The run ends, says why, and hands over what it has."""

    def say(attempt: Attempt) -> str:
        if attempt.request.prompt == "row 2":
            for each in (tmp_path / "kept").glob(removed):
                rmtree(each) if each.is_dir() else each.unlink()
        return echo(attempt)

    out = tmp_path / "out.jsonl"
    manager = scripted_manager(scripted(say), store=store, world=real_world({}))
    report = (await settle(manager.run([{"n": str(n)} for n in range(6)], "row {n}", to=out, concurrency=1))).unwrap()
    assert (report.state, report.left) == ("interrupted", 3)
    assert isinstance(report.stopped, StorageFailed)
    assert "the store is gone" in report.stopped.message
    assert [each.unwrap().value for each in report.rows()] == [{"answer": f"ROW {n}"} for n in range(3)]
    assert [json.loads(line)["answer"] for line in out.read_text().splitlines()] == ["ROW 0", "ROW 1", "ROW 2"]


async def test_a_store_that_is_removed_at_the_last_row_is_told_too(store: Store, tmp_path: Path) -> None:
    def say(attempt: Attempt) -> str:
        rmtree(tmp_path / "kept")
        return echo(attempt)

    manager = scripted_manager(scripted(say), store=store, world=real_world({}))
    report = (await settle(manager.run([{"n": "1"}], "row {n}", to=tmp_path / "out.jsonl"))).unwrap()
    assert isinstance(report.stopped, StorageFailed)
    assert [each.unwrap().value for each in report.rows()] == [{"answer": "ROW 1"}]


async def test_failed_rows_tell_why_and_are_asked_again_when_told(store: Store) -> None:
    rows = [{"n": "1"}, {"n": "2"}, {"m": "3"}]
    manager = manager_of(ContentFiltered(model="m", message="no"), echo, store=store)
    report = (await settle(manager.run(rows, "row {n}", name="mine", concurrency=1))).unwrap()
    told = [each.unwrap() for each in report.rows()]
    assert [(each.error, each.value) for each in told] == [
        ("ContentFiltered", None),
        (None, {"answer": "ROW 2"}),
        ("InvalidRequest", None),
    ]
    assert told[0].message is not None
    again = (await settle(manager_of(store=store).run(rows, "row {n}", name="mine", retry_failed=True))).unwrap()
    assert (again.counts.answered, again.counts.failed) == (2, 0)


async def test_a_budget_pauses_a_run_and_more_of_it_goes_on(store: Store) -> None:
    """What an earlier call spent counts."""
    rows = [{"n": str(n)} for n in range(20)]
    request = LLMRequest(preferences=Preferences(max_tokens=100))
    dear = scripted(echo, provider="openai", locality="cloud")
    manager = scripted_manager(dear, store=store, world=real_world({}))
    small = (await settle(manager.run(rows, "row {n}", name="m", request=request, budget_usd=Decimal("0.001"), concurrency=4))).unwrap()
    assert small.state == "paused"
    assert isinstance(small.stopped, BudgetExceeded)
    assert small.counts.cost_usd <= Decimal("0.001")
    assert 0 < small.counts.answered < 20
    same = (await settle(manager.run(rows, "row {n}", name="m", request=request, budget_usd=Decimal("0.001"), concurrency=4))).unwrap()
    assert same.counts.cost_usd <= Decimal("0.001")
    more = (await settle(manager.run(rows, "row {n}", name="m", request=request, budget_usd=Decimal(1)))).unwrap()
    assert (more.state, more.counts.answered) == ("finished", 20)


async def test_a_function_may_make_the_prompts_and_fields_be_said_in_words() -> None:
    def prompt(row: Mapping[str, Any]) -> str:
        return f"Judge {row['n']}"

    manager = manager_of(lambda attempt: '{"score": 7}')
    report = (await settle(manager.run([{"n": 1}], prompt, output=["score=int"]))).unwrap()
    assert [each.unwrap().value for each in report.rows()] == [{"score": 7}]


@pytest.mark.parametrize(
    ("rows", "output", "to"),
    [([1], None, None), (7, None, None), ([{"n": object()}], None, None), ([{"n": "1"}], ["score"], None), ([{"n": "1"}], None, "out.txt")],
)
async def test_what_cannot_be_run_is_a_value_before_anything_is_asked(rows: Any, output: Any, to: str | None) -> None:
    refused = await settle(manager_of().run(rows, "row {n}", output=output, to=to))
    assert isinstance(refused.failure(), InvalidRequest | ConfigurationError)


async def test_no_rows_at_all_are_told_in_the_callers_words() -> None:
    refused = await settle(manager_of().run([], "row {n}"))
    assert describe(refused.failure()) == "rows: there are none; give at least one"


async def test_rows_in_passing_are_for_their_owner_alone(tmp_path: Path) -> None:
    table_of([{"n": "1"}], tmp_path).unwrap()
    assert (tmp_path / "rows.jsonl").stat().st_mode & 0o777 == 0o600


def test_without_await_it_is_the_same() -> None:
    with blocking(manager_of()) as manager:
        report = manager.run([{"n": "1"}], "row {n}")
    assert isinstance(report, Success)
    assert [each.unwrap().value for each in report.unwrap().rows()] == [{"answer": "ROW 1"}]


async def test_an_answer_whose_cost_is_not_told_counts_at_its_most_under_a_budget(store: Store) -> None:
    """Or a provider that tells no usage would be paid without end."""

    def say(_: Attempt) -> LLMResponse:
        return LLMResponse(content="x", model="m", provider="openai", usage=None)

    rows = [{"n": str(n)} for n in range(20)]
    manager = scripted_manager(scripted(say, provider="openai", locality="cloud"), store=store, world=real_world({}))
    request = LLMRequest(preferences=Preferences(max_tokens=100))
    report = (await settle(manager.run(rows, "row {n}", name="m", request=request, budget_usd=Decimal("0.001"), concurrency=4))).unwrap()
    assert report.state == "paused"
    assert report.counts.unpriced == report.counts.answered < 20
    assert 0 < report.counts.doubtful_usd <= Decimal("0.001")


async def test_a_run_that_is_cancelled_while_it_is_taken_is_left_again(store: Store) -> None:
    """Or this process would hold it until it ends."""
    began, go = threading.Event(), threading.Event()

    def begin(plan: RunPlan) -> Result[RunLog, LLMError]:
        began.set()
        assert go.wait(10)
        return store.runs.begin(plan)

    slow = evolve(store, runs=evolve(store.runs, begin=begin))
    task = asyncio.create_task(settle(manager_of(store=slow).run([{"n": "1"}], "row {n}", name="mine")))
    await asyncio.to_thread(began.wait)
    task.cancel()
    await asyncio.sleep(0)
    go.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    again = (await settle(manager_of(store=store).run([{"n": "1"}], "row {n}", name="mine"))).unwrap()
    assert again.state == "finished"


async def test_who_watches_a_run_of_a_program_sees_how_it_goes(store: Store) -> None:
    """As one of the command line."""

    async def sleep(_: float) -> None:
        await asyncio.sleep(0.005)

    async def say(_: Attempt) -> str:
        for _look in range(2000):
            pulse = pulse_of(store.runs.list().unwrap()[0])
            if pulse is not None and pulse.under_way:
                return "seen"
            await asyncio.sleep(0.005)
        return "nothing seen"

    manager = scripted_manager(scripted(say), store=store, world=evolve(real_world({}), sleep=sleep))
    report = (await asyncio.wait_for(settle(manager.run([{"n": "1"}], "row {n}", name="mine")), 20)).unwrap()
    assert [each.unwrap().value for each in report.rows()] == [{"answer": "seen"}]
