"""The loop asks what is left, once each, keeps what came, and stops only for what every row would meet."""

import asyncio
import json
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

import pytest
from attrs import evolve
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from returns.result import Failure, Result, Success

from llm_manager.cells import Cell
from llm_manager.domain.attempts import Attempt
from llm_manager.domain.configuration import LLMConfig, ProviderSettings
from llm_manager.domain.errors import (
    AllModelsFailed,
    AuthenticationFailed,
    BudgetExceeded,
    ContentFiltered,
    InvalidRequest,
    LLMError,
    MalformedResponse,
    NetworkError,
    PolicyBlocked,
    QuotaExhausted,
    RateLimitExceeded,
    RequestTimeout,
    StorageFailed,
)
from llm_manager.domain.models import FREE, KnownPrice
from llm_manager.domain.plans import RoutingPolicy
from llm_manager.domain.requests import LLMRequest, Preferences
from llm_manager.domain.responses import LLMResponse
from llm_manager.domain.runs import RunCounts, RunRow
from llm_manager.domain.usage import Priced, Usage
from llm_manager.runs.columns import columns_from_fields
from llm_manager.runs.jobs import Job, pinned
from llm_manager.runs.rendering import make_layout, output_lines
from llm_manager.runs.running import Running, run_rows
from llm_manager.runs.stopping import PATIENCE
from llm_manager.runs.surveying import requests_to_ask, survey
from llm_manager.runs.tallies import Tally
from llm_manager.services.departures import departed
from llm_manager.services.manager import GenerateAll
from llm_manager.services.run_store import RunLog
from llm_manager.testing import run_virtual, scripted, scripted_manager
from tests.runs.logs import Kept, done, memory_log

_DOWN = NetworkError(model="m", message="refused")
_DEAR = KnownPrice(input_usd=Decimal(1), output_usd=Decimal(2), version="test")


async def ran(
    job: Job,
    log: RunLog,
    generate_all: GenerateAll,
    *,
    retry_failed: bool = False,
    told: list[Tally] | None = None,
    concurrency: int | None = None,
    offline: bool = False,
    key_left: bool = False,
) -> tuple[Tally, LLMError | None]:
    found = survey(job, log.standings, retry_failed=retry_failed).unwrap()
    if retry_failed:
        log.reopen()
    tally = Cell(found.tally)
    running = Running(
        generate_all=generate_all,
        tally=tally,
        concurrency=concurrency,
        tell=lambda _: None if told is None else told.append(_),
        offline=lambda _: offline,
        key_left=lambda _: key_left,
    )
    stopped = await run_rows(job, found, log, running)
    return tally.read(), stopped


def written(job: Job, log: RunLog) -> list[dict[str, Any]]:
    layout = make_layout(job, "jsonl").unwrap()
    return [json.loads(line.unwrap()) for line in output_lines(job, layout, log.rows)]


def texts(*values: str) -> list[dict[str, str]]:
    return [{"text": value} for value in values]


def only_some(bad: Mapping[str, LLMError]) -> Callable[[str], Result[LLMResponse, LLMError]]:
    def answer(prompt: str) -> Result[LLMResponse, LLMError]:
        error = bad.get(prompt.removeprefix("Say "))
        return Failure(error) if error is not None else Success(LLMResponse(content=prompt, model="m", provider="p"))

    return answer


async def test_every_row_is_answered_and_the_output_is_in_input_order(jobbing: Any, modelling: Any) -> None:
    job, log, told = jobbing(texts("c", "a", "b")), memory_log(), list[Tally]()
    tally, stopped = await ran(job, log, modelling(reverse=True), told=told)
    assert stopped is None
    assert (tally.answered, tally.failed, tally.left, tally.calls) == (3, 0, 0, 3)
    assert (tally.input_tokens, tally.output_tokens, tally.unpriced) == (9, 6, 3)
    assert told[-1] == tally
    assert written(job, log) == [
        {
            "text": text,
            "answer": f"SAY {text.upper()}",
            "error": None,
            "model": "m",
            "input_tokens": 3,
            "output_tokens": 2,
            "cost_usd": None,
            "cached": False,
            "latency_seconds": 0.5,
        }
        for text in "cab"
    ]


