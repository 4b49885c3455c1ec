"""Routes: ordered by the rules, refused with reasons, the same for the same facts."""

from decimal import Decimal
from typing import Any

import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st
from returns.result import Failure, Success

from llm_manager.domain.error_questions import describe
from llm_manager.domain.errors import ConfigurationError, ContextTooLarge, PolicyBlocked
from llm_manager.domain.messages import DocumentUrl, ImageUrl, Message, Part, ToolSpec
from llm_manager.domain.models import Endpoint, KnownPrice, Locality, ModelKind, ModelProfile
from llm_manager.domain.plans import Candidate, RoutingPolicy, Snapshot, Unavailable
from llm_manager.domain.requests import JsonSchema, LLMRequest, Preferences
from llm_manager.domain.wire import PLAN, REQUEST, ROUTING_POLICY, SNAPSHOT, from_plain, to_json, to_plain
from llm_manager.policies import route_facts
from llm_manager.policies.names import family_of
from llm_manager.policies.routing import plan, remembering_routes, route
from llm_manager.testing.strategies import requests, routing_policies, snapshots

_SEEN = (
    "healthy",
    "breaker_open",
    "unreached",
    "latency_seconds",
    "success_rate",
    "median_seconds",
    "tokens_per_second",
    "attempts",
    "only_named",
)


def candidate(provider: str, name: str, *, locality: Locality = "cloud", usd: float | None = 1.0, **fields: Any) -> Candidate:
    seen = {key: fields.pop(key) for key in _SEEN if key in fields}
    if usd is not None:
        fields["price"] = KnownPrice(input_usd=Decimal(str(usd)), output_usd=Decimal(str(usd)), version="test")
    profile = ModelProfile(name=name, provider=provider, locality=locality, family=family_of(provider), **fields)
    base = "http://localhost:1" if locality == "local" else "https://api.example"
    return Candidate(profile=profile, endpoint=Endpoint(provider=provider, base_url=base, locality=locality), **seen)


LLAMA = candidate("lmstudio", "llama", locality="local", usd=0)
GPT = candidate("openai", "gpt", usd=5)
CLAUDE = candidate("anthropic", "claude", usd=8)
ALL = Snapshot(version=1, candidates=(GPT, CLAUDE, LLAMA))
LONG = "please write down everything that you know about the history of the small town of Ulm and its very tall church"


def order(request: LLMRequest, snapshot: Snapshot = ALL, policy: RoutingPolicy | None = None) -> list[str]:
    return [step.profile.name for step in plan(request, snapshot, policy or RoutingPolicy()).steps]


@pytest.mark.parametrize(
    ("task", "ladder"),
    [
        ("analysis", ["claude", "gpt", "llama"]),
        ("ui_generation", ["gpt", "claude", "llama"]),
        ("config_management", ["llama", "gpt", "claude"]),
        ("general", ["llama", "gpt", "claude"]),
        ("code", ["gpt", "claude", "llama"]),
    ],
)
def test_balanced_walks_the_ladder_of_a_named_task(task: Any, ladder: list[str]) -> None:
    assert order(LLMRequest("hello", task_type=task)) == ladder


def test_creative_stands_behind_local_first_while_that_is_on() -> None:
    request = LLMRequest("a poem", task_type="creative")
    assert order(request) == ["llama", "claude", "gpt"]
    assert order(request, policy=RoutingPolicy(local_first=False)) == ["claude", "gpt", "llama"]


def test_a_short_prompt_prefers_local_unless_a_complex_pattern_matched() -> None:
    assert order(LLMRequest("What is the capital of France?"))[0] == "llama"
    assert order(LLMRequest("Debug this for me"))[0] != "llama"


def test_cost_takes_the_cheapest_and_an_unknown_price_comes_last() -> None:
    unknown = candidate("groq", "mystery", usd=None)
    snapshot = Snapshot(version=1, candidates=(unknown, CLAUDE, GPT, LLAMA))
    assert order(LLMRequest(LONG), snapshot, RoutingPolicy(strategy="cost")) == ["llama", "gpt", "claude", "mystery"]


