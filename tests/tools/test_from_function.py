"""Functions as tools: what the model is told of them, and how strictly what it writes is read."""

import asyncio
import dataclasses
import enum
import functools
import json
from collections.abc import Callable
from typing import Annotated, Any, Literal, TypedDict

import msgspec
import pytest
from attrs import frozen
from hypothesis import given
from hypothesis import strategies as st
from returns.future import FutureResult
from returns.result import Failure, Result, Success

from llm_manager.domain.errors import ConfigurationError, LLMError, NetworkError, ToolFailed
from llm_manager.outcomes import Settled, sealed
from llm_manager.services.tools import Tool
from llm_manager.testing import FakeWorld, run_virtual
from llm_manager.tools.from_function import tool_from_function


class Unit(enum.Enum):
    """How a temperature is told."""

    CELSIUS = "celsius"
    KELVIN = "kelvin"


@dataclasses.dataclass
class Place:
    """A city, and where in it."""

    city: str
    streets: list[str] = dataclasses.field(default_factory=list)


@frozen
class Span:
    """Some days."""

    first: int
    last: int


class Options(TypedDict, total=False):
    """What else may be said."""

    detail: bool


def forecast(
    place: Place,
    days: Annotated[int, msgspec.Meta(ge=1)] = 3,
    *,
    unit: Unit = Unit.CELSIUS,
    kind: Literal["short", "long"] = "short",
    span: Span | None = None,
    options: Options | None = None,
) -> dict[str, Any]:
    """Tell the weather
    of some days.

    Args:
        place: Where.
        days (int): How many days,
            from today.
        kind: How long the answer is.

    Returns:
        The weather.
    """
    return {"city": place.city, "days": days, "unit": unit.value, "kind": kind, "span": span, "options": options}


def told(tool: Tool, arguments: str) -> Settled[str, LLMError]:
    """What a call of the tool gives."""

    async def call() -> Settled[str, LLMError]:
        prepared = tool.prepare(arguments)
        return prepared if isinstance(prepared, Failure) else await prepared.unwrap()(FakeWorld().run_blocking)

    return run_virtual(call())


def refused(tool: Tool, arguments: str) -> ToolFailed:
    """Why the arguments were not taken."""
    outcome = told(tool, arguments)
    assert isinstance(outcome, Failure)
    error = outcome.failure()
    assert isinstance(error, ToolFailed)
    return error


def test_a_function_describes_itself() -> None:
    spec = tool_from_function(forecast).unwrap().spec
    assert (spec.name, spec.description) == ("forecast", "Tell the weather of some days.")
    schema = spec.input_schema
    assert (schema["type"], schema["required"], schema["additionalProperties"]) == ("object", ["place"], False)
    properties = schema["properties"]
    assert properties["place"] == {"$ref": "#/$defs/Place", "description": "Where."}
    assert properties["days"] == {"type": "integer", "minimum": 1, "description": "How many days, from today.", "default": 3}
    assert properties["kind"] == {"enum": ["long", "short"], "description": "How long the answer is.", "default": "short"}
    assert properties["unit"]["default"] == "celsius"
    assert properties["span"]["default"] is None
    assert set(schema["$defs"]) == {"Place", "Unit", "Span", "Options"}
    json.dumps(schema)


def test_typed_values_come_in_and_json_goes_out() -> None:
    tool = tool_from_function(forecast).unwrap()
    written = '{"place": {"city": "Rome", "streets": []}, "unit": "kelvin", "span": {"first": 1, "last": 2}, "options": {"detail": true}}'
    assert json.loads(told(tool, written).unwrap()) == {
        "city": "Rome",
        "days": 3,
        "unit": "kelvin",
        "kind": "short",
        "span": {"first": 1, "last": 2},
        "options": {"detail": True},
    }


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ('{"place": {"city": "Rome"}, "days": "3"}', "$.days: Expected `int`, got `str`"),
        ('{"place": {"city": "Rome"}, "days": 2.0}', "$.days: Expected `int`, got `float`"),
        ('{"place": {"city": "Rome"}, "days": true}', "$.days: Expected `int`, got `bool`"),
        ('{"place": {"city": "Rome"}, "days": 0}', "$.days: Expected `int` >= 1"),
        ('{"place": {"city": "Rome"}, "unit": "rankine"}', "$.unit: Invalid enum value"),
        ('{"place": {"city": "Rome"}, "more": 1}', "$: Object contains unknown field `more`"),
        ('{"place": {}}', "$.place: Object missing required field `city`"),
        ("{}", "$: Object missing required field `place`"),
        ("", "$: Object missing required field `place`"),
        ("[]", "$: Expected `object`, got `array`"),
        ('{"place":', "the arguments are not JSON"),
        ("\ud800", "the arguments are not JSON"),
    ],
)
def test_arguments_are_read_strictly_and_what_is_wrong_is_told_in_words(arguments: str, words: str) -> None:
    error = refused(tool_from_function(forecast).unwrap(), arguments)
    assert (error.reason, error.tool) == ("arguments", "forecast")
    assert error.message.startswith(words)


