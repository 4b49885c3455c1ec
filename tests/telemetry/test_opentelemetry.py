"""Calls as spans and metrics: the names of the conventions, attempts under their call, words only when wished for."""

import json
from collections.abc import Callable, Mapping
from contextlib import aclosing
from typing import Any

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from returns.result import Failure, Success

from llm_manager import tool_from_function
from llm_manager.domain.configuration import LLMConfig, ProviderSettings, TelemetrySettings
from llm_manager.domain.messages import ToolCall
from llm_manager.domain.requests import LLMRequest, Preferences, RequestMetadata
from llm_manager.domain.responses import LLMResponse
from llm_manager.domain.secrets import Secret
from llm_manager.effects import settle
from llm_manager.services.manager import LLMManager
from llm_manager.telemetry.opentelemetry import tracing
from llm_manager.testing import Scripted, fake_world, faults, run_virtual, scripted, scripted_manager
from llm_manager.wiring import default_deps


class Seen:
    """What OpenTelemetry was told."""

    def __init__(self) -> None:
        self.spans = InMemorySpanExporter()
        self.tracers = TracerProvider()
        self.tracers.add_span_processor(SimpleSpanProcessor(self.spans))
        self.reader = InMemoryMetricReader()
        self.meters = MeterProvider([self.reader])

    def manager(self, *models: Scripted, content: Callable[[LLMRequest], bool] = lambda _: False) -> LLMManager:
        """A manager that tells it."""
        world = fake_world()
        telling = tracing(world, content=content, tracers=self.tracers, meters=self.meters)
        return scripted_manager(*models, world=world, tell=telling.subscriber, around_calls=(telling.around,))

    def finished(self) -> list[ReadableSpan]:
        """Every span, in the order in which they ended."""
        return list(self.spans.get_finished_spans())

    def points(self, name: str) -> list[tuple[Mapping[str, Any], Any]]:
        """What a metric holds: attributes, and the sum."""
        data = self.reader.get_metrics_data()
        assert data is not None
        metrics = [each for of in data.resource_metrics for scope in of.scope_metrics for each in scope.metrics if each.name == name]
        points = [point for each in metrics for point in each.data.data_points]
        return [(dict(point.attributes or {}), getattr(point, "sum", getattr(point, "value", None))) for point in points]


def facts(span: ReadableSpan) -> Mapping[str, Any]:
    """Its attributes."""
    return dict(span.attributes or {})


def test_a_call_is_a_span_with_its_attempts_under_it() -> None:
    """Two attempts, each with how it ended; the call's span is what the caller's own span holds."""
    seen = Seen()
    model = scripted(faults.server_error(), "Paris.", provider="openai", model="gpt-4o-mini", locality="cloud")
    request = LLMRequest(
        "Capital of France?",
        preferences=Preferences(max_tokens=20, temperature=0.5, stop=("x",), seed=3),
        metadata=RequestMetadata(feature="quiz", user="ann", tenant="acme", run="r1"),
    )

    async def ask() -> None:
        async with seen.manager(model) as manager:
            with seen.tracers.get_tracer("mine").start_as_current_span("mine"):
                assert isinstance(await settle(manager.generate(request)), Success)

    run_virtual(ask())
    first, second, call, mine = seen.finished()
    assert [span.name for span in (first, second, call)] == ["chat gpt-4o-mini", "chat gpt-4o-mini", "chat gpt-4o-mini"]
    assert call.parent is not None and mine.context is not None and call.parent.span_id == mine.context.span_id
    for attempt in (first, second):
        assert attempt.parent is not None and call.context is not None and attempt.parent.span_id == call.context.span_id
    assert facts(first)["error.type"] == "ModelUnavailable" and not first.status.is_ok
    assert facts(second)["llm_manager.attempt.number"] == 2 and "error.type" not in facts(second)
    told = facts(call)
    assert told["gen_ai.operation.name"] == "chat" and told["gen_ai.provider.name"] == "openai"
    assert (told["gen_ai.request.max_tokens"], told["gen_ai.request.temperature"], told["gen_ai.request.seed"]) == (20, 0.5, 3)
    assert told["gen_ai.response.model"] == "gpt-4o-mini" and told["gen_ai.response.finish_reasons"] == ("stop",)
    assert {told[f"llm_manager.{name}"] for name in ("feature", "user", "tenant", "run")} == {"quiz", "ann", "acme", "r1"}
    assert call.start_time is not None and first.start_time is not None and call.start_time <= first.start_time
    attempts = seen.points("llm_manager.attempts")
    assert sorted(("error.type" in told, count) for told, count in attempts) == [(False, 1), (True, 1)]
    (duration,) = seen.points("gen_ai.client.operation.duration")
    assert duration[0]["gen_ai.response.model"] == "gpt-4o-mini"


