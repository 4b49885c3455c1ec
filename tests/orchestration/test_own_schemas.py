"""Pydantic models as shapes: their own schema, made strict; their own reader, strictly; no value of an answer in an error."""

import json
from datetime import date
from enum import Enum
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field, RootModel, field_validator
from returns.result import Failure, Success

from llm_manager.domain.errors import ConfigurationError, OutputInvalid
from llm_manager.domain.requests import JsonSchema, LLMRequest
from llm_manager.domain.wire import to_json
from llm_manager.effects import settle
from llm_manager.orchestration.own_schemas import own_schema, read_itself
from llm_manager.orchestration.structuring import describe
from llm_manager.testing import Said, run_virtual, scripted, scripted_manager
from llm_manager.testing.values import json_values


class Mood(Enum):
    GOOD = "good"
    BAD = "bad"


class Place(BaseModel):
    """Where it was."""

    town: str
    country: str | None = None


class Cat(BaseModel):
    kind: Literal["cat"]
    lives: int = Field(ge=1, le=9)


class Dog(BaseModel):
    kind: Literal["dog"]
    tricks: list[str] = []


class Story(BaseModel):
    model_config = ConfigDict(extra="forbid")

    title: str = Field(min_length=1, description="What it is called.")
    mood: Mood
    told: date
    rating: Literal["low", "high"] = "low"
    places: list[Place]
    scores: dict[str, int] = {}
    pet: Cat | Dog | None = Field(default=None, discriminator="kind")

    @field_validator("title")
    @classmethod
    def _polite(cls, title: str) -> str:
        if "damn" in title:
            raise ValueError(f"not this: {title}")
        if "boom" in title:
            raise KeyError(title)
        return title


class Tree(BaseModel):
    name: str
    children: list["Tree"]


class Numbers(RootModel[list[int]]):
    """No object."""


class Odd(BaseModel):
    model_config = ConfigDict(arbitrary_types_allowed=True)

    lock: st.SearchStrategy[int]


WHOLE: dict[str, Any] = {
    "title": "A cat in Lyon",
    "mood": "good",
    "told": "2026-01-31",
    "rating": "high",
    "places": [{"town": "Lyon", "country": None}],
    "scores": {"plot": 3},
    "pet": {"kind": "cat", "lives": 9},
}


def ask(kind: type[Any], said: Said) -> tuple[Any, Any]:
    model = scripted(said)
    outcome = run_virtual(settle(scripted_manager(model).generate_as(kind, LLMRequest("hi"))))
    return outcome, model


def test_a_model_goes_in_and_its_value_comes_out() -> None:
    outcome, model = ask(Story, f"```json\n{json.dumps(WHOLE)}\n```")
    assert isinstance(outcome, Success)
    story = outcome.unwrap().value
    assert isinstance(story, Story)
    assert (story.mood, story.told, story.places) == (Mood.GOOD, date(2026, 1, 31), [Place(town="Lyon")])
    assert story.pet == Cat(kind="cat", lives=9)
    sent = model.requests[0].output
    assert isinstance(sent, JsonSchema)
    assert sent.name == "Story"


def test_its_schema_is_strict_all_the_way_down() -> None:
    def objects(part: object) -> list[dict[str, Any]]:
        if isinstance(part, list):
            return [found for each in part for found in objects(each)]
        if not isinstance(part, dict):
            return []
        return ([part] if part.get("properties") else []) + [found for each in part.values() for found in objects(each)]

    schema = describe(Story).unwrap().schema
    found = objects(schema)
    assert schema["type"] == "object"
    assert len(found) == 4
    for each in found:
        assert each["additionalProperties"] is False
        assert each["required"] == list(each["properties"])
        assert "default" not in each
    assert schema["properties"]["title"] == {"description": "What it is called.", "minLength": 1, "type": "string"}


