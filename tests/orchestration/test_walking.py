"""A call's walk over its plan, on scripted models and virtual time."""

from collections.abc import Callable, Coroutine
from decimal import Decimal
from typing import Any

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from returns.result import Failure, Success

from llm_manager.domain.configuration import LLMConfig, PerformanceSettings, ProviderSettings
from llm_manager.domain.error_questions import is_transient, refused_here
from llm_manager.domain.errors import (
    AllModelsFailed,
    InvalidRequest,
    LLMError,
    ModelUnavailable,
    NetworkError,
    QuotaExhausted,
    RateLimitExceeded,
    RequestTimeout,
    StreamInterrupted,
)
from llm_manager.domain.events import Answered, AttemptAnswered, AttemptFailed, AttemptStarted, CallFailed, Event, MovedOn
from llm_manager.domain.messages import Message, ToolSpec
from llm_manager.domain.models import KnownPrice
from llm_manager.domain.plans import RoutingPolicy
from llm_manager.domain.requests import LLMRequest, Preferences
from llm_manager.domain.responses import LLMResponse
from llm_manager.domain.usage import Priced
from llm_manager.effects import settle
from llm_manager.orchestration.collecting import collect
from llm_manager.outcomes import Settled, sealed
from llm_manager.services.manager import LLMManager
from llm_manager.testing import faults, run_virtual, scripted, scripted_manager
from llm_manager.testing.strategies import errors, responses

DOWN = ModelUnavailable(model="m", message="500")
ORDER = LLMConfig(routing=RoutingPolicy(fallback_order=("one", "two", "three")))


def ask(manager: LLMManager, request: LLMRequest | None = None) -> Settled[LLMResponse, LLMError]:
    return run_virtual(settle(manager.generate(request or LLMRequest("hi"))))


async def _collected(manager: LLMManager) -> Settled[LLMResponse, LLMError]:
    return sealed(await collect(manager.stream(LLMRequest("hi"))))


def test_a_failed_model_is_left_for_the_next_and_the_answer_tells_both() -> None:
    one, two = scripted(DOWN, provider="one", model="a"), scripted("hello", provider="two", model="b")
    told: list[Event] = []
    outcome = ask(scripted_manager(one, two, config=ORDER, tell=told.append))
    assert isinstance(outcome, Success)
    answer = outcome.unwrap()
    assert (answer.content, answer.provider, answer.model) == ("hello", "two", "b")
    assert answer.notices == ("a of one failed (ModelUnavailable); b of two answered",)
    assert [(record.model, record.error) for record in answer.attempts] == [("a", DOWN), ("b", None)]
    assert [type(event) for event in told] == [AttemptStarted, AttemptFailed, MovedOn, AttemptStarted, AttemptAnswered, Answered]
    assert len({event.call_id for event in told if not isinstance(event, Answered)} | {answer.call_id}) == 1  # type: ignore[union-attr]  # none of these is about servers


def test_every_failure_ends_in_one_error_that_names_them_all() -> None:
    gone = ModelUnavailable(model="b", message="404", reason="permanent")
    told: list[Event] = []
    one, two = scripted(QuotaExhausted(model="a", message="spent"), provider="one"), scripted(gone, provider="two")
    outcome = ask(scripted_manager(one, two, config=ORDER, tell=told.append))
    assert outcome == Failure(AllModelsFailed(causes=(QuotaExhausted(model="a", message="spent"), gone)))
    assert isinstance(told[-1], CallFailed)
    assert (one.count, two.count) == (1, 1)


def test_a_bad_request_is_asked_of_nobody_else() -> None:
    bad = InvalidRequest(message="empty")
    one, two = scripted(bad, provider="one"), scripted("hello", provider="two")
    assert ask(scripted_manager(one, two, config=ORDER)) == Failure(bad)
    assert two.count == 0


def test_a_pause_asked_for_is_slept_on_the_worlds_clock() -> None:
    one = scripted(RateLimitExceeded(model="m", retry_after_seconds=7.0), "hello", provider="one")
    outcome = ask(scripted_manager(one))
    assert isinstance(outcome, Success)
    assert 7.0 <= outcome.unwrap().latency_seconds < 7.8
    assert outcome.unwrap().attempts[1].after_seconds == pytest.approx(outcome.unwrap().latency_seconds)


