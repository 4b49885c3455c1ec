"""The blocking facade: from scripts, from inside a running loop, from threads."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

from attrs import frozen
from returns.result import Failure, Success

from llm_manager.blocking import blocking
from llm_manager.domain.errors import ModelUnavailable
from llm_manager.domain.requests import LLMRequest
from llm_manager.domain.streaming import StreamFinished
from llm_manager.real_world import real_world
from llm_manager.services.manager import LLMManager
from llm_manager.testing import Said, Scripted, scripted, scripted_manager

HI = LLMRequest("hi")


@frozen
class Word:
    word: str


def manager_of(*said: Said) -> tuple[LLMManager, Scripted]:
    model = scripted(*said)
    return scripted_manager(model, world=real_world({})), model


def test_every_method_works_without_await() -> None:
    manager, _ = manager_of('{"word":"hello"}')
    with blocking(manager) as m:
        assert m.generate(HI).unwrap().content == '{"word":"hello"}'
        assert m.generate_as(Word, HI).unwrap().value == Word("hello")
        assert m.converse("c", HI).unwrap().content
        assert m.plan(HI).unwrap().steps
        assert m.health().unwrap()[0].healthy
        assert m.models().unwrap()[0].name == "scripted-1"
        events = [event.unwrap() for event in m.stream(LLMRequest("other"))]
        assert isinstance(events[-1], StreamFinished)
        rows = [LLMRequest(f"row {number}") for number in range(10)]
        assert [position for position, _ in m.generate_all(rows, concurrency=3, in_order=True)] == list(range(10))
        assert m.stats().calls >= 14


def test_a_failure_is_a_value_here_too() -> None:
    gone = ModelUnavailable(model="m", message="no", reason="permanent")
    manager, _ = manager_of(gone)
    with blocking(manager) as m:
        assert m.generate(HI) == Failure(gone)


def test_it_works_inside_a_running_loop() -> None:
    manager, _ = manager_of("hello")

    async def notebook() -> str:
        with blocking(manager) as m:
            return m.generate(HI).unwrap().content

    assert asyncio.run(notebook()) == "hello"


def test_many_threads_may_ask_at_once() -> None:
    manager, model = manager_of("hello")
    with blocking(manager) as m, ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda number: m.generate(LLMRequest(f"row {number}")), range(40)))
    assert all(isinstance(answer, Success) for answer in answers)
    assert model.count == 40


def test_leaving_a_stream_or_a_batch_early_closes_it() -> None:
    manager, model = manager_of("one two three four")
    with blocking(manager) as m:
        for _ in m.stream(HI):
            break
        for _ in m.generate_all([LLMRequest(str(number)) for number in range(50)], concurrency=5):
            break
    assert model.under_way == 0


def test_no_thread_is_left_behind() -> None:
    before = threading.active_count()
    manager, _ = manager_of("hello")
    with blocking(manager) as m:
        m.generate(HI)
    assert threading.active_count() == before


def test_one_manager_serves_successive_loops_and_threads() -> None:
    manager, model = manager_of("hello")
    for number in range(3):
        assert asyncio.run(_ask(manager, number)) == "hello"
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda number: asyncio.run(_ask(manager, number)), range(10, 18)))
    assert answers == ["hello"] * 8
    assert model.count == 11


async def _ask(manager: LLMManager, number: int) -> str:
    from llm_manager.effects import settle

    return (await settle(manager.generate(LLMRequest(f"row {number}")))).unwrap().content
