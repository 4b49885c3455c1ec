"""What is asked back is described strictly and read strictly; what is cut or does not fit is never a success."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from returns.result import Failure, Success

from llm_manager.domain.error_questions import describe
from llm_manager.domain.errors import ConfigurationError, OutputInvalid
from llm_manager.domain.requests import JsonSchema, PlainText
from llm_manager.domain.responses import Finish, LLMResponse
from llm_manager.runs.columns import Columns, answer_column, columns_from_fields, columns_from_schema
from llm_manager.runs.outcomes import finished


def answered(content: str, finish: Finish = "stop") -> LLMResponse:
    return LLMResponse(content=content, model="m", provider="p", finish=finish)


def invalid(columns: Columns, content: str, finish: Finish = "stop") -> OutputInvalid:
    outcome = columns.read(answered(content, finish))
    assert isinstance(outcome, Failure)
    error = outcome.failure()
    assert isinstance(error, OutputInvalid)
    return error


def from_schema(schema: Any) -> Columns:
    return columns_from_schema(json.dumps(schema).encode(), "s.json").unwrap()


def test_without_fields_the_answer_is_one_column_of_text() -> None:
    columns = answer_column()
    assert (columns.names, columns.output) == (("answer",), PlainText())
    assert columns.read(answered("hi")).unwrap() == {"answer": "hi"}


@pytest.mark.parametrize("columns", [answer_column(), columns_from_fields(["answer=str"]).unwrap()])
@pytest.mark.parametrize(("finish", "said"), [("length", "raise --max-tokens"), ("other", "before it was complete")])
def test_a_cut_answer_is_no_success_however_whole_it_looks(columns: Columns, finish: Finish, said: str) -> None:
    error = invalid(columns, '{"answer":"hi"}', finish)
    assert (error.reason, error.path) == ("truncated", "$")
    assert said in describe(error)


def test_the_text_of_a_cut_answer_is_kept_and_told_in_words_for_prose() -> None:
    cut = answered("Once upon", "length")
    ended = finished("key", answer_column(), Success(cut))
    assert ended.failed
    assert ended.row.output is not None
    assert ended.row.output["answer"] == "Once upon"
    assert ended.row.output["error"] == {
        "tag": "OutputInvalid",
        "message": "the answer of m is not whole: it was cut at its length limit; raise --max-tokens",
    }
    typed = finished("key", columns_from_fields(["answer=str"]).unwrap(), Success(cut))
    assert typed.row.output is not None
    assert typed.row.output["answer"] is None


def test_fields_become_a_strict_schema_in_their_order() -> None:
    columns = columns_from_fields(["mood = happy, sad", "score=int", "share=float", "sure=bool", "why=str"]).unwrap()
    assert columns.names == ("mood", "score", "share", "sure", "why")
    assert columns.output == JsonSchema(
        schema={
            "type": "object",
            "properties": {
                "mood": {"type": "string", "enum": ["happy", "sad"]},
                "score": {"type": "integer"},
                "share": {"type": "number"},
                "sure": {"type": "boolean"},
                "why": {"type": "string"},
            },
            "additionalProperties": False,
            "required": ["mood", "score", "share", "sure", "why"],
        }
    )


def test_an_answer_is_read_into_columns_in_their_order() -> None:
    columns = columns_from_fields(["mood=happy,sad", "score=int"]).unwrap()
    assert list(columns.read(answered(' {"score": 3, "mood": "sad"} ')).unwrap().items()) == [("mood", "sad"), ("score", 3)]


@pytest.mark.parametrize(
    ("content", "path"),
    [
        ('{"mood":"sad","score":"1"}', "$.score"),
        ('{"mood":"sad","score":1.9}', "$.score"),
        ('{"mood":"sad","score":true}', "$.score"),
        ('{"mood":"glad","score":1}', "$.mood"),
        ('{"mood":null,"score":1}', "$.mood"),
        ('{"mood":"sad"}', "$"),
        ('{"mood":"sad","score":1,"more":1}', "$"),
        ("[]", "$"),
    ],
)
def test_nothing_is_converted_and_the_place_is_named(content: str, path: str) -> None:
    error = invalid(columns_from_fields(["mood=happy,sad", "score=int"]).unwrap(), content)
    assert (error.reason, error.path) == ("shape", path)


@pytest.mark.parametrize("content", ["", "sad", '{"a":NaN}', '{"a":1} and more', '```json\n{"a":1}\n``` or so', '{"a":"\ud800"}'])
def test_what_is_no_json_is_said_to_be_none(content: str) -> None:
    assert invalid(columns_from_fields(["a=int"]).unwrap(), content).reason == "not_json"


def test_an_answer_in_a_fence_is_read() -> None:
    assert columns_from_fields(["a=int"]).unwrap().read(answered('```json\n{"a":1}\n```\n')).unwrap() == {"a": 1}


@pytest.mark.parametrize(
    ("content", "values"),
    [
        ('{"stars":3}', {"stars": 3, "mood": None, "part": None}),
        ('{"stars":3,"mood":null,"part":null}', {"stars": 3, "mood": None, "part": None}),
        ('{"stars":3,"mood":"sad","part":{"b":"x"}}', {"stars": 3, "mood": "sad", "part": {"b": "x"}}),
    ],
)
def test_what_the_schema_does_not_require_may_be_missing_or_null(content: str, values: dict[str, Any]) -> None:
    part = {"type": "object", "properties": {"a": {"type": "integer"}, "b": {"type": "string"}}, "required": ["b"]}
    columns = from_schema({"properties": {"stars": {"type": "integer"}, "mood": {"enum": ["sad"]}, "part": part}, "required": ["stars"]})
    assert columns.read(answered(content)).unwrap() == values
    assert isinstance(columns.output, JsonSchema)
    assert columns.output.schema["required"] == ["stars", "mood", "part"]
    for wrong, path in (('{"mood":"sad"}', "$"), ('{"stars":null}', "$.stars"), ('{"stars":3,"part":{"a":1}}', "$.part")):
        assert invalid(columns, wrong).path == path


def test_json_nested_too_deeply_is_an_error_row() -> None:
    columns = from_schema({"properties": {"a": {"type": "array"}}})
    assert invalid(columns, '{"a":' + "[" * 100_000).reason == "not_json"


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        (["score"], "wants a name and a type"),
        (["=int"], "wants a name and a type"),
        (["score="], "wants a name and a type"),
        (["score=integer"], "did you mean score=int?"),
        (["mood=happy"], "mood=happy,other"),
        (["a=int", "a=str"], "given twice"),
        (["mood=happy,,sad"], "not distinct words"),
        (["mood=sad,sad"], "not distinct words"),
    ],
)
def test_a_bad_field_says_what_and_how(fields: list[str], said: str) -> None:
    outcome = columns_from_fields(fields)
    assert isinstance(outcome.failure(), ConfigurationError)
    assert said in describe(outcome.failure())


def test_a_schema_is_enforced_with_its_limits_and_its_definitions() -> None:
    columns = from_schema(
        {
            "$schema": "x",
            "title": "Review",
            "$defs": {"tag": {"enum": ["a", "b", None]}},
            "properties": {
                "stars": {"type": "integer", "minimum": 1, "maximum": 5, "description": "how many"},
                "tags": {"type": "array", "items": {"$ref": "#/$defs/tag"}, "maxItems": 2},
                "name": {"type": ["string", "null"], "maxLength": 3},
                "part": {"type": "object", "properties": {"of whole": {"type": "number", "exclusiveMaximum": 1}}},
                "more": {"type": "object", "additionalProperties": {"type": "boolean"}},
                "mixed": {
                    "type": ["object", "array", "integer"],
                    "properties": {"a": {"type": "boolean"}},
                    "items": {"type": "string"},
                    "minimum": 1,
                },
                "kind": {"const": 7},
                "any": {},
                "free": True,
                "either": {"anyOf": [{"type": "integer"}, {"type": "string", "pattern": "^x"}]},
            },
        }
    )
    good = {
        "stars": 5,
        "tags": ["a", None],
        "name": None,
        "part": {"of whole": 0.5},
        "more": {"k": True},
        "mixed": {"a": True},
        "kind": 7,
        "any": [1, "x"],
        "free": None,
        "either": "xy",
    }
    assert columns.names == tuple(good)
    assert columns.read(answered(json.dumps(good))).unwrap() == good
    bad = {
        "stars": 6,
        "tags": ["c"],
        "name": "long",
        "part": {"of whole": 1},
        "more": {"k": 1},
        "mixed": 0,
        "kind": 8,
        "either": "y",
    }
    for name, value in bad.items():
        assert invalid(columns, json.dumps({**good, name: value})).path.startswith(f"$.{name}")


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        ("[]", "has no properties"),
        ("{", "is not JSON"),
        ("[" * 100_000, "is not JSON"),
        ({"type": "object"}, "has no properties"),
        ({"properties": {}}, "has no properties"),
        ({"type": "array", "properties": {"a": {}}}, "describes no object"),
        ({"properties": {"a": 3}}, "$.a: a schema is an object"),
        ({"properties": {"a": {"type": "text"}}}, "there is no type 'text'"),
        ({"properties": {"a": {"type": "string", "minimum": 1}}}, "minimum would not be enforced"),
        ({"properties": {"a": {"not": {}}}}, "not would not be enforced"),
        ({"properties": {"a": {"enum": [1.5]}}}, "enum and const take"),
        ({"properties": {"a": {"enum": [True]}}}, "enum and const take"),
        ({"properties": {"a": {"enum": []}}}, "enum is a list"),
        ({"properties": {"a": {"anyOf": []}}}, "anyOf is a list"),
        ({"properties": {"a": {"$ref": "#/$defs/b"}}}, "names no definition"),
        (
            {"properties": {"a": {"$ref": "#/$defs/b"}}, "$defs": {"b": {"type": "array", "items": {"$ref": "#/$defs/b"}}}},
            "refers to itself",
        ),
        ({"properties": {"a": {"type": "string", "pattern": "("}}}, "cannot be enforced"),
        ({"properties": {"a": {"type": "integer", "minimum": "1"}}}, "cannot be enforced"),
        ({"properties": {"a": {"anyOf": [{"type": "array"}, {"type": "array", "items": {"type": "integer"}}]}}}, "cannot be enforced"),
        (
            {"properties": {"a": {"properties": {"b": {}}, "additionalProperties": {"type": "integer"}}}},
            "give either properties or additionalProperties",
        ),
        ({"properties": {"a": {}}, "required": "a"}, "required is a list"),
        ({"properties": {"a": {}}, "required": ["b"]}, "required names b"),
        ({"properties": {"a": {}}, "$defs": []}, "properties and definitions are objects"),
    ],
)
def test_a_bad_schema_says_what_and_where(schema: Any, said: str) -> None:
    text = schema if isinstance(schema, str) else json.dumps(schema)
    outcome = columns_from_schema(text.encode(), "s.json")
    assert isinstance(outcome, Failure)
    assert isinstance(outcome.failure(), ConfigurationError)
    assert said in describe(outcome.failure())


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=8), inner),
)
_WORDS = st.sampled_from(
    ["type", "properties", "items", "enum", "anyOf", "$ref", "$defs", "minimum", "pattern", "object", "string", "array", "x"]
)
_SCHEMAS = st.recursive(
    _JSON | _WORDS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_WORDS, inner, max_size=4), max_leaves=12
)


@settings(max_examples=50)
@given(st.dictionaries(st.text(max_size=5), _SCHEMAS, min_size=1, max_size=3))
def test_any_schema_is_enforced_or_refused(properties: dict[str, Any]) -> None:
    outcome = columns_from_schema(json.dumps({"properties": properties}).encode(), "s.json")
    assert isinstance(outcome, Failure) or outcome.unwrap().names == tuple(properties)


@given(st.text(max_size=40), st.sampled_from(["stop", "length", "tool_calls", "other"]))
def test_any_answer_is_read_or_an_error(content: str, finish: Finish) -> None:
    outcome = columns_from_fields(["a=int"]).unwrap().read(answered(content, finish))
    assert isinstance(outcome, Failure) or set(outcome.unwrap()) == {"a"}
