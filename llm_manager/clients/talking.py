"""Talking any HTTP dialect over a `Transport`: what every client does the same way, whatever its codec says.

The key is added by `envelopes`, when a request goes out, and is nowhere else. Nothing here re-sends or bounds an attempt.
"""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from contextlib import aclosing
from typing import Any, Final, TypeAlias

from attrs import evolve, field, frozen
from returns.future import FutureResult
from returns.result import Failure, Success

from llm_manager.clients import endings
from llm_manager.clients.direct import DirectDeps, made_client
from llm_manager.clients.envelopes import Addressed
from llm_manager.clients.frames import START, ServerSentEvent, end_lines, end_sse, feed_lines, feed_sse
from llm_manager.clients.statuses import is_good
from llm_manager.clients.telling import Event, Next, Told, begun, cut
from llm_manager.clients.who import Who, request_id, who_answers
from llm_manager.domain.attempts import Attempt, Limits
from llm_manager.domain.configuration import ProviderSettings
from llm_manager.domain.error_questions import describe
from llm_manager.domain.errors import LLMError, RequestTimeout
from llm_manager.domain.models import Health, ModelProfile
from llm_manager.domain.responses import LLMResponse
from llm_manager.domain.streaming import ReasoningDelta, StreamFinished, TextDelta, ToolCallDelta
from llm_manager.domain.wire_requests import WireReply, WireRequest
from llm_manager.effects import publish
from llm_manager.outcomes import Settled
from llm_manager.policies.rate_limit_headers import rate_limits_of
from llm_manager.services.model_client import ClientParts, Encode, ModelClient
from llm_manager.services.steps import Events, OpenStream, Step
from llm_manager.services.transport import Transport, WireStream
from llm_manager.services.world import World

QUICKLY: Final = Limits(connect_seconds=5.0, silence_seconds=10.0, attempt_seconds=10.0)
"""How long the list of models, the health of a server and other small questions may take."""
_EVENT_STREAM: Final = "text/event-stream"
_WHOLE_BODIES: Final = ("application/json", "text/html")

Look: TypeAlias = Callable[[], Coroutine[Any, Any, Settled[tuple[str, ...], LLMError]]]
"""Asks a server whether it is well, and for the names of its models."""

_Framed: TypeAlias = tuple[Any, Sequence[ServerSentEvent]]


@frozen(kw_only=True)
class Dialect:
    """The pure half of a client: its codec's functions, and how its streams are framed."""

    encode: Encode
    streamed: Callable[[WireRequest], tuple[str, bytes]]
    """Path and body of the same request, to be answered piece by piece."""
    decode: Callable[[WireReply, Who, float], Settled[LLMResponse, LLMError]]
    """Reads a whole answer at a wall time, in seconds since 1970."""
    decode_event: Callable[[Told, bytes, Who, bytes], Next]
    """Reads one event: its data, and its name where the framing has names."""
    lines: bool = False
    """Whether streams are JSON lines rather than server-sent events."""
    ended: Callable[[Told, Who], Next] | None = None
    """What the proper end of a body tells, in a dialect whose streams have no terminator; still not over is cut off."""


@frozen(kw_only=True)
class Line:
    """One endpoint, and the way of asking it anything."""

    way: Addressed
    transport: Transport
    world: World
    default_model: str

    def who(self, model: str | None = None) -> Who:
        """Whom a question that is no attempt asks."""
        endpoint = self.way.endpoint
        return Who(provider=endpoint.provider, model=model or self.default_model, endpoint=endpoint.base_url, key=self.way.key_now())

    async def ask(
        self,
        path: str,
        *,
        method: str = "GET",
        body: bytes = b"",
        model: str | None = None,
        limits: Limits = QUICKLY,
        above_base: bool = False,
    ) -> Settled[WireReply, LLMError]:
        """Send one question that is no attempt and wait for its whole answer, within the time of its limits."""
        envelope = await self.way.question(path, limits, model or self.default_model, above_base=above_base, method=method, body=body)
        if isinstance(envelope, Failure):
            return envelope
        scope = asyncio.timeout(limits.attempt_seconds)
        try:
            async with scope:
                return await self.transport.send(envelope.unwrap())
        except TimeoutError:
            if not scope.expired():
                raise
            return Failure(RequestTimeout(model=model or self.default_model, timeout_ms=round(limits.attempt_seconds * 1000)))


def answering(dialect: Dialect, line: Line) -> Step[Attempt, LLMResponse]:
    """Ask for a whole answer, once."""
    way, transport, wall, decode = line.way, line.transport, line.world.wall, dialect.decode

    async def answer(attempt: Attempt) -> Settled[LLMResponse, LLMError]:
        wire = attempt.wire
        envelope = await way.envelope(attempt, wire.path, wire.body)
        if isinstance(envelope, Failure):
            return envelope
        outcome = await transport.send(envelope.unwrap())
        if isinstance(outcome, Failure):
            return outcome
        reply, at = outcome.unwrap(), wall()
        decoded = decode(reply, who_answers(attempt), at)
        told = rate_limits_of(reply.headers, wall=at)
        return decoded if told is None or isinstance(decoded, Failure) else Success(evolve(decoded.unwrap(), rate_limits=told))

    return answer


def opening(dialect: Dialect, line: Line) -> Step[Attempt, OpenStream]:
    """Ask for a stream, and wait for its first event."""
    way, transport, wall = line.way, line.transport, line.world.wall

    async def open_stream(attempt: Attempt) -> Settled[OpenStream, LLMError]:
        envelope = await way.envelope(attempt, *dialect.streamed(attempt.wire))
        if isinstance(envelope, Failure):
            return envelope
        outcome = await transport.open(envelope.unwrap())
        if isinstance(outcome, Failure):
            return outcome
        return await _opened(dialect, outcome.unwrap(), who_answers(attempt), wall())

    return open_stream