async def test_one_bad_row_never_stops_the_rest(jobbing: Any, modelling: Any) -> None:
    job, log = jobbing([{"text": "a"}, {"text": "b"}, {"no": 1}, {"text": "c"}]), memory_log()
    bad = {"b": ContentFiltered(model="m", message="no")}
    tally, stopped = await ran(job, log, modelling(only_some(bad)))
    assert stopped is None
    assert (tally.answered, dict(tally.failures)) == (2, {"InvalidRequest": 1, "ContentFiltered": 1})
    rows = written(job, log)
    assert [row["answer"] for row in rows] == ["Say a", None, None, "Say c"]
    assert [row["error"] and row["error"]["tag"] for row in rows] == [None, "ContentFiltered", "InvalidRequest", None]
    assert rows[1]["error"]["message"] == "m refused the content: no; put it in other words, or ask another model"
    assert set(rows[1]) == {*rows[0]}


async def test_answered_rows_are_skipped_by_content_though_their_order_changed(jobbing: Any, modelling: Any) -> None:
    log, asked = memory_log(), list[str]()
    await ran(jobbing(texts("a", "b")), log, modelling())
    job = jobbing([{"text": "c", "id": 1}, {"text": "b", "id": 2}, {"text": "a", "id": 3}])
    tally, _ = await ran(job, log, modelling(asked=asked))
    assert asked == ["Say c"]
    assert (tally.earlier, tally.answered) == (2, 1)
    assert [(row["id"], row["answer"]) for row in written(job, log)] == [(1, "SAY C"), (2, "SAY B"), (3, "SAY A")]


async def test_a_changed_request_is_another_content(jobbing: Any, modelling: Any) -> None:
    log, asked = memory_log(), list[str]()
    rows = texts("a")
    await ran(jobbing(rows), log, modelling())
    other = LLMRequest(preferences=Preferences(temperature=0.0))
    for job in (jobbing(rows, request=other), jobbing(rows, "Tell {text}"), jobbing(rows, columns=columns_from_fields(["n=int"]).unwrap())):
        await ran(job, log, modelling(asked=asked))
    assert asked == ["Say a", "Tell a", "Say a"]


async def test_equal_rows_are_asked_once_and_all_answered(jobbing: Any, modelling: Any) -> None:
    job, log, asked = jobbing(texts("a", "b", "a", "a")), memory_log(), list[str]()
    tally, _ = await ran(job, log, modelling(asked=asked))
    assert asked == ["Say a", "Say b"]
    assert (tally.answered, tally.calls, tally.left) == (4, 2, 0)
    assert [row["answer"] for row in written(job, log)] == ["SAY A", "SAY B", "SAY A", "SAY A"]


async def test_failed_rows_are_asked_again_only_when_told(jobbing: Any, modelling: Any) -> None:
    job, log, asked = jobbing(texts("a", "b")), memory_log(), list[str]()
    await ran(job, log, modelling(only_some({"b": RequestTimeout(model="m", timeout_ms=1)})))
    tally, _ = await ran(job, log, modelling(asked=asked))
    assert (asked, tally.failed_earlier, tally.done) == ([], 1, 2)
    tally, _ = await ran(job, log, modelling(asked=asked), retry_failed=True)
    assert (asked, tally.earlier, tally.answered, tally.failed) == (["Say b"], 1, 1, 0)
    assert written(job, log)[1]["answer"] == "SAY B"


@pytest.mark.parametrize(
    "error",
    [
        AuthenticationFailed(model="m", message="wrong key"),
        QuotaExhausted(model="m", message="spent"),
        AllModelsFailed(causes=(AuthenticationFailed(model="m", message="wrong key"),)),
    ],
)
async def test_what_every_row_would_meet_stops_the_run_and_leaves_the_row_to_be_asked(
    jobbing: Any, modelling: Any, error: LLMError
) -> None:
    job, log, asked = jobbing(texts(*"abcdef")), memory_log(), list[str]()
    tally, stopped = await ran(job, log, modelling(only_some({"c": error}), asked=asked))
    assert stopped == error
    assert (tally.answered, tally.failed, tally.left) == (3, 0, 3)
    assert len(asked) <= 4
    assert [row["text"] for row in written(job, log)] == ["a", "b", "d"]
    tally, stopped = await ran(job, log, modelling())
    assert (stopped, tally.earlier, tally.answered) == (None, 3, 3)


