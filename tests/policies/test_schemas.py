"""Strict schemas."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from llm_manager.policies.schemas import rooted_schema, strict_schema


def test_every_property_is_required_and_no_other_allowed_at_every_depth() -> None:
    schema = {
        "type": "object",
        "title": "Order",
        "properties": {
            "lines": {"type": "array", "items": {"type": "object", "properties": {"n": {"type": "integer", "default": 1}}}},
            "note": {"anyOf": [{"type": "string"}, {"type": "null"}], "default": None},
        },
        "required": ["lines"],
    }
    assert strict_schema(schema) == {
        "type": "object",
        "properties": {
            "lines": {
                "type": "array",
                "items": {
                    "type": "object",
                    "properties": {"n": {"type": "integer"}},
                    "additionalProperties": False,
                    "required": ["n"],
                },
            },
            "note": {"anyOf": [{"type": "string"}, {"type": "null"}]},
        },
        "required": ["lines", "note"],
        "additionalProperties": False,
    }


def test_a_property_called_default_or_title_stays() -> None:
    made = strict_schema({"type": "object", "properties": {"default": {"type": "string"}, "title": {"type": "string"}}})
    assert made["required"] == ["default", "title"]


def test_an_open_mapping_stays_open() -> None:
    assert strict_schema({"type": "object", "additionalProperties": {"type": "integer"}})["additionalProperties"] == {"type": "integer"}


def test_a_referred_root_is_put_at_the_root_and_a_recursive_one_keeps_its_definition() -> None:
    flat = rooted_schema({"$ref": "#/$defs/A", "$defs": {"A": {"type": "object", "properties": {}}}})
    assert flat == {"type": "object", "properties": {}}
    tree: dict[str, Any] = {"type": "object", "properties": {"next": {"$ref": "#/$defs/A"}}}
    assert rooted_schema({"$ref": "#/$defs/A", "$defs": {"A": tree}}) == {**tree, "$defs": {"A": tree}}


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["type", "properties", "items", "$ref", "$defs", "x"]), inner)
    ),
    max_leaves=10,
)


@given(st.dictionaries(st.sampled_from(["type", "properties", "items", "anyOf", "$ref", "$defs", "a"]), json_values))
def test_any_mapping_gives_a_schema_and_a_strict_one_stays_as_it_is(schema: dict[str, Any]) -> None:
    strict = strict_schema(rooted_schema(schema))
    assert strict_schema(strict) == strict
