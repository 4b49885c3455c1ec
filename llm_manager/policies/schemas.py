"""JSON schemas as strict providers want them, and where an answer leaves one."""

from collections.abc import Mapping
from typing import Any

_SUBSCHEMAS = ("properties", "$defs", "definitions", "patternProperties")
_LISTS = ("anyOf", "oneOf", "allOf", "prefixItems")
_SINGLE = ("items", "not", "contains")


def strict_schema(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Require every property of every object and allow no other; defaults and titles go, for they do not constrain."""
    strict: dict[str, Any] = {}
    for key, value in schema.items():
        if key in ("default", "title"):
            continue
        if key in _SUBSCHEMAS and isinstance(value, Mapping):
            strict[key] = {name: _stricter(sub) for name, sub in value.items()}
        elif key in _LISTS and isinstance(value, list):
            strict[key] = [_stricter(sub) for sub in value]
        elif key in _SINGLE:
            strict[key] = _stricter(value)
        else:
            strict[key] = value
    if "properties" in strict or strict.get("type") == "object":
        properties = strict["properties"] if isinstance(strict.get("properties"), Mapping) else {}
        strict["properties"] = properties
        if not isinstance(strict.get("additionalProperties"), Mapping):
            strict["additionalProperties"] = False
            strict["required"] = list(properties)
    return strict


def _stricter(schema: Any) -> Any:
    return strict_schema(schema) if isinstance(schema, Mapping) else schema


def rooted_schema(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Put the definition that a schema only refers to at its root, where providers look for the object."""
    definitions = schema.get("$defs")
    reference = schema.get("$ref")
    if not isinstance(definitions, Mapping) or not isinstance(reference, str):
        return dict(schema)
    name = reference.removeprefix("#/$defs/")
    root = definitions.get(name)
    if not isinstance(root, Mapping):
        return dict(schema)
    others = definitions if _refers(definitions, reference) else {key: sub for key, sub in definitions.items() if key != name}
    return {**root, "$defs": dict(others)} if others else dict(root)


def _refers(schema: Any, reference: str) -> bool:
    if isinstance(schema, Mapping):
        return schema.get("$ref") == reference or any(_refers(sub, reference) for sub in schema.values())
    return isinstance(schema, list) and any(_refers(sub, reference) for sub in schema)
