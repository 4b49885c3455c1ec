"""What an answer and an event of a stream look like.

`read_message` and `read_event` take the fast way, by type; what does not fit is read again, field by field, taking what can
be understood.
"""

from functools import lru_cache
from typing import Annotated, Any, Final, TypeVar, get_args

import msgspec
from msgspec import Raw, Struct

_MOST_TOKENS: Final = 2**53
_Count = Annotated[int, msgspec.Meta(ge=0, le=_MOST_TOKENS)]
_NO_RAW: Final = Raw(b"")
_Shape = TypeVar("_Shape", bound=Struct)


class Block(Struct, gc=False):
    """A piece of an answer: text, thinking, or a wish to call a tool; other kinds are read past."""

    type: str = ""
    text: str | None = None
    thinking: str | None = None
    signature: str | None = None
    data: str | None = None
    id: str | None = None
    name: str | None = None
    input: Raw = _NO_RAW


class OutputDetails(Struct, gc=False):
    """What written tokens were for."""

    thinking_tokens: _Count | None = None


class CacheCreation(Struct, gc=False):
    """How long what was written to the cache is kept."""

    ephemeral_1h_input_tokens: _Count | None = None


class Tokens(Struct, gc=False):
    """Usage as Anthropic counts it: the three kinds of input do not overlap, and output includes thinking."""

    input_tokens: _Count | None = None
    cache_read_input_tokens: _Count | None = None
    cache_creation_input_tokens: _Count | None = None
    cache_creation: CacheCreation | None = None
    output_tokens: _Count | None = None
    output_tokens_details: OutputDetails | None = None


class StopDetails(Struct, gc=False):
    """Why an answer was refused."""

    category: str | None = None
    explanation: str | None = None


class Message(Struct, gc=False):
    """An answer, whole or as it begins."""

    id: str | None = None
    model: str | None = None
    content: list[Block] | None = None
    stop_reason: str | None = None
    stop_details: StopDetails | None = None
    usage: Tokens | None = None
    error: Raw = _NO_RAW


class Delta(Struct, gc=False):
    """What an event adds to a block, or says of the answer's ending."""

    type: str = ""
    text: str | None = None
    thinking: str | None = None
    signature: str | None = None
    partial_json: str | None = None
    stop_reason: str | None = None
    stop_details: StopDetails | None = None


class Event(Struct, gc=False):
    """One event of a stream."""

    type: str = ""
    index: int | None = None
    delta: Delta | None = None
    content_block: Block | None = None
    message: Message | None = None
    usage: Tokens | None = None
    error: Raw = _NO_RAW


_MESSAGE: Final = msgspec.json.Decoder(Message)
_EVENT: Final = msgspec.json.Decoder(Event)
_ANY: Final = msgspec.json.Decoder()


def read_message(body: bytes) -> Message | None:
    """Read a whole answer; None for what is not a JSON object."""
    try:
        return _MESSAGE.decode(body)
    except (ValueError, RecursionError):
        return _loosely(Message, body)


def read_event(data: bytes) -> Event | None:
    """Read one event's data; None for what is not a JSON object."""
    try:
        return _EVENT.decode(data)
    except (ValueError, RecursionError):
        return _loosely(Event, data)


def plain(raw: Raw) -> object:
    """The value of a part that was left as it came, or None."""
    try:
        return _ANY.decode(raw) if bytes(raw) else None
    except (ValueError, RecursionError):
        return bytes(raw)[:4096].decode("utf-8", "replace")


def _loosely(shape: type[_Shape], body: bytes) -> _Shape | None:
    try:
        told = _ANY.decode(body.removeprefix(b"\xef\xbb\xbf"))
        return _fitted(shape, told) if isinstance(told, dict) else None
    except (ValueError, RecursionError):
        return None


def _fitted(shape: type[_Shape], told: dict[str, Any]) -> _Shape:
    """What of a decoded object has the right type, the rest as if it had not been told."""
    kept: dict[str, Any] = {}
    for name, kind, inner in _fields(shape):
        value = told.get(name)
        if value is None:
            continue
        if kind is Raw:
            kept[name] = Raw(msgspec.json.encode(value))
        elif inner is not None and isinstance(value, dict):
            kept[name] = _fitted(inner, value)
        elif inner is not None and isinstance(value, list):
            kept[name] = [_fitted(inner, each) for each in value if isinstance(each, dict)]
        elif inner is None:
            try:
                kept[name] = msgspec.convert(value, kind)
            except msgspec.ValidationError:
                continue
    return shape(**kept)


@lru_cache(maxsize=16)
def _fields(shape: type[Struct]) -> tuple[tuple[str, Any, type[Struct] | None], ...]:
    """Name and type of each field, and the shape that it holds, alone or in a list."""
    return tuple((field.encode_name, field.type, _inner(field.type)) for field in msgspec.structs.fields(shape))


def _inner(kind: Any) -> type[Struct] | None:
    if isinstance(kind, type):
        return kind if issubclass(kind, Struct) else None
    return next((found for each in get_args(kind) if (found := _inner(each)) is not None), None)
