"""Counting tokens: by the model's own counter where there is one and it may hear the request, else by estimate."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from returns.result import Failure, Success

from llm_manager.domain.configuration import LLMConfig
from llm_manager.domain.errors import AuthenticationFailed, ConfigurationError, LLMError, NetworkError
from llm_manager.domain.events import Answered, AttemptAnswered, AttemptStarted, Event
from llm_manager.domain.models import Locality
from llm_manager.domain.plans import RoutingPolicy
from llm_manager.domain.requests import LLMRequest, Preferences
from llm_manager.domain.usage import Priced, TokenCount
from llm_manager.effects import settle
from llm_manager.outcomes import Settled
from llm_manager.policies.tokens import estimate_request_tokens
from llm_manager.services.manager import LLMManager
from llm_manager.testing import Scripted, run_virtual, scripted, scripted_manager
from llm_manager.testing.strategies import errors

HELLO = LLMRequest("hello there, model")
GONE = AuthenticationFailed(model="m", message="no")
ORDER = LLMConfig(routing=RoutingPolicy(fallback_order=("one", "two")))


def counter(*meets: LLMError | None, provider: str = "one", locality: Locality = "local", window: int = 128_000) -> Scripted:
    profile = {"context_window": window}
    return scripted("x", provider=provider, locality=locality, able=("count_tokens",), meets=meets, profile=profile)


def count(manager: LLMManager, request: LLMRequest = HELLO) -> Settled[TokenCount, LLMError]:
    return run_virtual(settle(manager.count_tokens(request)))


def test_the_model_that_would_be_asked_counts_itself() -> None:
    one, two, told = counter(provider="one"), counter(provider="two"), list[Event]()
    manager = scripted_manager(one, two, config=ORDER, tell=told.append)
    assert count(manager) == Success(TokenCount(tokens=5, model="scripted-1", provider="one", exact=True))
    assert (len(one.besides), two.besides, one.calls) == (1, [], [])
    assert [type(event) for event in told] == [AttemptStarted, AttemptAnswered, Answered]
    answered = told[-1]
    assert isinstance(answered, Answered)
    assert isinstance(answered.cost, Priced)
    assert answered.cost.usd == 0


def test_counting_moves_nothing_that_routes_read() -> None:
    manager = scripted_manager(counter())
    before = manager.plan(HELLO).unwrap().snapshot_version
    count(manager)
    assert manager.plan(HELLO).unwrap().steps[0].reasons == scripted_manager(counter()).plan(HELLO).unwrap().steps[0].reasons
    assert list(manager.stats().models) == ["one/scripted-1 count_tokens"]
    assert before >= 1


def test_without_a_counter_of_its_own_the_first_models_tokens_are_guessed() -> None:
    plain, able = scripted("x", provider="one"), counter(provider="two")
    counted = count(scripted_manager(plain, able, config=ORDER)).unwrap()
    assert counted == TokenCount(tokens=estimate_request_tokens(HELLO), model="scripted-1", provider="one", exact=False)
    assert able.besides == []


def test_another_counter_stands_in_unless_somebody_is_named() -> None:
    def two() -> tuple[Scripted, Scripted, Scripted]:
        return counter(GONE, provider="one"), scripted("x", provider="between"), counter(provider="two")

    assert count(scripted_manager(*two(), config=ORDER)).unwrap().provider == "two"
    named = LLMRequest("hi", preferences=Preferences(provider="one"))
    assert count(scripted_manager(*two(), config=ORDER), named) == Failure(GONE)
    automatic = LLMRequest("hi", preferences=Preferences(provider="auto"))
    assert count(scripted_manager(*two(), config=ORDER), automatic).unwrap().provider == "two"


def test_a_reset_is_sent_again() -> None:
    model = counter(NetworkError(model="m", message="reset"))
    assert count(scripted_manager(model)).unwrap().exact
    assert len(model.besides) == 2


@pytest.mark.parametrize("request_", [LLMRequest("the patient sleeps"), LLMRequest("x", sensitivity="private")])
def test_what_no_counter_may_hear_is_estimated_here(request_: LLMRequest) -> None:
    cloud = counter(locality="cloud")
    counted = count(scripted_manager(cloud), request_).unwrap()
    assert counted == TokenCount(tokens=estimate_request_tokens(request_), model="scripted-1", provider="one", exact=False)
    assert cloud.besides == []


def test_what_fits_nowhere_has_a_size_all_the_same() -> None:
    small, large = counter(provider="one", window=2), counter(provider="two", window=3)
    counted = count(scripted_manager(small, large), LLMRequest("word " * 100)).unwrap()
    assert (counted.exact, counted.tokens > 100) == (False, True)


def test_a_misspelt_name_is_no_count() -> None:
    error = count(scripted_manager(counter()), LLMRequest("x", preferences=Preferences(provider="opnai"))).failure()
    assert isinstance(error, ConfigurationError)
    assert isinstance(count(scripted_manager(), LLMRequest("the patient")), Failure)


@given(
    st.lists(st.tuples(st.booleans(), st.booleans(), st.lists(errors(), max_size=3)), min_size=1, max_size=3),
    st.sampled_from(["fine", "a patient"]),
    st.booleans(),
    st.integers(0, 2),
)
@settings(max_examples=60, deadline=None)
def test_a_private_request_is_told_no_cloud_and_requests_are_bounded(
    described: list[tuple[bool, bool, list[LLMError]]], text: str, airgap: bool, retries: int
) -> None:
    models = [
        scripted("x", provider=name, locality="local" if near else "cloud", able=("count_tokens",) if able else (), meets=meets)
        for name, (near, able, meets) in zip(("a", "b", "c"), described, strict=False)
    ]
    config = LLMConfig(routing=RoutingPolicy(airgap=airgap, max_retries=retries))
    count(scripted_manager(*models, config=config), LLMRequest(text))
    asked = [len(model.besides) for model in models]
    assert sum(asked) <= sum(number > 0 for number in asked) + retries
    if airgap or text != "fine":
        assert not any(model.besides for model in models if model.client.endpoint.locality == "cloud")