async def test_a_refused_key_stops_no_run_that_has_another(jobbing: Any, modelling: Any) -> None:
    error = AuthenticationFailed(model="m", message="wrong key")
    job, log = jobbing(texts(*"abcdef")), memory_log()
    tally, stopped = await ran(job, log, modelling(only_some({"c": error})), key_left=True)
    assert (stopped, tally.answered, tally.failed, tally.left) == (error, 5, 0, 1)


def test_what_is_under_way_when_a_run_stops_is_kept(jobbing: Any) -> None:
    """Answers that came beside the error, or come after it, are paid; what was not taken yet is not asked."""
    spent = QuotaExhausted(model="m", message="spent")

    async def say(attempt: Attempt) -> LLMError | str:
        prompt = attempt.request.prompt or ""
        await asyncio.sleep(2.0 if prompt == "Say d" else 1.0)
        return spent if prompt == "Say b" else prompt

    model = scripted(say)
    job, log = jobbing(texts(*"abcdefghijklmnop")), memory_log()

    async def run() -> tuple[Tally, LLMError | None]:
        return await ran(job, log, scripted_manager(model).generate_all, concurrency=4)

    tally, stopped = run_virtual(run())
    assert stopped == spent
    assert [row["text"] for row in written(job, log)] == ["a", "c", "d", "e", "f", "g"]
    assert (len(model.calls), tally.answered, tally.failed) == (7, 6, 0)


async def test_a_dead_endpoint_ends_the_run_and_its_rows_are_asked_next_time(jobbing: Any, modelling: Any) -> None:
    names = [f"{n:03}" for n in range(PATIENCE + 30)]
    job, log, asked = jobbing(texts(*names)), memory_log(), list[str]()
    down = dict.fromkeys(names[10:], _DOWN)
    tally, stopped = await ran(job, log, modelling(only_some(down), asked=asked))
    assert stopped == _DOWN
    assert (tally.answered, tally.failed, tally.left) == (10, 0, len(names) - 10)
    assert len(asked) <= PATIENCE + 12
    assert (await ran(job, log, modelling()))[0].answered == len(names) - 10


async def test_what_got_nowhere_offline_is_asked_again_when_the_connection_is_back(jobbing: Any, modelling: Any) -> None:
    """However few rows they are: the same run goes on with them."""
    job, log = jobbing(texts("a", "b", "c")), memory_log()
    tally, stopped = await ran(job, log, modelling(only_some({"b": _DOWN, "c": _DOWN})), offline=True)
    assert stopped == _DOWN
    assert (tally.answered, tally.failed, tally.left, tally.in_vain) == (1, 0, 2, 2)
    assert (await ran(job, log, modelling()))[0].answered == 2


async def test_a_server_that_is_down_fails_no_row_of_a_small_file(jobbing: Any, modelling: Any) -> None:
    """The same run goes on with them once it is back; where a single row was answered, the others failed."""
    job, log, down = jobbing(texts("a", "b", "c")), memory_log(), dict.fromkeys("abc", _DOWN)
    tally, stopped = await ran(job, log, modelling(only_some(down)))
    assert stopped == _DOWN
    assert (tally.answered, tally.failed, tally.left, tally.in_vain) == (0, 0, 3, 3)
    del down["b"]
    tally, stopped = await ran(job, log, modelling(only_some(down)))
    assert (stopped, tally.answered, tally.failed) == (None, 1, 2)


async def test_calls_given_up_are_counted_with_what_they_may_have_cost(jobbing: Any, modelling: Any) -> None:
    names = [f"{n:03}" for n in range(PATIENCE + 30)]
    job, log = jobbing(texts(*names)), memory_log()
    slow = RequestTimeout(model="m", timeout_ms=1)
    tally, stopped = await ran(job, log, modelling(only_some(dict.fromkeys(names, slow))))
    assert stopped == slow
    assert (tally.calls, tally.doubtful, tally.in_vain, tally.done) == (PATIENCE, PATIENCE, PATIENCE, 0)


