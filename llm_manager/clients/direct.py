"""A client used by itself: one attempt per call, bounded by its deadline, and an answer with its price and times."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import aclosing
from typing import Any, Literal

from attrs import evolve, frozen
from returns.future import FutureResult
from returns.result import Failure, Result, Success

from llm_manager.domain.attempts import Attempt
from llm_manager.domain.configuration import PerformanceSettings
from llm_manager.domain.errors import LLMError, Origin, RequestTimeout
from llm_manager.domain.models import Endpoint, Health, ModelProfile
from llm_manager.domain.requests import LLMRequest
from llm_manager.domain.responses import LLMResponse
from llm_manager.domain.secrets import Secret
from llm_manager.domain.streaming import StreamEvent, StreamFinished
from llm_manager.effects import publish
from llm_manager.outcomes import Settled, sealed
from llm_manager.policies.deadlines import limits_for, total_seconds
from llm_manager.policies.names import short_name
from llm_manager.policies.pricing import price
from llm_manager.policies.request_faults import check_request
from llm_manager.policies.routing import retirement
from llm_manager.services.key_at_hand import key_at_hand
from llm_manager.services.model_client import Encode, ModelClient
from llm_manager.services.steps import Generate, OpenStream, Step, Stream
from llm_manager.services.world import World


@frozen(kw_only=True)
class DirectDeps:
    """What a client is, as far as asking it needs: its default model, and how a request is said and sent."""

    world: World
    performance: PerformanceSettings
    timeout_ms: int | None = None
    endpoint: Endpoint
    default: ModelProfile
    profile: Callable[[str], ModelProfile]
    key: Secret | None
    encode: Encode
    answer: Step[Attempt, LLMResponse]
    open: Step[Attempt, OpenStream]


def made_client(
    deps: DirectDeps,
    *,
    profiles: tuple[ModelProfile, ...],
    known: tuple[str, ...] = (),
    list_models: Callable[[], FutureResult[tuple[ModelProfile, ...], LLMError]],
    health: Callable[[], FutureResult[Health, LLMError]],
    close: Callable[[], Coroutine[Any, Any, None]],
) -> ModelClient:
    """The client that is asked so: by a manager, or by itself."""
    return ModelClient(
        endpoint=deps.endpoint,
        profiles=profiles,
        profile=deps.profile,
        known=known,
        key=deps.key,
        encode=deps.encode,
        answer=deps.answer,
        open=deps.open,
        list_models=list_models,
        health=health,
        generate=generating_directly(deps),
        stream=streaming_directly(deps),
        close=close,
    )


def generating_directly(deps: DirectDeps) -> Generate:
    """Answer whole, from the default model unless the request names one."""

    async def generate(request: LLMRequest) -> Settled[LLMResponse, LLMError]:
        began = deps.world.now()
        prepared = _prepared(deps, request, began, streamed=False)
        if isinstance(prepared, Failure):
            return prepared
        attempt = prepared.unwrap()
        scope = asyncio.timeout(attempt.limits.attempt_seconds)
        try:
            async with scope:
                outcome = await deps.answer(attempt)
        except TimeoutError:
            if not scope.expired():
                raise
            return Failure(_late(attempt, attempt.limits.attempt_seconds, "attempt"))
        return outcome if isinstance(outcome, Failure) else Success(_completed(outcome.unwrap(), attempt, deps, began))

    return publish(generate)


def streaming_directly(deps: DirectDeps) -> Stream:
    """Answer piece by piece. The attempt's deadline bounds the beginning, the transport silence, the call's deadline the whole.

    The last is looked at with each event, so a stream may outlast it by one silence.
    """

    async def stream(request: LLMRequest) -> AsyncGenerator[Result[StreamEvent, LLMError], None]:
        began = deps.world.now()
        prepared = _prepared(deps, request, began, streamed=True)
        if isinstance(prepared, Failure):
            yield prepared
            return
        attempt = prepared.unwrap()
        opened = await _opened(deps, attempt)
        if isinstance(opened, Failure):
            yield opened
            return
        reply = opened.unwrap()
        first = deps.world.now() - began
        async with aclosing(reply.rest) as rest:
            yield Success(_ended(reply.first, attempt, deps, began, first))
            async for event in rest:
                if deps.world.now() >= attempt.call_deadline:
                    yield Failure(_late(attempt, attempt.total_seconds, "total"))
                    return
                yield event if isinstance(event, Failure) else Success(_ended(event.unwrap(), attempt, deps, began, first))

    return stream


async def _opened(deps: DirectDeps, attempt: Attempt) -> Settled[OpenStream, LLMError]:
    scope = asyncio.timeout(attempt.limits.attempt_seconds)
    try:
        async with scope:
            return await deps.open(attempt)
    except TimeoutError:
        if not scope.expired():
            raise
        return Failure(_late(attempt, attempt.limits.attempt_seconds, "attempt"))


def _prepared(deps: DirectDeps, request: LLMRequest, now: float, *, streamed: bool) -> Settled[Attempt, LLMError]:
    wrong = check_request(request)
    if wrong is not None:
        return Failure(wrong)
    wanted = request.preferences.model
    usual = wanted is None or wanted == deps.default.name or short_name(wanted) == (deps.endpoint.provider, "")
    model = deps.default if wanted is None or usual else deps.profile(wanted)
    encoded = sealed(deps.encode(request, model))
    if isinstance(encoded, Failure):
        return encoded
    limits = limits_for(request, model, timeout_ms=deps.performance.timeout_ms, provider_timeout_ms=deps.timeout_ms, streamed=streamed)
    total = total_seconds(request, limits.attempt_seconds)
    limits = evolve(limits, attempt_seconds=min(limits.attempt_seconds, total))
    return Success(
        Attempt(
            call_id=deps.world.new_id(),
            number=1,
            request=request,
            model=model,
            endpoint=deps.endpoint,
            wire=encoded.unwrap(),
            key=key_at_hand(deps.endpoint, deps.key),
            limits=limits,
            deadline=now + limits.attempt_seconds,
            call_deadline=now + total,
            total_seconds=total,
        )
    )


def _ended(event: StreamEvent, attempt: Attempt, deps: DirectDeps, began: float, first: float) -> StreamEvent:
    if not isinstance(event, StreamFinished):
        return event
    return StreamFinished(response=evolve(_completed(event.response, attempt, deps, began), time_to_first_token_seconds=first))


def _completed(response: LLMResponse, attempt: Attempt, deps: DirectDeps, began: float) -> LLMResponse:
    return evolve(
        response,
        cost=price(response.usage, attempt.model.price),
        latency_seconds=deps.world.now() - began,
        notices=(*retirement(attempt.model), *attempt.wire.notices, *response.notices),
        call_id=attempt.call_id,
    )


def _late(attempt: Attempt, seconds: float, phase: Literal["attempt", "total"]) -> RequestTimeout:
    return RequestTimeout(
        model=attempt.model.name,
        timeout_ms=round(seconds * 1000),
        phase=phase,
        origin=Origin(provider=attempt.endpoint.provider, endpoint=attempt.endpoint.base_url, charge="possible"),
    )
