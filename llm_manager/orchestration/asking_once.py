"""Texts judged and pictures made: one request each, re-sent and passed on as `trying` says."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from typing import Any, TypeAlias, TypeVar

from attrs import evolve
from returns.future import FutureResult
from returns.result import Failure, Result, Success

from llm_manager.domain.attempts import Ledger
from llm_manager.domain.embeddings import Embeddings
from llm_manager.domain.errors import LLMError, MalformedResponse, Origin
from llm_manager.domain.images import ImageRequest, MadeImages
from llm_manager.domain.models import ModelProfile
from llm_manager.domain.moderation import Moderation, ModerationRequest
from llm_manager.domain.plans import Plan
from llm_manager.effects import publish
from llm_manager.orchestration.operating import OperatingDeps, Round, cost_of
from llm_manager.orchestration.trying import Missed, moves, record, try_steps
from llm_manager.outcomes import Settled, sealed
from llm_manager.policies.choosing import ability_for
from llm_manager.policies.operation_faults import check_operation
from llm_manager.policies.recovery import Try
from llm_manager.policies.request_faults import not_asked
from llm_manager.services.model_client import CreateImage, ModelClient, Moderate

_Single = TypeVar("_Single", Moderation, MadeImages)
_Said = TypeVar("_Said", Embeddings, Moderation)

_Ask: TypeAlias = Callable[[ModelClient, str, int], FutureResult[_Single, LLMError]]


def moderating(deps: OperatingDeps) -> Moderate:
    """Judge texts; others stand in for whom the request does not name."""

    async def moderate(asked: ModerationRequest) -> Settled[Moderation, LLMError]:
        strange = not_asked(asked, ModerationRequest)
        if strange is not None:
            return Failure(strange)

        def ask(client: ModelClient, model: str, milliseconds: int) -> FutureResult[Moderation, LLMError]:
            sent = evolve(asked, model=model, provider=client.endpoint.provider, timeout_ms=milliseconds)
            return client.moderate(sent).bind_result(lambda said: one_for_each(said, said.verdicts, asked.texts))

        return await deps.told(asked.metadata, _asking_once(deps, asked, ask))

    return publish(moderate)


def creating_images(deps: OperatingDeps) -> CreateImage:
    """Make pictures; others stand in for whom the request does not name."""

    async def create(asked: ImageRequest) -> Settled[MadeImages, LLMError]:
        strange = not_asked(asked, ImageRequest)
        if strange is not None:
            return Failure(strange)

        def ask(client: ModelClient, model: str, milliseconds: int) -> FutureResult[MadeImages, LLMError]:
            return client.create_image(evolve(asked, model=model, provider=client.endpoint.provider, timeout_ms=milliseconds))

        return await deps.told(asked.metadata, _asking_once(deps, asked, ask))

    return publish(create)


def _asking_once(
    deps: OperatingDeps, asked: ModerationRequest | ImageRequest, ask: _Ask[_Single]
) -> Callable[[str, float], Coroutine[Any, Any, Settled[_Single, LLMError]]]:
    """The work of a call that one request answers."""

    async def work(call_id: str, started: float) -> Settled[_Single, LLMError]:
        wrong = check_operation(asked)
        if wrong is not None:
            return Failure(wrong)
        planned = sealed(await deps.choose(asked))
        if isinstance(planned, Failure):
            return planned
        plan: Plan = planned.unwrap()
        tries = Round(deps=deps, operation=ability_for(asked), call_id=call_id, asked=asked, plan=plan)

        async def step(move: Try, ledger: Ledger, began: float) -> Settled[_Single, Missed]:
            outcome = await tries.attempt(move.step, ledger, ask, texts=texts_of(asked), last_resort=move.last_resort)
            if isinstance(outcome, Failure):
                return outcome
            said: _Single = outcome.unwrap()[0]
            key = outcome.unwrap()[1]
            profile: ModelProfile = plan.steps[move.step].profile
            now = deps.world.now()
            cost = cost_of(said, profile)
            attempts = (*ledger.attempts, record(plan, ledger, move.step, began, now, cost=cost, key=key))
            notices = (*plan.notices, *moves(ledger, profile), *said.notices)
            return Success(evolve(said, cost=cost, attempts=attempts, latency_seconds=now - started, notices=notices))

        return await try_steps(step, tries.trial(), tries.ledger(started))

    return work


def texts_of(asked: ModerationRequest | ImageRequest) -> tuple[str, ...]:
    """What is read of a request."""
    return asked.texts if isinstance(asked, ModerationRequest) else (asked.prompt,)


def one_for_each(said: _Said, given: Sequence[object], wanted: Sequence[object]) -> Result[_Said, LLMError]:
    """Refuse an answer that has not one thing for each text: nobody could say which belongs to which."""
    if len(given) == len(wanted):
        return Success(said)
    return Failure(
        MalformedResponse(
            model=said.model,
            message=f"{len(given)} answers to {len(wanted)} texts",
            origin=Origin(provider=said.provider, charge="possible"),
        )
    )