async def test_every_attempt_that_may_be_charged_is_counted_whatever_came_after_it(jobbing: Any) -> None:
    """An answer that a second model gave, and an error that was refused at last."""
    slow = RequestTimeout(model="m", timeout_ms=60_000)
    config = LLMConfig(routing=RoutingPolicy(fallback_order=("lmstudio", "vllm"), max_retries=0))
    manager = scripted_manager(
        scripted(slow, provider="lmstudio", model="a", profile={"price": _DEAR}),
        scripted("x", ContentFiltered(model="b", message="no"), provider="vllm", model="b"),
        config=config,
    )
    tally, _ = await ran(jobbing(texts("one", "two")), memory_log(), manager.generate_all, concurrency=1)
    assert (tally.answered, tally.failed, tally.calls, tally.doubtful) == (1, 1, 2, 2)


@pytest.mark.parametrize(("price", "doubtful"), [(FREE, 0), (_DEAR, 2)])
async def test_what_failed_at_a_model_that_costs_nothing_is_charged_by_nobody(jobbing: Any, price: KnownPrice, doubtful: int) -> None:
    """Whether its rows are left or failed."""
    config, kept = LLMConfig(routing=RoutingPolicy(max_retries=0)), Kept()
    garbage = MalformedResponse(model="m", message="no JSON")
    manager = scripted_manager(scripted(garbage, garbage, "x", garbage, garbage, profile={"price": price}), config=config)
    log = memory_log(kept=kept)
    left, _ = await ran(jobbing(texts("a", "b")), log, manager.generate_all, concurrency=1)
    failed, _ = await ran(jobbing(texts("c", "d", "e")), log, manager.generate_all, concurrency=1)
    assert (left.left, left.doubtful, failed.failed, failed.doubtful) == (2, doubtful, 2, doubtful)
    assert sum(outcome.doubtful for outcome in kept.outcomes) == 2 * doubtful


async def test_a_server_that_only_asks_to_slow_down_fails_no_row(jobbing: Any, modelling: Any) -> None:
    """One row that is more than the limit ever allows is at fault itself."""
    slow = RateLimitExceeded(model="m", retry_after_seconds=1.0)
    job, log = jobbing(texts("a", "b")), memory_log()
    tally, stopped = await ran(job, log, modelling(only_some(dict.fromkeys("ab", slow))))
    assert (stopped, tally.failed, tally.left) == (slow, 0, 2)
    large = evolve(slow, resend_helps=False)
    tally, stopped = await ran(job, log, modelling(only_some({"a": large, "b": large})))
    assert (stopped, tally.failed, tally.left) == (None, 2, 0)


async def test_a_run_keeps_to_the_model_it_settled_on_and_its_keys_stay(jobbing: Any) -> None:
    models = [scripted("x", model=name, provider=provider) for name, provider in (("a", "lmstudio"), ("b", "vllm"))]
    manager = scripted_manager(*models)
    job, log = jobbing(texts("a", "b")), memory_log()
    other = manager.plan(evolve(job.request, prompt="a")).unwrap().steps[1].profile
    tally, _ = await ran(pinned(job, other), log, manager.generate_all)
    assert dict(tally.answered_by) == {other.name: 2}
    assert (await ran(job, log, manager.generate_all))[0].earlier == 2


async def test_calls_are_those_that_were_made(jobbing: Any, modelling: Any) -> None:
    """Not answers that were remembered or another's, nor what something of ours refused."""
    ends: dict[str, Result[LLMResponse, LLMError]] = {
        "a": Success(LLMResponse(content="x", model="m", provider="p", cached=True)),
        "b": Success(LLMResponse(content="x", model="m", provider="p", shared=True)),
        "c": Failure(PolicyBlocked(message="no")),
        "d": Failure(ContentFiltered(model="m", message="no")),
        "e": Success(LLMResponse(content="x", model="m", provider="p")),
        "f": Failure(BudgetExceeded(budget="b")),
    }
    kept = Kept()
    tally, _ = await ran(jobbing(texts(*"abcdef")), memory_log(kept=kept), modelling(lambda prompt: ends[prompt[-1]]), concurrency=1)
    assert (tally.calls, sum(outcome.calls for outcome in kept.outcomes)) == (2, 2)


