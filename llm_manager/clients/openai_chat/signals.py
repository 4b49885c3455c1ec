"""What an error answer says, read out of every shape in which OpenAI-compatible servers write it."""

from collections.abc import Iterator, Mapping
from typing import Any

from attrs import frozen

from llm_manager.clients.refusals import Lengths, lengths_told, text_in, told_in

_LARGEST_WORD = 100


@frozen(kw_only=True)
class Signal:
    """One error as the provider put it: ``words`` are its machine codes, lower case; ``message`` is its sentence, as it came."""

    status: int
    words: frozenset[str] = frozenset()
    code: str | None = None
    message: str = ""
    metadata: Mapping[str, Any] = {}
    counts: Lengths = (None, None)
    is_json: bool = True
    raw: str = ""


def read_body(status: int, body: bytes) -> Signal:
    """Read an error answer; a body that is no JSON has no words, and its text is only kept as ``raw``."""
    return read_error(status, told_in(body), raw=text_in(body))


def read_error(status: int, told: object, *, raw: str = "") -> Signal:
    """Read a decoded error: an ``error`` object or text, the object itself, or ``detail``."""
    if isinstance(told, list) and told:
        told = told[0]
    if not isinstance(told, Mapping):
        return Signal(status=status, message=told if isinstance(told, str) else "", is_json=told is not None, raw=raw)
    error: object = told.get("error", told)
    if isinstance(error, str):
        error = {**told, "message": told.get("message", error)}
    elif not isinstance(error, Mapping):
        error = told
    fields: Mapping[str, Any] = error
    metadata = fields.get("metadata")
    metadata = metadata if isinstance(metadata, Mapping) else {}
    message = _text(fields.get("message")) or _text(fields.get("detail")) or _text(told.get("message")) or ""
    upstream = _upstream(metadata)
    code = next(_codes(fields, metadata), None)
    return Signal(
        status=status,
        words=frozenset(word.lower() for word in (*_codes(fields, metadata), *(upstream.words if upstream else ()))),
        code=code,
        message=upstream.message if upstream and upstream.message else message,
        metadata=metadata,
        counts=lengths_told(fields),
        raw=message if "flagged_input" in metadata else raw or message,
    )


def status_in(told: object) -> int | None:
    """The status that an error inside a good answer names as its code."""
    error = told.get("error", told) if isinstance(told, Mapping) else None
    for key in ("code", "status", "status_code"):
        value = error.get(key) if isinstance(error, Mapping) else None
        if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) == 3:
            value = int(value)
        if isinstance(value, int) and not isinstance(value, bool) and 300 <= value <= 599:
            return value
    return None


def _upstream(metadata: Mapping[str, Any]) -> Signal | None:
    """What the provider behind a router said, when the router passes it on."""
    raw = metadata.get("raw")
    if isinstance(raw, str) and raw[:1] == "{":
        raw = told_in(raw)
    if not isinstance(raw, Mapping):
        return None
    inner = raw.get("error", raw)
    if not isinstance(inner, Mapping):
        return None
    return Signal(status=0, words=frozenset(_codes(inner, {})), message=_text(inner.get("message")) or "")


def _codes(fields: Mapping[str, Any], metadata: Mapping[str, Any]) -> Iterator[str]:
    inner = fields.get("innererror")
    for source, key in ((fields, "code"), (metadata, "error_type"), (metadata, "limit_source"), (fields, "type"), (inner, "code")):
        value = source.get(key) if isinstance(source, Mapping) else None
        if isinstance(value, str) and value and not value.isdigit():
            yield value[:_LARGEST_WORD]


def _text(value: object) -> str | None:
    """A sentence, or the first one of a list of faults."""
    if isinstance(value, list) and value and isinstance(value[0], Mapping):
        value = value[0].get("msg")
    return value if isinstance(value, str) else None
