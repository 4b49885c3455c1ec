"""The loop asks what is left, once each, keeps what came, and stops only for what every row would meet."""

import asyncio
import json
from collections.abc import Callable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar

import pytest
from attrs import evolve
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from returns.result import Failure, Result, Success

from llm_manager.cells import Cell
from llm_manager.domain.attempts import Attempt
from llm_manager.domain.configuration import LLMConfig
from llm_manager.domain.errors import (
    AllModelsFailed,
    AuthenticationFailed,
    ContentFiltered,
    InvalidRequest,
    LLMError,
    NetworkError,
    QuotaExhausted,
    RequestTimeout,
    StorageFailed,
)
from llm_manager.domain.plans import RoutingPolicy
from llm_manager.domain.requests import LLMRequest, Preferences
from llm_manager.domain.responses import LLMResponse
from llm_manager.domain.usage import Priced, Usage
from llm_manager.outcomes import Settled
from llm_manager.runs.columns import columns_from_fields
from llm_manager.runs.jobs import Job, pinned
from llm_manager.runs.memory_log import memory_run_log
from llm_manager.runs.rendering import make_layout, output_lines
from llm_manager.runs.run_log import open_run_log
from llm_manager.runs.running import run_rows
from llm_manager.runs.stopping import PATIENCE
from llm_manager.runs.surveying import requests_to_ask, survey
from llm_manager.runs.tallies import Tally
from llm_manager.services.manager import GenerateAll
from llm_manager.services.run_log import RunLog, RunRow
from llm_manager.testing import run_virtual, scripted, scripted_manager

_Value = TypeVar("_Value")
_DOWN = NetworkError(model="m", message="refused")


async def inline(work: Callable[[], _Value]) -> _Value:
    return work()


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
    found = survey(job, log, retry_failed=retry_failed).unwrap()
    tally = Cell(found.tally)
    stopped = await run_rows(
        job,
        found,
        log,
        generate_all=generate_all,
        run_blocking=inline,
        tally=tally,
        concurrency=concurrency,
        tell=lambda _: None if told is None else told.append(_),
        offline=lambda: offline,
        key_left=lambda _: key_left,
    )
    return tally.read(), stopped


def written(job: Job, log: RunLog) -> list[dict[str, Any]]:
    layout = make_layout(job, "jsonl").unwrap()
    return [json.loads(line.unwrap()) for line in output_lines(job, layout, log)]


def texts(*values: str) -> list[dict[str, str]]:
    return [{"text": value} for value in values]


def only_some(bad: Mapping[str, LLMError]) -> Callable[[str], Result[LLMResponse, LLMError]]:
    def answer(prompt: str) -> Result[LLMResponse, LLMError]:
        error = bad.get(prompt.removeprefix("Say "))
        return Failure(error) if error is not None else Success(LLMResponse(content=prompt, model="m", provider="p"))

    return answer


async def test_every_row_is_answered_and_the_output_is_in_input_order(jobbing: Any, modelling: Any) -> None:
    job, log, told = jobbing(texts("c", "a", "b")), memory_run_log(), list[Tally]()
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
    job, log = jobbing([{"text": "a"}, {"text": "b"}, {"no": 1}, {"text": "c"}]), memory_run_log()
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
    log, asked = memory_run_log(), list[str]()
    await ran(jobbing(texts("a", "b")), log, modelling())
    job = jobbing([{"text": "c", "id": 1}, {"text": "b", "id": 2}, {"text": "a", "id": 3}])
    tally, _ = await ran(job, log, modelling(asked=asked))
    assert asked == ["Say c"]
    assert (tally.earlier, tally.answered) == (2, 1)
    assert [(row["id"], row["answer"]) for row in written(job, log)] == [(1, "SAY C"), (2, "SAY B"), (3, "SAY A")]


async def test_a_changed_request_is_another_content(jobbing: Any, modelling: Any) -> None:
    log, asked = memory_run_log(), list[str]()
    rows = texts("a")
    await ran(jobbing(rows), log, modelling())
    other = LLMRequest(preferences=Preferences(temperature=0.0))
    for job in (jobbing(rows, request=other), jobbing(rows, "Tell {text}"), jobbing(rows, columns=columns_from_fields(["n=int"]).unwrap())):
        await ran(job, log, modelling(asked=asked))
    assert asked == ["Say a", "Tell a", "Say a"]


async def test_equal_rows_are_asked_once_and_all_answered(jobbing: Any, modelling: Any) -> None:
    job, log, asked = jobbing(texts("a", "b", "a", "a")), memory_run_log(), list[str]()
    tally, _ = await ran(job, log, modelling(asked=asked))
    assert asked == ["Say a", "Say b"]
    assert (tally.answered, tally.calls, tally.left) == (4, 2, 0)
    assert [row["answer"] for row in written(job, log)] == ["SAY A", "SAY B", "SAY A", "SAY A"]


