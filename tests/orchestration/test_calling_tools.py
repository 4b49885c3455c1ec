"""A model and its tools: every call has one result, every failure is told, and nothing paid for is lost."""

import asyncio
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any, cast

import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st
from returns.result import Failure, Success

from llm_manager.domain.configuration import LLMConfig, PerformanceSettings
from llm_manager.domain.errors import InvalidRequest, LLMError, ModelUnavailable, NetworkError, RequestTimeout, ToolFailed
from llm_manager.domain.events import Event, ToolCalled
from llm_manager.domain.messages import Message, ToolCall, ToolSpec, UseTool
from llm_manager.domain.plans import RoutingPolicy
from llm_manager.domain.requests import LLMRequest, Preferences
from llm_manager.domain.responses import Finish, LLMResponse
from llm_manager.domain.usage import Priced, Unpriced, Usage
from llm_manager.effects import settle
from llm_manager.outcomes import Settled
from llm_manager.services.tools import Tool, ToolRun
from llm_manager.testing import Scripted, run_virtual, scripted, scripted_manager
from llm_manager.tools.from_function import tool_from_function


def tool(function: Callable[..., Any], **options: Any) -> Tool:
    return tool_from_function(function, **options).unwrap()


def calls(*wanted: tuple[str, str], ids: Sequence[str] | None = None, finish: Finish = "tool_calls") -> LLMResponse:
    """An answer that calls tools, each by name and arguments."""
    named = ids or [f"c{place}" for place in range(len(wanted))]
    asked = tuple(ToolCall(id=id_, name=name, arguments=text) for id_, (name, text) in zip(named, wanted, strict=True))
    return LLMResponse(
        content="", model="scripted-1", provider="scripted", finish=finish, tool_calls=asked, usage=Usage(input_tokens=10, output_tokens=1)
    )


def double(number: int) -> int:
    """Twice a number."""
    return 2 * number


async def slow(seconds: float) -> str:
    await asyncio.sleep(seconds)
    return f"after {seconds:g}"


def broken() -> None:
    raise ValueError("no\nluck")


def silent() -> None:
    class MuteError(Exception):
        def __str__(self) -> str:
            raise ValueError

    raise MuteError


async def late() -> None:
    raise TimeoutError


async def gone() -> None:
    """Awaits what somebody else has cancelled."""
    other = asyncio.ensure_future(asyncio.sleep(60))
    other.cancel()
    await other


HI = Message(role="assistant", content="Hi")
BEYOND = "it may reach beyond this machine, and is not called"
DOUBLE, SLOW, BROKEN = tool(double), tool(slow), tool(broken)


def outcome_of(model: Scripted, request: LLMRequest, tools: Sequence[Tool], *, config: LLMConfig | None = None, **options: Any) -> Any:
    tell = options.pop("tell", None)

    async def ask() -> Settled[ToolRun, LLMError]:
        return await settle(scripted_manager(model, config=config, tell=tell).call_tools(request, tools, **options))

    return run_virtual(ask())


def run_of(model: Scripted, request: LLMRequest, tools: Sequence[Tool], **options: Any) -> ToolRun:
    outcome = outcome_of(model, request, tools, **options)
    assert isinstance(outcome, Success)
    run = outcome.unwrap()
    assert isinstance(run, ToolRun)
    assert_valid(run)
    return run


def assert_valid(run: ToolRun) -> None:
    """Every call in the conversation has exactly one result, right after it and in its order; no two ids are the same."""
    waiting: list[str] = []
    ids: list[str] = []
    for message in run.messages:
        if message.role == "tool":
            assert message.tool_call_id == waiting.pop(0)
        else:
            assert not waiting
            waiting = [call.id for call in message.tool_calls]
            ids += waiting
    assert not waiting
    assert len(set(ids)) == len(ids)
    assert all(ids)
    assert [step.call.id for step in run.steps] == ids
    assert [m.text for m in run.messages if m.role == "tool"] == [step.result for step in run.steps]
    assert len([m for m in run.messages if m.role == "assistant"]) == len(run.responses)


def failed(run: ToolRun) -> ToolFailed:
    """The error of the only step."""
    (step,) = run.steps
    assert isinstance(step.error, ToolFailed)
    assert run.messages[1].tool_failed
    return step.error


