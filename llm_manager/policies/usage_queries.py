"""What may be asked of the usage log."""

from collections.abc import Iterable
from typing import Final, get_args

from llm_manager.domain.usage_log import UsageKey, UsageQuery
from llm_manager.policies.names import nearest

_KEYS: Final[tuple[UsageKey, ...]] = get_args(UsageKey)


def usage_keys(words: Iterable[str]) -> tuple[UsageKey, ...] | str:
    """Words as what usage may be grouped by, or what is wrong with one of them.

    >>> usage_keys(["model", "day"])
    ('model', 'day')
    """
    by_name: dict[str, UsageKey] = {key: key for key in _KEYS}
    found: list[UsageKey] = []
    for word in words:
        if word not in by_name:
            return _unknown(word)
        found.append(by_name[word])
    return tuple(found)


def query_fault(query: UsageQuery) -> str | None:
    """What is wrong with a query, as a line that names the field and what to give; None for one that can be answered."""
    for key in query.by:
        if key not in _KEYS:
            return _unknown(key)
    if len(set(query.by)) != len(query.by):
        return "by: a name is given twice"
    if query.top is not None and query.top < 1:
        return "top: give a number from 1"
    if query.dearest < 0:
        return "dearest: give a number from 0"
    if query.since is not None and query.until is not None and query.since >= query.until:
        return "since: it is not before until"
    return None


def _unknown(word: str) -> str:
    return f"by: usage is not grouped by {word!r}; did you mean {', '.join(nearest(word, _KEYS) or _KEYS)}?"
