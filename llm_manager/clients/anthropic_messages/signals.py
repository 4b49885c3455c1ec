"""What an error answer says: its type, its own code, and its sentence."""

from collections.abc import Mapping
from typing import Any

import msgspec
from attrs import frozen

_LARGEST_ERROR_BYTES = 1_000_000
_LARGEST_COUNT = 2**53
_LONGEST_CODE = 100


@frozen(kw_only=True)
class Signal:
    """One error as the provider put it: its status, type, own code, and its sentence as it came."""

    status: int
    type: str = ""
    code: str = ""
    message: str = ""
    counts: tuple[int | None, int | None] = (None, None)
    request_id: str | None = None
    is_json: bool = True
    raw: str = ""


def read_body(status: int, body: bytes) -> Signal:
    """Read an error answer; of a body that is no JSON only its text is kept."""
    raw = body[:_LARGEST_ERROR_BYTES].decode("utf-8", "replace")
    try:
        told = msgspec.json.decode(body) if len(body) <= _LARGEST_ERROR_BYTES else None
    except (ValueError, RecursionError):
        told = None
    return read_error(status, told, raw)


def read_error(status: int, told: object, raw: str) -> Signal:
    """Read ``{"type": "error", "error": {...}}``, or the inner object alone."""
    if not isinstance(told, Mapping):
        return Signal(status=status, message=told if isinstance(told, str) else "", is_json=told is not None, raw=raw)
    inner = told.get("error")
    error: Mapping[str, Any] = inner if isinstance(inner, Mapping) else told
    details = error.get("details")
    return Signal(
        status=status,
        type=_text(error.get("type"))[:_LONGEST_CODE],
        code=_text(details.get("error_code"))[:_LONGEST_CODE] if isinstance(details, Mapping) else "",
        message=_text(error.get("message")) or _text(inner),
        counts=(_count(error.get("n_prompt_tokens")), _count(error.get("n_ctx"))),
        request_id=_text(told.get("request_id")) or None,
        raw=raw,
    )


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _LARGEST_COUNT else None