def test_a_model_calls_a_tool_and_says_what_it_found() -> None:
    model = scripted(calls(("double", '{"number": 21}')), "It is 42.")
    request = LLMRequest("Twice 21?", system="Be brief.", messages=(Message(role="user", content="Hello"), HI))
    run = run_of(model, request, [DOUBLE])
    assert (run.response.content, run.stopped, run.complete) == ("It is 42.", None, True)
    assert [(step.step, step.call.name, step.result, step.error) for step in run.steps] == [(1, "double", "42", None)]
    assert [message.role for message in run.messages] == ["assistant", "tool", "assistant"]
    first, second = model.requests
    assert first.tools == second.tools == (DOUBLE.spec,)
    assert [message.text for message in second.conversation()] == ["Be brief.", "Hello", "Hi", "Twice 21?", "", "42"]
    assert second.conversation()[-2].tool_calls == run.messages[0].tool_calls


def test_what_a_run_took_is_the_sum_of_its_answers() -> None:
    first = evolve(calls(("double", '{"number": 1}')), usage=Usage(input_tokens=1_000_000, output_tokens=1_000_000))
    run = run_of(scripted(first, evolve(first, tool_calls=(), finish="stop"), locality="cloud"), LLMRequest("x"), [DOUBLE])
    assert run.usage == Usage(input_tokens=2_000_000, output_tokens=2_000_000)
    assert run.cost == Priced(usd=Decimal(6), price_version="scripted")
    unknown = evolve(run, responses=(*run.responses, evolve(run.response, cost=Unpriced(reason="nobody knows"))))
    assert unknown.cost == Unpriced(reason="nobody knows")
    remembered = evolve(run, responses=(evolve(run.response, cached=True),))
    assert remembered.usage is None


@pytest.mark.parametrize(
    ("asked", "tools", "reason", "words"),
    [
        (("treble", "{}"), [DOUBLE], "unknown", "there is no tool of this name; there are double"),
        (("treble", "{}"), [], "unknown", "there is no tool of this name; there is none at all"),
        (("double", '{"number":'), [DOUBLE], "arguments", "the arguments are not JSON"),
        (("double", '{"number": "1"}'), [DOUBLE], "arguments", "$.number: Expected `int`, got `str`"),
        (("broken", ""), [BROKEN], "failed", "ValueError: no luck"),
        (("silent", ""), [tool(silent)], "failed", "MuteError"),
        (("late", ""), [tool(late)], "failed", "TimeoutError"),
        (("gone", ""), [tool(gone)], "failed", "CancelledError"),
        (("slow", '{"seconds": 60}'), [SLOW], "timeout", "it took longer than 30 s"),
        (("slow", '{"seconds": 2}'), [tool(slow, timeout_seconds=0.5)], "timeout", "it took longer than 0.5 s"),
        (("slow", '{"seconds": 2}'), [tool(slow, timeout_seconds=0.0)], "timeout", "the time of the run was over"),
        (("double", '{"number": 1}'), [tool(double, side_effects=True)], "refused", "it has side effects, and nobody is there"),
    ],
)
def test_every_failure_is_told_to_the_model(asked: tuple[str, str], tools: Sequence[Tool], reason: str, words: str) -> None:
    model = scripted(calls(asked), "I see.")
    run = run_of(model, LLMRequest("x"), tools)
    error = failed(run)
    assert (error.tool, error.reason) == (asked[0], reason)
    assert error.message.startswith(words)
    told = model.requests[1].messages[-1]
    assert (told.role, told.text, told.tool_failed) == ("tool", error.message, True)
    assert run.complete


def test_a_tool_that_is_broken_in_itself_is_a_failure_too() -> None:
    def prepare(_: str) -> Any:
        raise KeyError("x")

    own = Tool(spec=ToolSpec(name="own"), prepare=prepare)
    assert failed(run_of(scripted(calls(("own", "")), "ok"), LLMRequest("x"), [own])).message == "KeyError: 'x'"


def test_another_error_is_told_as_it_is() -> None:
    async def asking() -> Settled[str, LLMError]:
        return Failure(NetworkError(model="other", message="reset"))

    run = run_of(scripted(calls(("asking", "")), "ok"), LLMRequest("x"), [tool(asking)])
    assert run.steps[0].error == NetworkError(model="other", message="reset")
    assert "reset" in run.steps[0].result


