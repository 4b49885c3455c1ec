"""From a JSON schema to a type that msgspec reads strictly: what cannot be enforced is refused, never ignored."""

import re
from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal, Union

import msgspec
from returns.result import Failure, Success

from llm_manager.domain.errors import ConfigurationError, LLMError
from llm_manager.outcomes import Settled

_NOTES: Final = frozenset(
    {"title", "description", "default", "examples", "format", "deprecated", "readOnly", "writeOnly", "$schema", "$id", "$comment"}
)
_DEFINITIONS: Final = ("$defs", "definitions")
_LIMITS: Final[Mapping[str, Mapping[str, str]]] = {
    "string": {"minLength": "min_length", "maxLength": "max_length", "pattern": "pattern"},
    "array": {"minItems": "min_length", "maxItems": "max_length"},
    "integer": {"minimum": "ge", "maximum": "le", "exclusiveMinimum": "gt", "exclusiveMaximum": "lt", "multipleOf": "multiple_of"},
    "number": {"minimum": "ge", "maximum": "le", "exclusiveMinimum": "gt", "exclusiveMaximum": "lt", "multipleOf": "multiple_of"},
}
_PLAIN: Final[Mapping[str, Any]] = {"string": str, "integer": int, "number": float, "boolean": bool, "null": None}
_PARTS: Final[Mapping[str, frozenset[str]]] = {
    "object": frozenset({"properties", "required", "additionalProperties"}),
    "array": frozenset({"items"}),
}
_DEEPEST: Final = 32


class _RefusedError(Exception):
    """The schema says something that would not be enforced; its text says what and where."""


def shape_of(schema: Mapping[str, Any]) -> Settled[Any, LLMError]:
    """The type that holds exactly what the schema allows."""
    try:
        definitions = {f"#/{key}/{name}": sub for key in _DEFINITIONS for name, sub in _mapping(schema.get(key, {})).items()}
        shape = _shape(schema, definitions, "$", 0)
        msgspec.json.Decoder(shape)
    except _RefusedError as error:
        return Failure(ConfigurationError(message=f"the schema is refused at {error}"))
    except (TypeError, ValueError, re.error) as error:
        return Failure(ConfigurationError(message=f"the schema cannot be enforced: {str(error)[:200]}"))
    return Success(shape)


def _shape(schema: Any, definitions: Mapping[str, Any], path: str, depth: int) -> Any:
    if schema is True:
        return Any
    if not isinstance(schema, Mapping):
        raise _RefusedError(f"{path}: a schema is an object")
    if depth > _DEEPEST:
        raise _RefusedError(f"{path}: it refers to itself, or is nested more than {_DEEPEST} deep")
    said = {key: value for key, value in schema.items() if key not in _NOTES and key not in _DEFINITIONS}
    if "$ref" in said:
        target = definitions.get(str(said.pop("$ref")))
        _nothing_else(said, path)
        if target is None:
            raise _RefusedError(f"{path}: $ref names no definition of this schema")
        return _shape(target, definitions, path, depth + 1)
    if "anyOf" in said:
        options = said.pop("anyOf")
        _nothing_else(said, path)
        if not isinstance(options, list) or not options:
            raise _RefusedError(f"{path}: anyOf is a list of schemas")
        return Union[tuple(_shape(option, definitions, path, depth + 1) for option in options)]  # noqa: UP007 - made of values
    if "enum" in said or "const" in said:
        return _one_of(said, path)
    kind = said.pop("type", "object" if "properties" in said else None)
    if kind is None:
        _nothing_else(said, path)
        return Any
    if isinstance(kind, list):
        theirs = {one: {key: value for key, value in said.items() if _concerns(key, one, kind)} for one in map(str, kind)}
        return Union[tuple(_typed(one, words, definitions, path, depth) for one, words in theirs.items())]  # noqa: UP007 - made of values
    return _typed(kind, said, definitions, path, depth)


def _concerns(key: str, kind: str, kinds: list[Any]) -> bool:
    """Say whether a keyword is for this type: one that is for another of the types listed is that one's to enforce."""
    return key in _keywords(kind) or not any(key in _keywords(str(other)) for other in kinds)


def _keywords(kind: str) -> frozenset[str]:
    return _PARTS.get(kind, frozenset()) | _LIMITS.get(kind, {}).keys()


def _typed(kind: Any, said: dict[str, Any], definitions: Mapping[str, Any], path: str, depth: int) -> Any:
    limits = {word: said.pop(key) for key, word in _LIMITS.get(str(kind), {}).items() if key in said}
    match kind:
        case "object":
            shape = _object(said, definitions, path, depth)
        case "array":
            shape = list[_shape(said.pop("items", True), definitions, f"{path}[]", depth + 1)]  # type: ignore[misc]  # made of values
        case "string" | "integer" | "number" | "boolean" | "null":
            shape = _PLAIN[kind]
        case _:
            raise _RefusedError(f"{path}: there is no type {kind!r}; types: object, array, {', '.join(_PLAIN)}")
    _nothing_else(said, path)
    return Annotated[shape, msgspec.Meta(**limits)] if limits else shape


def _object(said: dict[str, Any], definitions: Mapping[str, Any], path: str, depth: int) -> Any:
    properties = _mapping(said.pop("properties", {}), path)
    required = _required(said, properties, path)
    others = said.pop("additionalProperties", False)
    if properties and others not in (False, True):
        raise _RefusedError(f"{path}: give either properties or additionalProperties")
    if not properties and others is not False:
        return dict[str, _shape(others, definitions, f"{path}{{}}", depth + 1)]  # type: ignore[misc]  # made of values
    shapes = {name: _shape(sub, definitions, f"{path}.{name}", depth + 1) for name, sub in properties.items()}
    fields = [
        (f"f{n}", shape) if name in required else (f"f{n}", Union[shape, None], None)  # noqa: UP007 - made of values
        for n, (name, shape) in enumerate(shapes.items())
    ]
    names = {f"f{n}": name for n, name in enumerate(properties)}
    return msgspec.defstruct("Answer", fields, rename=names, kw_only=True, forbid_unknown_fields=True)


def _required(said: dict[str, Any], properties: Mapping[str, Any], path: str) -> frozenset[str]:
    """The properties that must be there; the others may also be null."""
    names = said.pop("required", [])
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise _RefusedError(f"{path}: required is a list of properties")
    unknown = sorted(set(names) - properties.keys())
    if unknown:
        raise _RefusedError(f"{path}: required names {', '.join(unknown)}, which is no property")
    return frozenset(names)


def _one_of(said: dict[str, Any], path: str) -> Any:
    values = said.pop("enum") if "enum" in said else [said.pop("const")]
    said.pop("type", None)
    _nothing_else(said, path)
    if not isinstance(values, list) or not values:
        raise _RefusedError(f"{path}: enum is a list of values")
    if any(isinstance(value, bool) or not isinstance(value, str | int | None) for value in values):
        raise _RefusedError(f"{path}: enum and const take text, whole numbers and null")
    return Literal[tuple(values)]


def _nothing_else(said: Mapping[str, Any], path: str) -> None:
    if said:
        raise _RefusedError(f"{path}: {', '.join(sorted(said))} would not be enforced; leave it out")


def _mapping(value: Any, path: str = "$") -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise _RefusedError(f"{path}: properties and definitions are objects")
    return value
