"""`llm-manager run --dry-run` and ``--estimate``: what would be sent, how much of it, to whom and at what cost; nothing is sent."""

import asyncio
from collections.abc import Sequence
from typing import Any, Final

from attrs import frozen
from returns.result import Failure

from llm_manager.cli.documents import plan_document
from llm_manager.cli.exits import OK, error_document, error_line, exit_code
from llm_manager.cli.plan import plan_lines
from llm_manager.cli.run.estimate import RunEstimate, estimate_document, estimate_lines, estimated
from llm_manager.cli.run.keeping import peek
from llm_manager.cli.run.typed import Prepared
from llm_manager.cli.session import Session
from llm_manager.domain.errors import LLMError
from llm_manager.domain.plans import Plan
from llm_manager.domain.requests import JsonSchema, LLMRequest
from llm_manager.domain.runs import RunPlan
from llm_manager.effects import settle
from llm_manager.outcomes import Settled, sealed
from llm_manager.policies.plurals import counted
from llm_manager.runs.jobs import Job
from llm_manager.runs.surveying import Survey, requests_to_ask, survey

_SHOWN: Final = 3


@frozen(kw_only=True)
class Previewing:
    """How a run is looked at: its first rows or all, and whether it is shown, or counted with so many at once."""

    limit: int | None
    retry_failed: bool
    counting: bool = False
    concurrency: int | None = None


def preview(session: Session, prepared: Prepared, plan: RunPlan, looking: Previewing) -> int:
    """Show what a run would send; what is kept of it is looked at and left as it is."""
    job, output = prepared.job, session.output
    peeked = peek(session, plan)
    if isinstance(peeked, Failure):
        return output.failure(peeked.failure())
    found = survey(job, peeked.unwrap().look, retry_failed=looking.retry_failed)
    if isinstance(found, Failure):
        return output.failure(found.failure())
    for note in peeked.unwrap().notes(found.unwrap()):
        output.note(note)
    requests = requests_to_ask(job, found.unwrap(), looking.limit or _SHOWN)
    planned, counted_up = asyncio.run(_looked(session, job, found.unwrap(), requests[0], looking)) if requests else (None, None)
    if output.json:
        told = _document(job, found.unwrap(), requests, planned)
        output.document(told if counted_up is None else {**told, "estimate": estimate_document(counted_up)})
    else:
        _show(session, found.unwrap(), () if looking.counting else requests, planned)
        if counted_up is not None:
            for line in estimate_lines(counted_up):
                output.text(line)
    return exit_code(planned.failure()) if isinstance(planned, Failure) else OK


async def _looked(
    session: Session, job: Job, found: Survey, request: LLMRequest, looking: Previewing
) -> tuple[Settled[Plan, LLMError], RunEstimate | None]:
    """Where the first request would go, and, where that is wanted, what it takes to ask all of them there."""
    async with session.manager as manager:
        await settle(manager.discover())
        planned = sealed(manager.plan(request))
        if not looking.counting or isinstance(planned, Failure):
            return planned, None
        return planned, await estimated(session, job, found, planned.unwrap().steps[0].profile, looking.concurrency)


def _show(session: Session, found: Survey, requests: Sequence[LLMRequest], planned: Settled[Plan, LLMError] | None) -> None:
    output, tally = session.output, found.tally
    for number, request in enumerate(requests, start=1):
        told = (
            f"--- request {number} of {found.requests}",
            *((f"[system] {request.system}",) if request.system else ()),
            request.prompt or "",
        )
        output.text("\n".join(told))
    earlier = f", {tally.earlier} answered earlier" if tally.earlier else ""
    failed = f", {tally.failed + tally.failed_earlier} failed" if tally.failed + tally.failed_earlier else ""
    output.note(f"{counted(tally.rows, 'row')}, {counted(found.requests, 'request')} to send{earlier}{failed}; nothing was sent")
    for tag, example in tally.examples.items():
        output.note(f"{tally.failures[tag]} x {tag}, such as: {example}")
    if isinstance(planned, Failure):
        output.note(error_line(planned.failure()))
    elif planned is not None:
        for line in plan_lines(planned.unwrap()):
            output.note(line)


def _document(job: Job, found: Survey, requests: Sequence[LLMRequest], planned: Settled[Plan, LLMError] | None) -> dict[str, Any]:
    form, tally = job.request.output, found.tally
    route = (
        error_document(planned.failure()) if isinstance(planned, Failure) else None if planned is None else plan_document(planned.unwrap())
    )
    return {
        "rows": tally.rows,
        "to_send": found.requests,
        "answered_earlier": tally.earlier,
        "failed": tally.failed,
        "failed_earlier": tally.failed_earlier,
        "schema": dict(form.schema) if isinstance(form, JsonSchema) else None,
        "requests": [{"system": request.system, "prompt": request.prompt} for request in requests],
        "plan": route,
    }
