"""Classes that bring their own schema and reader, as those of pydantic do: known by their methods, so that nothing is imported.

What a reader says may repeat the answer; of its faults only the place and the rule that was broken are told.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, TypeVar

from attrs import frozen
from returns.result import Failure, Result, Success

_Shape = TypeVar("_Shape")

_NOT_JSON: Final = "json_invalid"
_TYPES: Final = "string int float bool none list tuple set dict model dataclass date time datetime time_delta bytes uuid"
_RULES: Final = (
    "missing literal_error enum greater_than greater_than_equal less_than less_than_equal multiple_of finite_number too_short too_long "
    "string_too_short string_too_long string_pattern_mismatch extra_forbidden int_from_float decimal_max_digits decimal_max_places"
)
_TOLD: Final = frozenset({*_RULES.split(), *(f"{name}_type" for name in _TYPES.split())})
"""Rules whose words come from the class and not from the answer."""
_LONGEST: Final = 200
_MOST_NAMES: Final = 10_000


@frozen(kw_only=True)
class Unread:
    """Why an answer is no value of the class, and where (``$`` is the whole)."""

    path: str
    message: str
    is_json: bool = True


def own_schema(shape: object) -> Callable[[], Mapping[str, Any]] | None:
    """What gives the schema of a class that reads itself; None for any other class."""
    schema, reader = getattr(shape, "model_json_schema", None), getattr(shape, "model_validate_json", None)
    return schema if isinstance(shape, type) and callable(schema) and callable(reader) else None


def read_itself(shape: type[_Shape], text: str, schema: Mapping[str, Any]) -> Result[_Shape, Unread]:
    """Let a class read JSON strictly; ``schema`` says which names are its own and not the answer's."""
    reader: Callable[..., _Shape] = shape.model_validate_json  # type: ignore[attr-defined]  # `own_schema` has seen that it is there
    try:
        return Success(reader(text, strict=True))
    except Exception as problem:  # noqa: BLE001 - the class is code of others, and its answer was paid for
        return Failure(_unread(problem, schema))


def _unread(problem: Exception, schema: Mapping[str, Any]) -> Unread:
    told = getattr(problem, "errors", None)
    try:
        first = told(include_url=False, include_context=False, include_input=False)[0] if callable(told) else None
        rule, words, place = (first["type"], first["msg"], first["loc"]) if first is not None else ("", "", ())
    except Exception:  # noqa: BLE001 - the same: its errors are what it makes of them
        rule, words, place = "", "", ()
    if rule == _NOT_JSON:
        return Unread(path="$", message="it is not JSON", is_json=False)
    return Unread(
        path=_path(place, schema),
        message=words[:_LONGEST] if rule in _TOLD else f"a check of the class refused it ({rule or type(problem).__name__})",
    )


def _path(place: Iterable[Any], schema: Mapping[str, Any]) -> str:
    """Where it is, in the names of the class; a key that the answer made up is not repeated."""
    names = _names_in(schema)
    return "$" + "".join(f"[{step}]" if isinstance(step, int) else f".{step}" if step in names else "[...]" for step in place)


def _names_in(schema: Mapping[str, Any]) -> frozenset[str]:
    """Every name of a property, wherever in the schema it is."""
    names: set[str] = set()
    waiting: list[Any] = [schema]
    while waiting and len(names) < _MOST_NAMES:
        part = waiting.pop()
        if isinstance(part, Mapping):
            properties = part.get("properties")
            names |= properties.keys() if isinstance(properties, Mapping) else set()
            waiting += part.values()
        elif isinstance(part, list):
            waiting += part
    return frozenset(names)