async def test_failed_rows_are_asked_again_only_when_told(jobbing: Any, modelling: Any) -> None:
    job, log, asked = jobbing(texts("a", "b")), memory_run_log(), list[str]()
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
    job, log, asked = jobbing(texts(*"abcdef")), memory_run_log(), list[str]()
    tally, stopped = await ran(job, log, modelling(only_some({"c": error}), asked=asked))
    assert stopped == error
    assert (tally.answered, tally.failed, tally.left) == (3, 0, 3)
    assert len(asked) <= 4
    assert [row["text"] for row in written(job, log)] == ["a", "b", "d"]
    tally, stopped = await ran(job, log, modelling())
    assert (stopped, tally.earlier, tally.answered) == (None, 3, 3)


async def test_a_refused_key_stops_no_run_that_has_another(jobbing: Any, modelling: Any) -> None:
    error = AuthenticationFailed(model="m", message="wrong key")
    job, log = jobbing(texts(*"abcdef")), memory_run_log()
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
    job, log = jobbing(texts(*"abcdefghijklmnop")), memory_run_log()

    async def run() -> tuple[Tally, LLMError | None]:
        return await ran(job, log, scripted_manager(model).generate_all, concurrency=4)

    tally, stopped = run_virtual(run())
    assert stopped == spent
    assert [row["text"] for row in written(job, log)] == ["a", "c", "d", "e", "f", "g"]
    assert (len(model.calls), tally.answered, tally.failed) == (7, 6, 0)


async def test_a_dead_endpoint_ends_the_run_and_its_rows_are_asked_next_time(jobbing: Any, modelling: Any) -> None:
    names = [f"{n:03}" for n in range(PATIENCE + 30)]
    job, log, asked = jobbing(texts(*names)), memory_run_log(), list[str]()
    down = dict.fromkeys(names[10:], _DOWN)
    tally, stopped = await ran(job, log, modelling(only_some(down), asked=asked))
    assert stopped == _DOWN
    assert (tally.answered, tally.failed, tally.left) == (10, 0, len(names) - 10)
    assert len(asked) <= PATIENCE + 12
    assert (await ran(job, log, modelling()))[0].answered == len(names) - 10


async def test_what_got_nowhere_offline_is_asked_again_when_the_connection_is_back(jobbing: Any, modelling: Any) -> None:
    """However few rows they are: the same run goes on with them."""
    job, log = jobbing(texts("a", "b", "c")), memory_run_log()
    tally, stopped = await ran(job, log, modelling(only_some({"b": _DOWN, "c": _DOWN})), offline=True)
    assert stopped == _DOWN
    assert (tally.answered, tally.failed, tally.left, tally.in_vain) == (1, 0, 2, 2)
    assert (await ran(job, log, modelling()))[0].answered == 2


async def test_calls_given_up_are_counted_with_what_they_may_have_cost(jobbing: Any, modelling: Any) -> None:
    names = [f"{n:03}" for n in range(PATIENCE + 30)]
    job, log = jobbing(texts(*names)), memory_run_log()
    slow = RequestTimeout(model="m", timeout_ms=1)
    tally, stopped = await ran(job, log, modelling(only_some(dict.fromkeys(names, slow))))
    assert stopped == slow
    assert (tally.calls, tally.doubtful, tally.in_vain, tally.done) == (PATIENCE, PATIENCE, PATIENCE, 0)


async def test_every_attempt_that_may_be_charged_is_counted_whatever_came_after_it(jobbing: Any) -> None:
    """An answer that a second model gave, and an error that was refused at last."""
    slow = RequestTimeout(model="m", timeout_ms=60_000)
    config = LLMConfig(routing=RoutingPolicy(fallback_order=("lmstudio", "vllm"), max_retries=0))
    manager = scripted_manager(
        scripted(slow, provider="lmstudio", model="a"),
        scripted("x", ContentFiltered(model="b", message="no"), provider="vllm", model="b"),
        config=config,
    )
    tally, _ = await ran(jobbing(texts("one", "two")), memory_run_log(), manager.generate_all, concurrency=1)
    assert (tally.answered, tally.failed, tally.calls, tally.doubtful) == (1, 1, 2, 2)


