"""JSON schemas as tools."""

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from returns.result import Failure, Success

from llm_manager.domain.errors import ConfigurationError, LLMError, ToolFailed
from llm_manager.outcomes import Settled, sealed
from llm_manager.services.tools import Tool
from llm_manager.testing import FakeWorld, run_virtual
from llm_manager.tools.from_schema import checking, tool_from_schema

SCHEMA = {
    "type": "object",
    "properties": {
        "city": {"type": "string", "pattern": "^[A-Z]"},
        "days": {"type": "integer", "minimum": 1},
        "at": {"$ref": "#/$defs/point"},
    },
    "required": ["city"],
    "additionalProperties": False,
    "$defs": {"point": {"type": "object", "required": ["x"]}},
}


def weather(arguments: dict[str, Any]) -> dict[str, Any]:
    return {"seen": arguments}


TOOL = tool_from_schema("weather", "Tell it.", SCHEMA, weather).unwrap()


def told(tool: Tool, arguments: str) -> Settled[str, LLMError]:
    async def call() -> Settled[str, LLMError]:
        prepared = tool.prepare(arguments)
        return prepared if isinstance(prepared, Failure) else await prepared.unwrap()(FakeWorld().run_blocking)

    return run_virtual(call())


def test_what_fits_is_given_as_one_dict() -> None:
    assert (TOOL.spec.name, TOOL.spec.description, TOOL.spec.input_schema) == ("weather", "Tell it.", SCHEMA)
    assert told(TOOL, '{"city": "Rome", "days": 2}').unwrap() == '{"seen":{"city":"Rome","days":2}}'


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ('{"city": "rome-secret"}', '$.city: does not fit pattern "^[A-Z]"'),
        ('{"city": "Rome", "days": "2"}', '$.days: does not fit type "integer"'),
        ('{"city": "Rome", "days": true}', '$.days: does not fit type "integer"'),
        ('{"city": "Rome", "at": {}}', '$.at: does not fit required ["x"]'),
        ('{"city": "Rome", "more": 1}', "$: does not fit additionalProperties false"),
        ("", '$: does not fit required ["city"]'),
        ("[]", "the arguments are not a JSON object"),
        ('{"city":', "the arguments are not JSON"),
        ('{"city": NaN}', "the arguments are not JSON: NaN is not a number in JSON"),
        ('{"city": 1e999}', "the arguments are not JSON: 1e999 is not a number in JSON"),
        ('{"days": ' + "1" * 5000 + "}", "the arguments are not JSON"),
        ('{"city": ' + "[" * 100_000, "the arguments are not JSON"),
    ],
)
def test_what_does_not_is_told_without_its_values(arguments: str, words: str) -> None:
    outcome = told(TOOL, arguments)
    assert isinstance(outcome, Failure)
    error = outcome.failure()
    assert isinstance(error, ToolFailed)
    assert (error.reason, error.tool) == ("arguments", "weather")
    assert error.message.startswith(words)
    assert "secret" not in error.message


@given(st.text() | st.dictionaries(st.sampled_from(("city", "days", "at", "x")), st.none() | st.integers() | st.text()).map(str))
def test_any_text_is_taken_or_refused(text: str) -> None:
    assert isinstance(told(TOOL, text), Success | Failure)


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ({"type": "objekt"}, "is not a JSON schema"),
        ({"type": "object", "properties": {"a": {"pattern": "("}}}, "is not a JSON schema"),
        ({"type": "object", "properties": []}, "is not a JSON schema"),
        ({"$schema": []}, "is not a JSON schema"),
        ({"$schema": 3}, "is not a JSON schema"),
        ({"type": "string"}, "does not describe a JSON object"),
    ],
)
def test_what_is_no_schema_of_an_object_is_refused_beforehand(schema: Mapping[str, Any], words: str) -> None:
    made = sealed(tool_from_schema("t", "", schema, weather))
    assert isinstance(made, Failure)
    error = made.failure()
    assert isinstance(error, ConfigurationError)
    assert words in error.message


@pytest.mark.parametrize("place", ["http://127.0.0.1:9/schema.json", "file:///etc/passwd", "#/$defs/nowhere"])
def test_nothing_that_a_schema_refers_to_is_fetched(place: str) -> None:
    tool = tool_from_schema("t", "", {"type": "object", "properties": {"a": {"$ref": place}}}, weather).unwrap()
    outcome = told(tool, '{"a": 1}')
    assert isinstance(outcome, Failure)
    assert "cannot be checked" in str(outcome.failure())


def test_patterns_of_strangers_are_not_run() -> None:
    """One can be written to take for ever."""
    endless = {"type": "object", "properties": {"a": {"pattern": "^(a+)+$", "type": "string"}}, "additionalProperties": False}
    problem = checking("t", endless, trusted=False).unwrap()
    assert problem({"a": "a" * 60 + "!"}) is None
    assert problem({"a": 1}) == '$.a: does not fit type "string"'
    assert problem({"b": 1}) == "$: does not fit additionalProperties false"
    named = {"type": "object", "patternProperties": {"^(a+)+$": {}}, "additionalProperties": False}
    assert checking("t", named, trusted=False).unwrap()({"a" * 60 + "!": 1}) is None
    assert checking("t", {"allOf": [{"unevaluatedProperties": False}]}, trusted=False).unwrap()({"b": 1}) is None
    nested: dict[str, Any] = {}
    for _ in range(24):
        nested = {"allOf": [nested], "unevaluatedItems": False}
    assert checking("t", {"properties": {"a": nested}}, trusted=False).unwrap()({"a": [1]}) is None


def test_references_of_strangers_are_followed_so_often_and_no_more() -> None:
    """Two in each part double with every step: without a bound this would take an age of the world."""
    doubling = {f"a{step}": {"allOf": [{"$ref": f"#/$defs/a{step + 1}"}] * 2} for step in range(64)}
    problem = checking("t", {"$ref": "#/$defs/a0", "$defs": {**doubling, "a64": {}}}, trusted=False).unwrap()
    assert problem({}) == "the arguments cannot be checked: the schema refers to its parts too often"
    assert problem({}) == problem({})
    tree = {"properties": {"more": {"type": "array", "items": {"$ref": "#"}}}}
    assert checking("t", tree, trusted=False).unwrap()({"more": [{"more": [{}] * 1000}]}) is None


@pytest.mark.parametrize(
    "schema", [{"$id": "http://[", "$ref": "x"}, {"$ref": "#"}, {"$id": "http://[x", "properties": {"a": {"$ref": "b"}}}]
)
@pytest.mark.parametrize("trusted", [True, False])
def test_whatever_a_schema_breaks_is_told(schema: Mapping[str, Any], trusted: bool) -> None:
    problem = checking("t", schema, trusted=trusted).unwrap()({"a": 1})
    assert problem is not None
    assert problem.startswith("the arguments cannot be checked")
