"""What an error answer of Gemini says: Google's status object, alone, within a list, or as a piece of a stream."""

from collections.abc import Iterator, Mapping
from typing import Any

from attrs import frozen

from llm_manager.clients.refusals import text_in, told_in

_LARGEST_WORD = 100
_MOST_DETAILS = 50


@frozen(kw_only=True)
class Signal:
    """One error as it was put: ``words`` are its status and the reasons of its details, lower case; ``message`` its sentence."""

    status: int
    words: frozenset[str] = frozenset()
    code: str | None = None
    message: str = ""
    delay: str | None = None
    """How long to wait, as its details have it."""
    quotas: tuple[tuple[str, str | None], ...] = ()
    """The quotas that were passed: their names, lower case, and what they allow."""
    is_json: bool = True
    raw: str = ""


def read_body(status: int, body: bytes) -> Signal:
    """Read an error answer; a body that is no JSON has no words, and its text is only kept as ``raw``."""
    return read_error(status, told_in(body), raw=text_in(body))


def read_error(status: int, told: object, *, raw: str = "") -> Signal:
    """Read a decoded error: an ``error`` object, the object itself, or the first of a list of either."""
    if isinstance(told, list) and told:
        told = told[0]
    if not isinstance(told, Mapping):
        return Signal(status=status, message=told if isinstance(told, str) else "", is_json=told is not None, raw=raw)
    error = told.get("error")
    fields: Mapping[str, Any] = error if isinstance(error, Mapping) else told
    message = fields.get("message", error)
    details = [each for each in _list(fields.get("details")) if isinstance(each, Mapping)]
    words = tuple(_words(fields, details))
    delays = (each.get("retryDelay") for each in details)
    return Signal(
        status=status,
        words=frozenset(word.lower() for word in words),
        code=words[-1] if words else None,
        message=message if isinstance(message, str) else "",
        delay=next((delay for delay in delays if isinstance(delay, str)), None),
        quotas=tuple(_quotas(details)),
        raw=raw or (message if isinstance(message, str) else ""),
    )


def status_in(told: object) -> int | None:
    """The status that an error inside a good answer names as its code."""
    error = told.get("error", told) if isinstance(told, Mapping) else None
    code = error.get("code") if isinstance(error, Mapping) else None
    return code if type(code) is int and 300 <= code <= 599 else None


def _words(fields: Mapping[str, Any], details: list[Mapping[str, Any]]) -> Iterator[str]:
    """Its status, then the reasons that say more."""
    for source, key in ((fields, "status"), *((each, "reason") for each in details)):
        word = source.get(key)
        if isinstance(word, str) and word:
            yield word[:_LARGEST_WORD]


def _quotas(details: list[Mapping[str, Any]]) -> Iterator[tuple[str, str | None]]:
    for each in details:
        for violation in _list(each.get("violations")):
            if isinstance(violation, Mapping):
                name, value = violation.get("quotaId") or violation.get("quotaMetric"), violation.get("quotaValue")
                if isinstance(name, str):
                    yield name.lower(), value if isinstance(value, str) else None


def _list(told: object) -> list[Any]:
    return told[:_MOST_DETAILS] if isinstance(told, list) else []