def test_offline_models_elsewhere_stand_behind_local_ones_and_are_never_out() -> None:
    """The plan says so; a model that is named is asked first all the same."""
    snapshot = Snapshot(version=1, candidates=(evolve(GPT, unreached=True), evolve(CLAUDE, unreached=True), LLAMA))
    request = LLMRequest("hello", task_type="analysis")
    made = plan(request, snapshot, RoutingPolicy())
    assert [step.profile.name for step in made.steps] == ["llama", "claude", "gpt"]
    assert "moved back: offline" in made.steps[1].reasons
    assert made.notices == ("offline: no provider elsewhere could be reached just now; llama of lmstudio, which is local, is asked first",)
    named = plan(evolve(request, preferences=Preferences(model="gpt")), snapshot, RoutingPolicy())
    assert named.steps[0].profile.name == "gpt"
    assert named.notices == ("offline: no provider elsewhere could be reached just now",)


def test_the_plan_prints_the_numbers_that_it_used() -> None:
    seen = evolve(GPT, latency_seconds=2.0, success_rate=0.5, median_seconds=1.9, tokens_per_second=40.0, attempts=12)
    made = plan(LLMRequest("hi"), Snapshot(candidates=(seen, CLAUDE)), RoutingPolicy(strategy="performance"))
    told = {step.profile.name: step.reasons[-1] for step in made.steps}
    assert told["gpt"] == "4.00 s observed, p50 1.90 s, 50% answered, 40 tokens/s, n 12, quality 0.50"
    assert "declared" in told["claude"]


def test_of_two_that_are_alike_the_one_that_writes_faster_comes_first() -> None:
    slow, fast = (evolve(each, latency_seconds=1.0, tokens_per_second=speed) for each, speed in ((CLAUDE, 20.0), (GPT, 90.0)))
    assert order(LLMRequest("hi"), Snapshot(candidates=(slow, fast)), RoutingPolicy(strategy="performance")) == ["gpt", "claude"]


def test_performance_takes_the_fastest_as_observed_and_counts_failures() -> None:
    slow, quick = evolve(GPT, latency_seconds=4.0), evolve(CLAUDE, latency_seconds=1.0)
    failing = evolve(LLAMA, latency_seconds=0.5, success_rate=0.05)
    snapshot = Snapshot(version=1, candidates=(slow, quick, failing))
    assert order(LLMRequest(LONG), snapshot, RoutingPolicy(strategy="performance")) == ["claude", "gpt", "llama"]


def test_fallback_order_goes_before_the_strategy_and_speaks_aliases() -> None:
    assert order(LLMRequest(LONG), policy=RoutingPolicy(fallback_order=("gpt", "local"))) == ["gpt", "llama", "claude"]


def test_what_the_request_names_goes_first_and_the_rest_stays_as_fallback() -> None:
    assert order(LLMRequest("hi", preferences=Preferences(provider="claude"))) == ["claude", "llama", "gpt"]
    assert order(LLMRequest("hi", preferences=Preferences(model="gpt"))) == ["gpt", "llama", "claude"]
    assert order(LLMRequest("hi", preferences=Preferences(provider="auto")))[0] == "llama"


def test_fallback_off_gives_one_step_and_says_so() -> None:
    made = plan(LLMRequest("hi"), ALL, RoutingPolicy(enable_fallback=False))
    assert [step.profile.name for step in made.steps] == ["llama"]
    assert {refusal.reason for refusal in made.refused} == {"fallback is off"}


def test_health_and_breakers_move_back_and_never_out() -> None:
    snapshot = Snapshot(version=1, candidates=(evolve(LLAMA, healthy=False), evolve(GPT, breaker_open=True), CLAUDE))
    assert order(LLMRequest("hi"), snapshot) == ["claude", "llama", "gpt"]


def test_complexity_picks_the_tier_within_a_provider() -> None:
    fast, best = candidate("openai", "mini", tier="fast"), candidate("openai", "big", tier="best")
    snapshot = Snapshot(version=1, candidates=(best, fast))
    assert order(LLMRequest("hi", complexity="simple"), snapshot) == ["mini", "big"]
    assert order(LLMRequest("hi", complexity="complex"), snapshot) == ["big", "mini"]