async def test_a_run_keeps_to_the_model_it_settled_on_and_its_keys_stay(jobbing: Any) -> None:
    models = [scripted("x", model=name, provider=provider) for name, provider in (("a", "lmstudio"), ("b", "vllm"))]
    manager = scripted_manager(*models)
    job, log = jobbing(texts("a", "b")), memory_run_log()
    other = manager.plan(evolve(job.request, prompt="a")).unwrap().steps[1].profile
    tally, _ = await ran(pinned(job, other), log, manager.generate_all)
    assert dict(tally.answered_by) == {other.name: 2}
    assert (await ran(job, log, manager.generate_all))[0].earlier == 2


async def test_notices_are_counted_by_what_they_say(jobbing: Any, modelling: Any) -> None:
    def answer(prompt: str) -> Result[LLMResponse, LLMError]:
        return Success(LLMResponse(content=prompt, model="m", provider="p", notices=("a toy",)))

    tally, _ = await ran(jobbing(texts("a", "b", "a")), memory_run_log(), modelling(answer))
    assert (dict(tally.notices), dict(tally.answered_by)) == ({"a toy": 2}, {"m": 3})


def test_rows_of_the_log_that_this_job_has_not_are_strangers(jobbing: Any, tmp_path: Path) -> None:
    job = jobbing(texts("a", "b", "a"))
    log = open_run_log(tmp_path / "log").unwrap()
    log.settle([RunRow(key=key, output={}) for key in (job.key("Say a"), "x", "y")])
    log.close()
    again = open_run_log(tmp_path / "log").unwrap()
    assert (again.count, survey(job, again).unwrap().strangers) == (3, 2)
    again.close()


async def test_a_short_outage_is_failed_rows_and_no_more(jobbing: Any, modelling: Any) -> None:
    names = [f"{n:03}" for n in range(PATIENCE)]
    job, log = jobbing(texts(*names)), memory_run_log()
    tally, stopped = await ran(job, log, modelling(only_some(dict.fromkeys(names[1:], _DOWN))))
    assert stopped is None
    assert (tally.answered, dict(tally.failures)) == (1, {"NetworkError": PATIENCE - 1})
    tally, stopped = await ran(job, log, modelling(only_some(dict.fromkeys(names[2:], _DOWN))), retry_failed=True)
    assert (stopped, tally.earlier, tally.answered) == (None, 1, 1)


async def test_cancelled_it_keeps_every_row_that_came(jobbing: Any, tmp_path: Path) -> None:
    job = jobbing(texts(*"abcdef"))
    log = open_run_log(tmp_path / "log").unwrap()
    closed: list[bool] = []
    counted = asyncio.Event()

    async def generate_all(requests: Any, *, concurrency: int | None = None, in_order: bool = False) -> Any:
        try:
            for number, request in enumerate(requests):
                if number == 3:
                    await asyncio.Event().wait()
                yield number, Success(LLMResponse(content=request.prompt, model="m", provider="p"))
        finally:
            closed.append(True)

    found = survey(job, log).unwrap()
    tally = Cell(found.tally)
    running = asyncio.create_task(
        run_rows(job, found, log, generate_all=generate_all, run_blocking=asyncio.to_thread, tally=tally, tell=lambda _: counted.set())
    )
    while tally.read().answered < 3:
        counted.clear()
        await counted.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert closed == [True]
    assert [row["text"] for row in written(job, log)] == ["a", "b", "c"]
    log.close()


async def test_cancelled_while_rows_wait_to_be_written_it_writes_them(jobbing: Any) -> None:
    job, kept = jobbing(texts(*"abc")), memory_run_log()
    may_write = asyncio.Event()

    async def slowly(work: Callable[[], _Value]) -> _Value:
        await may_write.wait()
        return work()

    async def generate_all(requests: Any, *, concurrency: int | None = None, in_order: bool = False) -> Any:
        for number, request in enumerate(requests):
            yield number, Success(LLMResponse(content=request.prompt, model="m", provider="p"))
        await asyncio.Event().wait()

    found = survey(job, kept).unwrap()
    tally = Cell(found.tally)
    running = asyncio.create_task(run_rows(job, found, kept, generate_all=generate_all, run_blocking=slowly, tally=tally))
    for _ in range(10):
        await asyncio.sleep(0)
    running.cancel()
    await asyncio.sleep(0)
    may_write.set()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert (tally.read().answered, len(list(kept.rows()))) == (3, 3)


async def test_a_log_that_cannot_be_written_stops_the_run_and_is_tried_once_more(jobbing: Any, modelling: Any) -> None:
    full = StorageFailed(message="no room", reason="full")
    kept = memory_run_log()
    tries: list[int] = []

    def settle(rows: Any) -> Settled[None, LLMError]:
        tries.append(len(rows))
        if len(tries) == 1:
            return Failure(full)
        kept.settle(rows)
        return Success(None)

    job, asked = jobbing(texts(*(f"{n}" for n in range(50)))), list[str]()
    tally, stopped = await ran(job, evolve(kept, settle=settle), modelling(asked=asked))
    assert stopped == full
    assert len(asked) < 50
    assert tally.answered == sum(tries[1:]) == len(list(kept.rows()))


