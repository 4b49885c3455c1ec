"""Talking chat completions over a `Transport`: the key is added here, when a request goes out, and is nowhere else."""

import asyncio
from collections.abc import Sequence
from contextlib import aclosing
from typing import Final

from returns.result import Failure, Result, Success

from llm_manager.clients.data.shapes import ProviderFacts
from llm_manager.clients.direct import DirectDeps, generating_directly, streaming_directly
from llm_manager.clients.frames import START, ServerSentEvent, end_sse, feed_sse
from llm_manager.clients.openai_chat import endings, errors
from llm_manager.clients.openai_chat.codec import Defaults, Event, Told, Who, begun, cut, decode, decode_event, encode, streamed
from llm_manager.clients.openai_chat.envelopes import Addressed, addressed
from llm_manager.clients.openai_chat.listing import is_well, read_models
from llm_manager.clients.openai_chat.profiles import describing, offered
from llm_manager.clients.openai_chat.signals import request_id
from llm_manager.domain.attempts import Attempt, Limits
from llm_manager.domain.configuration import ProviderSettings
from llm_manager.domain.error_questions import describe
from llm_manager.domain.errors import LLMError, RequestTimeout
from llm_manager.domain.models import Health, ModelProfile
from llm_manager.domain.requests import LLMRequest
from llm_manager.domain.responses import LLMResponse
from llm_manager.domain.streaming import ReasoningDelta, StreamFinished, TextDelta, ToolCallDelta
from llm_manager.domain.wire_requests import WireReply, WireRequest
from llm_manager.effects import publish
from llm_manager.outcomes import Settled
from llm_manager.services.model_client import Build, ClientParts, ModelClient
from llm_manager.services.steps import Events, OpenStream
from llm_manager.services.transport import Transport, WireStream

_ASKING: Final = Limits(connect_seconds=5.0, silence_seconds=10.0, attempt_seconds=10.0)
"""How long the list of models and the health of a server may take."""
_EVENT_STREAM: Final = "text/event-stream"
_JSON: Final = "application/json"


def building(facts: ProviderFacts) -> Build:
    """How a client of this provider is built; it opens nothing."""

    def build(settings: ProviderSettings, parts: ClientParts) -> Result[ModelClient, LLMError]:
        return addressed(facts, settings, parts.network).map(lambda way: _client(facts, settings, parts, way))

    return build


def _client(facts: ProviderFacts, settings: ProviderSettings, parts: ClientParts, way: Addressed) -> ModelClient:
    world, transport = parts.world, parts.make_transport(settings.ca_bundle)
    describe_model = describing(facts, way.endpoint, settings, parts)
    profiles = offered(facts, settings, describe_model)
    tiers = {profile.name: profile for profile in profiles}
    defaults = Defaults(max_tokens=settings.max_tokens, temperature=settings.temperature)

    def profile(name: str) -> ModelProfile:
        return tiers.get(name) or describe_model(name)

    def encoded(request: LLMRequest, model: ModelProfile) -> Result[WireRequest, LLMError]:
        return encode(request, model, facts, defaults)

    async def answer(attempt: Attempt) -> Settled[LLMResponse, LLMError]:
        envelope = way.envelope(attempt, attempt.wire.body)
        if isinstance(envelope, Failure):
            return envelope
        outcome = await transport.send(envelope.unwrap())
        return outcome if isinstance(outcome, Failure) else decode(outcome.unwrap(), _who(attempt), wall=world.wall())

    async def open_stream(attempt: Attempt) -> Settled[OpenStream, LLMError]:
        envelope = way.envelope(attempt, streamed(attempt.wire.body))
        if isinstance(envelope, Failure):
            return envelope
        outcome = await transport.open(envelope.unwrap())
        if isinstance(outcome, Failure):
            return outcome
        return await _opened(outcome.unwrap(), _who(attempt), world.wall())

    async def list_models() -> Settled[tuple[ModelProfile, ...], LLMError]:
        outcome = await _asked(transport, way, "/models", profiles[0].name)
        if isinstance(outcome, Failure):
            return outcome
        reply, who = outcome.unwrap(), Who(provider=facts.name, model=profiles[0].name, endpoint=way.endpoint.base_url, key=way.key)
        return await world.run_blocking(lambda: read_models(reply, who, profile, wall=world.wall()))

    async def health() -> Settled[Health, LLMError]:
        began = world.now()
        who = Who(provider=facts.name, model=profiles[0].name, endpoint=way.endpoint.base_url, key=way.key)
        outcome = await _asked(transport, way, facts.health_path, profiles[0].name, above_base=facts.health_above_base)
        told = outcome if isinstance(outcome, Failure) else is_well(outcome.unwrap(), who, wall=world.wall())
        return Success(
            Health(
                provider=facts.name,
                healthy=not isinstance(told, Failure),
                latency_seconds=world.now() - began,
                models=() if isinstance(told, Failure) else told.unwrap(),
                error_message=describe(told.failure()) if isinstance(told, Failure) else None,
            )
        )

    deps = DirectDeps(
        world=world,
        performance=parts.performance,
        timeout_ms=settings.timeout_ms,
        endpoint=way.endpoint,
        default=profiles[0],
        profile=profile,
        key=way.key,
        encode=encoded,
        answer=answer,
        open=open_stream,
    )
    return ModelClient(
        endpoint=way.endpoint,
        profiles=profiles,
        profile=profile,
        known=tuple(model.name for model in facts.models),
        key=way.key,
        encode=encoded,
        answer=answer,
        open=open_stream,
        list_models=publish(list_models),
        health=publish(health),
        generate=generating_directly(deps),
        stream=streaming_directly(deps),
        close=transport.close,
    )


