"""A subscriber of the journal that writes to `logging`: who was asked, how long it took, what went wrong.

Only metadata: no prompt, no answer, no key. Errors are written by their tag and one-line description.
"""

import logging
from collections.abc import Mapping
from typing import assert_never

from llm_manager.domain.error_questions import describe
from llm_manager.domain.errors import LLMError
from llm_manager.domain.events import (
    Answered,
    AttemptAnswered,
    AttemptFailed,
    AttemptLeft,
    AttemptStarted,
    BreakerChanged,
    BudgetAlert,
    CacheFailed,
    CacheHit,
    CallCancelled,
    CallFailed,
    Event,
    KeyChanged,
    MovedOn,
    Paused,
    ServersProbed,
    SharingLost,
    SharingRegained,
    SimilarFound,
    ToolCalled,
    UsageReset,
)
from llm_manager.domain.usage import Cost, Priced, Usage
from llm_manager.policies.budget_words import plain

_logger = logging.getLogger(__name__)
_logger.addHandler(logging.NullHandler())


_LEVELS: Mapping[type[Event], int] = {
    Answered: logging.INFO,
    MovedOn: logging.INFO,
    CallFailed: logging.WARNING,
    AttemptStarted: logging.DEBUG,
    AttemptFailed: logging.DEBUG,
    AttemptAnswered: logging.DEBUG,
    AttemptLeft: logging.DEBUG,
    CacheHit: logging.DEBUG,
    SimilarFound: logging.DEBUG,
    CacheFailed: logging.WARNING,
    SharingLost: logging.WARNING,
    SharingRegained: logging.WARNING,
    CallCancelled: logging.DEBUG,
    ToolCalled: logging.DEBUG,
    ServersProbed: logging.DEBUG,
    BreakerChanged: logging.WARNING,
    Paused: logging.INFO,
    BudgetAlert: logging.WARNING,
    UsageReset: logging.INFO,
    KeyChanged: logging.INFO,
}


def log(event: Event) -> None:
    """Write one event: failures of calls as warnings, ends and moves as information, the rest for debugging."""
    level = _LEVELS[type(event)]
    if _logger.isEnabledFor(level):
        _logger.log(level, "%s", _told(event))


def _told(event: Event) -> str:
    match event:
        case AttemptStarted():
            key = "" if event.key_fingerprint is None else f" with key {event.key_fingerprint}"
            return f"[{event.call_id}] attempt {event.number} asks {event.provider}/{event.model}{key}"
        case AttemptFailed():
            return (
                f"[{event.call_id}] attempt {event.number} of {event.provider}/{event.model} failed"
                f" after {event.seconds:.3f} s: {_error(event.error)}"
            )
        case AttemptAnswered():
            return (
                f"[{event.call_id}] attempt {event.number} of {event.provider}/{event.model} answered"
                f" after {event.seconds:.3f} s, {_tokens(event.usage)}, {_money(event.cost)}"
            )
        case AttemptLeft():
            return f"[{event.call_id}] attempt {event.number} of {event.provider}/{event.model} was left after {event.seconds:.3f} s"
        case MovedOn():
            return (
                f"[{event.call_id}] goes on from {event.from_model} to {event.to_model}"
                f" in {event.after_seconds:.3f} s because of {event.error_tag}"
            )
        case CacheHit():
            how = "shared with an equal call" if event.shared else "remembered"
            return f"[{event.call_id}] {event.provider}/{event.model}: {how}"
        case Answered():
            cached = ", cached" if event.cached else ""
            return (
                f"[{event.call_id}] answered by {event.provider}/{event.model} in {event.seconds:.3f} s,"
                f" {_tokens(event.usage)}, {_money(event.cost)}{cached}"
            )
        case SimilarFound():
            judged = "used" if event.accepted else "not used"
            return f"[{event.call_id}] a similar prompt's answer by {event.provider}/{event.model}, score {event.score:.3f}, {judged}"
        case CacheFailed():
            return f"what is remembered cannot be reached: {_error(event.error)}"
        case SharingLost():
            return (
                "what is shared with other processes cannot be reached: limits hold for this process alone, budgets of days and months"
                f" refuse what costs something: {_error(event.error)}"
            )
        case SharingRegained():
            return f"{_printable(event.place)} is reached again after {event.seconds:.1f} s: limits and budgets are shared"
        case CallFailed():
            return f"[{event.call_id}] failed after {event.seconds:.3f} s: {_error(event.error)}"
        case CallCancelled():
            return f"[{event.call_id}] left by its caller after {event.seconds:.3f} s"
        case ServersProbed():
            return f"local servers found: {', '.join(event.found) or 'none'}; absent: {', '.join(event.absent) or 'none'}"
        case ToolCalled():
            ended = "answered" if event.error is None else f"failed: {_error(event.error)}"
            return f"[{event.call_id}] step {event.step}: tool {_printable(event.tool)} after {event.seconds:.3f} s {ended}"
        case BreakerChanged():
            words = {"open": "failed too often and is not asked for now", "half_open": "is tried again", "closed": "is well again"}
            return f"{event.provider} at {event.endpoint} {words[event.phase]}"
        case Paused():
            key = "" if event.key_fingerprint is None else f" with key {event.key_fingerprint}"
            return f"{event.provider} at {event.endpoint}{key} is asked nothing for {event.seconds:.1f} s, as it wants"
        case UsageReset(period=period):
            return f"the budgets of a {period} begin anew"
        case BudgetAlert():
            of = f" of {_printable(event.of)}" if event.of else ""
            return f"budget {_printable(event.budget)}{of}: {plain(event.spent)} of {plain(event.limit)} {event.unit} ({event.share:.0%})"
        case KeyChanged():
            return f"key {event.key_fingerprint} of {event.provider}: {event.change}"
        case _:
            assert_never(event)


def _error(error: LLMError) -> str:
    """One line of printable text, whatever a provider wrote."""
    return _printable(f"{error.tag}: {describe(error)}")


def _printable(told: str) -> str:
    return told if told.isprintable() else "".join(letter if letter.isprintable() else " " for letter in told)


def _tokens(usage: Usage | None) -> str:
    return "tokens not told" if usage is None else f"{usage.prompt_tokens} tokens in, {usage.completion_tokens} out"


def _money(cost: Cost) -> str:
    return f"{cost.usd} USD" if isinstance(cost, Priced) else f"unpriced ({cost.reason})"
