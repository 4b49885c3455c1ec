"""A request that nobody could answer is told so, with the field and the remedy; any other passes."""

from math import inf, nan
from typing import Any, cast

import pytest
from attrs import frozen
from hypothesis import given

from llm_manager import programs
from llm_manager.domain.errors import InvalidRequest
from llm_manager.domain.messages import ImageData, ImageUrl, Message, TextPart, ToolCall, ToolSpec, UseTool
from llm_manager.domain.requests import AnyJson, JsonSchema, LLMRequest, Preferences, RequestMetadata
from llm_manager.domain.wire import to_plain
from llm_manager.effects import settle
from llm_manager.policies.classification import classify
from llm_manager.policies.request_faults import check_request
from llm_manager.policies.value_faults import MOST_CHARACTERS
from llm_manager.testing import faults, run_virtual, scripted, scripted_manager
from llm_manager.testing.strategies import requests

USER = Message(role="user", content="Look it up.")
ASKS = Message(role="assistant", tool_calls=(ToolCall(id="a", name="look"), ToolCall(id="b", name="look")))
TWICE = Message(role="assistant", tool_calls=(ToolCall(id="a", name="look"), ToolCall(id="a", name="look")))
LOOK = ToolSpec(name="look")
CALL_OF_DICT = ToolCall(id="a", name="look", arguments=cast("str", {"x": 1}))
LONG = "x" * (MOST_CHARACTERS + 1)


def told(tool_call_id: str | None) -> Message:
    """What a tool found."""
    return Message(role="tool", content="found", tool_call_id=tool_call_id)


def untyped(**said: Any) -> LLMRequest:
    """A request as a caller without types may make it."""
    return LLMRequest("x", **said)


def spoken(**said: Any) -> Message:
    """A message as a caller without types may make it."""
    return Message(**said)


def wishing(**said: Any) -> LLMRequest:
    """A request with preferences."""
    return LLMRequest("x", preferences=Preferences(**said))


