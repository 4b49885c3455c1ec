"""Typed answers: read strictly, never converted, never from a cut text."""

from dataclasses import dataclass
from typing import Any, Literal, TypedDict

import pytest
from attrs import frozen
from hypothesis import given
from hypothesis import strategies as st
from returns.result import Failure, Result, Success

from llm_manager.domain.errors import ConfigurationError, OutputInvalid
from llm_manager.domain.requests import JsonSchema, LLMRequest
from llm_manager.domain.responses import LLMResponse
from llm_manager.effects import settle
from llm_manager.orchestration.structuring import describe, read
from llm_manager.testing import Said, run_virtual, scripted, scripted_manager


@frozen
class Review:
    sentiment: Literal["positive", "negative"]
    score: int
    note: str | None = None


@dataclass
class Line:
    words: list[str]


@dataclass
class Poem:
    lines: list[Line]


class Person(TypedDict):
    name: str
    age: int


@dataclass
class Tree:
    children: list["Tree"]


def ask(kind: type[Any], said: Said) -> tuple[Any, Any]:
    model = scripted(said)
    outcome = run_virtual(settle(scripted_manager(model).generate_as(kind, LLMRequest("hi"))))
    return outcome, model


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        (Review, '{"sentiment":"positive","score":3,"note":null}', Review("positive", 3)),
        (Poem, '{"lines":[{"words":["a","b"]}]}', Poem([Line(["a", "b"])])),
        (Person, '{"name":"Ada","age":36}', {"name": "Ada", "age": 36}),
        (Tree, '{"children":[{"children":[]}]}', Tree([Tree([])])),
        (Person, '```json\n{"name":"Ada","age":36}\n```', {"name": "Ada", "age": 36}),
    ],
)
def test_a_class_goes_in_and_its_value_comes_out_with_the_answer(kind: type[Any], text: str, value: object) -> None:
    outcome, model = ask(kind, text)
    assert isinstance(outcome, Success)
    assert outcome.unwrap().value == value
    assert outcome.unwrap().response.content == text
    sent = model.requests[0].output
    assert isinstance(sent, JsonSchema)
    assert (sent.schema["type"], sent.schema["additionalProperties"]) == ("object", False)


@pytest.mark.parametrize(
    ("text", "path", "reason"),
    [
        ('{"sentiment":"positive","score":"3"}', "$.score", "shape"),
        ('{"sentiment":"positive","score":1.9}', "$.score", "shape"),
        ('{"sentiment":"positive","score":true}', "$.score", "shape"),
        ('{"sentiment":"meh","score":3}', "$.sentiment", "shape"),
        ('{"sentiment":"positive"}', "$", "shape"),
        ("I think it is positive", "$", "not_json"),
        ("", "$", "not_json"),
        ("[" * 100_000, "$", "shape"),
        ('{"sentiment":"positive","score":3', "$", "not_json"),
    ],
)
def test_what_does_not_fit_is_refused_with_the_path_that_failed(text: str, path: str, reason: str) -> None:
    outcome, _ = ask(Review, text)
    assert isinstance(outcome, Failure)
    error = outcome.failure()
    assert isinstance(error, OutputInvalid)
    assert (error.path, error.reason) == (path, reason)


def test_a_truncated_answer_is_never_parsed_though_it_would_parse() -> None:
    cut = LLMResponse(content='{"sentiment":"positive","score":3}', model="m", provider="p", finish="length")
    outcome, _ = ask(Review, cut)
    assert isinstance(outcome, Failure)
    assert isinstance(outcome.failure(), OutputInvalid)
    assert outcome.failure().reason == "truncated"


@pytest.mark.parametrize("kind", [complex, list[int], object])
def test_a_class_that_json_cannot_describe_is_refused_before_anything_is_sent(kind: type[Any]) -> None:
    outcome, model = ask(kind, "{}")
    assert isinstance(outcome, Failure)
    assert isinstance(outcome.failure(), ConfigurationError)
    assert model.count == 0


class Plain:
    """Has no fields that anyone could know of."""


@frozen
class Holder:
    plain: Plain


@frozen
class Either:
    one: dict[str, int] | Person


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        (Plain, "Plain cannot be asked for as JSON: use an attrs class, a dataclass, a TypedDict or a msgspec Struct, or a pydantic model"),
        (Holder, "Holder cannot be asked for as JSON: Plain in it has no form in JSON"),
        (Either, "Either cannot be asked for as JSON: Type unions may not contain more than one"),
    ],
)
def test_why_a_class_cannot_be_described_is_one_line(kind: type[Any], said: str) -> None:
    error = describe(kind).failure()
    assert isinstance(error, ConfigurationError)
    assert error.message.startswith(said)
    assert "\n" not in error.message


@given(st.text(max_size=40))
def test_any_text_gives_a_result(text: str) -> None:
    assert isinstance(read(Review, LLMResponse(content=text, model="m", provider="p"), describe(Review).unwrap()), Result)
