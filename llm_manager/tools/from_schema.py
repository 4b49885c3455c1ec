"""A tool out of a JSON schema: its arguments are checked by the library jsonschema, which is imported when the first is made."""

import json
from collections.abc import Callable, Iterable, Mapping
from itertools import count
from math import isfinite
from typing import Any, Final, TypeAlias

from returns.result import Failure, Result, Success

from llm_manager.domain.errors import ConfigurationError, LLMError, ToolFailed
from llm_manager.domain.messages import ToolSpec
from llm_manager.domain.models import Locality
from llm_manager.outcomes import Settled, sealed
from llm_manager.services.invoking import invoked
from llm_manager.services.tools import ReadyCall, Tool
from llm_manager.services.world import RunBlocking
from llm_manager.tools.results import result_text

Problem: TypeAlias = Callable[[dict[str, Any]], str | None]
"""Says what is wrong with arguments, or None."""

_LONGEST: Final = 300
_MOST_REFERENCES: Final = 10_000
"""Followed in one check, which takes a quarter of a second."""
_REFERRING: Final = ("$ref", "$dynamicRef", "$recursiveRef")
_TOO_COSTLY: Final = ("pattern", "patternProperties", "unevaluatedProperties", "unevaluatedItems")


def tool_from_schema(
    name: str,
    description: str,
    schema: Mapping[str, Any],
    call: Callable[[dict[str, Any]], Any],
    /,
    *,
    side_effects: bool = False,
    timeout_seconds: float = 30.0,
    locality: Locality = "local",
) -> Result[Tool, LLMError]:
    """Make a tool of a function that takes its arguments as one dict, which fits ``schema`` when it is called.

    ``call`` may be async or not, as in `tool_from_function`, and what it returns is told in the same way.
    """
    checked = sealed(checking(name, schema))
    if isinstance(checked, Failure):
        return checked
    problem = checked.unwrap()

    def prepare(arguments: str) -> Settled[ReadyCall, LLMError]:
        read = read_arguments(name, arguments, problem)
        if isinstance(read, Failure):
            return read
        given = read.unwrap()

        async def ready(run_blocking: RunBlocking) -> Settled[str, LLMError]:
            return result_text(name, await invoked(run_blocking, call, given))

        return Success(ready)

    return Success(
        Tool(
            spec=ToolSpec(name=name, description=description, input_schema=schema),
            prepare=prepare,
            side_effects=side_effects,
            timeout_seconds=timeout_seconds,
            locality=locality,
        )
    )


def checking(name: str, schema: Mapping[str, Any], *, trusted: bool = True) -> Result[Problem, LLMError]:
    """Make a check out of a schema; no reference in it is ever fetched.

    One that is not ``trusted`` can be written to take for ever: its patterns are left to its owner, and it may refer
    to its parts only so often.
    """
    from jsonschema import Draft202012Validator, exceptions, validators
    from referencing import Registry

    extend: Callable[..., Any] = validators.extend  # which has no types of its own
    whole = dict(schema)
    try:
        kind = validators.validator_for(whole, default=Draft202012Validator)
        if not trusted:
            kind = extend(kind, dict.fromkeys(_TOO_COSTLY, _anything))
        if not trusted and _names_by_pattern(whole):
            kind = extend(kind, {"additionalProperties": _anything})
        kind.check_schema(whole)
    except Exception as wrong:  # noqa: BLE001 - a schema is anybody's, and the library raises what it trips over
        return Failure(ConfigurationError(message=f"the schema of the tool {name} is not a JSON schema: {_cut(wrong)}"))
    if schema.get("type", "object") != "object":
        return Failure(ConfigurationError(message=f"the schema of the tool {name} does not describe a JSON object"))

    def problem(arguments: dict[str, Any]) -> str | None:
        try:
            patient = kind if trusted else extend(kind, _following(kind.VALIDATORS))
            misfit = exceptions.best_match(patient(whole, registry=Registry()).iter_errors(arguments))
        except Exception as wrong:  # noqa: BLE001 - the same
            return f"the arguments cannot be checked: {_cut(wrong)}"
        if misfit is None:
            return None
        return f"{misfit.json_path}: does not fit {misfit.validator} {_cut(json.dumps(misfit.validator_value, default=str))}"

    return Success(problem)


def read_arguments(name: str, arguments: str, problem: Problem) -> Settled[dict[str, Any], LLMError]:
    """Read what the model wrote as the one object that fits, or say what is wrong with it."""
    try:
        given = json.loads(arguments.strip() or "{}", parse_constant=_refused, parse_float=_finite)
    except (ValueError, RecursionError) as wrong:
        return _wrong(name, f"the arguments are not JSON: {_cut(wrong)}")
    if not isinstance(given, dict):
        return _wrong(name, "the arguments are not a JSON object")
    misfit = problem(given)
    return Success(given) if misfit is None else _wrong(name, misfit)


def _refused(word: str) -> Any:
    raise ValueError(f"{word} is not a number in JSON")


def _finite(number: str) -> float:
    value = float(number)
    return value if isfinite(value) else _refused(number)


def _anything(*_: Any) -> tuple[()]:
    return ()


def _following(words: Mapping[str, Any]) -> dict[str, Any]:
    """The words of a schema that refer to another part of it, each counted: two references in each part double with every step."""
    left = count(_MOST_REFERENCES, -1)

    def counted(follow: Callable[..., Iterable[Any]]) -> Callable[..., Iterable[Any]]:
        def following(*told: Any) -> Iterable[Any]:
            if next(left) <= 0:
                raise RecursionError("the schema refers to its parts too often")
            return follow(*told) or ()

        return following

    return {word: counted(words[word]) for word in _REFERRING if word in words}


def _names_by_pattern(schema: Any) -> bool:
    if isinstance(schema, Mapping):
        return "patternProperties" in schema or any(map(_names_by_pattern, schema.values()))
    return isinstance(schema, list) and any(map(_names_by_pattern, schema))


def _cut(problem: object) -> str:
    return " ".join(str(getattr(problem, "message", problem)).split())[:_LONGEST]


def _wrong(name: str, message: str) -> Settled[dict[str, Any], LLMError]:
    return Failure(ToolFailed(tool=name, message=message, reason="arguments"))