def test_one_that_refers_to_itself_has_its_object_at_the_root() -> None:
    schema = describe(Tree).unwrap().schema
    assert (schema["type"], "$ref" in schema) == ("object", False)
    assert ask(Tree, '{"name":"a","children":[{"name":"b","children":[]}]}')[0].unwrap().value.children[0].name == "b"


SECRET = "zanzibar"


@pytest.mark.parametrize(
    ("change", "path", "words"),
    [
        ({"title": 5}, "$.title", "Input should be a valid string"),
        ({"title": ""}, "$.title", "String should have at least 1 character"),
        ({"mood": SECRET}, "$.mood", "Input should be 'good' or 'bad'"),
        ({"rating": SECRET}, "$.rating", "Input should be 'low' or 'high'"),
        ({"told": SECRET}, "$.told", "a check of the class refused it (date_parsing)"),
        ({"places": [{"town": "a"}, {"country": SECRET}]}, "$.places[1].town", "Field required"),
        ({"places": SECRET}, "$.places", "Input should be a valid array"),
        ({"scores": {SECRET: "3"}}, "$.scores[...]", "Input should be a valid integer"),
        ({"pet": {"kind": SECRET}}, "$.pet", "a check of the class refused it (union_tag_invalid)"),
        ({"pet": {"kind": "cat", "lives": 10}}, "$.pet[...].lives", "Input should be less than or equal to 9"),
        ({SECRET: 1}, "$[...]", "Extra inputs are not permitted"),
        ({"title": f"damn {SECRET}"}, "$.title", "a check of the class refused it (value_error)"),
        ({"title": f"boom {SECRET}"}, "$", "a check of the class refused it (KeyError)"),
    ],
)
def test_what_does_not_fit_is_told_with_its_path_and_nothing_of_the_answer(change: dict[str, Any], path: str, words: str) -> None:
    error = ask(Story, json.dumps(WHOLE | change))[0].failure()
    assert isinstance(error, OutputInvalid)
    assert (error.path, error.reason) == (path, "shape")
    assert error.message.startswith(words)
    assert SECRET not in to_json(error).decode()


@pytest.mark.parametrize("text", ["", f"I think it is {SECRET}", json.dumps(WHOLE)[:-1], "[" * 100_000])
def test_what_is_no_json_is_told_so(text: str) -> None:
    error = ask(Story, text)[0].failure()
    assert (error.path, error.message, error.reason) == ("$", "it is not JSON", "not_json")


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (Numbers, "Numbers is not a JSON object: wrap it in a class with a field"),
        (Odd, "Odd cannot be asked for as JSON: Cannot generate a JsonSchema"),
    ],
)
def test_what_json_cannot_describe_is_refused_before_anything_is_sent(kind: type[Any], words: str) -> None:
    outcome, model = ask(kind, "{}")
    assert isinstance(outcome, Failure)
    assert isinstance(outcome.failure(), ConfigurationError)
    assert outcome.failure().message.startswith(words)
    assert model.count == 0


@given(st.text() | json_values.map(json.dumps))
def test_any_text_gets_a_result(text: str) -> None:
    read = read_itself(Story, text, describe(Story).unwrap().schema)
    assert isinstance(read, Success | Failure)


class Own:
    """Knows itself, and is of no library."""

    @classmethod
    def model_json_schema(cls) -> dict[str, Any]:
        return {"type": "object", "properties": {"a": {"type": "integer"}}}

    @classmethod
    def model_validate_json(cls, text: str, *, strict: bool) -> "Own":
        if not strict or "9" in text:
            raise RuntimeError(text)
        return cls()


def test_the_methods_make_such_a_class_not_the_library() -> None:
    assert isinstance(ask(Own, '{"a":1}')[0].unwrap().value, Own)
    assert ask(Own, '{"a":9}')[0].failure().message == "a check of the class refused it (RuntimeError)"
    assert own_schema(dict) is None
    assert own_schema(Place) is not None