@pytest.mark.parametrize(
    ("request_", "place"),
    [
        (LLMRequest(), "prompt: it is empty"),
        (LLMRequest(""), "prompt: it is empty"),
        (LLMRequest(" \n\t"), "prompt: it is empty"),
        (LLMRequest(" ", messages=(USER,)), "prompt: it is empty"),
        (LLMRequest(LONG), "prompt: it has more than"),
        (LLMRequest("x", system=LONG), "system: it has more than"),
        (LLMRequest(messages=(USER, Message(role="user"))), "messages[1]: it is empty"),
        (LLMRequest(messages=(Message(role="user", content=(TextPart(text=""),)),)), "messages[0]: it is empty"),
        (LLMRequest(messages=(Message(role="system", content=LONG),)), "messages[0]: content: it has more than"),
        (untyped(messages=(Message(role="robot", content="x"),)), "messages[0]: its role: it is none of system, user"),  # type: ignore[arg-type]  # on purpose
        (LLMRequest(messages=(Message(role="user", content="x", tool_calls=ASKS.tool_calls),)), "messages[0]: only an assistant"),
        (LLMRequest(messages=(USER, ASKS, told(None))), "messages[2]: a tool's result names no call"),
        (LLMRequest(messages=(USER, told("a"))), "messages[1]: a tool's result answers no open call"),
        (LLMRequest(messages=(USER, ASKS, told("a"), told("a"))), "messages[3]: a tool's result answers no open call"),
        (LLMRequest(messages=(USER, ASKS, told("a"), USER)), "messages[3]: 1 tool call has no result"),
        (LLMRequest("and?", messages=(USER, ASKS)), "messages[1]: 2 tool calls have no result"),
        (LLMRequest(messages=(USER, TWICE)), "messages[1]: two of its tool calls have the same id"),
        (wishing(max_tokens=0), "preferences.max_tokens"),
        (wishing(max_tokens=-5), "preferences.max_tokens"),
        (wishing(temperature=nan), "preferences.temperature"),
        (wishing(temperature=inf), "preferences.temperature"),
        (wishing(temperature=-0.1), "preferences.temperature"),
        (wishing(top_p=1.5), "preferences.top_p"),
        (wishing(top_p=nan), "preferences.top_p"),
        (wishing(stop=("",)), "preferences.stop"),
        (wishing(stop="end"), "preferences.stop"),
        (LLMRequest("x", tools=(LOOK, LOOK)), "tools[1]: another one has the same name"),
        (LLMRequest("x", tools=(ToolSpec(name=""),)), "tools[0]: its name"),
        (LLMRequest("x", tools=(ToolSpec(name="a b"),)), "tools[0]: its name"),
        (LLMRequest("x", tools=(ToolSpec(name="x" * 129),)), "tools[0]: its name"),
        (LLMRequest("x", tools=(ToolSpec(name="a", input_schema={"type": "string"}),)), "tools[0]: its input_schema"),
        (untyped(tools=(ToolSpec(name="a", input_schema=[]),)), "tools[0]: its input_schema"),  # type: ignore[arg-type]  # on purpose
        (LLMRequest("x", tools=tuple(ToolSpec(name=str(n)) for n in range(10_001))), "tools: there are more than"),
        (LLMRequest("x", tools=(LOOK,), tool_choice=UseTool(name="other")), "tool_choice: it names none"),
        (LLMRequest("x", tool_choice="required"), "tool_choice: a call is required"),
        (untyped(output=JsonSchema(schema=[])), "output.schema: it is no JSON object"),  # type: ignore[arg-type]  # on purpose
        (untyped(sensitivity="privat"), "sensitivity: it is none of public, private; did you mean private?"),
        (untyped(sensitivity="Private"), "sensitivity: it is none of public, private; did you mean private?"),
        (untyped(sensitivity=True), "sensitivity: it is none of public, private; give one of them"),
        (untyped(cache="Off"), "cache: it is none of use, refresh, off; did you mean off?"),
        (untyped(cache=None), "cache: it is none of"),
        (untyped(tool_choice="requird"), "tool_choice: it is none of auto, none, required; did you mean required?"),
        (untyped(tool_choice=LOOK), "tool_choice: it is none of auto, none, required; give one of them as a text, or UseTool"),
        (untyped(task_type="kode"), "task_type: it is none of general, analysis"),
        (untyped(complexity=["simple"]), "complexity: it is none of simple, moderate, complex"),
        (untyped(priority="urgent"), "priority: it is none of low, normal, high"),
        (wishing(reasoning="hihg"), "preferences.reasoning: it is none of off, low, medium, high; did you mean high?"),
        (wishing(reasoning=True), "preferences.reasoning: it is none of"),
        (wishing(prompt_cache="1h"), "preferences.prompt_cache: it is none of off, short, long"),
        (wishing(temperature="hot"), "preferences.temperature: it is of type str; give a number from 0 to 2"),
        (wishing(temperature=9), "preferences.temperature: it is not from 0 to 2"),
        (wishing(temperature=True), "preferences.temperature: it is of type bool"),
        (wishing(top_p="1"), "preferences.top_p: it is of type str; give a number from 0 to 1"),
        (wishing(max_tokens="5"), "preferences.max_tokens: it is of type str; give a whole number"),
        (wishing(max_tokens=True), "preferences.max_tokens: it is of type bool"),
        (wishing(max_tokens=10**400), "preferences.max_tokens: it is more than"),
        (wishing(seed=1.5), "preferences.seed: it is of type float"),
        (wishing(seed=-(10**30)), "preferences.seed: it is less than"),
        (wishing(stop=("a", 5)), "preferences.stop"),
        (wishing(stop=5), "preferences.stop"),
        (wishing(model=5), "preferences.model: it is of type int; give its name"),
        (wishing(provider=("openai",)), "preferences.provider: it is of type tuple; give its name"),
        (wishing(exact="yes"), "preferences.exact: it is of type str; give True or False"),
        (untyped(preferences={"temperature": 1}), "preferences: it is of type dict; give a Preferences"),
        (untyped(preferences=None), "preferences: it is of type NoneType; give a Preferences"),
        (untyped(output="json"), "output: it is of type str; give PlainText(), AnyJson()"),
        (untyped(output=AnyJson), "output: it is of type class; give PlainText(), AnyJson()"),
        (untyped(output=JsonSchema(schema={}, name=cast("str", 5))), "output.name: it is of type int"),
        (untyped(messages="hello"), "messages: it is of type str; give a tuple of messages"),
        (untyped(messages=USER), "messages: it is of type Message; give a tuple of messages"),
        (untyped(messages=({"role": "user", "content": "Look it up"},)), "messages[0]: it is of type dict; give a Message"),
        (untyped(messages=(spoken(role=["user"], content="x"),)), "messages[0]: its role: it is none of system"),
        (untyped(messages=(spoken(role="user", content=({"type": "text"},)),)), "messages[0]: content: a part of it is of type dict"),
        (untyped(messages=(spoken(role="user", content=(TextPart(text=cast("str", 5)),)),)), "messages[0]: content: it is of type int"),
        (untyped(messages=(spoken(role="user", content=(ImageUrl(url=cast("str", 5)),)),)), "messages[0]: content: its url: it is of"),
        (untyped(messages=(spoken(role="user", content=(ImageData(data=cast("bytes", "x")),)),)), "messages[0]: content: its data is of"),
        (untyped(messages=(spoken(role="assistant", tool_calls=({"id": "a"},)),)), "messages[0]: its tool_calls are none"),
        (untyped(messages=(spoken(role="assistant", tool_calls=(CALL_OF_DICT,)),)), "messages[0]: its tool_calls are none"),
        (untyped(messages=(spoken(role="assistant", content="x", thoughts=("hm",)),)), "messages[0]: its thoughts are none"),
        (untyped(messages=(spoken(role="tool", content="x", tool_call_id=5),)), "messages[0]: its tool_call_id is of type int"),
        (untyped(tools=LOOK), "tools: it is of type ToolSpec; give a tuple of ToolSpecs"),
        (untyped(tools=(print,)), "tools[0]: it is of type function; give a ToolSpec"),
        (untyped(tools=(ToolSpec(name=cast("str", 5)),)), "tools[0]: its name"),
        (untyped(tools=(ToolSpec(name="a", description=cast("str", None)),)), "tools[0]: its description: it is of type NoneType"),
        (untyped(system=5), "system: it is of type int; give a text"),
        (untyped(timeout_ms="5"), "timeout_ms: it is of type str; give a whole number"),
        (untyped(deadline_ms=2.5), "deadline_ms: it is of type float; give a whole number"),
        (LLMRequest(cast("str", 5)), "prompt: it is of type int; give a text"),
        (LLMRequest("x", timeout_ms=0), "timeout_ms"),
        (LLMRequest("x", deadline_ms=-1), "deadline_ms"),
    ],
)
def test_each_fault_names_its_field_and_the_remedy(request_: LLMRequest, place: str) -> None:
    wrong = check_request(request_)
    assert wrong is not None
    assert wrong.message.startswith(place)
    assert "; " in wrong.message
    assert wrong.request is request_
    assert "Look it up" not in repr(wrong)
    assert to_plain(wrong)


