"""What is no chat: one call of the manager and its attempts, each bounded and told.

Who is asked is decided by `choosing`, what follows a failure by `trying`.
"""

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Mapping
from decimal import Decimal
from typing import Any, Final, Protocol, TypeAlias, TypeVar

from attrs import frozen
from returns.future import FutureResult
from returns.result import Failure, Result, Success

from llm_manager.domain.attempts import Ledger, OtherAttempt
from llm_manager.domain.configuration import PerformanceSettings, ProviderSettings
from llm_manager.domain.embeddings import Embeddings
from llm_manager.domain.error_questions import refused_here
from llm_manager.domain.errors import LLMError, Origin, RequestTimeout
from llm_manager.domain.events import Answered, CallCancelled, CallFailed, Operation
from llm_manager.domain.images import MadeImages
from llm_manager.domain.models import ModelProfile
from llm_manager.domain.moderation import Moderation
from llm_manager.domain.plans import Plan
from llm_manager.domain.requests import RequestMetadata
from llm_manager.domain.secrets import Secret
from llm_manager.domain.usage import Cost, Priced, TokenCount
from llm_manager.effects import settle
from llm_manager.orchestration.trying import Missed, Trial, fetch_keys, key_now
from llm_manager.outcomes import Settled
from llm_manager.policies.choosing import Besides
from llm_manager.policies.deadlines import Patient, operation_seconds, total_seconds
from llm_manager.policies.pricing import price
from llm_manager.policies.sizes import texts_size
from llm_manager.services.attempt_events import Started
from llm_manager.services.gates import Gate, Replied, end_all, pass_all
from llm_manager.services.guards import Guards
from llm_manager.services.journal import Journal
from llm_manager.services.key_at_hand import sending
from llm_manager.services.model_client import ModelClient
from llm_manager.services.world import World

Said: TypeAlias = Embeddings | Moderation | MadeImages | TokenCount
"""What comes back."""

_Said = TypeVar("_Said", bound=Said)


class Asked(Patient, Protocol):
    """Somebody who may say how long he waits, and on whose behalf."""

    @property
    def metadata(self) -> RequestMetadata: ...


Choose: TypeAlias = Callable[[Besides], Coroutine[Any, Any, Result[Plan, LLMError]]]

_FREE: Final = Priced(usd=Decimal(0), price_version="free")


@frozen(kw_only=True)
class OperatingDeps:
    """What such a call needs: who may be asked, how long, and the world it happens in."""

    world: World
    journal: Journal
    choose: Choose
    clients: Callable[[], Mapping[str, ModelClient]]
    performance: PerformanceSettings
    providers: Mapping[str, ProviderSettings]
    guards: Guards
    gates: tuple[Gate, ...]

    async def told(
        self, metadata: RequestMetadata, work: Callable[[str, float], Coroutine[Any, Any, Settled[_Said, LLMError]]]
    ) -> Settled[_Said, LLMError]:
        """Do the work of a call, given its id and when it began; emit one `Answered`, `CallFailed` or `CallCancelled`."""
        emit, now = self.journal.emit, self.world.now
        call_id, started = self.world.new_id(), now()
        outcome = None
        try:
            outcome = await work(call_id, started)
        finally:
            if outcome is None:
                at = now()
                emit(CallCancelled(at=at, call_id=call_id, seconds=at - started, metadata=metadata))
        at = now()
        if isinstance(outcome, Failure):
            error = outcome.failure()
            emit(CallFailed(at=at, call_id=call_id, seconds=at - started, error=error, metadata=metadata))
            return outcome
        said = outcome.unwrap()
        usage, cost = (None, _FREE) if isinstance(said, TokenCount) else (said.usage, said.cost)
        emit(
            Answered(
                at=at,
                call_id=call_id,
                provider=said.provider,
                model=said.model,
                seconds=at - started,
                usage=usage,
                cost=cost,
                cached=isinstance(said, Embeddings) and 0 < len(said.vectors) == said.remembered,
                metadata=metadata,
            )
        )
        return outcome

    def seconds(self, asked: Patient, profile: ModelProfile, operation: Operation) -> float:
        """How long one attempt may take."""
        own = self.providers.get(profile.provider)
        return operation_seconds(
            asked,
            profile,
            operation,
            timeout_ms=self.performance.timeout_ms,
            provider_timeout_ms=None if own is None else own.timeout_ms,
        )