def test_the_journal_is_told_why_a_tool_failed_and_not_in_its_words() -> None:
    async def look(name: str) -> None:
        raise ValueError(f"nobody is called {name}")

    heard: list[Event] = []
    wanted = (("look", '{"name": "Canary"}'), ("look", '{"Canary": 1}'), ("none", "{}"))
    run = run_of(scripted(calls(*wanted), "ok"), LLMRequest("x"), [tool(look)], tell=heard.append)
    assert "Canary" in run.steps[0].result
    told = [event.error for event in heard if isinstance(event, ToolCalled)]
    assert [error.reason for error in told if isinstance(error, ToolFailed)] == ["failed", "arguments", "unknown"]
    assert "Canary" not in repr(heard)


def test_a_call_never_has_the_id_of_an_earlier_one() -> None:
    """Some servers number their calls anew in every answer."""
    first = run_of(scripted(calls(("double", '{"number": 1}')), "2"), LLMRequest("x"), [DOUBLE])
    again = LLMRequest("y", messages=(Message(role="user", content="x"), *first.messages))
    second = run_of(scripted(calls(("double", '{"number": 2}')), "4"), again, [DOUBLE])
    assert [call.id for message in (*first.messages, *second.messages) for call in message.tool_calls] == ["c0", "c0_1"]


def test_no_half_of_a_character_reaches_a_model() -> None:
    run = run_of(scripted(calls(("half", "")), "ok"), LLMRequest("x"), [tool(lambda: "a\ud800b", name="half")])
    assert run.steps[0].result == "a\ufffdb"


def test_calls_run_side_by_side_and_results_keep_their_order() -> None:
    wanted = [("slow", f'{{"seconds": {seconds}}}') for seconds in (3, 1, 2, 1)]
    heard: list[Event] = []
    run = run_of(scripted(calls(*wanted), "ok"), LLMRequest("x"), [SLOW], tell=heard.append)
    assert [step.result for step in run.steps] == ["after 3", "after 1", "after 2", "after 1"]
    told = [event for event in heard if isinstance(event, ToolCalled)]
    assert [(event.at, event.seconds) for event in told] == [(1.0, 1.0), (2.0, 2.0), (2.0, 1.0), (3.0, 3.0)]
    assert {(event.tool, event.step, event.error) for event in told} == {("slow", 1, None)}
    assert {event.call_id for event in told} == {run.responses[0].call_id} != {""}


@given(spans=st.lists(st.integers(0, 5), min_size=1, max_size=8), settings_say=st.integers(1, 4), asked=st.none() | st.integers(-1, 4))
@settings(max_examples=40, deadline=None)
def test_no_more_run_at_once_than_may(spans: list[int], settings_say: int, asked: int | None) -> None:
    under_way = most = 0

    async def counted(seconds: int) -> int:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        await asyncio.sleep(seconds)
        under_way -= 1
        return seconds

    config = LLMConfig(performance=PerformanceSettings(concurrent_tools=settings_say))
    answer = calls(*(("counted", f'{{"seconds": {span}}}') for span in spans))
    run = run_of(scripted(answer, "ok"), LLMRequest("x"), [tool(counted)], config=config, concurrent=asked)
    assert [step.result for step in run.steps] == [str(span) for span in spans]
    assert most == min(len(spans), max(1, settings_say if asked is None else asked))


@given(
    turns=st.lists(
        st.lists(
            st.tuples(st.sampled_from(("double", "slow", "broken", "treble", "")), st.text(max_size=8) | st.just('{"number": 1}')),
            max_size=3,
        ),
        min_size=1,
        max_size=4,
    ),
    ids=st.lists(st.sampled_from(("", "a", "b", "a_1", "call")), min_size=3, max_size=3),
    most=st.integers(1, 5),
    cut=st.booleans(),
)
@settings(max_examples=60, deadline=None)
def test_whatever_a_model_writes_ends_in_a_valid_conversation(
    turns: list[list[tuple[str, str]]], ids: list[str], most: int, cut: bool
) -> None:
    model = scripted(*(calls(*turn, ids=ids[: len(turn)], finish="length" if cut else "tool_calls") for turn in turns))
    run = run_of(model, LLMRequest("x"), [DOUBLE, SLOW, BROKEN], max_steps=most)
    assert len(run.responses) == len(model.calls) <= most
    assert (run.stopped is not None) == (bool(run.responses[-1].tool_calls))
    assert all(isinstance(step.error, ToolFailed | None) for step in run.steps)


