"""What the audit trail keeps of an event: who asked whom on whose behalf with which key, and how it ended; no word of what was said."""

from collections.abc import Mapping
from typing import Any, assert_never

from llm_manager.domain.error_questions import charge_of
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
from llm_manager.domain.requests import RequestMetadata
from llm_manager.domain.usage import Cost, Priced


def audit_facts(event: Event) -> Mapping[str, Any] | None:
    """The facts of an event that belongs in the trail; None for one that does not."""
    match event:
        case AttemptStarted():
            return {**_attempt(event), "key": event.key_fingerprint, **_whose(event.metadata)}
        case AttemptAnswered():
            return {**_attempt(event), "cost_usd": _cost(event.cost)}
        case AttemptFailed():
            return {**_attempt(event), **_error(event.error)}
        case AttemptLeft():
            return dict(_attempt(event))
        case CacheHit():
            return {"call": event.call_id, "provider": event.provider, "model": event.model, "shared": event.shared}
        case SimilarFound():
            told = {"call": event.call_id, "provider": event.provider, "model": event.model}
            return {**told, "score": f"{event.score:.6f}", "accepted": event.accepted}
        case CallFailed():
            return {"call": event.call_id, **_error(event.error), **_whose(event.metadata)}
        case ToolCalled():
            return {"call": event.call_id, "step": event.step, "tool": event.tool, **({} if event.error is None else _error(event.error))}
        case KeyChanged():
            return {"provider": event.provider, "key": event.key_fingerprint, "change": event.change}
        case BudgetAlert():
            told = {"budget": event.budget, "of": event.of, "unit": event.unit}
            return {**told, "share": str(event.share), "spent": str(event.spent), "limit": str(event.limit)}
        case UsageReset():
            return {"period": event.period}
        case BreakerChanged():
            return {"provider": event.provider, "endpoint": event.endpoint, "phase": event.phase}
        case Answered() | CacheFailed() | CallCancelled() | MovedOn() | Paused() | ServersProbed() | SharingLost() | SharingRegained():
            return None
        case _:
            assert_never(event)


def _attempt(event: AttemptStarted | AttemptAnswered | AttemptFailed | AttemptLeft) -> Mapping[str, Any]:
    told = {"call": event.call_id, "attempt": event.number, "operation": event.operation}
    return {**told, "provider": event.provider, "model": event.model}


def _error(error: LLMError) -> Mapping[str, Any]:
    """Its name; what a server said may repeat what was said to it."""
    return {"error": error.tag, "charge": charge_of(error)}


def _whose(metadata: RequestMetadata) -> Mapping[str, Any]:
    told = {"feature": metadata.feature, "user": metadata.user, "tenant": metadata.tenant, "run": metadata.run}
    return {name: value for name, value in told.items() if value is not None}


def _cost(cost: Cost) -> str | None:
    return format(cost.usd, "f") if isinstance(cost, Priced) else None
