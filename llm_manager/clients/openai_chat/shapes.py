"""What an answer and a chunk of a stream look like: the same shape, a choice holding a ``message`` or a ``delta``.

`read` takes the fast way, by type; what does not fit is read again, field by field, taking what can be understood.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Final

import msgspec
from msgspec import Raw, Struct

_MOST_TOKENS: Final = 2**53
_Count = Annotated[int, msgspec.Meta(ge=0, le=_MOST_TOKENS)]
_NO_RAW: Final = Raw(b"")


class Function(Struct, gc=False):
    """The function that a tool call names."""

    name: str | None = None
    arguments: str | None = None


class Call(Struct, gc=False):
    """A tool call, or a piece of one."""

    index: int | None = None
    id: str | None = None
    function: Function | None = None


class Said(Struct, gc=False):
    """What the model says: a whole message, or what a chunk adds to it."""

    content: str | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None
    refusal: str | None = None
    tool_calls: list[Call] | None = None


class Choice(Struct, gc=False):
    """One of the answers; only the first is asked for."""

    index: int = 0
    message: Said | None = None
    delta: Said | None = None
    finish_reason: str | None = None
    error: Raw = _NO_RAW


class PromptDetails(Struct, gc=False):
    """Where prompt tokens came from."""

    cached_tokens: _Count | None = None
    cache_write_tokens: _Count | None = None


class CompletionDetails(Struct, gc=False):
    """What written tokens were for."""

    reasoning_tokens: _Count | None = None


class Tokens(Struct, gc=False):
    """Usage as the provider counts it."""

    prompt_tokens: _Count | None = None
    completion_tokens: _Count | None = None
    total_tokens: _Count | None = None
    prompt_tokens_details: PromptDetails | None = None
    completion_tokens_details: CompletionDetails | None = None


class GroqExtra(Struct, gc=False):
    """Groq's own corner of a chunk."""

    usage: Tokens | None = None
    error: Raw = _NO_RAW


class Answer(Struct, gc=False):
    """An answer, or a chunk of a stream."""

    choices: list[Choice] | None = None
    usage: Tokens | None = None
    model: str | None = None
    id: str | None = None
    error: Raw = _NO_RAW
    x_groq: GroqExtra | None = None


_FAST: Final = msgspec.json.Decoder(Answer)
_ANY: Final = msgspec.json.Decoder()


def read(body: bytes) -> Answer | None:
    """Read an answer or a chunk; None for what is not a JSON object."""
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


def _loosely(body: bytes) -> Answer | None:
    try:
        told = _ANY.decode(body.removeprefix(b"\xef\xbb\xbf"))
        if not isinstance(told, dict):
            return None
        choices = told.get("choices")
        return Answer(
            choices=[_choice(choice) for choice in choices if isinstance(choice, dict)] if isinstance(choices, list) else None,
            usage=_tokens(told.get("usage")),
            model=_text(told.get("model")),
            id=_text(told.get("id")),
            error=_raw(told.get("error")),
            x_groq=GroqExtra(usage=_tokens(groq.get("usage"))) if isinstance(groq := told.get("x_groq"), dict) else None,
        )
    except (ValueError, RecursionError):
        return None


def _choice(told: Mapping[str, Any]) -> Choice:
    index = told.get("index")
    return Choice(
        index=index if isinstance(index, int) else 0,
        message=_said(told.get("message")),
        delta=_said(told.get("delta")),
        finish_reason=_text(told.get("finish_reason")),
        error=_raw(told.get("error")),
    )


def _said(told: object) -> Said | None:
    if not isinstance(told, dict):
        return None
    calls = told.get("tool_calls")
    return Said(
        content=_joined(told.get("content")),
        reasoning_content=_text(told.get("reasoning_content")),
        reasoning=_text(told.get("reasoning")),
        refusal=_text(told.get("refusal")),
        tool_calls=[_call(call) for call in calls if isinstance(call, dict)] if isinstance(calls, list) else None,
    )


def _call(told: Mapping[str, Any]) -> Call:
    index, function = told.get("index"), told.get("function")
    return Call(
        index=index if isinstance(index, int) and not isinstance(index, bool) else None,
        id=_text(told.get("id")),
        function=(
            Function(name=_text(function.get("name")), arguments=_json_text(function.get("arguments")))
            if isinstance(function, dict)
            else None
        ),
    )


def _tokens(told: object) -> Tokens | None:
    if not isinstance(told, dict):
        return None
    prompt, completion = told.get("prompt_tokens_details"), told.get("completion_tokens_details")
    return Tokens(
        prompt_tokens=_count(told.get("prompt_tokens")),
        completion_tokens=_count(told.get("completion_tokens")),
        total_tokens=_count(told.get("total_tokens")),
        prompt_tokens_details=(
            PromptDetails(cached_tokens=_count(prompt.get("cached_tokens")), cache_write_tokens=_count(prompt.get("cache_write_tokens")))
            if isinstance(prompt, dict)
            else None
        ),
        completion_tokens_details=(
            CompletionDetails(reasoning_tokens=_count(completion.get("reasoning_tokens"))) if isinstance(completion, dict) else None
        ),
    )


def _text(told: object) -> str | None:
    return told if isinstance(told, str) else None


def _joined(told: object) -> str | None:
    """Text, or the texts of a list of parts."""
    if isinstance(told, list):
        return "".join(part["text"] for part in told if isinstance(part, dict) and isinstance(part.get("text"), str))
    return _text(told)


def _json_text(told: object) -> str | None:
    return msgspec.json.encode(told).decode() if isinstance(told, dict | list) else _text(told)


def _raw(told: object) -> Raw:
    return _NO_RAW if told is None else Raw(msgspec.json.encode(told))


def _count(told: object) -> int | None:
    if isinstance(told, bool) or not isinstance(told, int | float):
        return None
    return int(told) if 0 <= told <= _MOST_TOKENS else None