def test_a_failed_call_is_an_error_and_so_is_one_that_was_left() -> None:
    """With the tag of the error; nothing stays open."""
    seen = Seen()

    async def ask() -> None:
        async with seen.manager(scripted(faults.wrong_key())) as manager:
            assert isinstance(await settle(manager.generate(LLMRequest("hello"))), Failure)
            async with aclosing(manager.stream(LLMRequest("again"))) as events:
                async for _ in events:
                    break

    run_virtual(ask())
    calls = [span for span in seen.finished() if span.parent is None]
    assert [facts(span)["error.type"] for span in calls] == ["AuthenticationFailed", "AuthenticationFailed"]
    assert not calls[0].status.is_ok


def test_a_stream_ends_its_span_when_it_ends() -> None:
    """Read whole, and left early."""
    seen = Seen()

    async def ask() -> None:
        async with seen.manager(scripted("a long story", provider="lmstudio")) as manager:
            async with aclosing(manager.stream(LLMRequest("tell"))) as events:
                assert [event async for event in events]
            assert len([span for span in seen.finished() if span.parent is None]) == 1
            async with aclosing(manager.stream(LLMRequest("tell me", cache="off"))) as events:
                async for _ in events:
                    break

    run_virtual(ask())
    told = [facts(span) for span in seen.finished() if span.parent is None]
    assert "error.type" not in told[0] and told[1]["error.type"] == "cancelled"


def test_a_remembered_answer_says_so_and_costs_nothing_again() -> None:
    """One attempt for two calls; tokens and money are counted once."""
    seen = Seen()
    model = scripted("Paris.", locality="cloud")

    async def ask() -> None:
        async with seen.manager(model) as manager:
            for _ in range(2):
                await settle(manager.generate(LLMRequest("Capital of France?")))

    run_virtual(ask())
    calls = [facts(span) for span in seen.finished() if span.parent is None]
    assert [told["llm_manager.cached"] for told in calls] == [False, True]
    assert "gen_ai.usage.input_tokens" in calls[0] and "gen_ai.usage.input_tokens" not in calls[1]
    assert {told["gen_ai.token.type"] for told, _ in seen.points("gen_ai.client.token.usage")} == {"input", "output"}
    ((_, cost),) = seen.points("llm_manager.cost.usd")
    assert cost == calls[0]["llm_manager.cost.usd"] > 0


def test_words_are_told_only_when_wished_for() -> None:
    """Of the calls that may be told; a picture is only said to be there."""
    for content in (False, True):
        seen = Seen()

        async def ask(seen: Seen = seen, content: bool = content) -> None:
            async with seen.manager(scripted("a secret answer"), content=lambda _: content) as manager:
                await settle(manager.generate(LLMRequest("a secret question", system="be brief")))

        run_virtual(ask())
        told = json.dumps([dict(facts(span)) for span in seen.finished()], default=str)
        assert ("secret" in told) is content
        if content:
            call = facts(seen.finished()[-1])
            assert json.loads(call["gen_ai.input.messages"])[1] == {
                "role": "user",
                "parts": [{"type": "text", "content": "a secret question"}],
            }
            assert json.loads(call["gen_ai.output.messages"])[0]["parts"][0]["content"] == "a secret answer"


def test_tools_are_spans_too() -> None:
    """Each by its name."""

    def weather(city: str) -> str:
        """The weather."""
        return f"rain in {city}"

    seen = Seen()
    call = ToolCall(id="c", name="weather", arguments='{"city": "Paris"}')
    wish = LLMResponse(content="", model="scripted-1", provider="scripted", finish="tool_calls", tool_calls=(call,))

    async def ask() -> None:
        async with seen.manager(scripted(wish, "It rains.")) as manager:
            run = await settle(manager.call_tools(LLMRequest("The weather in Paris?"), [tool_from_function(weather).unwrap()]))
            assert isinstance(run, Success)

    run_virtual(ask())
    (tool,) = [span for span in seen.finished() if span.name.startswith("execute_tool")]
    assert facts(tool)["gen_ai.tool.name"] == "weather"
    assert sum(span.name == "chat scripted-1" and span.parent is None for span in seen.finished()) == 2


def test_settings_turn_it_on_and_private_words_are_never_told() -> None:
    """By label, and by the rules that add it; without the setting nothing stands around calls."""
    provider = {"openai": ProviderSettings(api_key=Secret("sk-none-needed"))}
    plain = default_deps(LLMConfig(providers=provider), fake_world()).unwrap()
    assert plain.around_calls == ()
    settings = LLMConfig(providers=provider, telemetry=TelemetrySettings(opentelemetry=True, content=True))
    assert len(default_deps(settings, fake_world()).unwrap().around_calls) == 1