@frozen(kw_only=True)
class Round:
    """One call over its plan: attempts of one operation, each bounded and told."""

    deps: OperatingDeps
    operation: Operation
    call_id: str
    asked: Asked
    plan: Plan

    def trial(self) -> Trial:
        """What all of its attempts share."""
        deps = self.deps
        return Trial(plan=self.plan, call_id=self.call_id, world=deps.world, journal=deps.journal, guards=deps.guards)

    def ledger(self, started: float, *, waves: int = 1) -> Ledger:
        """An empty ledger; work that takes several ``waves`` of requests, one after the other, gets the time of as many calls."""
        longest = max(self.deps.seconds(self.asked, step.profile, self.operation) for step in self.plan.steps)
        total = total_seconds(self.asked, longest)
        return Ledger(started=started, deadline=started + (total if self.asked.deadline_ms is not None else total * waves))

    async def attempt(
        self,
        index: int,
        ledger: Ledger,
        ask: Callable[[ModelClient, str, int], FutureResult[_Said, LLMError]],
        *,
        texts: Iterable[str],
        number: int | None = None,
        last_resort: bool = False,
    ) -> Settled[tuple[_Said, Secret | None], Missed]:
        """Ask a client once, when the gates let it through: which model, and for how many milliseconds at most.

        With an answer comes the key that it was asked with.
        """
        profile, deps = self.plan.steps[index].profile, self.deps
        client = deps.clients()[profile.provider]
        keys = deps.guards.keys
        if keys.ready is not None and (lacking := await fetch_keys(keys.ready, deps, profile, ledger)) is not None:
            return Failure(lacking)
        key = key_now(keys, profile, client.key, ledger)
        if isinstance(key, Missed):
            return Failure(key)
        guessed, most = texts_size(texts)
        leaving = OtherAttempt(
            call_id=self.call_id,
            number=len(ledger.attempts) + 1 if number is None else number,
            operation=self.operation,
            model=profile,
            endpoint=client.endpoint,
            key=key,
            metadata=self.asked.metadata,
            prompt_tokens=guessed,
            most_prompt_tokens=most,
            call_deadline=ledger.deadline,
            last_resort=last_resort,
        )
        passed = await pass_all(deps.gates, leaving, deps.journal.emit)
        if not isinstance(passed, list):
            refusal = passed.failure()
            return Failure(Missed(error=refusal, key=leaving.key, sent=not refused_here(refusal)))
        outcome: Settled[_Said, LLMError] | None = None
        try:
            outcome = await self._sent(leaving, ledger, client, ask)
            if isinstance(outcome, Failure):
                return Failure(Missed(error=outcome.failure(), key=leaving.key))
            return Success((outcome.unwrap(), leaving.key))
        finally:
            if outcome is None:
                end_all(passed, None)
            elif isinstance(outcome, Failure):
                end_all(passed, outcome.failure())
            else:
                said = outcome.unwrap()
                usage = None if isinstance(said, TokenCount) else said.usage
                end_all(passed, Replied(usage=usage, cost=cost_of(said, profile)))

    async def _sent(
        self,
        leaving: OtherAttempt,
        ledger: Ledger,
        client: ModelClient,
        ask: Callable[[ModelClient, str, int], FutureResult[_Said, LLMError]],
    ) -> Settled[_Said, LLMError]:
        profile, deps = leaving.model, self.deps
        own, left = deps.seconds(self.asked, profile, self.operation), ledger.deadline - deps.world.now()
        milliseconds = max(1, round(min(own, left) * 1000))
        started = Started(leaving, deps.journal.emit, deps.world.now)
        scope = asyncio.timeout(milliseconds / 1000)
        outcome: Settled[_Said, LLMError] | None = None
        try:
            async with scope:
                with sending(client.endpoint, leaving.key):
                    outcome = await settle(ask(client, profile.name, milliseconds))
        except TimeoutError:
            if not scope.expired():
                raise
            outcome = Failure(
                RequestTimeout(
                    model=profile.name,
                    timeout_ms=milliseconds if own <= left else round((ledger.deadline - ledger.started) * 1000),
                    phase="attempt" if own <= left else "total",
                    given_ms=milliseconds,
                    origin=Origin(provider=profile.provider, endpoint=client.endpoint.base_url, charge="possible"),
                )
            )
        finally:
            if outcome is None:
                started.left()
        if isinstance(outcome, Failure):
            started.failed(outcome.failure())
            return outcome
        said = outcome.unwrap()
        started.answered(None if isinstance(said, TokenCount) else said.usage, cost_of(said, profile))
        return outcome


def cost_of(said: Said, profile: ModelProfile) -> Cost:
    """What an answer cost: the provider's own word, else its tokens at the model's price. Counting is free everywhere."""
    if isinstance(said, TokenCount):
        return _FREE
    return said.cost if isinstance(said.cost, Priced) else price(said.usage, profile.price)