def test_a_run_ends_after_its_steps_and_keeps_all_that_was_done() -> None:
    model = scripted(calls(("double", '{"number": 1}')))
    run = run_of(model, LLMRequest("x"), [DOUBLE], max_steps=3)
    assert len(model.calls) == 3
    assert [step.result for step in run.steps] == ["2", "2", "no calls any more: the run had 3 turns"]
    assert isinstance(run.stopped, ToolFailed)
    assert run.stopped.reason == "steps"
    assert not run.complete
    assert run.response.notices[-1].startswith("the run ended before the model was done")


def test_a_failure_in_the_middle_keeps_all_that_was_done() -> None:
    gone = ModelUnavailable(model="scripted-1", message="gone", reason="permanent")
    model = scripted(calls(("double", '{"number": 1}')), gone)
    run = run_of(model, LLMRequest("x"), [DOUBLE])
    assert run.stopped is not None
    assert "gone" in str(run.stopped)
    assert [message.role for message in run.messages] == ["assistant", "tool"]


def test_a_failure_at_the_beginning_is_one() -> None:
    outcome = outcome_of(scripted(ModelUnavailable(model="m", message="gone", reason="permanent")), LLMRequest("x"), [DOUBLE])
    assert isinstance(outcome, Failure)


def test_the_deadline_is_that_of_the_whole_run() -> None:
    model = scripted(calls(("slow", '{"seconds": 2}')), calls(("slow", '{"seconds": 20}')), "never")
    run = run_of(model, LLMRequest("x", deadline_ms=5_000), [SLOW])
    assert [request.deadline_ms for request in model.requests] == [5_000, 3_000]
    assert run.steps[1].error == ToolFailed(tool="slow", message="it took longer than 3 s", reason="timeout")
    assert run.stopped == RequestTimeout(model="scripted-1", timeout_ms=5_000, phase="total")


def test_what_is_left_of_the_deadline_bounds_the_next_answer() -> None:
    def take(_: Any) -> Any:
        async def answer() -> str:
            await asyncio.sleep(60)
            return "late"

        return answer()

    run = run_of(scripted(calls(("slow", '{"seconds": 2}')), take), LLMRequest("x", deadline_ms=5_000), [SLOW])
    assert isinstance(run.stopped, RequestTimeout)


def test_leaving_cancels_the_tools_under_way() -> None:
    left: list[str] = []

    async def endless(name: str) -> None:
        try:
            await asyncio.sleep(1000)
        except asyncio.CancelledError:
            left.append(name)
            raise

    model = scripted(calls(("endless", '{"name": "a"}'), ("endless", '{"name": "b"}')))

    async def leave() -> bool:
        manager = scripted_manager(model)
        task = asyncio.create_task(settle(manager.call_tools(LLMRequest("x"), [tool(endless, timeout_seconds=2000.0)])))
        await asyncio.sleep(1)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        return task.cancelled()

    assert run_virtual(leave())
    assert left == ["a", "b"]


def test_side_effects_are_asked_for_one_at_a_time() -> None:
    asked: list[tuple[float, str]] = []

    async def confirm(call: ToolCall, spec: ToolSpec) -> bool:
        asked.append((asyncio.get_running_loop().time(), call.arguments))
        assert spec.name == "double"
        await asyncio.sleep(5)
        return "2" not in call.arguments

    wanted = [("double", f'{{"number": {number}}}') for number in (1, 2, 3)]
    run = run_of(scripted(calls(*wanted, ("double", "{}")), "ok"), LLMRequest("x"), [tool(double, side_effects=True)], confirm=confirm)
    assert asked == [(0.0, '{"number": 1}'), (5.0, '{"number": 2}'), (10.0, '{"number": 3}')]
    assert [step.result for step in run.steps][:3] == ["2", "the call was not confirmed", "6"]


def raising(*_: object) -> bool:
    raise EOFError


async def out_of_time(*_: object) -> bool:
    raise TimeoutError


async def forgetful(*_: object) -> bool:
    await asyncio.sleep(1000)
    return True


