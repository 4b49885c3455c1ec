"""Say whether a request would pass now: its budgets, its endpoints, and their quotas are asked, and nothing is sent or set aside."""

from collections.abc import Callable, Mapping
from math import inf

from attrs import frozen
from returns.result import Failure, Result, Success

from llm_manager.domain.attempts import Attempt, Ledger, Limits
from llm_manager.domain.errors import AttemptRecord, CircuitOpen, LLMError, RateLimitExceeded
from llm_manager.domain.models import Endpoint
from llm_manager.domain.plans import Plan, PlanStep
from llm_manager.domain.requests import LLMRequest
from llm_manager.outcomes import sealed
from llm_manager.policies.call_cost import uncovered
from llm_manager.policies.recovery import verdict
from llm_manager.services.guards import Guards
from llm_manager.services.manager import CheckLimits
from llm_manager.services.model_client import ModelClient

_LIMITS = Limits()


@frozen(kw_only=True)
class LimitingDeps:
    """What is asked: where a request would go, and what would let it through."""

    plan: Callable[[LLMRequest], Result[Plan, LLMError]]
    clients: Callable[[], Mapping[str, ModelClient]]
    guards: Guards
    now: Callable[[], float]


def checking_limits(deps: LimitingDeps) -> CheckLimits:
    """Say whether a request would pass now, to any of the models it may go to; without one, whether anything may be spent at all."""

    def check(request: LLMRequest | None = None, /) -> Result[None, LLMError]:
        if request is None:
            spent = deps.guards.budgets.refusal(None)
            return Success(None) if spent is None else Failure(spent)
        planned = sealed(deps.plan(request))
        if isinstance(planned, Failure):
            return planned
        plan = planned.unwrap()
        ledger = Ledger(started=0.0, deadline=inf)
        for index, step in enumerate(plan.steps):
            refused = _refusal(deps, request, step)
            if refused is None:
                return Success(None)
            ledger = ledger.entered(_not_sent(index, step, refused))
        return Failure(verdict(plan, ledger))

    return check


def _not_sent(index: int, step: PlanStep, refused: LLMError) -> AttemptRecord:
    profile = step.profile
    return AttemptRecord(
        number=index + 1,
        step=index,
        provider=profile.provider,
        model=profile.name,
        after_seconds=0.0,
        seconds=0.0,
        error=refused,
        sent=False,
    )


def _refusal(deps: LimitingDeps, request: LLMRequest, step: PlanStep) -> LLMError | None:
    client = deps.clients()[step.profile.provider]
    encoded = sealed(client.encode(request, step.profile))
    if isinstance(encoded, Failure):
        return encoded.failure()
    attempt = Attempt(
        call_id="",
        number=1,
        request=request,
        model=step.profile,
        endpoint=client.endpoint,
        wire=encoded.unwrap(),
        key=client.key,
        limits=_LIMITS,
        deadline=inf,
        call_deadline=inf,
        total_seconds=inf,
        left_usd=request.max_cost_usd,
    )
    return (
        uncovered(attempt)
        or deps.guards.budgets.refusal(attempt)
        or _shut(deps, attempt)
        or _paused(deps.guards, attempt.model.name, client.endpoint)
    )


def _shut(deps: LimitingDeps, attempt: Attempt) -> CircuitOpen | None:
    until = deps.guards.breakers.shut().get(attempt.endpoint.identity)
    if until is None:
        return None
    endpoint = attempt.endpoint
    causes = (
        each.cause for each in deps.guards.breakers.standing() if (each.provider, each.endpoint) == (endpoint.provider, endpoint.base_url)
    )
    return CircuitOpen(
        model=attempt.model.name, endpoint=endpoint.base_url, retry_after_seconds=max(0.0, until - deps.now()), cause=next(causes, None)
    )


def _paused(guards: Guards, model: str, endpoint: Endpoint) -> RateLimitExceeded | None:
    """Every quota of the endpoint, one for each key, is paused or used up."""
    scopes = [each for each in guards.admissions.standing() if (each.provider, each.endpoint) == (endpoint.provider, endpoint.base_url)]
    if not scopes or any(each.paused_seconds <= 0 and each.requests_left != 0 for each in scopes):
        return None
    waits = [each.ready_in_seconds for each in scopes if each.ready_in_seconds is not None]
    return RateLimitExceeded(
        model=model, retry_after_seconds=min(waits, default=None), message="nothing is left of this minute", local=True
    )
