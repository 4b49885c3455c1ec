"""Reading what a server says: by type and fast, or, where something does not fit, field by field, taking what can be understood."""

from collections.abc import Callable, Mapping
from functools import lru_cache
from math import isfinite
from typing import Annotated, Any, Final, TypeAlias, TypeVar, get_args, get_origin

import msgspec
from msgspec import Raw, Struct

Count = Annotated[int, msgspec.Meta(ge=0, le=2**53)]
"""A number of tokens, or of nanoseconds."""
NOTHING: Final = Raw(b"")
"""A part that was not told."""
Mending: TypeAlias = Mapping[tuple[type[Struct], str], Callable[[object], object]]
"""By shape and field: what makes of another server's way of saying something the one that is meant."""

_KEPT: Final = 4096
_ANY: Final = msgspec.json.Decoder()
_Shape = TypeVar("_Shape", bound=Struct)


def reader(shape: type[_Shape], mending: Mending | None = None) -> Callable[[bytes], _Shape | None]:
    """A function that reads a JSON object of this shape; it gives None for what is no JSON object."""
    fast = msgspec.json.Decoder(shape).decode
    mends = mending or {}

    def read(body: bytes) -> _Shape | None:
        try:
            return fast(body)
        except (ValueError, RecursionError):
            return _loosely(shape, mends, body)

    return read


def plain(raw: Raw) -> object:
    """The value of a part that was left as it came, or None."""
    text = bytes(raw)
    try:
        return _ANY.decode(text) if text else None
    except (ValueError, RecursionError):
        return text[:_KEPT].decode("utf-8", "replace")


def as_json(told: object) -> object:
    """An object or a list as the text that is meant by it; text as it is."""
    return msgspec.json.encode(told).decode() if isinstance(told, dict | list) else told


def _loosely(shape: type[_Shape], mending: Mending, body: bytes) -> _Shape | None:
    try:
        told = _ANY.decode(body.removeprefix(b"\xef\xbb\xbf"))
        return _fitted(shape, mending, told) if isinstance(told, dict) else None
    except (ValueError, RecursionError):
        return None


def _fitted(shape: type[_Shape], mending: Mending, told: Mapping[str, Any]) -> _Shape:
    """What of a decoded object has the right type, the rest as if it had not been told."""
    kept: dict[str, Any] = {}
    for name, key, kind, inner, many in _fields(shape):
        value = told.get(key)
        mend = mending.get((shape, name))
        if mend is not None:
            value = mend(value)
        if value is None:
            continue
        if kind is Raw:
            kept[name] = Raw(msgspec.json.encode(value))
        elif inner is None:
            try:
                kept[name] = msgspec.convert(int(value) if isinstance(value, float) and isfinite(value) else value, kind)
            except msgspec.ValidationError:
                continue
        elif many and isinstance(value, list):
            kept[name] = [_fitted(inner, mending, each) for each in value if isinstance(each, dict)]
        elif not many and isinstance(value, dict):
            kept[name] = _fitted(inner, mending, value)
    return shape(**kept)


@lru_cache(maxsize=64)
def _fields(shape: type[Struct]) -> tuple[tuple[str, str, Any, type[Struct] | None, bool], ...]:
    """Of each field its name, what it is called in JSON, its type, and the shape that it holds, alone or in a list."""
    return tuple((field.name, field.encode_name, field.type, *_inner(field.type)) for field in msgspec.structs.fields(shape))


def _inner(kind: Any) -> tuple[type[Struct] | None, bool]:
    if isinstance(kind, type) and get_origin(kind) is None:
        return (kind, False) if issubclass(kind, Struct) else (None, False)
    for each in get_args(kind):
        inner, many = _inner(each)
        if inner is not None:
            return inner, many or get_origin(kind) is list
    return None, False
