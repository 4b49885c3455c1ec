"""What may be asked of the usage log."""

from typing import Final, get_args

from llm_manager.domain.usage_log import UsageKey, UsageQuery
from llm_manager.policies.names import nearest

USAGE_KEYS: Final[tuple[str, ...]] = get_args(UsageKey)


def query_fault(query: UsageQuery) -> str | None:
    """What is wrong with a query, as a line that names the field and what to give; None for one that can be answered."""
    for key in query.by:
        if key not in USAGE_KEYS:
            return f"by: usage is not grouped by {key!r}; did you mean {', '.join(nearest(str(key), USAGE_KEYS) or USAGE_KEYS)}?"
    if len(set(query.by)) != len(query.by):
        return "by: a name is given twice"
    if query.top is not None and query.top < 1:
        return "top: give a number from 1"
    if query.dearest < 0:
        return "dearest: give a number from 0"
    if query.since is not None and query.until is not None and query.since >= query.until:
        return "since: it is not before until"
    return None