@pytest.mark.parametrize(
    ("confirm", "words"),
    [
        (raising, "confirming failed: EOFError"),
        (out_of_time, "confirming failed: TimeoutError"),
        (lambda *_: gone(), "confirming failed: CancelledError"),
        (forgetful, "nobody confirmed the call in time"),
        (lambda *_: False, "the call was not confirmed"),
    ],
)
def test_who_cannot_say_yes_says_no(confirm: Any, words: str) -> None:
    model = scripted(calls(("double", '{"number": 1}')), "ok")
    run = run_of(model, LLMRequest("x", deadline_ms=10_000), [tool(double, side_effects=True)], confirm=confirm)
    assert failed(run) == ToolFailed(tool="double", message=words, reason="refused")


def test_one_who_is_not_async_may_confirm() -> None:
    model = scripted(calls(("double", '{"number": 1}')), "ok")
    run = run_of(model, LLMRequest("x"), [tool(double, side_effects=True)], confirm=lambda *_: True)
    assert run.steps[0].result == "2"


@pytest.mark.parametrize(
    ("request_", "config", "words"),
    [
        (LLMRequest("x", sensitivity="private"), None, f"{BEYOND} for a private request"),
        (LLMRequest("how is the patient?"), None, f"{BEYOND} for a private request"),
        (
            LLMRequest("x"),
            LLMConfig(routing=RoutingPolicy(airgap=True)),
            f"{BEYOND} under airgap",
        ),
    ],
)
def test_nothing_private_goes_to_others(request_: LLMRequest, config: LLMConfig | None, words: str) -> None:
    model = scripted(calls(("double", '{"number": 1}')), "ok")
    assert failed(run_of(model, request_, [tool(double, locality="cloud")], config=config)).message == words


def test_what_is_public_may_go_to_others() -> None:
    run = run_of(scripted(calls(("double", '{"number": 1}')), "ok"), LLMRequest("x"), [tool(double, locality="cloud")])
    assert run.steps[0].error is None


def test_a_call_that_was_cut_is_not_made() -> None:
    cut = calls(("double", '{"number": 1}'), ("nothing", ""), finish="length")
    run = run_of(scripted(cut, "ok"), LLMRequest("x"), [DOUBLE, tool(lambda: "never", name="nothing")])
    assert [step.result for step in run.steps] == ["2", "the answer was cut before these arguments ended"]


def test_a_tool_that_must_be_called_must_be_called_once() -> None:
    for choice in ("required", UseTool(name="double")):
        model = scripted(calls(("double", '{"number": 1}')), "ok")
        run_of(model, LLMRequest("x", tool_choice=choice), [DOUBLE])
        assert [request.tool_choice for request in model.requests] == [choice, "auto"]


def test_who_may_call_nothing_calls_nothing() -> None:
    model = scripted(calls(("double", '{"number": 1}')), "ok")
    assert failed(run_of(model, LLMRequest("x", tool_choice="none"), [DOUBLE])).reason == "unknown"
    assert [request.tool_choice for request in model.requests] == ["none", "none"]


def test_the_model_that_began_goes_on() -> None:
    """Though another one comes first for what is asked."""
    first = scripted(NetworkError(model="a", message="reset", sent=False), "from the first", provider="one", model="a")
    second = scripted(calls(("double", '{"number": 1}')), "from the second", provider="two", model="b")

    async def ask(request: LLMRequest) -> ToolRun:
        return (await settle(scripted_manager(first, second).call_tools(request, [DOUBLE]))).unwrap()

    run = run_virtual(ask(LLMRequest("x", preferences=Preferences(provider="one"))))
    assert run.response.content == "from the second"
    assert (second.requests[1].preferences.provider, second.requests[1].preferences.model) == ("two", "b")


def test_who_is_named_exactly_is_asked_exactly() -> None:
    model = scripted(calls(("double", '{"number": 1}')), "ok")
    named = Preferences(provider="scripted", exact=True)
    run_of(model, LLMRequest("x", preferences=named), [DOUBLE])
    assert model.requests[1].preferences == named


@pytest.mark.parametrize(
    ("request_", "tools", "most", "words"),
    [
        (LLMRequest("x"), [DOUBLE, DOUBLE], 8, "more than one tool is called double"),
        (LLMRequest("x", tools=(ToolSpec(name="other"),)), [DOUBLE], 8, "nobody can call other"),
        (LLMRequest("x", tool_choice=UseTool(name="other")), [DOUBLE], 8, "tool_choice asks for other"),
        (LLMRequest("x"), [DOUBLE], 0, "max_steps must be at least 1"),
    ],
)
def test_what_cannot_begin_is_told_before_anything_is_sent(request_: LLMRequest, tools: list[Tool], most: int, words: str) -> None:
    model = scripted("never")
    outcome = outcome_of(model, request_, tools, max_steps=most)
    assert isinstance(outcome, Failure)
    error = outcome.failure()
    assert isinstance(error, InvalidRequest)
    assert words in error.message
    assert not model.calls


