"""Tools told in words and called by JSON: what goes out, and what is read from whatever comes back."""

import json
from typing import Any

import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from llm_manager.domain.messages import Message, ToolCall, ToolChoice, ToolSpec, UseTool
from llm_manager.domain.requests import AnyJson, JsonSchema, LLMRequest
from llm_manager.domain.responses import LLMResponse
from llm_manager.policies.tool_emulation import NOTICE, answering, call_schema, emulated, in_words, read_call, read_emulated
from llm_manager.testing import strategies

WEATHER = ToolSpec(
    name="weather",
    description="Tell the weather.",
    input_schema={"type": "object", "properties": {"at": {"$ref": "#/$defs/place"}}, "$defs": {"place": {"type": "string"}}},
)
TREE = ToolSpec(
    name="tree",
    input_schema={
        "type": "object",
        "properties": {"root": {"$ref": "#/definitions/place"}},
        "definitions": {"place": {"type": "object", "properties": {"more": {"type": "array", "items": {"$ref": "#/definitions/place"}}}}},
    },
)
CALL = ToolCall(id="c1", name="weather", arguments='{"at": "Paris"}')
TOLD = (
    Message(role="user", content="Weather in Paris?"),
    Message(role="assistant", content="Let me see.", tool_calls=(CALL,)),
    Message(role="tool", content="sunny", tool_call_id="c1"),
    Message(role="tool", content="no such city", tool_call_id="c1", tool_failed=True),
)


def schema_of(request: LLMRequest) -> dict[str, Any]:
    assert isinstance(request.output, JsonSchema)
    return dict(request.output.schema)


def fits(schema: dict[str, Any], value: Any) -> bool:
    return bool(Draft202012Validator(schema).is_valid(value))


def call(name: str, arguments: Any) -> dict[str, Any]:
    return {"call": {"name": name, "arguments": arguments}}


def answer(content: str, **fields: Any) -> LLMResponse:
    return LLMResponse(content=content, model="m", provider="p", call_id="7", **fields)


def test_what_schemas_define_moves_to_the_root_of_the_whole() -> None:
    schema = call_schema((WEATHER, TREE))
    assert set(schema["$defs"]) == {"tool0_place", "tool1_place"}
    assert fits(schema, call("weather", {"at": "Paris"}))
    assert fits(schema, call("tree", {"root": {"more": [{"more": []}]}}))
    assert not fits(schema, call("weather", {"at": {"more": []}}))
    assert not fits(schema, call("tree", {"root": {"more": [1]}}))
    assert not fits(schema, call("other", {}))


def test_a_request_with_tools_becomes_one_without() -> None:
    request = emulated(LLMRequest(messages=TOLD, system="Be brief.", tools=(WEATHER,)))
    assert (request.tools, request.tool_choice) == ((), "auto")
    assert request.system is not None
    assert request.system.startswith("Be brief.\n\n# Available Tools\n\n## weather\nTell the weather.\nParameters: ")
    assert [message.role for message in request.messages] == ["user", "assistant", "user"]
    assert request.messages[1].text == 'Let me see.\n{"call": {"name": "weather", "arguments": {"at": "Paris"}}}'
    assert request.messages[2].text == "The answer of weather is: sunny\n\nweather failed: no such city"
    schema = schema_of(request)
    assert fits(schema, call("weather", {"at": "Paris"}))
    assert fits(schema, call("final_answer", {"text": "Sunny."}))
    assert not fits(schema, call("final_answer", {}))


@pytest.mark.parametrize(
    ("choice", "weather", "tree", "words"),
    [("auto", True, True, True), ("required", True, True, False), (UseTool(name="tree"), False, True, False)],
)
def test_the_choice_is_part_of_the_form(choice: ToolChoice, weather: bool, tree: bool, words: bool) -> None:
    schema = schema_of(emulated(LLMRequest("x", tools=(WEATHER, TREE), tool_choice=choice)))
    assert fits(schema, call("weather", {"at": "Paris"})) == weather
    assert fits(schema, call("tree", {"root": {"more": []}})) == tree
    assert fits(schema, call("final_answer", {"text": "x"})) == words


