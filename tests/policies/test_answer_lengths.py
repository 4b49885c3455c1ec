"""How long an answer is taken to be by its form."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_manager.domain.requests import AnyJson, JsonSchema, OutputForm, PlainText
from llm_manager.policies.answer_lengths import AnswerLength, answer_length

WORD: dict[str, Any] = {"type": "string"}


def of(**properties: Any) -> JsonSchema:
    return JsonSchema(schema={"type": "object", "properties": properties, "additionalProperties": False})


@pytest.mark.parametrize("form", [PlainText(), AnyJson(), JsonSchema(schema={}), JsonSchema(schema={"type": 7})])
def test_what_has_no_shape_is_of_usual_length_and_has_no_bound(form: OutputForm) -> None:
    found = answer_length(form)
    assert 300 <= found.likely <= 302
    assert found.highest is None


@pytest.mark.parametrize(
    ("form", "likely", "highest"),
    [
        (of(sentiment={"type": "string", "enum": ["positive", "negative"]}), 9, 27),
        (of(good={"type": "boolean"}), 5, 15),
        (of(score={"type": "integer"}), 5, 31),
        (of(score={"anyOf": [{"type": "number"}, {"type": "null"}]}), 6, 35),
        (of(score={"type": ["integer", "null"]}), 6, 31),
        (of(kind={"const": "x"}), 5, 13),
        (of(code={"type": "string", "maxLength": 8}), 7, 20),
        (of(sizes={"type": "array", "items": {"type": "boolean"}, "maxItems": 2}), 7, 26),
    ],
)
def test_what_is_bounded_is_short(form: JsonSchema, likely: int, highest: int) -> None:
    found = answer_length(form)
    assert abs(found.likely - likely) <= 2
    assert found.highest is not None
    assert abs(found.highest - highest) <= 3


def test_free_words_share_the_usual_length() -> None:
    one, two = answer_length(of(a=WORD)), answer_length(of(a=WORD, b=WORD))
    assert abs(one.likely - two.likely) < 10
    assert one.highest is two.highest is None
    assert answer_length(of(a=WORD), usual=10).likely < 20


def test_definitions_are_followed_even_round_and_round() -> None:
    node = {"$defs": {"mood": {"enum": ["sad"]}}, "properties": {"mood": {"$ref": "#/$defs/mood"}}}
    assert answer_length(JsonSchema(schema=node)) == answer_length(of(mood={"enum": ["sad"]}))
    endless = {"properties": {"a": {"$ref": "#"}, "b": {"$ref": "#"}, "c": {"$ref": "#/nowhere"}}}
    assert answer_length(JsonSchema(schema=endless)).highest is None


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.sampled_from(["object", "array", "string", "#", "#/$defs/a"]),
    lambda part: (
        st.lists(part, max_size=3)
        | st.dictionaries(
            st.sampled_from(["type", "properties", "items", "anyOf", "enum", "const", "$ref", "$defs", "maxLength", "maxItems", "a"]),
            part,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(st.dictionaries(st.sampled_from(["type", "properties", "items", "anyOf", "enum", "$ref", "$defs", "maxLength"]), ANYTHING))
def test_any_schema_has_a_length(schema: dict[str, Any]) -> None:
    found = answer_length(JsonSchema(schema=schema))
    assert isinstance(found, AnswerLength)
    assert found.likely >= 1
    assert found.highest is None or found.highest >= found.likely
