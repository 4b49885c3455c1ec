"""How many tokens a request is: by the provider's own counter, else by estimate. No counter hears what a plan keeps from it."""

from collections.abc import Callable, Coroutine
from typing import Any

from attrs import evolve, frozen
from returns.future import FutureResult
from returns.result import Failure, Success

from llm_manager.domain.attempts import Ledger
from llm_manager.domain.errors import ContextTooLarge, LLMError, PolicyBlocked
from llm_manager.domain.models import ModelProfile
from llm_manager.domain.plans import Plan, Snapshot
from llm_manager.domain.requests import LLMRequest
from llm_manager.domain.usage import TokenCount
from llm_manager.effects import publish
from llm_manager.orchestration.operating import OperatingDeps, Round
from llm_manager.orchestration.trying import Missed, try_steps
from llm_manager.outcomes import Settled, sealed
from llm_manager.policies.choosing import counting
from llm_manager.policies.names import AUTO
from llm_manager.policies.recovery import Try
from llm_manager.policies.request_faults import check_fields, not_asked
from llm_manager.policies.tokens import estimate_request_tokens
from llm_manager.services.model_client import CountTokens, ModelClient
from llm_manager.services.model_router import ModelRouter


@frozen(kw_only=True)
class Routes:
    """What a chat would be planned on."""

    router: ModelRouter
    snapshot: Callable[[LLMRequest], Coroutine[Any, Any, Snapshot]]


def counting_tokens(deps: OperatingDeps, routes: Routes) -> CountTokens:
    """Count for the model that would be asked first; what nobody may see, or nobody has room for, is estimated."""

    async def count(request: LLMRequest) -> Settled[TokenCount, LLMError]:
        strange = not_asked(request)
        if strange is not None:
            return Failure(strange)

        async def work(call_id: str, started: float) -> Settled[TokenCount, LLMError]:
            wrong = check_fields(request)
            if wrong is not None:
                return Failure(wrong)
            snapshot = await routes.snapshot(request)
            routed = sealed(routes.router.route(request, snapshot))
            if isinstance(routed, Failure):
                return _unrouted(request, snapshot, routed.failure())
            plan = routed.unwrap()
            able = {name for name, client in deps.clients().items() if "count_tokens" in client.able}
            counters = counting(plan, able, named=_names_somebody(request))
            if counters is None:
                return Success(_estimated(request, plan.steps[0].profile))
            return await _counted(deps, request, counters, call_id, started)

        return await deps.told(request.metadata, work)

    return publish(count)


async def _counted(deps: OperatingDeps, request: LLMRequest, plan: Plan, call_id: str, started: float) -> Settled[TokenCount, LLMError]:
    tries = Round(deps=deps, operation="count_tokens", call_id=call_id, asked=request, plan=plan)

    def ask(client: ModelClient, model: str, milliseconds: int) -> FutureResult[TokenCount, LLMError]:
        wanted = evolve(request.preferences, model=model, provider=client.endpoint.provider)
        return client.count_tokens(evolve(request, preferences=wanted, timeout_ms=milliseconds))

    async def step(move: Try, ledger: Ledger, _: float) -> Settled[TokenCount, Missed]:
        outcome = await tries.attempt(move.step, ledger, ask, texts=request.texts(), last_resort=move.last_resort)
        return outcome if isinstance(outcome, Failure) else Success(outcome.unwrap()[0])

    return await try_steps(step, tries.trial(), tries.ledger(started))


def _unrouted(request: LLMRequest, snapshot: Snapshot, error: LLMError) -> Settled[TokenCount, LLMError]:
    """A request that may go nowhere, or fits nowhere, has a size all the same; it is told for the model it names, else for any."""
    if not isinstance(error, PolicyBlocked | ContextTooLarge):
        return Failure(error)
    wanted = error.model if isinstance(error, ContextTooLarge) else request.preferences.model
    profiles = [candidate.profile for candidate in snapshot.candidates]
    meant = next((profile for profile in profiles if profile.name == wanted), profiles[0] if profiles else None)
    return Failure(error) if meant is None else Success(_estimated(request, meant))


def _estimated(request: LLMRequest, profile: ModelProfile) -> TokenCount:
    return TokenCount(tokens=estimate_request_tokens(request), model=profile.name, provider=profile.provider, exact=False)


def _names_somebody(request: LLMRequest) -> bool:
    return not {request.preferences.model, request.preferences.provider} <= {None, "", AUTO}
