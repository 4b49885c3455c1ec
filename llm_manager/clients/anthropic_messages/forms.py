"""Asking for JSON: a schema where the model keeps to one, words where it does not.

What a schema says beyond what is kept to becomes words of its description, as far as JSON schema has words for it.
"""

from collections.abc import Mapping
from typing import Any, Final

from llm_manager.clients.fitting import ENCODER
from llm_manager.domain.requests import AnyJson, JsonSchema

_FORMATS: Final = frozenset({"date-time", "time", "date", "duration", "email", "hostname", "uri", "ipv4", "ipv6", "uuid"})
_KEPT: Final = frozenset({"type", "enum", "const", "$ref", "description", "title", "required"})
_MAPS: Final = ("properties", "$defs", "definitions")
_LISTS: Final = {"anyOf": "anyOf", "oneOf": "anyOf", "allOf": "allOf"}
_DROPPED: Final = frozenset({"$schema", "$id", "default", "additionalProperties"})


def in_words(form: AnyJson | JsonSchema) -> str:
    """What a model is told that takes no schema."""
    if isinstance(form, AnyJson):
        return "Answer with one JSON value and nothing else."
    schema = ENCODER.encode(dict(form.schema)).decode("utf-8")
    return f"Answer with one JSON value and nothing else. It must fit this JSON schema: {schema}"


def is_open(schema: Any) -> bool:
    """Say whether any object of a schema may have properties that it does not name: Claude keeps to closed ones only."""
    if isinstance(schema, list | tuple):
        return any(is_open(sub) for sub in schema)
    if not isinstance(schema, Mapping):
        return False
    if isinstance(schema.get("additionalProperties"), Mapping) or (schema.get("type") == "object" and not schema.get("properties")):
        return True
    return any(is_open(sub) for sub in _subschemas(schema))


def _subschemas(schema: Mapping[str, Any]) -> list[Any]:
    maps = [value for key in _MAPS if isinstance(value := schema.get(key), Mapping)]
    return [sub for value in maps for sub in value.values()] + [schema.get(key) for key in (*_LISTS, "items")]


def native(schema: Mapping[str, Any]) -> dict[str, Any]:
    """A schema as Claude keeps to it: objects are closed, and what it does not know stands in the description.

    >>> native({"type": "integer", "minimum": 1})
    {'type': 'integer', 'description': '{"minimum":1}'}
    """
    kept: dict[str, Any] = {}
    beyond: dict[str, Any] = {}
    for key, value in schema.items():
        if key in _MAPS and isinstance(value, Mapping):
            kept[key] = {name: _native(sub) for name, sub in value.items()}
        elif key in _LISTS and isinstance(value, list | tuple):
            kept[_LISTS[key]] = [_native(sub) for sub in value]
        elif key == "items":
            kept[key] = _native(value)
        elif key in _KEPT or (key == "format" and value in _FORMATS) or (key == "minItems" and value in (0, 1)):
            kept[key] = value
        elif key not in _DROPPED:
            beyond[key] = value
    if kept.get("type") == "object" or "properties" in kept:
        kept["additionalProperties"] = False
    if beyond and "$ref" not in kept:
        words = ENCODER.encode(beyond).decode("utf-8")
        kept["description"] = f"{kept['description']} {words}" if kept.get("description") else words
    return kept


def _native(schema: Any) -> Any:
    return native(schema) if isinstance(schema, Mapping) else schema