async def test_notices_are_counted_by_what_they_say(jobbing: Any, modelling: Any) -> None:
    def answer(prompt: str) -> Result[LLMResponse, LLMError]:
        return Success(LLMResponse(content=prompt, model="m", provider="p", notices=("a toy",)))

    tally, _ = await ran(jobbing(texts("a", "b", "a")), memory_log(), modelling(answer))
    assert (dict(tally.notices), dict(tally.answered_by)) == ({"a toy": 2}, {"m": 3})


def test_rows_of_the_log_that_this_job_has_not_are_strangers(jobbing: Any) -> None:
    job = jobbing(texts("a", "b", "a"))
    log = memory_log([RunRow(key=job.key("Say a"), output={})])
    assert survey(job, log.standings).unwrap().strangers(RunCounts(answered=2, failed=1)) == 2


async def test_a_short_outage_is_failed_rows_and_no_more(jobbing: Any, modelling: Any) -> None:
    names = [f"{n:03}" for n in range(PATIENCE)]
    job, log = jobbing(texts(*names)), memory_log()
    tally, stopped = await ran(job, log, modelling(only_some(dict.fromkeys(names[1:], _DOWN))))
    assert stopped is None
    assert (tally.answered, dict(tally.failures)) == (1, {"NetworkError": PATIENCE - 1})
    tally, stopped = await ran(job, log, modelling(only_some(dict.fromkeys(names[2:], _DOWN))), retry_failed=True)
    assert (stopped, tally.earlier, tally.answered) == (None, 1, 1)


async def _three_and_no_more(requests: Any, *, concurrency: int | None = None, in_order: bool = False, before: Any = None) -> Any:
    for number, request in enumerate(requests):
        await before(number, request)
        departed()
        if number == 3:
            await asyncio.Event().wait()
        yield number, Success(LLMResponse(content=request.prompt, model="m", provider="p"))


async def test_cancelled_it_keeps_every_row_that_came_and_knows_what_is_under_way(jobbing: Any) -> None:
    job, kept = jobbing(texts(*"abcdef")), Kept()
    log = memory_log(kept=kept)
    counted = asyncio.Event()
    found = survey(job, log.standings).unwrap()
    tally = Cell(found.tally)
    running = Running(generate_all=_three_and_no_more, tally=tally, tell=lambda _: counted.set())
    task = asyncio.create_task(run_rows(job, found, log, running))
    while tally.read().answered < 3:
        counted.clear()
        await counted.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert [row["text"] for row in written(job, log)] == ["a", "b", "c"]
    assert [row.place for row in kept.rows.values() if row.state == "asked"] == [3]


async def test_what_was_never_sent_is_written_down_as_such_when_a_run_is_cut(jobbing: Any) -> None:
    """Its intent was being made durable when it ended."""
    job, kept = jobbing(texts("a")), Kept()
    log, begun = memory_log(kept=kept), asyncio.Event()

    def never(intent: Any) -> Any:
        kept.add(RunRow(key=intent.key, state="asked"))
        begun.set()
        return asyncio.get_running_loop().create_future()

    found = survey(job, log.standings).unwrap()
    running = Running(generate_all=_three_and_no_more, tally=Cell(found.tally))
    task = asyncio.create_task(run_rows(job, found, evolve(log, intend=never), running))
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert [(outcome.row.state, outcome.calls) for outcome in kept.outcomes] == [("waiting", 0)]


