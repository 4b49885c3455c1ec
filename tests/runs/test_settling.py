"""One run keeps one model: that of the first row that can be planned."""

from typing import Any

from returns.result import Failure, Result, Success

from llm_manager.domain.errors import ConfigurationError, InvalidRequest, LLMError, NetworkError
from llm_manager.domain.plans import Plan
from llm_manager.domain.requests import LLMRequest
from llm_manager.runs.settling import first_plan, refusal
from llm_manager.runs.surveying import survey

PLAN: Any = object()


def test_rows_that_cannot_be_planned_are_passed_over(jobbing: Any) -> None:
    job = jobbing([{"text": "long"}, {"text": "short"}])
    found = survey(job, lambda _: Success({})).unwrap()

    def plan(request: LLMRequest) -> Result[Plan, LLMError]:
        return Failure(InvalidRequest(message="too long")) if "long" in (request.prompt or "") else Success(PLAN)

    assert first_plan(plan, job, found) is PLAN


def test_why_nobody_can_be_asked_is_told_unless_it_may_pass(jobbing: Any) -> None:
    job = jobbing([{"text": "a"}])
    found, wrong = survey(job, lambda _: Success({})).unwrap(), ConfigurationError(message="no key")
    assert first_plan(lambda _: Failure(wrong), job, found) is None
    assert refusal(lambda _: Failure(wrong), job, found) == wrong
    assert refusal(lambda _: Failure(NetworkError(model="m", message="away")), job, found) is None
    assert refusal(lambda _: Success(PLAN), job, found) is None
    nothing = survey(job, lambda keys: Success(dict.fromkeys(keys, "answered"))).unwrap()
    assert refusal(lambda _: Failure(wrong), job, nothing) is None