@given(st.text())
def test_any_text_is_taken_or_refused(text: str) -> None:
    outcome = told(tool_from_function(forecast).unwrap(), text)
    assert isinstance(outcome, Success | Failure)


class Adder:
    """An object that is called."""

    async def __call__(self, a: int, b: int = 1) -> int:
        return a + b

    def of_itself(self, a: int) -> int:
        return a + 1


def by_place(a: int, b: int = 2, /, c: int = 3) -> list[int]:
    return [a, b, c]


def named_like_nothing_else(class_: int, __x: int, _y: int) -> list[int]:
    return [class_, __x, _y]


async def later(a: int) -> int:
    await asyncio.sleep(1)
    return a


@pytest.mark.parametrize(
    ("function", "arguments", "result"),
    [
        (Adder(), '{"a": 1}', "2"),
        (Adder().of_itself, '{"a": 1}', "2"),
        (functools.partial(forecast, Place("Rome")), '{"days": 1}', None),
        (functools.partial(later, a=5), "{}", "5"),
        (later, '{"a": 7}', "7"),
        (by_place, '{"a": 1, "c": 9}', "[1,2,9]"),
        (named_like_nothing_else, '{"class_": 1, "__x": 2, "_y": 3}', "[1,2,3]"),
        (Span, '{"first": 1, "last": 2}', '{"first":1,"last":2}'),
    ],
)
def test_whatever_is_called_can_be_a_tool(function: Callable[..., Any], arguments: str, result: str | None) -> None:
    outcome = told(tool_from_function(function, name="f").unwrap(), arguments)
    assert isinstance(outcome, Success)
    assert result is None or outcome.unwrap() == result


def nothing() -> None:
    """Do nothing."""


def result_of(good: bool) -> Result[int, LLMError]:
    return Success(1) if good else Failure(NetworkError(model="m", message="reset"))


def effect(good: bool) -> FutureResult[int, str]:
    return FutureResult.from_value(1) if good else FutureResult.from_failure("not today")


def test_results_are_told() -> None:
    assert told(tool_from_function(nothing).unwrap(), "").unwrap() == "null"
    assert told(tool_from_function(result_of).unwrap(), '{"good": true}').unwrap() == "1"
    assert told(tool_from_function(result_of).unwrap(), '{"good": false}').failure() == NetworkError(model="m", message="reset")
    assert told(tool_from_function(effect).unwrap(), '{"good": true}').unwrap() == "1"
    assert told(tool_from_function(effect).unwrap(), '{"good": false}').failure() == ToolFailed(tool="effect", message="not today")


def test_a_result_without_a_form_in_json_is_a_failure_of_the_tool() -> None:
    def opaque() -> object:
        return object()

    assert refused(tool_from_function(opaque).unwrap(), "{}").message == "what it gave, of type object, has no form in JSON"


class Plain:
    """A class that says nothing of its fields."""


def untyped(a):  # type: ignore[no-untyped-def]
    return a


def of_plain(a: Plain) -> None: ...
def of_many(*names: str) -> None: ...
def of_any_names(**names: int) -> None: ...
def of_the_unknown(a: "Nowhere") -> None: ...  # type: ignore[name-defined]  # noqa: F821 - that is what is tried
def of_two_objects(a: Place | Span) -> None: ...


@pytest.mark.parametrize(
    ("function", "why"),
    [
        (untyped, "its parameter a has no type"),
        (of_plain, "its parameters need a form in JSON: Plain has none"),
        (of_many, "its parameter *names: str takes any number of arguments"),
        (of_any_names, "its parameter **names: int takes any number of arguments"),
        (of_the_unknown, "its types cannot be read"),
        (of_two_objects, "its parameters need a form in JSON"),
        (len, "its parameter obj has no type"),
        (dict, "its types cannot be read"),
    ],
)
def test_what_no_model_can_be_told_of_is_refused_beforehand(function: Callable[..., Any], why: str) -> None:
    made = sealed(tool_from_function(function))
    assert isinstance(made, Failure)
    error = made.failure()
    assert isinstance(error, ConfigurationError)
    assert why in error.message


def test_what_is_said_of_a_tool_can_be_said_anew() -> None:
    tool = tool_from_function(forecast, name="weather", description="W.", side_effects=True, timeout_seconds=1.0, locality="cloud").unwrap()
    assert (tool.spec.name, tool.spec.description) == ("weather", "W.")
    assert (tool.side_effects, tool.timeout_seconds, tool.locality) == (True, 1.0, "cloud")


def test_a_default_without_a_form_in_json_is_not_told() -> None:
    nothing_known = object()

    def waiting(until: Any = nothing_known) -> bool:
        return until is not None

    tool = tool_from_function(waiting).unwrap()
    assert tool.spec.input_schema["properties"]["until"] == {}
    assert told(tool, "{}").unwrap() == "true"
    assert refused(tool, '{"until": ' + "[" * 100_000).message.startswith("the arguments are not JSON")


def test_exceptions_come_out_of_a_thread_as_they_are() -> None:
    """Even the one that no future can hold."""

    def stopping() -> int:
        raise StopIteration("enough")

    with pytest.raises(RuntimeError, match="StopIteration"):
        told(tool_from_function(stopping).unwrap(), "{}")
