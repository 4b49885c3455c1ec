"""What the journal tells of a call's end, as a `UsageRecord`."""

from llm_manager.domain.error_questions import origin_of
from llm_manager.domain.errors import LLMError
from llm_manager.domain.events import Answered, CallCancelled, CallFailed, Event
from llm_manager.domain.usage import Usage
from llm_manager.domain.usage_records import UsageRecord

CANCELLED = "cancelled"
_NOTHING = Usage()


def usage_record(event: Event, wall: float) -> UsageRecord | None:
    """The record of a call that ended at ``wall``, in seconds since 1970; None for any other event."""
    match event:
        case Answered(usage=usage, cached=cached):
            took = _NOTHING if usage is None or cached else usage
            return _record(event, wall, event.provider, event.model, took=took, cached=cached)
        case CallFailed(error=error):
            return _record(event, wall, *_asked(error), error=error.tag)
        case CallCancelled():
            return _record(event, wall, "", "", error=CANCELLED)
        case _:
            return None


def _record(
    event: Answered | CallFailed | CallCancelled,
    wall: float,
    provider: str,
    model: str,
    *,
    took: Usage = _NOTHING,
    cached: bool = False,
    error: str | None = None,
) -> UsageRecord:
    return UsageRecord(
        timestamp=wall,
        call_id=event.call_id,
        provider=provider,
        model=model,
        input_tokens=took.prompt_tokens,
        output_tokens=took.completion_tokens,
        latency_ms=1000 * event.seconds,
        success=error is None,
        error=error,
        cached=cached,
        usage=event.usage if isinstance(event, Answered) else None,
        cost=event.cost if isinstance(event, Answered) else None,
        feature=event.metadata.feature,
        user=event.metadata.user,
        tenant=event.metadata.tenant,
    )


def _asked(error: LLMError) -> tuple[str, str]:
    """Who was asked last."""
    if error.attempts:
        return error.attempts[-1].provider, error.attempts[-1].model
    origin = origin_of(error)
    return ("" if origin is None else origin.provider), ""