def test_a_hanging_model_is_left_at_its_deadline() -> None:
    hanging, two = scripted(faults.hanging(), provider="one"), scripted("hello", provider="two")
    config = LLMConfig(routing=ORDER.routing, performance=PerformanceSettings(timeout_ms=1_000))
    outcome = ask(scripted_manager(hanging, two, config=config), LLMRequest("hi", preferences=Preferences(max_tokens=100)))
    assert isinstance(outcome, Success)
    assert outcome.unwrap().latency_seconds == pytest.approx(5.0)
    failed = outcome.unwrap().attempts[0].error
    assert isinstance(failed, RequestTimeout)
    assert (failed.timeout_ms, failed.phase) == (5_000, "attempt")
    assert hanging.left == 1


def test_the_callers_deadline_bounds_the_whole_call() -> None:
    hanging = scripted(faults.hanging(), provider="one")
    outcome = ask(scripted_manager(hanging), LLMRequest("hi", deadline_ms=1_500))
    assert isinstance(outcome, Failure)
    error = outcome.failure()
    assert isinstance(error, RequestTimeout)
    assert (error.timeout_ms, error.phase) == (1_500, "total")


def test_a_providers_timeout_is_its_own() -> None:
    config = LLMConfig(providers={"one": ProviderSettings(timeout_ms=600_000)})
    slow = scripted(faults.slow(500.0, "at last"), provider="one")
    outcome = ask(scripted_manager(slow, config=config))
    assert isinstance(outcome, Success)


def test_the_price_is_that_of_the_model_that_answered() -> None:
    price = KnownPrice(input_usd=Decimal(1_000_000), output_usd=Decimal(0), version="test")
    cloud = scripted("hello", provider="one", locality="cloud", profile={"price": price})
    outcome = ask(scripted_manager(cloud))
    assert isinstance(outcome, Success)
    answer = outcome.unwrap()
    assert answer.usage is not None
    assert answer.cost == Priced(usd=Decimal(answer.usage.prompt_tokens), price_version="test")
    assert answer.attempts[0].cost == answer.cost


def test_a_stream_falls_back_before_its_first_event() -> None:
    one, two = scripted(DOWN, provider="one"), scripted("hello there", provider="two")
    outcome = run_virtual(_collected(scripted_manager(one, two, config=ORDER)))
    assert isinstance(outcome, Success)
    answer = outcome.unwrap()
    assert (answer.content, answer.provider, len(answer.attempts)) == ("hello there", "two", 2)
    assert answer.time_to_first_token_seconds is not None


def test_a_stream_that_breaks_after_its_first_event_is_told_and_never_restarted() -> None:
    one, two = scripted(faults.cut_after(2), provider="one"), scripted("hello", provider="two")
    told: list[Event] = []
    outcome = run_virtual(_collected(scripted_manager(one, two, config=ORDER, tell=told.append)))
    assert isinstance(outcome, Failure)
    assert isinstance(outcome.failure(), StreamInterrupted)
    assert two.count == 0
    assert [type(event) for event in told] == [AttemptStarted, AttemptFailed, CallFailed]


def test_a_stream_ends_at_the_calls_deadline_however_lively_it_is() -> None:
    endless = scripted("word " * 1_000, provider="one", chunk_seconds=1.0)

    async def read() -> tuple[int, LLMError | None]:
        count = 0
        async for event in scripted_manager(endless).stream(LLMRequest("hi", deadline_ms=10_500)):
            if isinstance(event, Failure):
                return count, event.failure()
            count += 1
        return count, None

    count, error = run_virtual(read())
    assert count == 11
    assert isinstance(error, RequestTimeout)
    assert error.phase == "total"
    assert endless.under_way == 0


def test_a_model_named_by_the_request_is_met_and_asked_for() -> None:
    one = scripted("hello", provider="openai", locality="cloud")
    outcome = ask(scripted_manager(one), LLMRequest("hi", preferences=Preferences(provider="gpt", model="gpt-special")))
    assert isinstance(outcome, Success)
    assert one.calls[0].model.name == "gpt-special"


