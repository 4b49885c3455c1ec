"""Calls as spans and metrics of OpenTelemetry: one span for a call with all its attempts under it.

What was asked and answered is told only when it is wished for, and never of a private call.
"""

from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from typing import Any, Final, TypeAlias

import msgspec
from attrs import frozen
from opentelemetry import metrics, trace
from opentelemetry.context import Context
from opentelemetry.metrics import MeterProvider
from opentelemetry.trace import Span, SpanKind, Status, StatusCode, TracerProvider
from returns.result import Success

from llm_manager.domain.attempts import Call
from llm_manager.domain.errors import LLMError
from llm_manager.domain.events import AttemptAnswered, AttemptFailed, AttemptLeft, CacheHit, Event, ToolCalled
from llm_manager.domain.messages import Message
from llm_manager.domain.requests import LLMRequest, RequestMetadata
from llm_manager.domain.responses import LLMResponse
from llm_manager.domain.usage import Cost, Priced, Usage
from llm_manager.outcomes import Settled
from llm_manager.services.journal import Subscriber
from llm_manager.services.steps import CallLayer, Ending, Reply, Step, at_end
from llm_manager.services.world import World
from llm_manager.telemetry import genai_names as names

Facts: TypeAlias = dict[str, Any]

_NAME: Final = "llm_manager"
_CANCELLED: Final = "cancelled"
_ENCODER: Final = msgspec.json.Encoder()


@frozen(kw_only=True)
class Tracing:
    """What tells OpenTelemetry: ``around`` stands around every call, ``subscriber`` hears of attempts."""

    around: CallLayer
    subscriber: Subscriber


def tracing(
    world: World,
    *,
    content: Callable[[LLMRequest], bool] = lambda _: False,
    tracers: TracerProvider | None = None,
    meters: MeterProvider | None = None,
) -> Tracing:
    """Make spans and metrics with the process's own providers, or with those given; ``content`` says of which calls the words are told.

    Without an SDK in the process all of it is told to nobody.
    """
    telling = _Telling(world, tracers, meters)

    def around(step: Step[Call, Reply]) -> Step[Call, Reply]:
        async def traced(call: Call) -> Settled[Reply, LLMError]:
            span = telling.begin(call)
            if span.is_recording() and content(call.request):
                span.set_attributes(_asked_words(call.request))

            def tell(ending: Ending) -> Ending:
                telling.end(call, span, ending)
                if span.is_recording() and isinstance(ending, Success) and content(call.request):
                    span.set_attribute(names.OUTPUT_MESSAGES, _words([ending.unwrap().message]))
                telling.close(call, span)
                return ending

            def left() -> None:
                span.set_attribute(names.ERROR, _CANCELLED)
                telling.close(call, span)

            outcome = None
            try:
                with trace.use_span(span, end_on_exit=False, record_exception=False, set_status_on_exception=False):
                    outcome = await step(call)
            finally:
                if outcome is None:
                    left()
            return at_end(outcome, tell, left)

        return traced

    return Tracing(around=around, subscriber=telling.hear)


