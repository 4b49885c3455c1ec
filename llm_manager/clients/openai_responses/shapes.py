"""What an answer, its items and the events of a stream look like.

`read_response` and `read_event` take the fast way, by type; what does not fit is read again, field by field, taking what
can be understood.
"""

from collections.abc import Callable, Mapping
from typing import Annotated, Any, Final, TypeVar

import msgspec
from msgspec import Raw, Struct

_MOST_TOKENS: Final = 2**53
_MOST_ITEMS: Final = 2**31
_Count = Annotated[int, msgspec.Meta(ge=0, le=_MOST_TOKENS)]
_Index = Annotated[int, msgspec.Meta(ge=0, le=_MOST_ITEMS)]
_NO_RAW: Final = Raw(b"")
_Row = TypeVar("_Row")


class Content(Struct, gc=False):
    """A piece of a message, of a summary or of thinking."""

    type: str | None = None
    text: str | None = None
    refusal: str | None = None


class Item(Struct, gc=False):
    """One thing that the model made: a message, some thinking, a call."""

    type: str | None = None
    id: str | None = None
    call_id: str | None = None
    name: str | None = None
    arguments: str | None = None
    content: list[Content] | None = None
    summary: list[Content] | None = None
    encrypted_content: str | None = None


class InputDetails(Struct, gc=False):
    """Where tokens that were read came from."""

    cached_tokens: _Count | None = None
    cache_write_tokens: _Count | None = None


class OutputDetails(Struct, gc=False):
    """What tokens that were written were for."""

    reasoning_tokens: _Count | None = None


class Tokens(Struct, gc=False):
    """Usage as the provider counts it."""

    input_tokens: _Count | None = None
    output_tokens: _Count | None = None
    input_tokens_details: InputDetails | None = None
    output_tokens_details: OutputDetails | None = None


class Incomplete(Struct, gc=False):
    """Why an answer is not whole."""

    reason: str | None = None


class Response(Struct, gc=False):
    """A whole answer, or what is known of it so far."""

    id: str | None = None
    model: str | None = None
    status: str | None = None
    output: list[Item] | None = None
    usage: Tokens | None = None
    incomplete_details: Incomplete | None = None
    error: Raw = _NO_RAW


class Happening(Struct, gc=False):
    """One event of a stream."""

    type: str | None = None
    delta: str | None = None
    output_index: _Index | None = None
    summary_index: _Index | None = None
    item: Item | None = None
    response: Response | None = None
    error: Raw = _NO_RAW


_FAST_RESPONSE: Final = msgspec.json.Decoder(Response)
_FAST_EVENT: Final = msgspec.json.Decoder(Happening)
_ANY: Final = msgspec.json.Decoder()


def read_response(body: bytes) -> Response | None:
    """Read a whole answer; None for what is not a JSON object."""
    try:
        return _FAST_RESPONSE.decode(body)
    except (ValueError, RecursionError):
        return _loosely(body, _response)


def read_event(payload: bytes) -> Happening | None:
    """Read one event; None for what is not a JSON object."""
    try:
        return _FAST_EVENT.decode(payload)
    except (ValueError, RecursionError):
        return _loosely(payload, _happening)


def _loosely(body: bytes, read: Callable[[Mapping[str, Any]], _Row]) -> _Row | None:
    try:
        told = _ANY.decode(body.removeprefix(b"\xef\xbb\xbf"))
        return read(told) if isinstance(told, dict) else None
    except (ValueError, RecursionError):
        return None


def _response(told: Mapping[str, Any]) -> Response:
    details = told.get("incomplete_details")
    return Response(
        id=_text(told.get("id")),
        model=_text(told.get("model")),
        status=_text(told.get("status")),
        output=_each(told.get("output"), _item),
        usage=_tokens(told.get("usage")),
        incomplete_details=Incomplete(reason=_text(details.get("reason"))) if isinstance(details, dict) else None,
        error=_raw(told.get("error")),
    )


def _happening(told: Mapping[str, Any]) -> Happening:
    item, response = told.get("item"), told.get("response")
    return Happening(
        type=_text(told.get("type")),
        delta=_text(told.get("delta")),
        output_index=_index(told.get("output_index")),
        summary_index=_index(told.get("summary_index")),
        item=_item(item) if isinstance(item, dict) else None,
        response=_response(response) if isinstance(response, dict) else None,
        error=_raw(told.get("error")),
    )


def _item(told: Mapping[str, Any]) -> Item:
    arguments, content = told.get("arguments"), told.get("content")
    return Item(
        type=_text(told.get("type")),
        id=_text(told.get("id")),
        call_id=_text(told.get("call_id")),
        name=_text(told.get("name")),
        arguments=msgspec.json.encode(arguments).decode() if isinstance(arguments, dict | list) else _text(arguments),
        content=[Content(type="output_text", text=content)] if isinstance(content, str) else _each(content, _content),
        summary=_each(told.get("summary"), _content),
        encrypted_content=_text(told.get("encrypted_content")),
    )


def _content(told: Mapping[str, Any]) -> Content:
    return Content(type=_text(told.get("type")), text=_text(told.get("text")), refusal=_text(told.get("refusal")))


def _tokens(told: object) -> Tokens | None:
    if not isinstance(told, dict):
        return None
    read, written = told.get("input_tokens_details"), told.get("output_tokens_details")
    return Tokens(
        input_tokens=_count(told.get("input_tokens")),
        output_tokens=_count(told.get("output_tokens")),
        input_tokens_details=(
            InputDetails(cached_tokens=_count(read.get("cached_tokens")), cache_write_tokens=_count(read.get("cache_write_tokens")))
            if isinstance(read, dict)
            else None
        ),
        output_tokens_details=OutputDetails(reasoning_tokens=_count(written.get("reasoning_tokens")))
        if isinstance(written, dict)
        else None,
    )


def _each(told: object, read: Callable[[Mapping[str, Any]], _Row]) -> list[_Row] | None:
    return [read(row) for row in told if isinstance(row, dict)] if isinstance(told, list) else None


def _text(told: object) -> str | None:
    return told if isinstance(told, str) else None


def _index(told: object) -> int | None:
    return told if isinstance(told, int) and not isinstance(told, bool) and 0 <= told <= _MOST_ITEMS else None


def _raw(told: object) -> Raw:
    return _NO_RAW if told is None else Raw(msgspec.json.encode(told))


def _count(told: object) -> int | None:
    if isinstance(told, bool) or not isinstance(told, int | float):
        return None
    return int(told) if 0 <= told <= _MOST_TOKENS else None
