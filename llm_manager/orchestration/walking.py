"""One call: plan it, then walk the plan: its steps are tried as `next_move` says, with one ledger for all its attempts.

Whole answers and streams take the same walk; a stream that has opened has left it, so falling back happens only before
its first event by construction.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from msgspec.structs import replace
from returns.result import Failure, Success

from llm_manager.domain.attempts import Attempt, Call, Ledger, Limits
from llm_manager.domain.errors import LLMError
from llm_manager.domain.plans import Plan, PlanStep
from llm_manager.domain.requests import LLMRequest
from llm_manager.orchestration.attempting import WalkDeps, Way
from llm_manager.orchestration.hedging import hedge, hedged
from llm_manager.orchestration.trying import Lost, Trial, too_late, try_on
from llm_manager.outcomes import Settled, sealed
from llm_manager.policies.deadlines import limits_for, total_seconds
from llm_manager.policies.prompt_prefixes import arranged
from llm_manager.policies.recovery import FIRST
from llm_manager.policies.request_faults import check_request
from llm_manager.services.steps import Reply, Step


def walking(step: Step[Attempt, Reply], deps: WalkDeps, *, streamed: bool) -> Step[Call, Reply]:
    """Turn a step for one attempt into a step for a whole call."""
    now = deps.world.now
    bounds = _remembering_limits(deps, streamed=streamed)

    async def walk(call: Call) -> Settled[Reply, LLMError]:
        wrong = check_request(call.request)
        if wrong is not None:
            return Failure(wrong)
        if deps.performance.stable_prompts and (request := arranged(call.request)) is not call.request:
            call = replace(call, request=request)
        routed = sealed(deps.router.route(call.request, await deps.snapshot(call.request)))
        if not isinstance(routed, Success):
            return routed
        plan = routed.unwrap()
        if deps.explore is not None:
            plan = await deps.explore(call.request, plan)
        limits, longest = bounds(call.request, plan)
        way = Way(deps, call, plan, limits, streamed)
        ledger = _ledger(call, longest)
        began = now()
        if began >= ledger.deadline:
            return Failure(too_late(plan.steps[0].profile, ledger))
        second = hedge(deps, plan) if deps.hedging.enabled else None
        if second is None:
            outcome = await way.ask(step, FIRST, ledger, began)
            if isinstance(outcome, Success):
                return outcome
            lost = Lost(ledger=ledger, asked=FIRST, began=began, ended=now(), missed=outcome.failure())
        else:
            raced = await hedged(step, way, ledger, began, second)
            if isinstance(raced, Success):
                return raced
            lost = raced.failure()
        trial = Trial(
            plan=plan,
            call_id=call.id,
            world=deps.world,
            journal=deps.journal,
            guards=deps.guards,
            patient=call.patient,
            outages=call.outages,
        )
        return await try_on(lost, partial(way.ask, step), trial)

    return walk


def _ledger(call: Call, longest: float) -> Ledger:
    """A ledger for the call, or that of the turns before it, which its deadline bounds too."""
    deadline, most = call.started + total_seconds(call.request, longest), call.request.max_cost_usd
    if call.before is None:
        return Ledger(started=call.started, deadline=deadline, max_cost_usd=most)
    return replace(call.before, deadline=min(deadline, call.before.deadline), max_cost_usd=most)


def _remembering_limits(deps: WalkDeps, *, streamed: bool) -> Callable[[LLMRequest, Plan], tuple[tuple[Limits, ...], float]]:
    """The limits of every step and the longest attempt; worked out once for like requests of one plan, since plans are reused."""
    kept: tuple[Plan | None, int | None, int | None, tuple[tuple[Limits, ...], float]] = (None, None, None, ((), 0.0))

    def bounds(request: LLMRequest, plan: Plan) -> tuple[tuple[Limits, ...], float]:
        nonlocal kept
        before, timeout_ms, max_tokens, found = kept
        if before is plan and timeout_ms == request.timeout_ms and max_tokens == request.preferences.max_tokens:
            return found
        limits = tuple(_limits(deps, request, step, streamed=streamed) for step in plan.steps)
        found = (limits, max((each.attempt_seconds for each in limits), default=0.0))
        kept = (plan, request.timeout_ms, request.preferences.max_tokens, found)
        return found

    return bounds


def _limits(deps: WalkDeps, request: LLMRequest, step: PlanStep, *, streamed: bool) -> Limits:
    own = deps.providers.get(step.profile.provider)
    return limits_for(
        request,
        step.profile,
        timeout_ms=deps.performance.timeout_ms,
        provider_timeout_ms=None if own is None else own.timeout_ms,
        streamed=streamed,
    )
