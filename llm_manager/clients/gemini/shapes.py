"""What an answer and a chunk of a stream look like: the same shape, whole or in part.

`read` takes the fast way, by type; what does not fit is read again, field by field, taking what can be understood.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Final

import msgspec
from msgspec import Raw, Struct

_MOST_TOKENS: Final = 2**53
_Count = Annotated[int, msgspec.Meta(ge=0, le=_MOST_TOKENS)]
_NO_RAW: Final = Raw(b"")


class Call(Struct, gc=False):
    """A function that the model wants called; ``args`` is the JSON object it wrote, as it came."""

    name: str | None = None
    args: Raw = _NO_RAW
    id: str | None = None


class Part(Struct, gc=False, rename="camel"):
    """A piece of what is said: text, thought or spoken, or a call. Other kinds are not asked for, and passed over."""

    text: str | None = None
    thought: bool | None = None
    thought_signature: str | None = None
    function_call: Call | None = None


class Content(Struct, gc=False):
    """What the model says, piece by piece."""

    parts: list[Part] | None = None


class Candidate(Struct, gc=False, rename="camel"):
    """One of the answers; only the first is asked for."""

    content: Content | None = None
    finish_reason: str | None = None
    index: int | None = None


class Tokens(Struct, gc=False, rename="camel"):
    """Usage as Gemini counts it: of the prompt some may be cached; thoughts and results of tools are counted beside it."""

    prompt_token_count: _Count | None = None
    cached_content_token_count: _Count | None = None
    candidates_token_count: _Count | None = None
    thoughts_token_count: _Count | None = None
    tool_use_prompt_token_count: _Count | None = None
    total_token_count: _Count | None = None


class Feedback(Struct, gc=False, rename="camel"):
    """What is said of the prompt; with a reason, it was blocked."""

    block_reason: str | None = None


class Answer(Struct, gc=False, rename="camel"):
    """An answer, or a chunk of a stream."""

    candidates: list[Candidate] | None = None
    usage_metadata: Tokens | None = None
    prompt_feedback: Feedback | None = None
    model_version: str | None = None
    response_id: str | None = None
    error: Raw = _NO_RAW


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
        feedback = told.get("promptFeedback")
        return Answer(
            candidates=[_candidate(each) for each in _dicts(told.get("candidates"))] if isinstance(told.get("candidates"), list) else None,
            usage_metadata=tokens_in(told.get("usageMetadata")),
            prompt_feedback=Feedback(block_reason=_text(feedback.get("blockReason"))) if isinstance(feedback, dict) else None,
            model_version=_text(told.get("modelVersion")),
            response_id=_text(told.get("responseId")),
            error=_raw(told.get("error")),
        )
    except (ValueError, RecursionError):
        return None


def _candidate(told: Mapping[str, Any]) -> Candidate:
    content, index = told.get("content"), told.get("index")
    return Candidate(
        content=Content(parts=[_part(part) for part in _dicts(content.get("parts"))]) if isinstance(content, dict) else None,
        finish_reason=_text(told.get("finishReason")),
        index=index if type(index) is int else None,
    )


def _part(told: Mapping[str, Any]) -> Part:
    call = told.get("functionCall")
    return Part(
        text=_text(told.get("text")),
        thought=told.get("thought") is True,
        thought_signature=_text(told.get("thoughtSignature")),
        function_call=(
            Call(name=_text(call.get("name")), args=_raw(call.get("args")), id=_text(call.get("id"))) if isinstance(call, dict) else None
        ),
    )


def tokens_in(told: object) -> Tokens | None:
    """Read usage that is already decoded, count by count."""
    if not isinstance(told, dict):
        return None
    return Tokens(
        prompt_token_count=_count(told.get("promptTokenCount")),
        cached_content_token_count=_count(told.get("cachedContentTokenCount")),
        candidates_token_count=_count(told.get("candidatesTokenCount")),
        thoughts_token_count=_count(told.get("thoughtsTokenCount")),
        tool_use_prompt_token_count=_count(told.get("toolUsePromptTokenCount")),
        total_token_count=_count(told.get("totalTokenCount")),
    )


def _dicts(told: object) -> list[dict[str, Any]]:
    return [each for each in told if isinstance(each, dict)] if isinstance(told, list) else []


def _text(told: object) -> str | None:
    return told if isinstance(told, str) else None


def _raw(told: object) -> Raw:
    return _NO_RAW if told is None else Raw(msgspec.json.encode(told))


def _count(told: object) -> int | None:
    if isinstance(told, bool) or not isinstance(told, int | float):
        return None
    return int(told) if 0 <= told <= _MOST_TOKENS else None