@pytest.mark.parametrize(
    "request_",
    [
        LLMRequest("Hello", system=""),
        LLMRequest(messages=(Message(role="user", content=(ImageUrl(url="https://i.org/i.png"),)),)),
        LLMRequest("and?", messages=(USER, Message(role="assistant", content=""))),
        LLMRequest(messages=(USER, ASKS, told("b"), told("a"), Message(role="assistant", content="x"), ASKS, told("a"), told("b"))),
        wishing(max_tokens=1, temperature=0.0, top_p=0.0, stop=("a",), seed=-1),
        LLMRequest("x", tools=(LOOK, ToolSpec(name="b", input_schema={})), tool_choice=UseTool(name="look")),
        LLMRequest("x", output=JsonSchema(schema={}), timeout_ms=1, deadline_ms=1),
    ],
)
def test_what_can_be_answered_passes(request_: LLMRequest) -> None:
    assert check_request(request_) is None


@given(requests(valid=False))
def test_any_request_gets_a_verdict_that_quotes_nothing_of_it(request_: LLMRequest) -> None:
    wrong = check_request(request_)
    messages: object = request_.messages
    written = messages if isinstance(messages, tuple) else ()
    said: list[object] = [request_.prompt, request_.system, *(each.text for each in written if isinstance(each, Message))]
    assert wrong is None or not any(text in wrong.message for text in said if isinstance(text, str) and len(text) > 20)