def _who(attempt: Attempt) -> Who:
    return Who(
        provider=attempt.endpoint.provider,
        model=attempt.model.name,
        endpoint=attempt.endpoint.base_url,
        key=attempt.key,
        request=attempt.request,
    )


async def _asked(transport: Transport, way: Addressed, path: str, model: str, *, above_base: bool = False) -> Settled[WireReply, LLMError]:
    """Send a question without a body, within ten seconds."""
    envelope = way.question(path, _ASKING, model, above_base=above_base)
    scope = asyncio.timeout(_ASKING.attempt_seconds)
    try:
        async with scope:
            return await transport.send(envelope)
    except TimeoutError:
        if not scope.expired():
            raise
        return Failure(RequestTimeout(model=model, timeout_ms=round(_ASKING.attempt_seconds * 1000)))


async def _opened(stream: WireStream, who: Who, wall: float) -> Settled[OpenStream, LLMError]:
    """Wait for the first event; a server that answers whole although a stream was asked for is understood too."""
    kind = next((value for name, value in stream.headers if name == "content-type"), _EVENT_STREAM)
    if not errors.is_good(stream.status) or kind.startswith((_JSON, "text/html")):
        events = _whole(stream, who, wall)
    else:
        events = _events(stream, who, begun(wall=wall, request_id=request_id(stream.headers)))
    first = await anext(events)
    if isinstance(first, Failure):
        await events.aclose()
        return first
    return Success(OpenStream(first=first.unwrap(), rest=events))


async def _events(stream: WireStream, who: Who, told: Told) -> Events:
    framing = START
    async with aclosing(stream.chunks) as chunks:
        async for chunk in chunks:
            if isinstance(chunk, Failure):
                yield Failure(_broken(chunk.failure(), told, who))
                return
            framing, arrived = feed_sse(framing, chunk.unwrap())
            for event in arrived:
                told, happened = decode_event(told, event.data, who, name=event.name)
                for one in happened:
                    yield one
                if told.over:
                    return
            if framing.refusal is not None:
                yield Failure(cut(told, who, "an event of the stream is larger than 1 MB"))
                return
    for one in _last(end_sse(framing), told, who):
        yield one


def _last(arrived: Sequence[ServerSentEvent], told: Told, who: Who) -> list[Event]:
    """What a body that has ended still tells, and how it ends when that is not its terminator."""
    events: list[Event] = []
    for event in arrived:
        told, happened = decode_event(told, event.data, who, name=event.name)
        events.extend(happened)
    if not told.over:
        events.append(Failure(cut(told, who)))
    return events


def _broken(error: LLMError, told: Told, who: Who) -> LLMError:
    """A body that broke: before anything was delivered the fault itself, then a stream that was interrupted."""
    return endings.interrupted_by(error, who, partial=told.partial(), request_id=told.request_id) if told.delivered else error


async def _whole(stream: WireStream, who: Who, wall: float) -> Events:
    """The events that an answer makes which came in one piece."""
    body: list[bytes] = []
    async with aclosing(stream.chunks) as chunks:
        async for chunk in chunks:
            if isinstance(chunk, Failure):
                yield chunk
                return
            body.append(chunk.unwrap())
    outcome = decode(WireReply(status=stream.status, headers=stream.headers, body=b"".join(body)), who, wall=wall)
    if isinstance(outcome, Failure):
        yield outcome
        return
    response = outcome.unwrap()
    if response.reasoning:
        yield Success(ReasoningDelta(text=response.reasoning))
    if response.content:
        yield Success(TextDelta(text=response.content))
    for index, call in enumerate(response.tool_calls):
        yield Success(ToolCallDelta(index=index, id=call.id, name=call.name, arguments=call.arguments))
    yield Success(StreamFinished(response=response))
