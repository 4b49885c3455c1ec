"""What an answer, or a line of a stream, looks like: of a chat with its ``message``, of a completion with its ``response``.

`read` takes the fast way, by type; what does not fit is read again, field by field, taking what can be understood.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Final

import msgspec
from msgspec import Raw, Struct

_MOST: Final = 2**53
_Count = Annotated[int, msgspec.Meta(ge=0, le=_MOST)]
_NO_RAW: Final = Raw(b"")


class Function(Struct, gc=False):
    """The function that a tool call names; its arguments are an object, as it came."""

    name: str | None = None
    arguments: Raw = _NO_RAW


class Call(Struct, gc=False):
    """A tool call, always whole; older servers give it no id."""

    id: str | None = None
    function: Function | None = None


class Said(Struct, gc=False):
    """What the model says, or what a line adds to it."""

    content: str | None = None
    thinking: str | None = None
    tool_calls: list[Call] | None = None


class Answer(Struct, gc=False):
    """An answer, or a line of a stream; counts and durations (nanoseconds) come with the last one."""

    message: Said | None = None
    response: str | None = None
    thinking: str | None = None
    done: bool = False
    done_reason: str | None = None
    model: str | None = None
    remote_host: str | None = None
    remote_model: str | None = None
    prompt_eval_count: _Count | None = None
    prompt_eval_cached_count: _Count | None = None
    eval_count: _Count | None = None
    eval_duration: _Count | None = None
    error: Raw = _NO_RAW


_FAST: Final = msgspec.json.Decoder(Answer)
_ANY: Final = msgspec.json.Decoder()


def read(body: bytes) -> Answer | None:
    """Read an answer or a line; None for what is not a JSON object."""
    try:
        return _FAST.decode(body)
    except (ValueError, RecursionError):
        return _loosely(body)


def plain(raw: Raw) -> object:
    """The value of a part that was left as it came, or None."""
    try:
        return _ANY.decode(raw) if bytes(raw) else None
    except (ValueError, RecursionError):
        return bytes(raw)[:4096].decode("utf-8", "replace")


def arguments_text(raw: Raw) -> str:
    """The arguments of a call as the text of a JSON object; a server that sends them as text is believed."""
    text = bytes(raw)
    if text[:1] == b'"':
        told = plain(raw)
        return told if isinstance(told, str) else "{}"
    return text.decode("utf-8", "replace") if text[:1] == b"{" else "{}"


def _loosely(body: bytes) -> Answer | None:
    try:
        told = _ANY.decode(body.removeprefix(b"\xef\xbb\xbf"))
        if not isinstance(told, dict):
            return None
        return Answer(
            message=_said(told.get("message")),
            response=_text(told.get("response")),
            thinking=_text(told.get("thinking")),
            done=told.get("done") is True,
            done_reason=_text(told.get("done_reason")),
            model=_text(told.get("model")),
            remote_host=_text(told.get("remote_host")),
            remote_model=_text(told.get("remote_model")),
            prompt_eval_count=_count(told.get("prompt_eval_count")),
            prompt_eval_cached_count=_count(told.get("prompt_eval_cached_count")),
            eval_count=_count(told.get("eval_count")),
            eval_duration=_count(told.get("eval_duration")),
            error=_raw(told.get("error")),
        )
    except (ValueError, RecursionError):
        return None


def _said(told: object) -> Said | None:
    if not isinstance(told, dict):
        return None
    calls = told.get("tool_calls")
    return Said(
        content=_text(told.get("content")),
        thinking=_text(told.get("thinking")),
        tool_calls=[_call(call) for call in calls if isinstance(call, dict)] if isinstance(calls, list) else None,
    )


def _call(told: Mapping[str, Any]) -> Call:
    function = told.get("function")
    if not isinstance(function, dict):
        return Call(id=_text(told.get("id")))
    named = Function(name=_text(function.get("name")), arguments=_raw(function.get("arguments")))
    return Call(id=_text(told.get("id")), function=named)


def _text(told: object) -> str | None:
    return told if isinstance(told, str) else None


def _raw(told: object) -> Raw:
    return _NO_RAW if told is None else Raw(msgspec.json.encode(told))


def _count(told: object) -> int | None:
    if isinstance(told, bool) or not isinstance(told, int | float):
        return None
    return int(told) if 0 <= told <= _MOST else None