async def test_rows_are_written_in_groups_while_others_come(jobbing: Any, modelling: Any) -> None:
    kept = memory_run_log()
    groups: list[int] = []

    def settle(rows: Any) -> Settled[None, LLMError]:
        groups.append(len(rows))
        kept.settle(rows)
        return Success(None)

    async def slowly(work: Callable[[], _Value]) -> _Value:
        for _ in range(2000):
            await asyncio.sleep(0)
        return work()

    job = jobbing(texts(*(f"{n}" for n in range(3000))))
    found = survey(job, kept).unwrap()
    tally = Cell(found.tally)
    log = evolve(kept, settle=settle)
    assert await run_rows(job, found, log, generate_all=modelling(), run_blocking=slowly, tally=tally, concurrency=500) is None
    assert (tally.read().answered, sum(groups)) == (3000, 3000)
    assert 1000 < max(groups) < 1100


async def test_a_file_that_changes_under_a_run_ends_it_with_what_is_wrong(jobbing: Any, modelling: Any) -> None:
    job = jobbing(texts(*"abcdef"))
    log = memory_run_log()
    found = survey(job, log).unwrap()
    job.table.path.write_text('{"text":"a"}\n{"other":"b"}\n')
    tally = Cell(found.tally)
    stopped = await run_rows(job, found, log, generate_all=modelling(), run_blocking=inline, tally=tally)
    assert isinstance(stopped, InvalidRequest)
    assert tally.read().answered == 1
    job.table.path.write_text("no\n")
    assert isinstance(survey(job, log), Failure)
    stopped = await run_rows(job, found, log, generate_all=modelling(), run_blocking=inline, tally=tally)
    assert isinstance(stopped, InvalidRequest)


async def test_tokens_and_money_are_counted_with_what_is_unknown(jobbing: Any, modelling: Any) -> None:
    costs = {
        "a": LLMResponse(
            content="x", model="m", provider="p", usage=Usage(input_tokens=5), cost=Priced(usd=Decimal("0.000001"), price_version="v")
        ),
        "b": LLMResponse(content="x", model="m", provider="p", cost=Priced(usd=Decimal("0.2"), price_version="v"), cached=True),
        "c": LLMResponse(content="x", model="m", provider="p", finish="length", usage=Usage(output_tokens=7)),
    }

    def answer(prompt: str) -> Result[LLMResponse, LLMError]:
        known = costs.get(prompt[-1])
        return Success(known) if known is not None else Failure(RequestTimeout(model="m", timeout_ms=1))

    job, log = jobbing(texts(*"abcd")), memory_run_log()
    tally, _ = await ran(job, log, modelling(answer))
    assert (tally.cost_usd, tally.unpriced, tally.doubtful, tally.cached) == (Decimal("0.000001"), 1, 1, 1)
    assert (tally.input_tokens, tally.output_tokens, dict(tally.failures)) == (5, 7, {"OutputInvalid": 1, "TimeoutError": 1})
    assert [row["cost_usd"] for row in written(job, log)] == [1e-06, 0, None, None]
    assert [row["cached"] for row in written(job, log)] == [False, True, False, None]
    assert [row["output_tokens"] for row in written(job, log)] == [0, None, 7, None]


def test_the_first_prompts_are_those_that_would_be_sent(jobbing: Any) -> None:
    job, log = jobbing(texts("a", "b", "b", "c", "d")), memory_run_log()
    log.settle([RunRow(key=job.key("Say a"), output={})])
    found = survey(job, log).unwrap()
    assert found.requests == 3
    assert tuple(asked.prompt for asked in requests_to_ask(job, found, 2)) == ("Say b", "Say c")
    assert tuple(asked.prompt for asked in requests_to_ask(job, found, 9)) == ("Say b", "Say c", "Say d")


_TEXTS = st.lists(st.sampled_from("abcdefgh"), min_size=1, max_size=10)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(_TEXTS, st.sets(st.sampled_from("abcdefgh")), st.sets(st.integers(0, 9)), st.randoms(use_true_random=False))
async def test_over_any_runs_each_content_is_answered_once_and_every_row_is_in_place(
    jobbing: Any, modelling: Any, rows: list[str], failing: set[str], first: set[int], shuffle: Any
) -> None:
    log, asked = memory_run_log(), list[str]()
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
