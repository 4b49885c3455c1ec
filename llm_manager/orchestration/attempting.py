"""One attempt of a call: made ready, sent, and told of in the answer or the error it ends with."""

from collections.abc import Callable, Coroutine, Mapping
from decimal import Decimal
from math import inf
from typing import Any, Final

from attrs import field, frozen
from msgspec import Struct
from returns.result import Failure, Success

from llm_manager.domain.attempts import Attempt, Call, Ledger, Limits
from llm_manager.domain.configuration import HedgingSettings, PerformanceSettings, ProviderSettings
from llm_manager.domain.error_questions import refused_here
from llm_manager.domain.errors import AttemptRecord, with_attempts
from llm_manager.domain.plans import Plan, Snapshot
from llm_manager.domain.requests import LLMRequest
from llm_manager.domain.responses import LLMResponse
from llm_manager.domain.usage import Priced
from llm_manager.orchestration.exploring import Explore
from llm_manager.orchestration.trying import Lost, Missed, fetch_keys, key_now, missed_record, moves
from llm_manager.outcomes import Settled, sealed
from llm_manager.policies.call_cost import left_of, most_of
from llm_manager.policies.pricing import Pricing, is_free, price
from llm_manager.policies.recovery import Try
from llm_manager.services.guards import Guards
from llm_manager.services.journal import Journal
from llm_manager.services.model_client import ModelClient
from llm_manager.services.model_router import ModelRouter
from llm_manager.services.steps import Ending, Reply, Step, at_end
from llm_manager.services.world import World

_HURRIED_SECONDS: Final = 1.0
_NOTHING: Final = Decimal(0)
"""How long an endpoint that has asked everybody to wait is waited for while another model is there to be asked."""


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
    explore: Explore | None = None
    """Plans that now and then ask another model first; None where settings want none."""
    hedging: HedgingSettings = field(factory=HedgingSettings)
    pricing: Pricing = price


