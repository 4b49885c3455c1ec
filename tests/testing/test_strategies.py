"""The strategies give valid values of the whole range."""

from typing import Any, get_args

import attrs
import pytest
from hypothesis import Phase, given, seed, settings

from llm_manager.domain.errors import AttemptRecord, LLMError
from llm_manager.domain.events import Event
from llm_manager.domain.messages import Part, UseTool
from llm_manager.domain.models import Endpoint, Health, Price
from llm_manager.domain.plans import Candidate, Plan, RoutingPolicy, Snapshot
from llm_manager.domain.requests import LLMRequest, OutputForm
from llm_manager.domain.responses import LLMResponse
from llm_manager.domain.statistics import Statistics
from llm_manager.domain.streaming import StreamEvent
from llm_manager.domain.usage import Cost, Usage
from llm_manager.policies.choosing import Besides
from llm_manager.policies.operation_faults import check_operation
from llm_manager.policies.request_faults import check_request
from llm_manager.testing import scripted
from llm_manager.testing import strategies as some
from llm_manager.testing.laws import streams_lawfully
from llm_manager.testing.values import values_of

quickly = settings(max_examples=40, deadline=None)


@pytest.mark.parametrize(("strategy", "union"), [(some.errors(), LLMError), (some.events(), Event)], ids=["errors", "events"])
def test_every_member_is_given(strategy: Any, union: Any) -> None:
    """No error and no event is forgotten."""
    given_so_far: set[type] = set()

    @settings(max_examples=1000, derandomize=True, database=None, deadline=None, phases=[Phase.generate])
    @given(strategy)
    def collect(value: object) -> None:
        given_so_far.add(type(value))

    collect()
    assert given_so_far == set(get_args(union))


@quickly
@given(some.streams())
def test_streams_keep_the_law(told: list[Any]) -> None:
    """They are what a reader may rely on."""
    streams_lawfully(told)


@quickly
@given(some.requests())
def test_requests_ask_something(request: LLMRequest) -> None:
    """And a tool that must be called is there."""
    assert request.conversation()
    if isinstance(request.tool_choice, UseTool):
        assert request.tool_choice.name in {tool.name for tool in request.tools}
    assert len({tool.name for tool in request.tools}) == len(request.tools)


_MODELS = (*scripted("x").client.profiles, *scripted("y", provider="other", models=("other-2",)).client.profiles)


@pytest.mark.parametrize("strategy", [some.requests(models=_MODELS), some.plain_requests(models=_MODELS)], ids=["any", "plain"])
def test_requests_for_models_name_one_of_them_or_none(strategy: Any) -> None:
    """So that a manager over these models knows whom they ask."""
    named: set[tuple[str | None, str | None]] = set()

    @quickly
    @given(strategy)
    def collect(request: LLMRequest) -> None:
        wishes = request.preferences
        named.add((wishes.model, wishes.provider))
        assert check_request(request) is None
        assert not wishes.exact or wishes.model or wishes.provider

    collect()
    models, providers = {one.name for one in _MODELS}, {one.provider for one in _MODELS}
    pairs = {(one.name, one.provider) for one in _MODELS}
    assert named > {(None, None)}
    for model, provider in named:
        assert model is None or model in models
        assert provider is None or provider in providers
        assert model is None or provider is None or (model, provider) in pairs


@quickly
@given(some.plain_requests())
def test_plain_requests_name_nobody(request: LLMRequest) -> None:
    """They are a prompt, and how much it matters."""
    assert request.prompt
    assert check_request(request) is None


@quickly
@given(some.responses())
def test_answers_with_tool_calls_ended_for_them(answer: LLMResponse) -> None:
    """And no others."""
    assert (answer.finish == "tool_calls") is bool(answer.tool_calls)


@quickly
@given(some.snapshots())
def test_no_model_is_a_candidate_twice(snapshot: Snapshot) -> None:
    """Each at an endpoint of its own provider."""
    names = [(one.profile.provider, one.profile.name) for one in snapshot.candidates]
    assert len(set(names)) == len(names)
    for one in snapshot.candidates:
        assert (one.endpoint.provider, one.endpoint.locality) == (one.profile.provider, one.profile.locality)


@quickly
@given(values_of(Candidate), some.routing_policies(), some.usages())
def test_values_keep_their_bounds(candidate: Candidate, policy: RoutingPolicy, usage: Usage) -> None:
    """Shares lie between 0 and 1, counts are not negative."""
    assert 0 <= candidate.profile.quality <= 1
    assert candidate.success_rate is None or 0 <= candidate.success_rate <= 1
    assert candidate.profile.concurrency >= 1
    assert 0 <= policy.max_retries <= 10
    assert min(attrs.astuple(usage)) >= 0


FURTHER = {
    "attempt records": (some.attempt_records(), AttemptRecord),
    "costs": (some.costs(), Cost),
    "endpoints": (some.endpoints(), Endpoint),
    "healths": (some.healths(), Health),
    "output forms": (some.output_forms(), OutputForm),
    "parts": (some.parts(), Part),
    "plans": (some.plans(), Plan),
    "prices": (some.prices(), Price),
    "statistics": (some.statistics(), Statistics),
    "stream events": (some.stream_events(), StreamEvent),
}


@pytest.mark.parametrize(("strategy", "form"), FURTHER.values(), ids=FURTHER)
def test_further_values_are_of_their_type(strategy: Any, form: Any) -> None:
    """Each strategy gives what its name says."""

    @settings(max_examples=10, deadline=None)
    @given(strategy)
    def check(value: object) -> None:
        assert isinstance(value, form)

    check()


def test_what_has_no_strategy_is_told() -> None:
    """A field of a type without values is a bug of the strategies."""
    with pytest.raises(TypeError, match="no values"):
        values_of(complex)


@quickly
@given(some.requests(), some.embed_requests() | some.moderation_requests() | some.image_requests())
def test_requests_are_let_through_unless_others_are_wanted(asked: LLMRequest, besides: Besides) -> None:
    """By `check_request` and by what checks the others."""
    assert (check_request(asked), check_operation(besides)) == (None, None)


def test_those_that_are_refused_are_given_on_demand() -> None:
    """For many reasons, each of them before long."""
    wanted, seen = {"", "prompt", "messages", "sensitivity", "cache", "preferences", "timeout_ms"}, set[str]()
    rounds = 0
    while not wanted <= seen and rounds < 30:
        seen |= _reasons(rounds)
        rounds += 1
    assert wanted <= seen


def _reasons(number: int) -> set[str]:
    """What some requests are refused for, "" for those that are not."""
    seen: set[str] = set()

    @seed(number)
    @settings(max_examples=300, database=None, deadline=None, phases=[Phase.generate])
    @given(some.requests(valid=False))
    def collect(request: LLMRequest) -> None:
        wrong = check_request(request)
        seen.add("" if wrong is None else wrong.message.partition(":")[0].partition("[")[0].partition(".")[0])

    collect()
    return seen