def test_tools_prefer_the_tool_tier() -> None:
    snapshot = Snapshot(version=1, candidates=(LLAMA, candidate("lmstudio", "mistral", locality="local", tier="tool")))
    assert order(LLMRequest("hi", tools=(ToolSpec(name="t"),)), snapshot)[0] == "mistral"


def test_capabilities_refuse_with_a_reason() -> None:
    blind = candidate("openai", "blind", vision=False, tools=False, json_schema=False, context_window=100)
    snapshot = Snapshot(version=1, candidates=(blind,))
    image = Message(role="user", content=(ImageUrl(url="https://a/b.png"),))
    asked = {
        "images": LLMRequest(messages=(image,)),
        "tools": LLMRequest("hi", tools=(ToolSpec(name="t"),)),
        "JSON schema": LLMRequest("hi", output=JsonSchema(schema={"type": "object"})),
        "window": LLMRequest("word " * 1000),
    }
    for word, request in asked.items():
        assert word in plan(request, snapshot, RoutingPolicy()).refused[0].reason


@pytest.mark.parametrize("kind", ["embedding", "image", "moderation", "other"])
def test_only_models_to_chat_with_are_asked_to_chat(kind: ModelKind) -> None:
    """Even when one is named; what it is for is said."""
    snapshot = Snapshot(version=1, candidates=(candidate("openai", "odd", kind=kind), candidate("openai", "gpt")))
    request = LLMRequest("hi", preferences=Preferences(model="odd"))
    assert order(request, snapshot) == ["gpt"]
    refusal = plan(request, snapshot, RoutingPolicy()).refused[0]
    assert (refusal.model, refusal.rule) == ("odd", "capability")
    assert kind in refusal.reason


def test_a_window_that_the_guess_passes_by_little_moves_back_and_is_not_refused() -> None:
    snapshot = Snapshot(version=1, candidates=(candidate("openai", "tight", context_window=1000), candidate("groq", "wide")))
    assert order(LLMRequest("x" * 4 * 1200), snapshot, RoutingPolicy(fallback_order=("tight",))) == ["wide", "tight"]
    assert order(LLMRequest("x" * 4 * 1600), snapshot) == ["wide"]


def test_creative_work_gets_the_better_tier() -> None:
    snapshot = Snapshot(version=1, candidates=(candidate("openai", "mini", tier="fast"), candidate("openai", "big", tier="best")))
    assert order(LLMRequest("a poem", task_type="creative"), snapshot)[0] == "big"


def test_a_request_too_large_for_every_window_is_told_so() -> None:
    snapshot = Snapshot(version=1, candidates=(candidate("openai", "small", context_window=100),))
    refused = route(LLMRequest("word " * 1000), snapshot, RoutingPolicy())
    assert isinstance(refused, Failure)
    assert isinstance(refused.failure(), ContextTooLarge)


def test_private_and_airgap_leave_local_endpoints_or_nobody() -> None:
    assert order(LLMRequest("hi", sensitivity="private")) == ["llama"]
    assert order(LLMRequest(LONG, task_type="analysis"), policy=RoutingPolicy(airgap=True)) == ["llama"]
    clouds = Snapshot(version=1, candidates=(GPT, CLAUDE))
    for request, policy, word in (
        (LLMRequest("hi", sensitivity="private"), RoutingPolicy(), "private"),
        (LLMRequest("hi"), RoutingPolicy(airgap=True), "airgap"),
    ):
        refused = route(request, clouds, policy)
        assert isinstance(refused, Failure)
        error = refused.failure()
        assert isinstance(error, PolicyBlocked)
        assert error.policy == word
        assert "embedded.enabled" in error.message


