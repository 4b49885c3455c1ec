"""What the usage log keeps of an event: the end of an attempt, an answer that was remembered, a budget begun anew."""

from collections.abc import Mapping
from typing import Final, Literal, TypeAlias

from llm_manager.domain.error_questions import charge_of
from llm_manager.domain.events import AttemptAnswered, AttemptFailed, AttemptLeft, CacheHit, Event, Operation, SimilarFound, UsageReset
from llm_manager.domain.usage import Cost, Most, Priced, Usage
from llm_manager.policies.budget_rules import parts
from llm_manager.policies.latencies import bucket_of
from llm_manager.policies.remembering import nanodollars

Outcome: TypeAlias = Literal["answered", "failed", "left", "hit", "shared", "similar", "reset", "lost"]
Entry: TypeAlias = Mapping[str, object]
"""A row by the names of its columns, all but where it stands."""

LOGGED: Final = frozenset((AttemptAnswered, AttemptFailed, AttemptLeft, CacheHit, SimilarFound, UsageReset))
"""The events that are kept."""

_MICRO: Final = 1_000_000
_MOST: Final = 2**40
"""What is more than this is no count and no price that a provider told, and sums of such would fit no column."""
_LARGEST: Final = 2**31 - 1
_LONGEST_SECONDS: Final = 1e6
_LONGEST: Final = 500
_HOUR_SECONDS: Final = 3600

_BLANK: Final[Entry] = {
    "error": None,
    "call_id": None,
    "number": 0,
    "provider": "",
    "model": "",
    "operation": "",
    "key_fingerprint": None,
    "feature": None,
    "user": None,
    "tenant": None,
    "run": None,
    "input_tokens": None,
    "cache_read_tokens": None,
    "cache_write_tokens": None,
    "cache_write_long_tokens": None,
    "output_tokens": None,
    "reasoning_tokens": None,
    "cost_micros": None,
    "cost_rest": None,
    "price_version": None,
    "seconds": 0.0,
    "latency_bucket": 0,
    "billable": False,
    "prefix_nanos": None,
    "most_micros": None,
    "most_tokens": None,
}


def entry_of(event: Event, wall: float) -> Entry | None:
    """The row of an event that came at ``wall``, in seconds since 1970; None for one that is not kept."""
    match event:
        case AttemptAnswered():
            free = event.operation == "count_tokens"
            cost = {"cost_micros": 0, "cost_rest": 0} if free else _cost(event.cost)
            saved = nanodollars(event.prefix_saved_usd)
            prefix = None if saved is None else max(-_MOST, min(saved, _MOST))
            return {**_attempt(event, wall, "answered"), **_tokens(event.usage), **cost, "prefix_nanos": prefix, "billable": not free}
        case AttemptFailed():
            return {**_attempt(event, wall, "failed"), "error": event.error.tag, "billable": charge_of(event.error) != "none"}
        case AttemptLeft():
            return {**_attempt(event, wall, "left"), "billable": event.operation != "count_tokens"}
        case CacheHit():
            outcome: Outcome = "shared" if event.shared else "hit"
            return {**_any(event, wall, outcome, event.operation), **_tokens(event.usage), **_cost(event.saved)}
        case SimilarFound(accepted=True):
            return {**_any(event, wall, "similar", "chat"), **_tokens(event.usage), **_cost(event.saved)}
        case UsageReset():
            return {**_BLANK, "at": wall, "hour": _hour(wall), "outcome": "reset", "operation": event.period}
        case _:
            return None


def lost_entry(lost: int, wall: float) -> Entry:
    """The row that says how many were not kept."""
    return {**_BLANK, "at": wall, "hour": _hour(wall), "outcome": "lost", "number": min(lost, _LARGEST)}


def parts_of(micros: int, rest: int) -> int:
    """What a row or a sum of rows cost, in millionths of a millionth of a dollar."""
    return micros * _MICRO + rest


_Ended: TypeAlias = AttemptAnswered | AttemptFailed | AttemptLeft


def _any(event: _Ended | CacheHit | SimilarFound, wall: float, outcome: Outcome, operation: Operation) -> dict[str, object]:
    metadata = event.metadata
    return {
        **_BLANK,
        "at": wall,
        "hour": _hour(wall),
        "outcome": outcome,
        "call_id": _text(event.call_id),
        "provider": _text(event.provider),
        "model": _text(event.model),
        "operation": operation,
        "feature": _text(metadata.feature),
        "user": _text(metadata.user),
        "tenant": _text(metadata.tenant),
        "run": _text(metadata.run),
    }


def _attempt(event: _Ended, wall: float, outcome: Outcome) -> dict[str, object]:
    seconds = min(event.seconds, _LONGEST_SECONDS) if event.seconds > 0 else 0.0
    return {
        **_any(event, wall, outcome, event.operation),
        "number": max(0, min(event.number, _LARGEST)),
        "key_fingerprint": _text(event.key_fingerprint),
        "seconds": seconds,
        "latency_bucket": bucket_of(seconds),
        **_most(event.most, event.operation),
    }


def _tokens(usage: Usage | None) -> Entry:
    if usage is None:
        return {}
    return {
        "input_tokens": _bounded(usage.input_tokens),
        "cache_read_tokens": _bounded(usage.cache_read_tokens),
        "cache_write_tokens": _bounded(usage.cache_write_tokens),
        "cache_write_long_tokens": _bounded(usage.cache_write_long_tokens),
        "output_tokens": _bounded(usage.output_tokens),
        "reasoning_tokens": _bounded(usage.reasoning_tokens),
    }


def _cost(cost: Cost) -> Entry:
    if not isinstance(cost, Priced):
        return {}
    micros, rest = divmod(parts(cost.usd, "usd"), _MICRO)
    return {"cost_micros": _bounded(micros), "cost_rest": rest, "price_version": _text(cost.price_version)}


def _most(most: Most | None, operation: Operation) -> Entry:
    if most is None or operation == "count_tokens":
        return {}
    micros = None if most.usd is None else -(-parts(most.usd, "usd") // _MICRO)
    tokens = None if most.tokens is None else _bounded(most.tokens)
    return {"most_micros": None if micros is None else _bounded(micros), "most_tokens": tokens}


def _bounded(count: int) -> int:
    return max(0, min(count, _MOST))


def _hour(wall: float) -> int:
    return int(wall // _HOUR_SECONDS)


def _text(text: str | None) -> str | None:
    """Cut, and without what no database takes as text."""
    if text is None or (text.isascii() and len(text) <= _LONGEST and "\0" not in text):
        return text
    return text[:_LONGEST].replace("\0", "\N{REPLACEMENT CHARACTER}").encode("utf-8", "replace").decode("utf-8", "replace")
