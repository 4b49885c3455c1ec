"""Moderation and images through a manager: one request, re-sent and passed on as chat is."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st
from returns.future import FutureResult
from returns.result import Failure, Success

from llm_manager.domain.configuration import LLMConfig, PerformanceSettings
from llm_manager.domain.errors import (
    AllModelsFailed,
    AuthenticationFailed,
    ConfigurationError,
    InvalidRequest,
    LLMError,
    MalformedResponse,
    NetworkError,
    PolicyBlocked,
    RequestTimeout,
)
from llm_manager.domain.events import Answered, AttemptAnswered, AttemptFailed, AttemptStarted, CallFailed, Event, MovedOn, ServersProbed
from llm_manager.domain.images import ImageRequest, MadeImages
from llm_manager.domain.models import Locality
from llm_manager.domain.moderation import Moderation, ModerationRequest
from llm_manager.domain.plans import RoutingPolicy
from llm_manager.domain.usage import Priced, Unpriced, Usage
from llm_manager.effects import publish, settle
from llm_manager.outcomes import Settled
from llm_manager.services.manager import LLMManager
from llm_manager.testing import Scripted, run_virtual, scripted, scripted_manager
from llm_manager.testing.strategies import errors

RESET = NetworkError(model="m", message="reset")
GONE = AuthenticationFailed(model="m", message="no")


def able(*meets: LLMError | None, provider: str = "one", locality: Locality = "local", seconds: float = 0.0) -> Scripted:
    return scripted(provider=provider, locality=locality, able=("moderate", "create_image"), meets=meets, seconds=seconds)


def judge(manager: LLMManager, asked: ModerationRequest) -> Settled[Moderation, LLMError]:
    return run_virtual(settle(manager.moderate(asked)))


def draw(manager: LLMManager, asked: ImageRequest) -> Settled[MadeImages, LLMError]:
    return run_virtual(settle(manager.create_image(asked)))


def test_each_text_gets_its_verdict() -> None:
    model, told = able(), list[Event]()
    answer = judge(scripted_manager(model, tell=told.append), ModerationRequest(("fine", "a flag"))).unwrap()
    assert [verdict.flagged for verdict in answer.verdicts] == [False, True]
    assert (answer.model, answer.provider, len(answer.attempts)) == ("scripted-1-moderation", "one", 1)
    assert answer.cost == answer.attempts[0].cost
    assert isinstance(answer.cost, Priced)
    assert [type(event) for event in told] == [AttemptStarted, AttemptAnswered, Answered]
    assert [event.operation for event in told if isinstance(event, AttemptStarted | AttemptAnswered)] == ["moderate", "moderate"]


def test_pictures_are_made() -> None:
    model = able(locality="cloud")
    answer = draw(scripted_manager(model), ImageRequest("a cat", count=2, size="1x1")).unwrap()
    assert (len(answer.images), answer.model, answer.images[0].revised_prompt) == (2, "scripted-1-image", "a cat")
    assert isinstance(answer.cost, Unpriced)
    asked = model.besides[0]
    assert isinstance(asked, ImageRequest)
    assert (asked.size, asked.timeout_ms, asked.provider) == ("1x1", 180_000, "one")


def test_a_price_that_the_provider_tells_is_believed() -> None:
    model, told = able(locality="cloud"), Priced(usd=Decimal("0.04"), price_version="told")

    async def dear(_: ImageRequest) -> Settled[MadeImages, LLMError]:
        return Success(MadeImages(images=(), model="m", provider="one", usage=Usage(input_tokens=1), cost=told))

    manager = scripted_manager(model, clients={"one": evolve(model.client, create_image=publish(dear))})
    assert draw(manager, ImageRequest("a")).unwrap().cost == told
    assert manager.stats().models["one/scripted-1-image create_image"].cost_usd == told.usd


def test_others_stand_in_unless_one_is_named() -> None:
    def two() -> tuple[Scripted, Scripted]:
        return able(GONE, provider="one"), able(provider="two")

    told: list[Event] = []
    answer = judge(scripted_manager(*two(), tell=told.append), ModerationRequest("a")).unwrap()
    assert answer.provider == "two"
    assert answer.notices == ("scripted-1-moderation of one failed (AuthenticationFailed); scripted-1-moderation of two answered",)
    assert [type(event) for event in told] == [AttemptStarted, AttemptFailed, MovedOn, AttemptStarted, AttemptAnswered, Answered]
    one, other = two()
    assert judge(scripted_manager(one, other), ModerationRequest("a", provider="one")) == Failure(GONE)
    assert other.besides == []
    everyone = [able(GONE, provider=name) for name in ("one", "two")]
    assert judge(scripted_manager(*everyone), ModerationRequest("a")) == Failure(AllModelsFailed(causes=(GONE, GONE)))


@pytest.mark.parametrize("asked", [ImageRequest("  "), ImageRequest("a", count=0)])
def test_what_no_provider_could_draw_is_not_sent(asked: ImageRequest) -> None:
    model, told = able(), list[Event]()
    assert isinstance(draw(scripted_manager(model, tell=told.append), asked).failure(), InvalidRequest)
    assert model.besides == []
    assert [type(event) for event in told] == [CallFailed]


def test_no_texts_are_no_request() -> None:
    assert isinstance(judge(scripted_manager(able()), ModerationRequest(())).failure(), InvalidRequest)


def test_nobody_who_can_is_an_error_that_names_who_could() -> None:
    error = judge(scripted_manager(scripted(provider="one")), ModerationRequest("a")).failure()
    assert isinstance(error, ConfigurationError)
    assert "openai" in error.message


def test_a_verdict_too_few_is_an_answer_of_nobody() -> None:
    model = able()

    async def short(_: ModerationRequest) -> Settled[Moderation, LLMError]:
        return Success(Moderation(verdicts=(), model="m", provider="one"))

    manager = scripted_manager(model, clients={"one": evolve(model.client, moderate=publish(short))})
    assert isinstance(judge(manager, ModerationRequest("a")).failure(), MalformedResponse)


def test_a_picture_has_three_minutes_unless_somebody_says_otherwise() -> None:
    slow = able(seconds=100.0)
    assert isinstance(draw(scripted_manager(slow), ImageRequest("a")), Success)
    late = draw(scripted_manager(able(seconds=1e9), config=LLMConfig(performance=PerformanceSettings(timeout_ms=1))), ImageRequest("a"))
    assert isinstance(late.failure(), RequestTimeout)
    own = draw(scripted_manager(able(seconds=100.0)), ImageRequest("a", timeout_ms=50)).failure()
    assert isinstance(own, RequestTimeout)
    assert own.timeout_ms == 50


def test_somebody_elses_timeout_is_not_ours() -> None:
    model = able()

    async def bug(_: ModerationRequest) -> Settled[Moderation, LLMError]:
        raise TimeoutError

    manager = scripted_manager(model, clients={"one": evolve(model.client, moderate=publish(bug))})
    with pytest.raises(TimeoutError):
        judge(manager, ModerationRequest("a"))


def test_local_servers_are_looked_for_before_anything_is_asked() -> None:
    server, told = able(provider="lmstudio"), list[Event]()
    manager = scripted_manager(tell=told.append, servers={"lmstudio": server.client})
    assert judge(manager, ModerationRequest("a")).unwrap().provider == "lmstudio"
    assert isinstance(told[0], ServersProbed)


Ask = Callable[[LLMManager, str], FutureResult[Any, LLMError]]
ASKS: list[Ask] = [
    lambda manager, text: manager.moderate(ModerationRequest(text)),
    lambda manager, text: manager.create_image(ImageRequest(text)),
]


@given(
    st.sampled_from(ASKS),
    st.lists(st.lists(errors() | st.none(), max_size=5), min_size=1, max_size=3),
    st.lists(st.booleans(), min_size=3, max_size=3),
    st.integers(0, 3),
    st.sampled_from(["fine", "a patient", "PHI"]),
    st.booleans(),
)
@settings(max_examples=100, deadline=None)
def test_requests_never_pass_the_steps_and_the_retries_and_private_ones_stay_local(
    ask: Ask, meets: list[list[LLMError | None]], local: list[bool], retries: int, text: str, airgap: bool
) -> None:
    models = [
        able(*script, provider=name, locality="local" if near else "cloud")
        for name, script, near in zip(("a", "b", "c"), meets, local, strict=False)
    ]
    config = LLMConfig(routing=RoutingPolicy(max_retries=retries, airgap=airgap))
    outcome = run_virtual(settle(ask(scripted_manager(*models, config=config), text)))
    asked = [len(model.besides) for model in models]
    assert sum(asked) <= sum(count > 0 for count in asked) + retries
    if airgap or text != "fine":
        assert not any(count for count, near in zip(asked, local, strict=False) if not near)
        if not any(local[: len(models)]):
            assert isinstance(outcome.failure(), PolicyBlocked)
    if isinstance(outcome, Success):
        assert len(outcome.unwrap().attempts) == sum(asked)
