"""Whether a run that goes on asks what it asked before: its settings as a digest, and what differs, field by field."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from llm_manager.domain.errors import ConfigurationError, Fault
from llm_manager.domain.plain_data import digest
from llm_manager.domain.runs import RunChange

_LONGEST: Final = 60


def fingerprint(settings: Mapping[str, Any]) -> str:
    """The SHA-256 of everything that decides answers.

    >>> fingerprint({"a": 1, "b": 2}) == fingerprint({"b": 2, "a": 1})
    True
    """
    return digest(settings)


def changes(then: Mapping[str, Any], now: Mapping[str, Any]) -> tuple[RunChange, ...]:
    """Every field that two settings do not share, by its dotted name, in order of names.

    >>> [change.name for change in changes({"a": {"b": 1, "c": 2}}, {"a": {"b": 3, "c": 2}, "d": 4})]
    ['a.b', 'd']
    """
    return tuple(_changes("", then, now))


def changed_error(run_id: str, found: Sequence[RunChange]) -> ConfigurationError:
    """Why a run may not go on with other settings than it began with."""
    names = ", ".join(change.name for change in found)
    return ConfigurationError(
        message=f"run {run_id} began with other settings ({names}): say them as they were, or fork it: a new run, "
        "which takes over the rows that both ask alike",
        faults=tuple(Fault(source=change.name, key="", problem=_told(change)) for change in found),
    )


def _changes(name: str, then: Any, now: Any) -> Iterator[RunChange]:
    if isinstance(then, Mapping) and isinstance(now, Mapping):
        for key in sorted({*then, *now}):
            yield from _changes(f"{name}.{key}" if name else key, then.get(key), now.get(key))
    elif then != now or isinstance(then, bool) != isinstance(now, bool):
        yield RunChange(name=name, then=then, now=now)


def _told(change: RunChange) -> str:
    before, after = _different(_text(change.then), _text(change.now))
    return f"was {before}, is {after}"


def _text(value: Any) -> str:
    return "not set" if value is None else repr(value)


def _different(one: str, other: str) -> tuple[str, str]:
    """Both texts, cut to where they differ."""
    shared = next((place for place, (left, right) in enumerate(zip(one, other, strict=False)) if left != right), 0)
    begin = max(0, shared - _LONGEST // 3) if max(len(one), len(other)) > _LONGEST else 0
    return _cut(one, begin), _cut(other, begin)


def _cut(text: str, begin: int) -> str:
    end = begin + _LONGEST
    return ("..." if begin else "") + text[begin:end] + ("..." if end < len(text) else "")