def test_the_only_provider_there_is_takes_any_model_name() -> None:
    one = scripted("hello", provider="one")
    assert isinstance(ask(scripted_manager(one), LLMRequest("hi", preferences=Preferences(model="my-own"))), Success)
    assert one.calls[0].model.name == "my-own"


def test_what_is_seen_changes_the_next_route() -> None:
    config = LLMConfig(routing=RoutingPolicy(strategy="performance", max_retries=0))
    slow = scripted("slow", provider="one", seconds=9.0, profile={"latency_seconds": 1.0})
    quick = scripted("quick", provider="two", seconds=2.0, profile={"latency_seconds": 2.0})

    async def ask_often() -> list[str]:
        manager = scripted_manager(slow, quick, config=config)
        return [(await settle(manager.generate(LLMRequest(f"hi {n}", cache="off")))).unwrap().content for n in range(5)]

    answers = run_virtual(ask_often())
    assert answers[0] == "slow"
    assert answers[-1] == "quick"


def _met(error: LLMError) -> bool:
    """Whether a provider can be the cause: what we refuse ourselves was never sent."""
    return not refused_here(error)


Asking = Callable[[LLMManager], Coroutine[Any, Any, Settled[LLMResponse, LLMError]]]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(errors().filter(_met), min_size=1, max_size=3), min_size=1, max_size=3), st.integers(0, 4), st.booleans())
def test_calls_never_pass_the_models_tried_and_the_retries(failures: list[list[LLMError]], retries: int, streamed: bool) -> None:
    names = ("one", "two", "three")
    models = [scripted(*each, provider=name) for each, name in zip(failures, names, strict=False)]
    config = LLMConfig(routing=RoutingPolicy(max_retries=retries))
    manager = scripted_manager(*models, config=config)
    outcome = run_virtual(_collected(manager)) if streamed else ask(manager)
    assert isinstance(outcome, Failure)
    sent = sum(model.count for model in models)
    assert sent <= sum(1 for model in models if model.count) + retries
    for model, each in zip(models, failures, strict=True):
        said = [each[min(place, len(each) - 1)] for place in range(model.count)]
        assert all(is_transient(error) for error in said[:-1])


def test_a_network_error_before_sending_is_tried_again_until_the_retries_are_spent() -> None:
    one = scripted(NetworkError(model="m", message="refused"), provider="one")
    ask(scripted_manager(one))
    assert one.count == 4


@settings(max_examples=40, deadline=None)
@given(responses())
def test_an_answer_is_completed_and_loses_nothing_on_the_way(said: LLMResponse) -> None:
    outcome = ask(scripted_manager(scripted(said)), LLMRequest("hi", cache="off"))
    assert isinstance(outcome, Success)
    kept = attrs.asdict(outcome.unwrap(), recurse=False)
    for name, value in attrs.asdict(said, recurse=False).items():
        if name == "notices":
            assert kept[name] == said.notices
        elif name not in ("cost", "latency_seconds", "time_to_first_token_seconds", "attempts", "call_id"):
            assert kept[name] == value


@pytest.mark.parametrize("stable", [True, False])
def test_tools_and_words_of_the_system_come_in_one_order_where_that_is_wanted(stable: bool) -> None:
    """So that a provider can keep how prompts begin; words of the user stay where they are."""
    model = scripted("x")
    said = (Message(role="user", content="a"), Message(role="system", content="be brief"), Message(role="assistant", content="b"))
    request = LLMRequest("c", system="be brief", messages=said, tools=(ToolSpec(name="b"), ToolSpec(name="a")))
    manager = scripted_manager(model, config=LLMConfig(performance=PerformanceSettings(stable_prompts=stable)))
    answer = run_virtual(settle(manager.generate(request))).unwrap()
    assert answer.content == "x"
    [sent] = model.requests
    assert [tool.name for tool in sent.tools] == (["a", "b"] if stable else ["b", "a"])
    assert [message.role for message in sent.messages] == (["user", "assistant"] if stable else ["user", "system", "assistant"])
