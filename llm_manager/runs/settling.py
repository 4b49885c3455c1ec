"""Which model a run settles on: the first row that can be planned decides for all, so that one run keeps one model."""

from collections.abc import Callable
from typing import Final

from attrs import evolve
from returns.result import Failure, Result

from llm_manager.domain.errors import LLMError
from llm_manager.domain.plans import Plan
from llm_manager.domain.requests import LLMRequest
from llm_manager.outcomes import sealed
from llm_manager.runs.jobs import Job
from llm_manager.runs.stopping import in_vain
from llm_manager.runs.surveying import Survey, requests_to_ask

_LOOKED_AT: Final = 20
"""So many rows are looked at for the first that can be planned: one may be too large, or too private."""

Planning = Callable[[LLMRequest], Result[Plan, LLMError]]


def first_plan(plan: Planning, job: Job, found: Survey) -> Plan | None:
    """Where the first row goes that can be planned."""
    for request in requests_to_ask(job, found, _LOOKED_AT):
        planned = sealed(plan(request))
        if not isinstance(planned, Failure):
            return planned.unwrap()
    return None


def refusal(plan: Planning, job: Job, found: Survey) -> LLMError | None:
    """Why no row could be asked of anybody, whatever it holds: the least of all requests finds nobody either."""
    if not found.requests:
        return None
    least = sealed(plan(evolve(job.request, prompt="x")))
    return least.failure() if isinstance(least, Failure) and not in_vain(least.failure()) else None
