"""A request and its answer for the log: the form of what was sent, with every secret and every word of a prompt left out."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from llm_manager.services.transport import Envelope

_OPEN_HEADERS: Final = frozenset({b"content-type", b"accept", b"user-agent", b"anthropic-version", b"content-length"})
_OPEN_WORDS: Final = frozenset({"model", "role", "type", "finish_reason", "stop_reason", "object", "effort", "tool_choice", "format"})
"""Fields whose texts are words of the interface, and never somebody's own."""
_LONGEST_WORD: Final = 80
_MOST: Final = 12
_DEEPEST: Final = 12
_DECODER: Final = msgspec.json.Decoder()


def outlined_request(envelope: Envelope) -> str:
    """The method, the address without its query, the headers with only harmless values, the body's form."""
    headers = ", ".join(f"{name.decode('latin-1')}: {_value(name, value)}" for name, value in envelope.headers)
    return f"{envelope.method} {envelope.url.partition('?')[0]} [{headers}] {outlined_body(envelope.body)}"


def outlined_body(body: bytes) -> str:
    """JSON with its texts counted instead of told; anything else by its size.

    >>> outlined_body(b'{"model": "m", "messages": [{"role": "user", "content": "hush"}], "n": 2}')
    '{"model":"m","messages":[{"role":"user","content":"<4 characters>"}],"n":2}'
    """
    try:
        told = _outlined(_DECODER.decode(body), "", 0)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return f"<{len(body)} bytes>"
    return msgspec.json.encode(told).decode()


def _outlined(value: Any, name: str, depth: int) -> Any:
    if isinstance(value, str):
        return value if name in _OPEN_WORDS and len(value) <= _LONGEST_WORD else f"<{len(value)} characters>"
    if depth > _DEEPEST:
        return "<deeper>"
    if isinstance(value, Mapping):
        if name in ("properties", "schema", "parameters", "input_schema", "arguments", "args"):
            return f"<{len(value)} fields>"
        return {key: _outlined(inner, key, depth + 1) for key, inner in value.items()}
    if isinstance(value, Sequence):
        shown = [_outlined(inner, name if name in _OPEN_WORDS else "", depth + 1) for inner in value[:_MOST]]
        return [*shown, f"<{len(value) - _MOST} more>"] if len(value) > _MOST else shown
    return value


def _value(name: bytes, value: bytes) -> str:
    return value.decode("latin-1") if name.lower() in _OPEN_HEADERS else "<hidden>"