@pytest.mark.parametrize("part", [ImageUrl(url="https://files.example/x.png"), DocumentUrl(url="https://files.example/x.pdf")])
def test_no_local_server_is_made_to_fetch_a_file_from_elsewhere(part: Part) -> None:
    """For a private request and under airgap; the refusal says to send the bytes, and a public request goes where it likes."""
    seeing = evolve(LLAMA, profile=evolve(LLAMA.profile, vision=True, documents=True))
    snapshot = Snapshot(version=1, candidates=(evolve(GPT, profile=evolve(GPT.profile, vision=True, documents=True)), seeing))
    asked = LLMRequest(messages=(Message(role="user", content=(part,)),))
    assert set(order(asked, snapshot)) == {"gpt", "llama"}
    for policy, request, word in (
        (RoutingPolicy(), evolve(asked, sensitivity="private"), "private"),
        (RoutingPolicy(airgap=True), asked, "airgap"),
    ):
        outcome = remembering_routes(policy)(request, snapshot)
        assert isinstance(outcome, Failure)
        error = outcome.failure()
        assert isinstance(error, PolicyBlocked)
        assert error.policy == word
        assert "lmstudio" in error.message
        assert "send the bytes" in error.message
        assert "start a local server" not in error.message
        listed = evolve(policy, local_hosts=("files.example",))
        assert order(request, snapshot, listed) == ["llama"]


def test_equal_words_with_and_without_a_file_elsewhere_are_routed_apart() -> None:
    """Plans are remembered by the shape of requests; where a file is belongs to it."""
    seeing = evolve(LLAMA, profile=evolve(LLAMA.profile, vision=True))
    routed = remembering_routes(RoutingPolicy(airgap=True))
    for url, fits in (("data:image/png;base64,AA", True), ("https://files.example/x.png", False), ("http://localhost/x.png", True)):
        request = LLMRequest(messages=(Message(role="user", content=(ImageUrl(url=url),)),))
        assert isinstance(routed(request, Snapshot(version=1, candidates=(seeing,))), Success) is fits


def test_an_openai_client_on_loopback_is_local_and_a_lmstudio_afar_is_not() -> None:
    near = evolve(GPT, endpoint=evolve(GPT.endpoint, base_url="http://127.0.0.1:9", locality="local"))
    far = evolve(LLAMA, endpoint=evolve(LLAMA.endpoint, base_url="https://far.example", locality="cloud"))
    assert order(LLMRequest("hi", sensitivity="private"), Snapshot(version=1, candidates=(near, far))) == ["gpt"]


TOY = candidate("embedded", "toy", locality="local", usd=0, toy=True)


def test_a_toy_answers_only_named_enabled_or_alone() -> None:
    both = Snapshot(version=1, candidates=(GPT, TOY))
    assert order(LLMRequest("hi"), both) == ["gpt"]
    assert order(LLMRequest("hi", preferences=Preferences(provider="embedded")), both) == ["toy", "gpt"]
    assert "toy" in order(LLMRequest("hi"), both, RoutingPolicy(use_toys=True))
    assert order(LLMRequest("hi"), Snapshot(version=1, candidates=(TOY,))) == ["toy"]
    assert order(LLMRequest("hi", preferences=Preferences(model="gpt-9")), Snapshot(version=1, candidates=(TOY,))) == []
    assert order(LLMRequest("hi", sensitivity="private"), both) == []


def test_a_model_known_by_name_only_is_not_given_to_others() -> None:
    named = candidate("openai", "special", only_named=True)
    snapshot = Snapshot(version=1, candidates=(GPT, named))
    assert order(LLMRequest("hi"), snapshot) == ["gpt"]
    assert order(LLMRequest("hi", preferences=Preferences(model="special")), snapshot) == ["special", "gpt"]
    assert order(LLMRequest("hi"), snapshot, RoutingPolicy(fallback_order=("special",)))[0] == "special"


def test_a_model_name_may_stand_on_a_ladder() -> None:
    policy = RoutingPolicy(ladders=(("sql", ("gpt", "llama")),))
    assert order(LLMRequest("hi", task_type="sql"), policy=policy) == ["gpt", "llama", "claude"]


def test_a_known_provider_that_is_away_goes_to_the_default_with_a_notice() -> None:
    snapshot = Snapshot(version=1, candidates=(LLAMA, CLAUDE), unavailable=(Unavailable(provider="openai", reason="no key"),))
    made = route(LLMRequest("hi", preferences=Preferences(provider="gpt")), snapshot, RoutingPolicy(default_provider="anthropic"))
    assert isinstance(made, Success)
    assert made.unwrap().steps[0].profile.name == "claude"
    assert "openai is not available" in made.unwrap().notices[0]
    assert any(refusal.provider == "openai" and refusal.reason == "no key" for refusal in made.unwrap().refused)


