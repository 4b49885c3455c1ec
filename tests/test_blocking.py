"""The blocking facade: from scripts, from inside a running loop, from threads."""

import asyncio
import gc
import signal
import sys
import threading
import weakref
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import pytest
from attrs import frozen
from returns.result import Failure, Success

from llm_manager.blocking import blocking
from llm_manager.domain.attempts import Attempt
from llm_manager.domain.configuration import Budget, LLMConfig
from llm_manager.domain.embeddings import EmbedRequest
from llm_manager.domain.errors import BudgetExceeded, CircuitOpen, ConfigurationError, ModelUnavailable
from llm_manager.domain.images import ImageRequest
from llm_manager.domain.messages import ToolCall
from llm_manager.domain.moderation import ModerationRequest
from llm_manager.domain.plans import RoutingPolicy
from llm_manager.domain.requests import LLMRequest
from llm_manager.domain.responses import LLMResponse
from llm_manager.domain.streaming import StreamFinished
from llm_manager.real_world import real_world
from llm_manager.services.manager import LLMManager
from llm_manager.testing import Said, Scripted, faults, scripted, scripted_manager
from llm_manager.tools.from_function import tool_from_function

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
        assert [type(event) for event in m.converse_stream("c", HI)][-1] is Success
        assert m.conversations(lambda kept: kept.load("c")).unwrap().version == 2
        assert m.plan(HI).unwrap().steps
        assert m.health().unwrap()[0].healthy
        assert m.models().unwrap()[0].name == "scripted-1"
        events = [event.unwrap() for event in m.stream(LLMRequest("other"))]
        assert isinstance(events[-1], StreamFinished)
        rows = [LLMRequest(f"row {number}") for number in range(10)]
        assert [position for position, _ in m.generate_all(rows, concurrency=3, in_order=True)] == list(range(10))
        assert m.stats().calls >= 14


def test_what_is_no_chat_works_without_await() -> None:
    model = scripted("x", able=("embed", "moderate", "create_image", "count_tokens"))
    with blocking(scripted_manager(model, world=real_world({}))) as m:
        assert len(m.embed(EmbedRequest(("a", "b"))).unwrap().vectors) == 2
        assert m.moderate(ModerationRequest("a flag")).unwrap().verdicts[0].flagged
        assert m.create_image(ImageRequest("a cat")).unwrap().images
        assert m.count_tokens(HI).unwrap().exact
        assert m.credits() == Success(())
    assert len(model.besides) == 4


def test_a_breaker_is_seen_and_reset_without_await() -> None:
    model = scripted(*[faults.server_error()] * 8, "well")
    with blocking(scripted_manager(model, world=real_world({}), config=LLMConfig(routing=RoutingPolicy(max_retries=0)))) as manager:
        for _ in range(5):
            assert isinstance(manager.generate(HI), Failure)
        (shut,) = manager.standing().breakers
        assert (shut.phase, shut.failures) == ("open", 5)
        assert isinstance(manager.generate(HI).failure(), CircuitOpen)
        for _ in range(3):
            assert manager.reset_breaker("scripted") == Success(None)
            assert isinstance(manager.generate(HI).failure(), ModelUnavailable)
        manager.reset_breaker()
        assert manager.generate(HI).unwrap().content == "well"
        assert manager.standing().breakers[0].phase == "closed"


def test_usage_and_limits_are_told_without_await() -> None:
    """What was sent, what is left of a budget, and that it begins anew."""
    budget = Budget(name="few", limit=Decimal(1), unit="requests", period="day")
    with blocking(scripted_manager(scripted("hello"), world=real_world({}), config=LLMConfig(budgets=(budget,)))) as manager:
        assert manager.check_limits() == manager.check_limits(HI) == Success(None)
        assert isinstance(manager.generate(HI), Success)
        assert manager.usage().unwrap().total_requests == manager.usage("scripted").unwrap().total_requests == 1
        assert isinstance(manager.check_limits(HI).failure(), BudgetExceeded)
        assert isinstance(manager.check_limits().failure(), BudgetExceeded)
        assert manager.reset_usage("daily") == Success(None)
        assert manager.check_limits(HI) == Success(None)


def test_tools_are_called_without_await_each_in_a_thread() -> None:
    """What is not async holds nobody up, neither as a tool nor as one who confirms."""
    call = ToolCall(id="c", name="where", arguments="{}")
    model = scripted(LLMResponse(content="", model="m", provider="p", finish="tool_calls", tool_calls=(call,)), "there")
    main = threading.get_ident()

    def where() -> bool:
        return threading.get_ident() == main

    tool = tool_from_function(where, side_effects=True).unwrap()
    with blocking(scripted_manager(model, world=real_world({}))) as m:
        run = m.call_tools(HI, [tool], confirm=lambda *_: threading.get_ident() != main).unwrap()
    assert (run.response.content, run.steps[0].result) == ("there", "false")


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


def test_what_is_left_half_read_is_closed_at_the_end_and_says_nothing_later() -> None:
    """A stream and a batch that somebody still holds after the manager is gone."""
    model = scripted("one two three four", "", seconds=0.0)
    with blocking(scripted_manager(model, world=real_world({}))) as m:
        stream = m.stream(HI)
        next(stream)
        rows = m.generate_all([LLMRequest(str(number)) for number in range(50)], concurrency=5)
        next(rows)
    assert model.under_way == 0
    stream_left, rows_left = weakref.ref(stream), weakref.ref(rows)
    del stream, rows
    gc.collect()
    assert (stream_left(), rows_left()) == (None, None)


def test_after_its_block_every_method_says_that_it_has_ended() -> None:
    manager, model = manager_of("one two three", "x")
    with blocking(manager) as m:
        begun = m.stream(HI)
        next(begun)
        rows = m.generate_all([LLMRequest(str(number)) for number in range(9)], in_order=True)
        assert next(rows)[0] == 0
    count = model.count
    ended = [m.generate(HI), m.generate_as(Word, HI), m.embed(EmbedRequest("a")), m.health(), *m.stream(HI), *begun]
    late = [*m.generate_all([HI]), *rows]
    assert [position for position, _ in late] == [0, 1]
    for outcome in (*ended, *(answer for _, answer in late)):
        error = outcome.failure()
        assert isinstance(error, ConfigurationError)
        assert error.message.startswith("the blocking manager has ended: call it inside its block")
    assert model.count == count
    assert m.plan(HI).unwrap().steps
    assert m.stats().calls


@pytest.mark.skipif(sys.platform == "win32", reason="sends itself a signal")
def test_an_interrupted_call_is_cancelled() -> None:
    """Ctrl-C in a notebook, where the manager lives on: nothing goes on behind one's back."""
    asking = threading.Event()

    def interrupt() -> None:
        asking.wait(5)
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

    async def hang(attempt: Attempt) -> Said:
        asking.set()
        return await faults.hanging()(attempt)

    model = scripted(hang, "hello")
    interrupting = threading.Thread(target=interrupt)
    interrupting.start()
    with blocking(scripted_manager(model, world=real_world({}))) as m:
        with pytest.raises(KeyboardInterrupt):
            m.generate(HI)
        assert m.generate(HI).unwrap().content == "hello"
        assert (model.under_way, model.left) == (0, 1)
    interrupting.join()