def test_nobody_is_asked_in_vain() -> None:
    async def ask() -> tuple[int, int, str]:
        model = scripted("never said", faults.wrong_key())
        async with scripted_manager(model) as manager:
            outcome = await manager.generate(LLMRequest(" "))
            events = [event async for event in manager.stream(LLMRequest("x", timeout_ms=0))]
        return len(model.calls), len(events), str(outcome)

    calls, events, outcome = run_virtual(ask())
    assert (calls, events) == (0, 1)
    assert "prompt: it is empty" in outcome


@frozen
class Answer:
    """What is wanted."""

    text: str


@pytest.mark.parametrize(
    ("given_", "message"),
    [
        ("my secret", "request: it is of type str; give an LLMRequest: LLMRequest('...')"),
        (None, "request: it is of type NoneType; give an LLMRequest"),
        (LLMRequest, "request: it is of type class; give an LLMRequest"),
        (untyped(metadata={"user": "u"}), "metadata: it is of type dict; give a RequestMetadata"),
        (untyped(metadata=RequestMetadata(user=cast("str", 5))), "metadata: feature, user or tenant is no text"),
        (untyped(metadata=RequestMetadata(tags=cast("tuple[str, ...]", "a"))), "metadata.tags: it is no tuple of texts"),
        (untyped(sensitivity="privat"), "sensitivity: it is none of public, private; did you mean private?"),
        (untyped(sensitivity=True), "sensitivity: it is none of public, private"),
        (untyped(messages=[{"role": "user"}]), "messages[0]: it is of type dict"),
        (untyped(preferences={}), "preferences: it is of type dict"),
        (LLMRequest(cast("str", 5)), "prompt: it is of type int"),
        (untyped(task_type="kode"), "task_type: it is none of"),
        (untyped(timeout_ms="5"), "timeout_ms: it is of type str"),
    ],
)
def test_no_way_to_ask_takes_what_cannot_be_asked_nor_raises(given_: Any, message: str) -> None:
    """Above all: what is labelled wrongly is neither planned nor sent, by any of them."""
    model = scripted("never said", locality="cloud", able=("count_tokens",))

    async def ask() -> list[Any]:
        async with scripted_manager(model) as manager:
            effects = (
                manager.generate(given_),
                manager.generate_as(Answer, given_),
                manager.converse("c", given_),
                manager.call_tools(given_, ()),
                manager.count_tokens(given_),
                programs.generate(given_)(manager),
                model.client.generate(given_),
            )
            outcomes: list[Any] = [await settle(effect) for effect in effects]
            outcomes += [manager.plan(given_)]
            outcomes += [event async for event in manager.stream(given_)]
            outcomes += [outcome async for _, outcome in manager.generate_all([given_])]
            return outcomes

    outcomes = run_virtual(ask())
    assert len(outcomes) == 10
    for outcome in outcomes:
        error = outcome.failure()
        assert isinstance(error, InvalidRequest)
        assert error.message.startswith(message)
        assert "my secret" not in str(to_plain(error))
    assert model.count == 0
    assert not model.besides


@pytest.mark.parametrize("requests_", [None, "hello", LLMRequest("hello"), 5])
def test_a_batch_of_what_is_no_series_of_requests_is_one_failure(requests_: Any) -> None:
    async def ask() -> list[tuple[int, Any]]:
        return [each async for each in scripted_manager(scripted("x")).generate_all(requests_)]

    [(position, outcome)] = run_virtual(ask())
    assert position == 0
    assert "give several LLMRequests" in outcome.failure().message


def test_a_batch_wants_a_whole_number_of_workers() -> None:
    async def ask() -> list[tuple[int, Any]]:
        return [each async for each in scripted_manager(scripted("x")).generate_all([LLMRequest("x")], concurrency=cast("int", "5"))]

    assert run_virtual(ask())[0][1].failure().message.startswith("concurrency: it is of type str")


def test_a_label_that_nobody_knows_is_taken_for_private_by_whoever_plans_alone() -> None:
    assert classify(untyped(sensitivity="privat")).sensitivity == "private"
    assert classify(LLMRequest("x"), default_sensitivity=cast("Any", "Private")).sensitivity == "private"