def test_who_may_not_call_is_told_of_no_tools() -> None:
    request = LLMRequest(messages=TOLD, tools=(WEATHER,), tool_choice="none")
    assert (emulated(request).system, emulated(request).tools) == (None, ())
    assert read_emulated(answer("words"), request) == answer("words")


def test_an_answer_is_read_as_what_it_is() -> None:
    request = LLMRequest("x", tools=(WEATHER,))
    called = read_emulated(answer(json.dumps(call("weather", {"at": "Rome"}))), request)
    assert (called.content, called.finish, called.notices) == ("", "tool_calls", (NOTICE,))
    assert called.tool_calls == (ToolCall(id="call_7", name="weather", arguments='{"at":"Rome"}'),)
    said = read_emulated(answer(json.dumps(call("final_answer", {"text": "Sunny."}))), request)
    assert (said.content, said.finish, said.tool_calls) == ("Sunny.", "stop", ())
    assert read_emulated(answer(json.dumps(call("final_answer", {"text": 5}))), request).content == "5"
    assert read_emulated(answer("just words"), request).content == "just words"
    cut = answer('{"call": {"name"', finish="length")
    assert read_emulated(cut, request) == cut


def test_the_answer_has_the_form_that_was_asked_for() -> None:
    shape = {"type": "object", "properties": {"degrees": {"type": "integer"}}}
    request = LLMRequest("x", tools=(WEATHER,), output=JsonSchema(schema=shape))
    assert fits(schema_of(emulated(request)), call("final_answer", {"degrees": 3}))
    assert not fits(schema_of(emulated(request)), call("final_answer", {"text": "three"}))
    assert read_emulated(answer(json.dumps(call("final_answer", {"degrees": 3}))), request).content == '{"degrees":3}'
    assert "as JSON" in answering(evolve(request, output=AnyJson())).description


def test_no_tool_is_taken_for_the_answer() -> None:
    request = LLMRequest("x", tools=(ToolSpec(name="final_answer"), ToolSpec(name="final_answer_")))
    assert answering(request).name == "final_answer__"
    assert read_emulated(answer(json.dumps(call("final_answer", {}))), request).tool_calls[0].name == "final_answer"


@pytest.mark.parametrize(
    ("text", "arguments"),
    [
        ('```json\n{"call": {"name": "t", "arguments": {"a": 1}}}\n```', '{"a":1}'),
        ('{"call": {"name": "t"}}', "{}"),
        ('{"call": {"name": "t", "arguments": [1]}}', None),
        ('{"call": {"name": 1}}', None),
        ('{"call": 1}', None),
        ("[]", None),
        ("[" * 100_000, None),
        ("", None),
    ],
)
def test_a_call_is_read_or_is_none(text: str, arguments: str | None) -> None:
    read = read_call(text, "id")
    assert (None if read is None else read.arguments) == arguments


def test_an_answer_of_nobody_is_told_too() -> None:
    assert in_words((Message(role="tool", content="sunny"),))[0].text == "The answer of the tool is: sunny"
    assert in_words((Message(role="assistant", tool_calls=(ToolCall(id="", name="x", arguments=" "),)),))[0].text == (
        '{"call": {"name": "x", "arguments": {}}}'
    )


@given(strategies.requests(), st.text(max_size=30) | st.just('{"call": {"name": "final_answer", "arguments": {}}}'))
@settings(max_examples=60, deadline=None)
def test_every_request_can_be_emulated_and_every_answer_read(request: LLMRequest, text: str) -> None:
    sent = emulated(request)
    assert (sent.tools, sent.tool_choice) == ((), "auto")
    assert all(message.role != "tool" and not message.tool_calls for message in sent.messages)
    assert isinstance(read_emulated(answer(text), request), LLMResponse)


def test_no_half_of_a_character_is_read_from_an_escape() -> None:
    call = read_call('{"call": {"name": "\\ud800", "arguments": {"text": "\\udfff"}}}', "c1")
    assert call == ToolCall(id="c1", name="\ufffd", arguments='{"text":"\ufffd"}')
