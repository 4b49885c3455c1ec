"""What a cache decides on: how old a value is, how large, whether it is meant, and what makes room."""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Final

from llm_manager.domain.caching import Forgetting, Provenance
from llm_manager.domain.responses import LLMResponse

_FRAME: Final = 512
"""About what an answer takes beside its texts."""
_NUMBER: Final = 32
"""What a number of a vector takes in memory."""
_SLACK: Final = 20


def age(made_at: float, now: float) -> float:
    """How old a value is; one that is said to come from later, since a clock was set back, is new."""
    return max(0.0, now - made_at)


def is_fresh(age_seconds: float, ttl_seconds: float) -> bool:
    """Say whether a value may still be given."""
    return age_seconds < ttl_seconds


def bytes_in_memory(value: object) -> int:
    """About how many bytes a value takes."""
    if isinstance(value, LLMResponse):
        calls = sum(len(call.arguments) for call in value.tool_calls)
        thoughts = sum(len(thought.text) + len(thought.signature) for thought in value.thoughts)
        return _FRAME + len(value.content) + len(value.reasoning) + calls + thoughts
    return _FRAME + (_NUMBER * len(value) if isinstance(value, Sequence) else 0)


def is_meant(forgetting: Forgetting, provenance: Provenance, age_seconds: float) -> bool:
    """Say whether a value is one of those to be forgotten."""
    said = forgetting
    return (
        (said.model is None or said.model in (provenance.model, f"{provenance.provider}/{provenance.model}"))
        and (said.tag is None or said.tag in provenance.tags)
        and (said.tenant is None or said.tenant == provenance.tenant)
        and (said.older_than_seconds is None or age_seconds > said.older_than_seconds)
    )


def room_for(limit: int) -> int:
    """Down to how much is cleared when a limit is passed: a twentieth below it, so that not every value clears for itself."""
    return limit - limit // _SLACK


def going(sizes: Iterable[int], rows_over: int, bytes_over: int) -> int:
    """How many of the least recently used go, given their sizes in that order, until neither rows nor bytes are over."""
    gone = 0
    for size in sizes:
        if rows_over <= 0 and bytes_over <= 0:
            break
        gone, rows_over, bytes_over = gone + 1, rows_over - 1, bytes_over - size
    return gone


def nanodollars(usd: Decimal | None) -> int | None:
    """Money as a whole number, in billionths of a dollar, since the vector of one text costs less than a millionth."""
    return None if usd is None else int((usd * 1_000_000_000).to_integral_value())


def usd_of(nanos: int | None) -> Decimal | None:
    """The same as dollars."""
    return None if nanos is None else Decimal(nanos) / 1_000_000_000