class Way(Struct, frozen=True):
    """One call on its way: what it has of its own, beside the ledger that grows."""

    deps: WalkDeps
    call: Call
    plan: Plan
    limits: tuple[Limits, ...]
    streamed: bool

    def ask(self, step: Step[Attempt, Reply], asked: Try, ledger: Ledger, began: float) -> Coroutine[Any, Any, Settled[Reply, Missed]]:
        """Ask one step of the plan, once."""
        if self.deps.guards.keys.ready is not None:
            return self.ask_with_keys(step, asked, ledger, began)
        return self.send(step, self.ready(asked, ledger, began), asked.step, ledger, began)

    async def ask_with_keys(self, step: Step[Attempt, Reply], asked: Try, ledger: Ledger, began: float) -> Settled[Reply, Missed]:
        """The same, where the keys of a provider may have to be fetched."""
        return await self.send(step, await self.fetched(asked, ledger, began), asked.step, ledger, began)

    async def fetched(self, asked: Try, ledger: Ledger, now: float) -> Attempt | Missed:
        """The same as `ready`, once the keys of its provider have been fetched, where they are and that is due."""
        ready = self.deps.guards.keys.ready
        lacking = None if ready is None else await fetch_keys(ready, self.deps, self.plan.steps[asked.step].profile, ledger)
        return self.ready(asked, ledger, now) if lacking is None else lacking

    def ready(self, asked: Try, ledger: Ledger, now: float) -> Attempt | Missed:
        """The attempt as it would leave; what is wrong with it is not sent."""
        deps, call, profile, limits = self.deps, self.call, self.plan.steps[asked.step].profile, self.limits[asked.step]
        client = deps.clients()[profile.provider]
        encoded = sealed(client.encode(call.request, profile))
        if not isinstance(encoded, Success):
            return Missed(error=encoded.failure(), sent=False)
        key = key_now(deps.guards.keys, profile, client.key, ledger)
        if isinstance(key, Missed):
            return key
        deadline = now + limits.attempt_seconds
        return Attempt(
            call_id=call.id,
            number=len(ledger.attempts) + 1,
            request=call.request,
            model=profile,
            endpoint=client.endpoint,
            wire=encoded.unwrap(),
            key=key,
            limits=limits,
            deadline=deadline if deadline < ledger.deadline else ledger.deadline,
            call_deadline=ledger.deadline,
            total_seconds=ledger.deadline - ledger.started,
            patience_seconds=self.patience(asked, ledger),
            last_resort=asked.last_resort,
            left_usd=None if ledger.max_cost_usd is None else left_of(ledger),
            private=self.plan.classification.sensitivity == "private",
        )

    async def send(
        self, step: Step[Attempt, Reply], attempt: Attempt | Missed, index: int, ledger: Ledger, began: float
    ) -> Settled[Reply, Missed]:
        """Send an attempt that is ready."""
        if isinstance(attempt, Missed):
            return Failure(attempt)
        outcome = await step(attempt)
        if not isinstance(outcome, Success):
            error, where = outcome.failure(), attempt.whereabouts
            sent = not (refused_here(error) or (where.shared and not where.sent))
            most = most_usd(ledger, attempt) if sent else None
            return Failure(Missed(error=error, key=attempt.key, sent=sent, most_usd=most, shared=where.shared and not refused_here(error)))
        opened = self.deps.world.now() if self.streamed else None
        completed = at_end(outcome, self.completing(ledger, attempt, index, began, opened))
        return completed if isinstance(completed, Success) else Failure(Missed(error=completed.failure(), key=attempt.key))

    def patience(self, asked: Try, ledger: Ledger) -> float:
        """How long the attempt may wait for its endpoint: not long while another model is left, unless that would cost more."""
        steps = self.plan.steps
        if len(steps) == 1 or self.plan.strategy == "cost":
            return inf
        if ledger.attempts:
            tried = {(record.provider, record.model) for record in ledger.turn}
            fresh = (place for place, step in enumerate(steps) if (step.profile.provider, step.profile.name) not in tried)
            return inf if all(place == asked.step for place in fresh) else _HURRIED_SECONDS
        return _HURRIED_SECONDS

    def completing(self, ledger: Ledger, attempt: Attempt, index: int, began: float, opened: float | None) -> Callable[[Ending], Ending]:
        """Add to an answer, when it ends, what only the call knows: price, attempts, times, notices; attempts to a failure, too."""

        def complete(ending: Ending) -> Ending:
            now = self.deps.world.now()
            if not isinstance(ending, Success):
                error = ending.failure()
                missed = Missed(error=error, key=attempt.key, most_usd=most_usd(ledger, attempt))
                lost = Lost(ledger=ledger, asked=Try(step=index), began=began, ended=now, missed=missed)
                line = missed_record(self.plan, lost)
                return Failure(with_attempts(error, (*ledger.attempts, line)))
            answer = ending.unwrap()
            cost, attempts, plan = answer.cost, ledger.attempts, self.plan
            if not (answer.cached or answer.shared):
                cost = self.deps.pricing(answer.usage, attempt.model.price)
                line = AttemptRecord(  # what `record` makes of it, without its detour
                    number=len(attempts) + 1,
                    step=index,
                    provider=attempt.model.provider,
                    model=attempt.model.name,
                    after_seconds=began - ledger.started,
                    seconds=now - began,
                    cost=cost,
                    key_fingerprint=None if attempt.key is None else attempt.key.fingerprint,
                    most_usd=most_usd(ledger, attempt),
                )
                attempts = (*attempts, line)
            started = self.call.started
            notices = plan.notices or attempt.wire.notices or answer.notices or len(ledger.attempts) > ledger.begun
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
                    latency_seconds=now - started,
                    time_to_first_token_seconds=None if opened is None else opened - started,
                    tokens_per_second=answer.tokens_per_second,
                    cached=answer.cached,
                    shared=answer.shared,
                    age_seconds=answer.age_seconds,
                    attempts=attempts,
                    notices=(*plan.notices, *moves(ledger, attempt.model), *attempt.wire.notices, *answer.notices) if notices else (),
                    request_id=answer.request_id,
                    rate_limits=answer.rate_limits,
                    conversation_id=answer.conversation_id,
                    call_id=self.call.id,
                )
            )

        return complete


def most_usd(ledger: Ledger, attempt: Attempt) -> Decimal | None:
    """The most that an attempt can cost, where the call has a limit or nothing is charged; the ledger counts it when the true cost is
    not told."""
    if ledger.max_cost_usd is None:
        return _NOTHING if is_free(attempt.model.price) else None
    most = most_of(attempt)
    return most.usd if isinstance(most, Priced) else None
