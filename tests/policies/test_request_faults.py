"""A request that nobody could answer is told so, with the field and the remedy; any other passes."""

from math import inf, nan
from typing import Any

import pytest
from hypothesis import given

from llm_manager.domain.messages import ImageUrl, Message, TextPart, ToolCall, ToolSpec, UseTool
from llm_manager.domain.requests import JsonSchema, LLMRequest, Preferences
from llm_manager.policies.request_faults import MOST_CHARACTERS, check_request
from llm_manager.testing import faults, run_virtual, scripted, scripted_manager
from llm_manager.testing.strategies import requests

USER = Message(role="user", content="Look it up.")
ASKS = Message(role="assistant", tool_calls=(ToolCall(id="a", name="look"), ToolCall(id="b", name="look")))
TWICE = Message(role="assistant", tool_calls=(ToolCall(id="a", name="look"), ToolCall(id="a", name="look")))
LOOK = ToolSpec(name="look")
LONG = "x" * (MOST_CHARACTERS + 1)


def told(tool_call_id: str | None) -> Message:
    """What a tool found."""
    return Message(role="tool", content="found", tool_call_id=tool_call_id)


def untyped(**said: Any) -> LLMRequest:
    """A request as a caller without types may make it."""
    return LLMRequest("x", **said)


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
        (untyped(messages=(Message(role="robot", content="x"),)), "messages[0]: its role is none of system, user"),  # type: ignore[arg-type]  # on purpose
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


@given(requests())
def test_any_request_gets_a_verdict_that_quotes_nothing_of_it(request_: LLMRequest) -> None:
    wrong = check_request(request_)
    assert wrong is None or not any(text in wrong.message for text in request_.texts() if len(text) > 20)


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
