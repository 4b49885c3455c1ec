"""`llm-manager plan`: which models would be asked, and why; nothing is sent."""

from collections.abc import Iterator

from returns.result import Failure

from llm_manager.cli.documents import plan_document
from llm_manager.cli.exits import OK
from llm_manager.cli.session import Session
from llm_manager.domain.plans import Plan, Refusal
from llm_manager.domain.requests import LLMRequest
from llm_manager.effects import settle
from llm_manager.outcomes import sealed


async def plan(session: Session, request: LLMRequest) -> int:
    """Show the route of a request with every reason; no model is asked."""
    await settle(session.manager.discover())
    planned = sealed(session.manager.plan(request))
    if isinstance(planned, Failure):
        return session.output.failure(planned.failure())
    route = planned.unwrap()
    if session.output.json:
        session.output.document(plan_document(route))
    else:
        session.output.text("\n".join(plan_lines(route)))
    return OK


def plan_lines(route: Plan) -> Iterator[str]:
    """A route in words: how the request was read, whom to ask in order, whom not to ask."""
    read = route.classification
    why = f" ({', '.join(read.reasons)})" if read.reasons else ""
    yield f"strategy {route.strategy}; a {read.complexity} {read.sensitivity} request of type {read.task_type}{why}"
    for number, step in enumerate(route.steps, start=1):
        reasons = f": {', '.join(step.reasons)}" if step.reasons else ""
        yield f"{number}. {step.profile.name} at {step.profile.provider} ({step.endpoint.locality}){reasons}"
    absent = [refusal.provider for refusal in route.refused if _is_absent(refusal)]
    for refusal in route.refused:
        if _is_absent(refusal):
            continue
        yield f"-  {' '.join(filter(None, (refusal.model, 'at' if refusal.model else '', refusal.provider)))}: {refusal.reason}"
    if absent:
        yield f"not configured: {', '.join(absent)}"
    for notice in route.notices:
        yield f"note: {notice}"


def _is_absent(refusal: Refusal) -> bool:
    """Say whether a whole provider is out because nobody asked for it."""
    return refusal.rule == "unconfigured"