@pytest.mark.parametrize(("preferences", "meant"), [(Preferences(provider="opnai"), "openai"), (Preferences(model="lama"), "llama")])
def test_a_misspelt_name_is_an_error_that_names_the_nearest(preferences: Preferences, meant: str) -> None:
    refused = route(LLMRequest("hi", preferences=preferences), ALL, RoutingPolicy())
    assert isinstance(refused, Failure)
    error = refused.failure()
    assert isinstance(error, ConfigurationError)
    assert meant in error.message


KNOWING = evolve(Snapshot(version=1, candidates=(candidate("openai", "gpt-4o"),)), known_names=("gpt-4o", "gpt-4o-mini", "org/model"))


@pytest.mark.parametrize(("model", "meant"), [("gtp-4o", "gpt-4o"), ("gpt-4o-mni", "gpt-4o-mini"), ("gpt4o", "gpt-4o")])
def test_a_name_near_a_known_one_is_not_taken_for_a_new_model(model: str, meant: str) -> None:
    met = evolve(KNOWING, candidates=(*KNOWING.candidates, candidate("openai", model, only_named=True)))
    refused = route(LLMRequest("hi", preferences=Preferences(model=model)), met, RoutingPolicy())
    assert isinstance(refused, Failure)
    assert f"did you mean {meant}" in str(refused.failure())
    believed = route(LLMRequest("hi", preferences=Preferences(model=model, provider="openai")), met, RoutingPolicy())
    assert isinstance(believed, Success)


@pytest.mark.parametrize("model", ["gpt-5o", "gpt-4o-audio", "gpt-4o-mini-2024-07-18", "my-own"])
def test_a_new_name_is_believed(model: str) -> None:
    met = evolve(KNOWING, candidates=(*KNOWING.candidates, candidate("openai", model, only_named=True)))
    made = route(LLMRequest("hi", preferences=Preferences(model=model)), met, RoutingPolicy())
    assert isinstance(made, Success)
    assert made.unwrap().steps[0].profile.name == model


def test_a_provider_may_stand_before_its_model_with_a_slash() -> None:
    both = evolve(KNOWING, candidates=(*KNOWING.candidates, candidate("anthropic", "claude")))
    assert order(LLMRequest("hi", preferences=Preferences(model="openai/gpt-4o")), both)[0] == "gpt-4o"
    assert order(LLMRequest("hi", preferences=Preferences(model="claude/claude")), both)[0] == "claude"


def test_exact_asks_nobody_but_whom_the_request_names() -> None:
    def exact(**named: str) -> LLMRequest:
        return LLMRequest("hi", preferences=Preferences(exact=True, **named))  # type: ignore[arg-type]  # names only

    assert order(exact(model="gpt")) == ["gpt"]
    assert order(exact(provider="local")) == ["llama"]
    assert order(exact()) == ["llama", "gpt", "claude"]
    away = evolve(ALL, unavailable=(Unavailable(provider="groq", reason="no key: set GROQ_API_KEY"),))
    refused = route(exact(provider="groq"), away, RoutingPolicy())
    assert isinstance(refused, Failure)
    assert describe(refused.failure()) == "groq cannot be asked: no key: set GROQ_API_KEY"
    blind = Snapshot(version=1, candidates=(candidate("openai", "blind", tools=False), CLAUDE))
    refused = route(evolve(exact(model="blind"), tools=(ToolSpec(name="t"),)), blind, RoutingPolicy())
    assert isinstance(refused, Failure)
    assert "blind cannot be asked" in describe(refused.failure())
    assert "does not call any" in describe(refused.failure())


def test_a_row_too_large_for_the_only_one_it_may_ask_is_told_so() -> None:
    small = candidate("openai", "small", context_window=100)
    asked = LLMRequest("word " * 1000, preferences=Preferences(model="small", exact=True))
    refused = route(asked, Snapshot(version=1, candidates=(small, CLAUDE)), RoutingPolicy())
    assert isinstance(refused, Failure)
    assert isinstance(refused.failure(), ContextTooLarge)
    assert refused.failure().model == "small"


