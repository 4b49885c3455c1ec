"""What an error answer says: its type, its own code, and its sentence."""

from collections.abc import Mapping
from typing import Any

from attrs import frozen

from llm_manager.clients.refusals import Lengths, lengths_told, text_in, told_in

_LONGEST_CODE = 100


@frozen(kw_only=True)
class Signal:
    """One error as the provider put it: its status, type, own code, and its sentence as it came."""

    status: int
    type: str = ""
    code: str = ""
    message: str = ""
    counts: Lengths = (None, None)
    request_id: str | None = None
    is_json: bool = True
    raw: str = ""


def read_body(status: int, body: bytes) -> Signal:
    """Read an error answer; of a body that is no JSON only its text is kept."""
    return read_error(status, told_in(body), text_in(body))


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
        counts=lengths_told(error),
        request_id=_text(told.get("request_id")) or None,
        raw=raw,
    )


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