def checking(line: Line, look: Look) -> Callable[[], FutureResult[Health, LLMError]]:
    """Health: well when ``look`` gives the names of the models on offer, else what stood in the way."""

    async def health() -> Settled[Health, LLMError]:
        began = line.world.now()
        told = await look()
        return Success(
            Health(
                provider=line.way.endpoint.provider,
                healthy=not isinstance(told, Failure),
                latency_seconds=line.world.now() - began,
                models=() if isinstance(told, Failure) else told.unwrap(),
                error_message=describe(told.failure()) if isinstance(told, Failure) else None,
                error_tag=told.failure().tag if isinstance(told, Failure) else None,
            )
        )

    return publish(health)


@frozen(kw_only=True)
class Offered:
    """The models that a client has: those to choose from, how any name is described, and which names are known."""

    profiles: tuple[ModelProfile, ...]
    profile: Callable[[str], ModelProfile]
    known: tuple[str, ...] = ()
    list: Callable[[], Coroutine[Any, Any, Settled[tuple[ModelProfile, ...], LLMError]]] = field(repr=False)
    look: Look = field(repr=False)


def talking_client(
    dialect: Dialect,
    line: Line,
    offered: Offered,
    settings: ProviderSettings,
    parts: ClientParts,
    *,
    answer: Step[Attempt, LLMResponse] | None = None,
    open_stream: Step[Attempt, OpenStream] | None = None,
) -> ModelClient:
    """The client of a dialect at an endpoint; ``answer`` and ``open_stream`` take the place of the plain ones."""
    answers, opens = answer or answering(dialect, line), open_stream or opening(dialect, line)
    asked = DirectDeps(
        world=parts.world,
        performance=parts.performance,
        timeout_ms=settings.timeout_ms,
        endpoint=line.way.endpoint,
        default=offered.profiles[0],
        profile=offered.profile,
        key=line.way.key,
        encode=dialect.encode,
        answer=answers,
        open=opens,
    )
    return made_client(
        asked,
        profiles=offered.profiles,
        known=offered.known,
        list_models=publish(offered.list),
        health=checking(line, offered.look),
        close=line.transport.close,
    )


async def _opened(dialect: Dialect, stream: WireStream, who: Who, wall: float) -> Settled[OpenStream, LLMError]:
    """Wait for the first event; a server that answers whole although a stream was asked for is understood too."""
    kind = next((value for name, value in stream.headers if name == "content-type"), _EVENT_STREAM)
    if not is_good(stream.status) or (kind.startswith(_WHOLE_BODIES) and not dialect.lines):
        events = _whole(dialect, stream, who, wall)
    else:
        events = _events(dialect, stream, who, begun(wall=wall, request_id=request_id(stream.headers)))
    first = await anext(events)
    if isinstance(first, Failure):
        await events.aclose()
        return first
    return Success(OpenStream(first=first.unwrap(), rest=events, rate_limits=rate_limits_of(stream.headers, wall=wall)))


async def _events(dialect: Dialect, stream: WireStream, who: Who, told: Told) -> Events:
    framing, feed, decode_event = START, _feed_lines if dialect.lines else feed_sse, dialect.decode_event
    async with aclosing(stream.chunks) as chunks:
        async for chunk in chunks:
            if isinstance(chunk, Failure):
                yield Failure(_broken(chunk.failure(), told, who))
                return
            framing, arrived = feed(framing, chunk.unwrap())
            for data, name in arrived:
                told, happened = decode_event(told, data, who, name)
                for one in happened:
                    yield one
                if told.over:
                    return
            if framing.refusal is not None:
                yield Failure(cut(told, who, "an event of the stream is larger than 1 MB"))
                return
    for one in _last(dialect, framing, told, who):
        yield one


def _feed_lines(framing: Any, chunk: bytes) -> _Framed:
    framing, lines = feed_lines(framing, chunk)
    return framing, [ServerSentEvent(line) for line in lines]


def _last(dialect: Dialect, framing: Any, told: Told, who: Who) -> list[Event]:
    """What a body that has ended still tells, and how it ends when that is not its terminator."""
    events: list[Event] = []
    arrived = [ServerSentEvent(line) for line in end_lines(framing)] if dialect.lines else end_sse(framing)
    for data, name in arrived:
        told, happened = dialect.decode_event(told, data, who, name)
        events.extend(happened)
    if not told.over and dialect.ended is not None:
        told, happened = dialect.ended(told, who)
        events.extend(happened)
    if not told.over:
        events.append(Failure(cut(told, who)))
    return events


def _broken(error: LLMError, told: Told, who: Who) -> LLMError:
    """A body that broke: before anything was delivered the fault itself, then a stream that was interrupted."""
    return endings.interrupted_by(error, who, partial=told.partial(), request_id=told.request_id) if told.delivered else error


async def _whole(dialect: Dialect, stream: WireStream, who: Who, wall: float) -> Events:
    """The events that an answer makes which came in one piece."""
    body: list[bytes] = []
    async with aclosing(stream.chunks) as chunks:
        async for chunk in chunks:
            if isinstance(chunk, Failure):
                yield chunk
                return
            body.append(chunk.unwrap())
    outcome = dialect.decode(WireReply(status=stream.status, headers=stream.headers, body=b"".join(body)), who, wall)
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
