"""One call: plan it, then walk the plan: its steps are tried as `next_move` says, with one ledger for all its attempts.

Whole answers and streams take the same walk; a stream that has opened has left it, so falling back happens only before
its first event by construction.
"""

from collections.abc import Callable, Coroutine, Mapping
from functools import partial
from typing import Any

from attrs import frozen
from returns.result import Failure, Success

from llm_manager.domain.attempts import Attempt, Call, Ledger, Limits
from llm_manager.domain.configuration import PerformanceSettings, ProviderSettings
from llm_manager.domain.errors import LLMError
from llm_manager.domain.plans import Plan, PlanStep, Snapshot
from llm_manager.domain.requests import LLMRequest
from llm_manager.domain.responses import LLMResponse
from llm_manager.orchestration.trying import moves, record, try_on
from llm_manager.outcomes import Settled, sealed
from llm_manager.policies.deadlines import limits_for, total_seconds
from llm_manager.policies.pricing import price
from llm_manager.policies.request_faults import check_request
from llm_manager.services.guards import Guards
from llm_manager.services.journal import Journal
from llm_manager.services.model_client import ModelClient
from llm_manager.services.model_router import ModelRouter
from llm_manager.services.steps import Ending, Reply, Step, at_end
from llm_manager.services.world import World


@frozen(kw_only=True)
class WalkDeps:
    """What a walk needs: what is known, who may be asked, and the world it happens in."""

    world: World
    journal: Journal
    router: ModelRouter
    snapshot: Callable[[LLMRequest], Coroutine[Any, Any, Snapshot]]
    clients: Callable[[], Mapping[str, ModelClient]]
    performance: PerformanceSettings
    providers: Mapping[str, ProviderSettings]
    guards: Guards
    percentile: Callable[[str, str, float], float | None]
    """Within how many seconds so large a share of a model's newest answers came; None before enough are known."""


def walking(step: Step[Attempt, Reply], deps: WalkDeps, *, streamed: bool) -> Step[Call, Reply]:
    """Turn a step for one attempt into a step for a whole call."""
    now = deps.world.now
    bounds = _remembering_limits(deps, streamed=streamed)

    async def walk(call: Call) -> Settled[Reply, LLMError]:
        wrong = check_request(call.request)
        if wrong is not None:
            return Failure(wrong)
        routed = sealed(deps.router.route(call.request, await deps.snapshot(call.request)))
        if not isinstance(routed, Success):
            return routed
        plan = routed.unwrap()
        limits, longest = bounds(call.request, plan)
        way = _Way(deps, call, plan, limits, streamed)
        ledger = Ledger(started=call.started, deadline=call.started + total_seconds(call.request, longest))
        began = now()
        outcome = await way.ask(step, 0, ledger, began)
        if isinstance(outcome, Success):
            return outcome
        again = partial(way.ask, step)
        return await try_on(outcome.failure(), began, again, plan, ledger, call_id=call.id, world=deps.world, journal=deps.journal)

    return walk


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


@frozen
class _Way:
    """One call on its way: what it has of its own, beside the ledger that grows."""

    deps: WalkDeps
    call: Call
    plan: Plan
    limits: tuple[Limits, ...]
    streamed: bool

    async def ask(self, step: Step[Attempt, Reply], index: int, ledger: Ledger, began: float) -> Settled[Reply, LLMError]:
        """Ask one step of the plan, once."""
        prepared = self.prepared(index, ledger, began)
        if not isinstance(prepared, Success):
            return prepared
        attempt = prepared.unwrap()
        outcome = await step(attempt)
        if not isinstance(outcome, Success):
            return outcome
        return at_end(outcome, self.completing(ledger, attempt, index, began, opened=self.deps.world.now()))

    def prepared(self, index: int, ledger: Ledger, now: float) -> Settled[Attempt, LLMError]:
        step = self.plan.steps[index]
        client = self.deps.clients()[step.profile.provider]
        encoded = sealed(client.encode(self.call.request, step.profile))
        if not isinstance(encoded, Success):
            return encoded
        limits = self.limits[index]
        return Success(
            Attempt(
                call_id=self.call.id,
                number=len(ledger.attempts) + 1,
                request=self.call.request,
                model=step.profile,
                endpoint=client.endpoint,
                wire=encoded.unwrap(),
                key=self.deps.guards.keys.choose(step.profile.provider, client.key),
                limits=limits,
                deadline=min(now + limits.attempt_seconds, ledger.deadline),
                call_deadline=ledger.deadline,
                total_seconds=ledger.deadline - ledger.started,
            )
        )

    def completing(self, ledger: Ledger, attempt: Attempt, index: int, began: float, *, opened: float) -> Callable[[Ending], Ending]:
        """Add to an answer, when it ends, what only the call knows: price, attempts, times, notices."""

        def complete(ending: Ending) -> Ending:
            if not isinstance(ending, Success):
                return ending
            now = self.deps.world.now()
            answer = ending.unwrap()
            cost, attempts = answer.cost, ledger.attempts
            if not (answer.cached or answer.shared):
                cost = price(answer.usage, attempt.model.price)
                attempts = (*attempts, record(self.plan, ledger, index, began, now, cost=cost))
            return Success(
                LLMResponse(  # field by field: `evolve` takes twice the time, and this runs on every call
                    content=answer.content,
                    model=answer.model,
                    provider=answer.provider,
                    finish=answer.finish,
                    tool_calls=answer.tool_calls,
                    reasoning=answer.reasoning,
                    thoughts=answer.thoughts,
                    usage=answer.usage,
                    cost=cost,
                    latency_seconds=now - self.call.started,
                    time_to_first_token_seconds=opened - self.call.started if self.streamed else None,
                    tokens_per_second=answer.tokens_per_second,
                    cached=answer.cached,
                    shared=answer.shared,
                    attempts=attempts,
                    notices=(*self.plan.notices, *moves(ledger, attempt.model), *attempt.wire.notices, *answer.notices),
                    request_id=answer.request_id,
                    rate_limits=answer.rate_limits,
                    call_id=self.call.id,
                )
            )

        return complete