def test_without_tools_it_is_a_question() -> None:
    assert run_of(scripted("hello"), LLMRequest("x"), []).response.content == "hello"


def test_a_run_can_be_gone_on_with() -> None:
    model = scripted(calls(("double", '{"number": 1}')), "two", "yes")
    request = LLMRequest(messages=(Message(role="user", content="Twice 1?"),))
    run = run_of(model, request, [DOUBLE])
    more = evolve(request, messages=(*request.messages, *run.messages, Message(role="user", content="Sure?")))
    assert run_of(model, more, [DOUBLE]).response.content == "yes"
    assert [message.role for message in model.requests[2].messages] == ["user", "assistant", "tool", "assistant", "user"]


class TestEmulation:
    """The same with a model that has no tools."""

    def test_tools_are_told_in_words_and_called_by_a_schema(self) -> None:
        model = scripted(
            '{"call": {"name": "double", "arguments": {"number": 4}}}',
            '{"call": {"name": "final_answer", "arguments": {"text": "It is 8."}}}',
            profile={"tools": False},
        )
        run = run_of(model, LLMRequest("Twice 4?"), [DOUBLE], emulate=True)
        assert (run.response.content, run.steps[0].result) == ("It is 8.", "8")
        assert all(not request.tools and message.role != "tool" for request in model.requests for message in request.messages)
        assert "The answer of double is: 8" in model.requests[1].messages[-1].text
        assert [message.role for message in run.messages] == ["assistant", "tool", "assistant"]

    @given(st.text() | st.just('{"call": {"name": "double", "arguments": {"number": 1}}}'))
    @settings(max_examples=40, deadline=None)
    def test_whatever_it_writes_ends_the_run_or_calls(self, text: str) -> None:
        run = run_of(scripted(text, profile={"tools": False}), LLMRequest("x"), [DOUBLE], emulate=True, max_steps=2)
        assert len(run.responses) <= 2

    def test_its_failure_is_a_failure(self) -> None:
        gone = ModelUnavailable(model="m", message="gone", reason="permanent")
        assert isinstance(outcome_of(scripted(gone), LLMRequest("x"), [DOUBLE], emulate=True), Failure)


def number_of(text: str) -> int:
    """A tool before it is made one."""
    return len(text)


MADE = tool_from_function(number_of)


@pytest.mark.parametrize(
    ("tools", "said", "message"),
    [
        ([number_of], {}, "tools[0]: it is a function; make a tool of it: tool_from_function(...).unwrap()"),
        ([MADE], {}, "tools[0]: it is still wrapped in a Success; unwrap it"),
        (MADE, {}, "tools[0]: it is still wrapped in a Success; unwrap it"),
        ([MADE.unwrap(), tool_from_function(lambda x: x)], {}, "tools[1]: it is a Failure, so that no tool was made"),
        ([MADE.unwrap().spec], {}, "tools[0]: it is of type ToolSpec; make a tool with tool_from_function"),
        (None, {}, "tools[0]: it is of type NoneType"),
        ([evolve(MADE.unwrap(), timeout_seconds=cast("float", "5"))], {}, "tools[0]: its timeout_seconds is of type str"),
        ([], {"max_steps": "8"}, "max_steps: it is of type str"),
        ([], {"concurrent": 1.5}, "concurrent: it is of type float"),
        ([], {"confirm": True}, "confirm: it is of type bool"),
    ],
)
def test_what_is_no_tool_is_told_and_nobody_is_asked(tools: Any, said: dict[str, Any], message: str) -> None:
    model = scripted("never said")
    outcome = run_virtual(settle(scripted_manager(model).call_tools(LLMRequest("x"), tools, **said)))
    error = outcome.failure()
    assert isinstance(error, InvalidRequest)
    assert error.message.startswith(message)
    assert model.count == 0


def test_a_single_tool_is_taken_for_the_only_one() -> None:
    assert run_virtual(settle(scripted_manager(scripted("x")).call_tools(LLMRequest("x"), cast("Any", MADE.unwrap())))).unwrap().complete