def test_what_waits_for_its_turn_when_a_run_is_cut_was_never_sent(jobbing: Any) -> None:
    """Four rows are asked, and their server takes one at a time."""
    job, kept = jobbing(texts(*"abcdef")), Kept()
    log = memory_log(kept=kept)
    config = LLMConfig(providers={"vllm": ProviderSettings(concurrency=1)})
    model = scripted("late", provider="vllm", seconds=9.0)

    async def cut() -> None:
        found = survey(job, log.standings).unwrap()
        running = Running(generate_all=scripted_manager(model, config=config).generate_all, tally=Cell(found.tally), concurrency=4)
        task = asyncio.create_task(run_rows(job, found, log, running))
        await asyncio.sleep(1.0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    run_virtual(cut())
    assert len(kept.intents) == 4
    assert len(model.calls) == 1
    assert [row.state for row in kept.rows.values()].count("asked") == 1
    assert [(outcome.row.state, outcome.calls) for outcome in kept.outcomes] == [("waiting", 0)] * 3


async def test_cancelled_while_rows_wait_to_be_written_it_waits_for_them(jobbing: Any, modelling: Any) -> None:
    job, kept = jobbing(texts(*"abc")), Kept()
    log, three = memory_log(kept=kept), asyncio.Event()
    pending: list[Any] = []

    def slowly(outcomes: Any) -> Any:
        for outcome in outcomes:
            kept.add(outcome.row)
        pending.append(asyncio.get_running_loop().create_future())
        if len(pending) == 3:
            three.set()
        return pending[-1]

    found = survey(job, log.standings).unwrap()
    tally = Cell(found.tally)
    running = Running(generate_all=_three_and_no_more, tally=tally)
    task = asyncio.create_task(run_rows(job, found, evolve(log, settle=slowly), running))
    await three.wait()
    task.cancel()
    await asyncio.sleep(0)
    for each in pending:
        each.set_result(Success(None))
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (tally.read().answered, len(kept.rows)) == (3, 3)


async def test_a_log_that_cannot_be_written_stops_the_run_and_is_tried_once_more(jobbing: Any, modelling: Any) -> None:
    full = StorageFailed(message="no room", reason="full")
    kept, tries = Kept(), list[int]()
    log = memory_log(kept=kept)

    def settle(outcomes: Any) -> Any:
        tries.append(len(outcomes))
        return done(Failure(full)) if len(tries) == 1 else log.settle(outcomes)

    job, asked = jobbing(texts(*(f"{n}" for n in range(50)))), list[str]()
    tally, stopped = await ran(job, evolve(log, settle=settle), modelling(asked=asked))
    assert stopped == full
    assert len(asked) < 50
    assert tally.answered == len(tries) - 1 == sum(row.state == "answered" for row in kept.rows.values())


async def test_an_intent_that_cannot_be_kept_sends_nothing_and_stops_the_run(jobbing: Any, modelling: Any) -> None:
    full = StorageFailed(message="no room", reason="full")
    log, asked, intents = memory_log(), list[str](), list[Any]()

    def intend(intent: Any) -> Any:
        intents.append(intent)
        return done(Failure(full)) if len(intents) > 3 else log.intend(intent)

    model = scripted(lambda attempt: attempt.request.prompt or "")
    job = jobbing(texts(*(f"{n}" for n in range(50))))
    tally, stopped = await ran(job, evolve(log, intend=intend), scripted_manager(model).generate_all, concurrency=2)
    assert stopped == full
    assert (len(model.calls), tally.answered, tally.failed, tally.left, asked) == (3, 3, 0, 47, [])


async def test_every_row_is_intended_before_it_is_sent(jobbing: Any) -> None:
    kept, seen = Kept(), list[str | None]()

    def say(attempt: Attempt) -> str:
        seen.append(kept.intents[-1].key)
        return attempt.request.prompt or ""

    job = jobbing(texts("a", "b"))
    await ran(job, memory_log(kept=kept), scripted_manager(scripted(say)).generate_all, concurrency=1)
    assert seen == [job.key("Say a"), job.key("Say b")]


async def test_somebodys_wish_lets_what_is_under_way_end(jobbing: Any, modelling: Any) -> None:
    kept, asked = Kept(), list[str]()

    def answer(prompt: str) -> Result[LLMResponse, LLMError]:
        kept.wish = "pause"
        return Success(LLMResponse(content=prompt, model="m", provider="p"))

    tally, stopped = await ran(jobbing(texts(*"abcdef")), memory_log(kept=kept), modelling(answer, asked=asked))
    assert (stopped, len(asked), tally.answered, tally.left) == (None, 2, 2, 4)


async def test_a_file_that_changes_under_a_run_ends_it_with_what_is_wrong(jobbing: Any, modelling: Any) -> None:
    job = jobbing(texts(*"abcdef"))
    log = memory_log()
    found = survey(job, log.standings).unwrap()
    job.table.path.write_text('{"text":"a"}\n{"other":"b"}\n')
    tally = Cell(found.tally)
    stopped = await run_rows(job, found, log, Running(generate_all=modelling(), tally=tally))
    assert isinstance(stopped, InvalidRequest)
    assert tally.read().answered == 1
    job.table.path.write_text("no\n")
    assert isinstance(survey(job, log.standings), Failure)
    stopped = await run_rows(job, found, log, Running(generate_all=modelling(), tally=tally))
    assert isinstance(stopped, InvalidRequest)


async def test_tokens_and_money_are_counted_with_what_is_unknown(jobbing: Any, modelling: Any) -> None:
    costs = {
        "a": LLMResponse(
            content="x", model="m", provider="p", usage=Usage(input_tokens=5), cost=Priced(usd=Decimal("0.000001"), price_version="v")
        ),
        "b": LLMResponse(
            content="x",
            model="m",
            provider="p",
            usage=Usage(input_tokens=9, output_tokens=9),
            cost=Priced(usd=Decimal("0.2"), price_version="v"),
            cached=True,
        ),
        "c": LLMResponse(content="x", model="m", provider="p", finish="length", usage=Usage(output_tokens=7)),
    }

    def answer(prompt: str) -> Result[LLMResponse, LLMError]:
        known = costs.get(prompt[-1])
        return Success(known) if known is not None else Failure(RequestTimeout(model="m", timeout_ms=1))

    job, log = jobbing(texts(*"abcd")), memory_log()
    tally, _ = await ran(job, log, modelling(answer))
    assert (tally.cost_usd, tally.unpriced, tally.doubtful, tally.cached) == (Decimal("0.000001"), 1, 1, 1)
    assert (tally.input_tokens, tally.output_tokens, dict(tally.failures)) == (5, 7, {"OutputInvalid": 1, "TimeoutError": 1})
    assert [row["cost_usd"] for row in written(job, log)] == [1e-06, 0, None, None]
    assert [row["cached"] for row in written(job, log)] == [False, True, False, None]
    assert [row["output_tokens"] for row in written(job, log)] == [0, 0, 7, None]


def test_the_first_prompts_are_those_that_would_be_sent(jobbing: Any) -> None:
    job = jobbing(texts("a", "b", "b", "c", "d"))
    log = memory_log([RunRow(key=job.key("Say a"), output={})])
    found = survey(job, log.standings).unwrap()
    assert found.requests == 3
    assert tuple(asked.prompt for asked in requests_to_ask(job, found, 2)) == ("Say b", "Say c")
    assert tuple(asked.prompt for asked in requests_to_ask(job, found, 9)) == ("Say b", "Say c", "Say d")


_TEXTS = st.lists(st.sampled_from("abcdefgh"), min_size=1, max_size=10)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(_TEXTS, st.sets(st.sampled_from("abcdefgh")), st.sets(st.integers(0, 9)), st.randoms(use_true_random=False))
async def test_over_any_runs_each_content_is_answered_once_and_every_row_is_in_place(
    jobbing: Any, modelling: Any, rows: list[str], failing: set[str], first: set[int], shuffle: Any
) -> None:
    log, asked = memory_log(), list[str]()
    begun = [row for place, row in enumerate(rows) if place in first]
    model = modelling(only_some({text: ContentFiltered(model="m") for text in failing}), asked=asked, reverse=bool(shuffle.getrandbits(1)))
    if begun:
        await ran(jobbing(texts(*begun)), log, model)
    shuffle.shuffle(rows)
    job = jobbing([{"text": text, "place": place} for place, text in enumerate(rows)])
    tally, stopped = await ran(job, log, model)
    assert stopped is None
    assert sorted(asked) == sorted({f"Say {text}" for text in rows})
    out = written(job, log)
    assert [(row["place"], row["text"]) for row in out] == list(enumerate(rows))
    assert all((row["error"] is None) == (row["text"] not in failing) == (row["answer"] == f"Say {row['text']}") for row in out)
    assert tally.left == 0
    assert tally.done == len(rows)