def test_a_provider_of_ones_own_may_be_named() -> None:
    mine = candidate("mine", "m", locality="local")
    assert order(LLMRequest("hi", preferences=Preferences(provider="mine", exact=True)), Snapshot(version=1, candidates=(mine, GPT))) == [
        "m"
    ]
    assert isinstance(
        route(LLMRequest("hi", preferences=Preferences(provider="mine")), Snapshot(version=1, candidates=(mine,)), RoutingPolicy()), Success
    )


def test_a_toy_does_not_stand_in_for_a_provider_that_is_wanted_and_cannot_be_asked() -> None:
    wanted = Unavailable(provider="anthropic", reason="no key: set ANTHROPIC_API_KEY", configured=True)
    refused = route(LLMRequest("hi"), Snapshot(version=1, candidates=(TOY,), unavailable=(wanted,)), RoutingPolicy())
    assert isinstance(refused, Failure)
    assert "no key: set ANTHROPIC_API_KEY" in describe(refused.failure())


def test_nobody_at_all_is_said_in_the_known_words() -> None:
    refused = route(LLMRequest("hi"), Snapshot(unavailable=(Unavailable(provider="openai", reason="no key"),)), RoutingPolicy())
    assert isinstance(refused, Failure)
    error = refused.failure()
    assert isinstance(error, ConfigurationError)
    assert error.message.startswith("No LLM providers available")
    assert "no key" in error.message


def test_a_retired_model_steps_back_and_is_told_when_it_answers() -> None:
    retired = candidate("openai", "old", retired=True, replaced_by="new")
    made = plan(LLMRequest("hi"), Snapshot(version=1, candidates=(retired, CLAUDE)), RoutingPolicy())
    assert [step.profile.name for step in made.steps] == ["claude", "old"]
    alone = plan(LLMRequest("hi"), Snapshot(version=1, candidates=(retired,)), RoutingPolicy())
    assert alone.notices == ("old is retired; use new",)


def test_the_notice_of_a_retired_model_stands_beside_that_of_a_missing_one() -> None:
    retired = candidate("openai", "old", retired=True, replaced_by="new")
    asked = LLMRequest("hi", preferences=Preferences(provider="gemini"))
    made = plan(asked, Snapshot(version=1, candidates=(retired,)), RoutingPolicy())
    assert made.notices == ("gemini is not available; old of openai is asked instead", "old is retired; use new")


SHORT = Snapshot(
    version=1,
    candidates=(
        LLAMA,
        candidate("openai", "gpt-4o"),
        candidate("anthropic", "claude-sonnet-5"),
        candidate("anthropic", "claude-opus-5", tier="best"),
    ),
    known_names=("claude-haiku-4-5", "claude-haiku-5"),
)


@pytest.mark.parametrize(
    ("model", "first"),
    [
        ("claude", "claude-sonnet-5"),
        ("GPT", "gpt-4o"),
        ("local", "llama"),
        ("opus", "claude-opus-5"),
        ("claude-sonnet", "claude-sonnet-5"),
        ("anthropic/opus", "claude-opus-5"),
        ("auto", "llama"),
    ],
)
def test_a_short_name_stands_for_a_model(model: str, first: str) -> None:
    asked = LLMRequest("hi", preferences=Preferences(model=model))
    assert order(asked, SHORT)[0] == first
    assert isinstance(route(asked, SHORT, RoutingPolicy()), Success)
    if model != "auto":
        exact = plan(evolve(asked, preferences=Preferences(model=model, exact=True)), SHORT, RoutingPolicy())
        assert {step.profile.provider for step in exact.steps} == {exact.steps[0].profile.provider}