class _Telling:
    """The spans of the calls under way, and the instruments."""

    def __init__(self, world: World, tracers: TracerProvider | None, meters: MeterProvider | None) -> None:
        self._world = world
        self._tracer = trace.get_tracer(_NAME, None, tracers, names.SCHEMA_URL)
        meter = metrics.get_meter(_NAME, "", meters, names.SCHEMA_URL)
        self._duration = meter.create_histogram(names.DURATION, "s", "How long calls take, with all their attempts.")
        self._tokens = meter.create_histogram(names.TOKENS, "{token}", "How many tokens attempts read and write.")
        self._cost = meter.create_counter(names.COST, "USD", "What attempts cost, where it is known.")
        self._attempts = meter.create_counter(names.ATTEMPTS, "{attempt}", "How attempts ended.")
        self._under_way: dict[str, Context] = {}

    def begin(self, call: Call) -> Span:
        span = self._tracer.start_span("chat", kind=SpanKind.CLIENT, attributes=_asked(call.request), start_time=self._wall(call.started))
        if span.is_recording():
            self._under_way[call.id] = trace.set_span_in_context(span)
        return span

    def end(self, call: Call, span: Span, ending: Ending) -> None:
        facts: Facts = {names.OPERATION: "chat"}
        if isinstance(ending, Success):
            answer = ending.unwrap()
            facts |= {names.PROVIDER: _provider(answer.provider), names.RESPONSE_MODEL: answer.model}
            span.update_name(f"chat {answer.model}")
            span.set_attributes(_answered(answer))
        else:
            error = ending.failure()
            facts[names.ERROR] = error.tag
            span.set_status(Status(StatusCode.ERROR, error.tag))
        span.set_attributes(facts)
        self._duration.record(self._world.now() - call.started, facts)

    def close(self, call: Call, span: Span) -> None:
        self._under_way.pop(call.id, None)
        span.end(self._wall(self._world.now()))

    def hear(self, event: Event) -> None:
        """Tell of an attempt or a tool that ended; other events are in the spans of their calls already."""
        if isinstance(event, AttemptAnswered | AttemptFailed | AttemptLeft):
            self._attempt(event)
        elif isinstance(event, ToolCalled):
            facts: Facts = {names.OPERATION: names.EXECUTE_TOOL, names.TOOL: event.tool}
            self._span(f"{names.EXECUTE_TOOL} {event.tool}", event.call_id, event.at, event.seconds, facts, event.error, SpanKind.INTERNAL)
        elif isinstance(event, CacheHit) and (context := self._under_way.get(event.call_id)) is not None:
            trace.get_current_span(context).set_attribute(names.CACHED, True)

    def _attempt(self, event: AttemptAnswered | AttemptFailed | AttemptLeft) -> None:
        operation = names.OPERATIONS[event.operation]
        told: Facts = {names.OPERATION: operation, names.PROVIDER: _provider(event.provider), names.REQUEST_MODEL: event.model}
        error = event.error if isinstance(event, AttemptFailed) else None
        ended = {names.ERROR: error.tag} if error is not None else {names.ERROR: _CANCELLED} if isinstance(event, AttemptLeft) else {}
        facts: Facts = {**told, **ended, names.ATTEMPT: event.number, **_whose(event.metadata)}
        if event.key_fingerprint is not None:
            facts[names.KEY] = event.key_fingerprint
        if isinstance(event, AttemptAnswered):
            facts |= {**_used(event.usage), **_paid(event.cost)}
            self._measure(event, told)
        self._attempts.add(1, {**told, **ended})
        self._span(f"{operation} {event.model}", event.call_id, event.at, event.seconds, facts, error, SpanKind.CLIENT)

    def _measure(self, event: AttemptAnswered, told: Mapping[str, Any]) -> None:
        if event.usage is not None:
            self._tokens.record(event.usage.prompt_tokens, {**told, names.TOKEN_TYPE: "input"})
            self._tokens.record(event.usage.completion_tokens, {**told, names.TOKEN_TYPE: "output"})
        if isinstance(event.cost, Priced) and event.cost.usd > Decimal(0):
            self._cost.add(float(event.cost.usd), told)

    def _span(self, name: str, call_id: str, at: float, seconds: float, facts: Facts, error: LLMError | None, kind: SpanKind) -> None:  # noqa: PLR0917
        context = self._under_way.get(call_id)
        span = self._tracer.start_span(name, context, kind, facts, start_time=self._wall(at - seconds))
        if error is not None:
            span.set_status(Status(StatusCode.ERROR, error.tag))
            span.set_attribute(names.ERROR, error.tag)
        span.end(self._wall(at))

    def _wall(self, at: float) -> int:
        """A moment of the monotonic clock in nanoseconds since 1970."""
        return round((self._world.wall() - self._world.now() + at) * 1e9)


def _asked(request: LLMRequest) -> Facts:
    asked = request.preferences
    told = {
        names.OPERATION: "chat",
        names.REQUEST_MODEL: asked.model,
        names.PROVIDER: None if asked.provider is None else _provider(asked.provider),
        names.MAX_TOKENS: asked.max_tokens,
        names.TEMPERATURE: asked.temperature,
        names.TOP_P: asked.top_p,
        names.SEED: asked.seed,
        names.STOP: asked.stop or None,
    }
    return {**{name: value for name, value in told.items() if value is not None}, **_whose(request.metadata)}


def _answered(answer: LLMResponse) -> Facts:
    told: Facts = {names.FINISH_REASONS: (answer.finish,), names.CACHED: answer.cached or answer.shared, **_paid(answer.cost)}
    if not (answer.cached or answer.shared):
        told |= _used(answer.usage)
    if answer.request_id is not None:
        told[names.RESPONSE_ID] = answer.request_id
    if answer.conversation_id is not None:
        told[names.CONVERSATION] = answer.conversation_id
    if answer.time_to_first_token_seconds is not None:
        told[names.TIME_TO_FIRST_CHUNK] = answer.time_to_first_token_seconds
    return told


def _used(usage: Usage | None) -> Facts:
    if usage is None:
        return {}
    written = usage.cache_write_tokens + usage.cache_write_long_tokens
    told = {
        names.CACHE_READ_TOKENS: usage.cache_read_tokens,
        names.CACHE_WRITE_TOKENS: written,
        names.REASONING_TOKENS: usage.reasoning_tokens,
    }
    both = {names.INPUT_TOKENS: usage.prompt_tokens, names.OUTPUT_TOKENS: usage.completion_tokens}
    return {**both, **{name: tokens for name, tokens in told.items() if tokens}}


def _paid(cost: Cost) -> Facts:
    return {names.COST: float(cost.usd)} if isinstance(cost, Priced) else {}


def _whose(metadata: RequestMetadata) -> Facts:
    told = {names.FEATURE: metadata.feature, names.USER: metadata.user, names.TENANT: metadata.tenant, names.RUN: metadata.run}
    return {name: value for name, value in told.items() if value is not None}


def _provider(name: str) -> str:
    return names.PROVIDERS.get(name, name)


def _asked_words(request: LLMRequest) -> Facts:
    return {names.INPUT_MESSAGES: _words(request.conversation())}


def _words(messages: "list[Message] | tuple[Message, ...]") -> str:
    """Messages in the form of the conventions: a role and parts; of pictures and documents only that they are there."""
    return _ENCODER.encode([{"role": each.role, "parts": list(_parts(each))} for each in messages]).decode()


def _parts(message: Message) -> Iterator[Facts]:
    if message.text:
        yield {"type": "text", "content": message.text}
    yield from ({"type": part.tag} for part in message.content if part.tag != "TextPart")
    yield from ({"type": "tool_call", "id": call.id, "name": call.name, "arguments": call.arguments} for call in message.tool_calls)
