"""`llm-manager health`: which endpoints answer."""

from returns.result import Failure

from llm_manager.cli.documents import health_document
from llm_manager.cli.exits import FAILED, OK
from llm_manager.cli.session import Session
from llm_manager.domain.models import Health
from llm_manager.effects import settle

_SHOWN_MODELS = 5


async def health(session: Session) -> int:
    """Ask every configured endpoint whether it answers; it is a failure when none does."""
    outcome = await settle(session.manager.health())
    if isinstance(outcome, Failure):
        return session.output.failure(outcome.failure())
    found = outcome.unwrap()
    if session.output.json:
        session.output.document([health_document(one) for one in found])
    else:
        session.output.table(("provider", "state", "seconds", "models or reason"), map(_row, found))
    if any(one.healthy for one in found):
        return OK
    session.output.note("error: no endpoint answers; llm-manager config show tells what is configured")
    return FAILED


def _row(one: Health) -> tuple[str, ...]:
    seconds = "" if one.latency_seconds is None else f"{one.latency_seconds:.3f}"
    more = f", and {len(one.models) - _SHOWN_MODELS} more" if len(one.models) > _SHOWN_MODELS else ""
    told = ", ".join(one.models[:_SHOWN_MODELS]) + more if one.healthy else one.error_message or ""
    return one.provider, "healthy" if one.healthy else "down", seconds, told