def test_a_short_name_beside_its_provider_and_one_that_is_a_models_own() -> None:
    beside = LLMRequest("hi", preferences=Preferences(provider="claude", model="opus"))
    assert order(beside, SHORT)[0] == "claude-opus-5"
    own = Snapshot(version=1, candidates=(candidate("groq", "claude"), candidate("anthropic", "claude-sonnet-5")))
    assert order(LLMRequest("hi", preferences=Preferences(model="claude")), own)[0] == "claude"
    other = plan(LLMRequest("hi", preferences=Preferences(provider="openai", model="claude")), SHORT, RoutingPolicy())
    assert other.notices[0].startswith("claude is not available")
    named = route_facts.wish_for(None, "haiku", SHORT)
    assert (named.provider, named.model) == ("anthropic", "claude-haiku-5")
    assert route_facts.wish_for(None, "flash", SHORT).model == "flash"
    assert route_facts.wish_for(None, "gemini-flash", SHORT) == route_facts.Wish(provider="gemini")


@settings(max_examples=80)
@given(requests(), snapshots(), routing_policies())
def test_every_candidate_is_a_step_or_refused_and_never_both(request: LLMRequest, snapshot: Snapshot, policy: RoutingPolicy) -> None:
    made = plan(request, snapshot, policy)
    steps = [(step.profile.provider, step.profile.name) for step in made.steps]
    out = [(refusal.provider, refusal.model) for refusal in made.refused]
    given_ = [(each.profile.provider, each.profile.name) for each in snapshot.candidates]
    gone = [(each.provider, "") for each in snapshot.unavailable]
    assert sorted(steps + out) == sorted(given_ + gone)


@settings(max_examples=80)
@given(requests(), snapshots(), routing_policies(), st.randoms(use_true_random=False))
def test_plans_do_not_depend_on_the_order_of_candidates(request: LLMRequest, snapshot: Snapshot, policy: RoutingPolicy, rng: Any) -> None:
    shuffled = list(snapshot.candidates)
    rng.shuffle(shuffled)
    one, other = plan(request, snapshot, policy), plan(request, evolve(snapshot, candidates=tuple(shuffled)), policy)
    assert one.steps == other.steps


@settings(max_examples=80)
@given(requests(), snapshots(), routing_policies())
def test_private_requests_plan_only_local_steps(request: LLMRequest, snapshot: Snapshot, policy: RoutingPolicy) -> None:
    for step in plan(evolve(request, sensitivity="private"), snapshot, policy).steps:
        assert step.endpoint.locality == "local"
    for step in plan(request, snapshot, evolve(policy, airgap=True)).steps:
        assert step.endpoint.locality == "local"


@settings(max_examples=50)
@given(requests(), snapshots(), routing_policies())
def test_a_plan_and_its_snapshot_replay_to_the_same_bytes(request: LLMRequest, snapshot: Snapshot, policy: RoutingPolicy) -> None:
    made = plan(request, snapshot, policy)
    kept = from_plain(SNAPSHOT, to_plain(snapshot))
    asked = from_plain(REQUEST, to_plain(request))
    obeyed = from_plain(ROUTING_POLICY, to_plain(policy))
    assert isinstance(kept, Success)
    assert isinstance(asked, Success)
    assert isinstance(obeyed, Success)
    assert to_json(plan(asked.unwrap(), kept.unwrap(), obeyed.unwrap())) == to_json(made)
    assert from_plain(PLAN, to_plain(made)) == Success(made)


@settings(max_examples=40)
@given(st.lists(requests(), min_size=1, max_size=3), snapshots(), routing_policies())
def test_a_remembered_route_is_the_route(asked: list[LLMRequest], snapshot: Snapshot, policy: RoutingPolicy) -> None:
    remembered = remembering_routes(policy)
    for request in asked:
        assert remembered(request, snapshot) == route(request, snapshot, policy)
        assert remembered(request, snapshot) == route(request, snapshot, policy)


def test_two_managers_that_share_a_router_get_their_own_plans() -> None:
    """Their snapshots count their versions each from one."""
    remembered = remembering_routes(RoutingPolicy())
    request = LLMRequest("hello")
    for provider, name in (("openai", "gpt-x"), ("groq", "llama-x"), ("openai", "gpt-x")):
        snapshot = Snapshot(version=1, candidates=(candidate(provider, name),))
        assert [step.profile.provider for step in remembered(request, snapshot).unwrap().steps] == [provider]
