"""Who is asked for what is no chat, and why nobody is."""

from decimal import Decimal
from typing import Any, get_args

import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st
from returns.result import Failure, Success

from llm_manager.domain.embeddings import EmbedRequest
from llm_manager.domain.errors import ConfigurationError, LLMError, PolicyBlocked
from llm_manager.domain.images import ImageRequest
from llm_manager.domain.models import Endpoint, KnownPrice, Locality, ModelProfile
from llm_manager.domain.moderation import ModerationRequest
from llm_manager.domain.plans import Candidate, Plan, RoutingPolicy, Snapshot, Unavailable
from llm_manager.domain.requests import Sensitivity
from llm_manager.outcomes import sealed
from llm_manager.policies.abilities import ABILITIES, KIND_OF, Ability, nobody, who_can
from llm_manager.policies.choosing import Besides, Offer, ability_for, choose, counting, texts_of
from llm_manager.testing.strategies import plans

EVERYTHING: frozenset[Ability] = frozenset(get_args(Ability))
POLICY = RoutingPolicy()


def offer(provider: str, *models: str, locality: Locality = "cloud", able: frozenset[Ability] = EVERYTHING, **fields: Any) -> Offer:
    def profile(name: str) -> ModelProfile:
        return evolve(ModelProfile(name=name, provider=provider, locality=locality), **fields)

    names = models or (f"{provider}-model",)
    endpoint = Endpoint(provider=provider, base_url=f"http://{provider}.invalid", locality=locality)
    return Offer(endpoint=endpoint, able=able, models=tuple(map(profile, names)), profile=profile)


def snapshot(*offers: Offer, ill: str | None = None, unavailable: tuple[Unavailable, ...] = ()) -> Snapshot:
    return Snapshot(
        candidates=tuple(
            Candidate(
                profile=evolve(one.profile("chat"), name=f"{one.endpoint.provider}-chat"),
                endpoint=one.endpoint,
                healthy=one.endpoint.provider != ill,
            )
            for one in offers
        ),
        unavailable=unavailable,
        known_names=tuple(model.name for one in offers for model in one.models),
    )


def planned(asked: Besides, *offers: Offer, policy: RoutingPolicy = POLICY, ill: str | None = None) -> Plan:
    return choose(asked, offers, snapshot(*offers, ill=ill), policy).unwrap()


def refused(asked: Besides, *offers: Offer, policy: RoutingPolicy = POLICY, unavailable: tuple[Unavailable, ...] = ()) -> LLMError:
    return choose(asked, offers, snapshot(*offers, unavailable=unavailable), policy).failure()


def order(plan: Plan) -> list[str]:
    return [step.profile.provider for step in plan.steps]


def test_a_model_known_to_chat_only_does_nothing_else() -> None:
    """Told with those that do, however it is named; what is not known is left to its provider."""
    mine = evolve(offer("openai", "text-embedding-3-small"), chats=frozenset({"gpt-4o", "own-name"}))
    for asked in (
        EmbedRequest("a", model="gpt-4o"),
        EmbedRequest("a", model="gpt-4o", provider="openai"),
        EmbedRequest("a", model="own-name"),
    ):
        error = refused(asked, mine)
        assert isinstance(error, ConfigurationError)
        assert error.message == f"{asked.model} of openai is a model to chat with and makes no embeddings; use text-embedding-3-small"
    assert order(planned(EmbedRequest("a", model="gpt-4o-new", provider="openai"), mine)) == ["openai"]
    assert order(planned(EmbedRequest("a"), mine)) == ["openai"]


OPENAI, GEMINI, OLLAMA = offer("openai"), offer("gemini"), offer("ollama", locality="local")


def test_what_is_asked_says_what_is_needed() -> None:
    asked: list[Besides] = [EmbedRequest(("a", "b")), ModerationRequest("c"), ImageRequest("d")]
    assert [ability_for(each) for each in asked] == ["embed", "moderate", "create_image"]
    assert [texts_of(each) for each in asked] == [("a", "b"), ("c",), ("d",)]


def test_a_named_provider_wins_by_any_of_its_names_and_is_alone() -> None:
    for name in ("openai", "GPT", "Open-AI"):
        plan = planned(ModerationRequest("a", provider=name), OLLAMA, GEMINI, OPENAI)
        assert order(plan) == ["openai"]
        assert plan.steps[0].reasons[0] == "named by the request"


def test_the_owner_of_a_named_model_wins() -> None:
    asked = ModerationRequest("a", model="text-embedding-3-large")
    assert order(planned(asked, OLLAMA, OPENAI)) == ["openai"]
    assert planned(asked, OLLAMA, OPENAI).steps[0].profile.name == "text-embedding-3-large"
    assert order(planned(ModerationRequest("a", model="gemini-model"), OLLAMA, GEMINI)) == ["gemini"]
    assert planned(ModerationRequest("a", model="openai/special"), OLLAMA, OPENAI).steps[0].profile.name == "special"


def test_a_model_that_two_have_is_asked_of_the_first_alone() -> None:
    both = [offer("openai", "shared"), offer("vllm", "shared", locality="local")]
    plan = planned(ModerationRequest("a", model="shared"), *both)
    assert order(plan) == ["vllm"]
    assert [(each.provider, each.rule) for each in plan.refused] == [("openai", "fallback")]


def test_any_model_is_believed_of_the_only_one_who_can() -> None:
    chat_only = evolve(OPENAI, able=frozenset[Ability]())
    assert planned(EmbedRequest("a", model="my-own"), OLLAMA, chat_only).steps[0].profile.name == "my-own"


@pytest.mark.parametrize(
    ("policy", "ill", "expected"),
    [
        (RoutingPolicy(), None, ["ollama", "gemini", "openai"]),
        (RoutingPolicy(default_provider="openai"), None, ["ollama", "openai", "gemini"]),
        (RoutingPolicy(local_first=False), None, ["gemini", "ollama", "openai"]),
        (RoutingPolicy(fallback_order=("gpt", "ollama")), None, ["openai", "ollama", "gemini"]),
        (RoutingPolicy(), "ollama", ["gemini", "openai", "ollama"]),
        (RoutingPolicy(enable_fallback=False), None, ["ollama"]),
    ],
)
def test_the_others_stand_as_routing_orders_them(policy: RoutingPolicy, ill: str | None, expected: list[str]) -> None:
    plan = planned(ModerationRequest("a"), OPENAI, OLLAMA, GEMINI, policy=policy, ill=ill)
    assert order(plan) == expected
    assert len(plan.steps) + len(plan.refused) == 3


def test_under_cost_the_cheaper_one_is_asked_first_and_the_unknown_price_last() -> None:
    dear, cheap = (KnownPrice(input_usd=Decimal(usd), output_usd=Decimal(0), version="t") for usd in (9, 1))
    offers = [offer("openai", price=dear), OLLAMA, offer("together", price=cheap)]
    assert order(planned(ImageRequest("a"), *offers, policy=RoutingPolicy(strategy="cost"))) == ["together", "openai", "ollama"]


def test_embeddings_have_one_step() -> None:
    plan = planned(EmbedRequest("a"), OPENAI, OLLAMA, GEMINI)
    assert order(plan) == ["ollama"]
    assert {each.reason for each in plan.refused} == {"vectors of two models do not compare"}


def test_a_retired_model_says_so() -> None:
    old = offer("openai", "old", retired=True, replaced_by="new")
    assert planned(EmbedRequest("a"), old).notices == ("old is retired; use new",)


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        (ModerationRequest("a", provider="opnai"), "no provider is called 'opnai'; did you mean openai?"),
        (ModerationRequest("a", provider="anthropic"), "anthropic moderates no texts; openai does"),
        (ModerationRequest("a", provider="gemini"), "gemini cannot be asked: no key: set GEMINI_API_KEY"),
        (ModerationRequest("a", provider="together"), "together cannot be asked: not configured"),
        (ModerationRequest("a", model="gemini-2"), "gemini cannot be asked: no key: set GEMINI_API_KEY"),
        (ModerationRequest("a", model="openai-mdoel"), "did you mean openai-model?"),
        (ModerationRequest("a", model="ollama-chat"), "whose model is ollama-chat? Name its provider too: openai or ollama"),
    ],
)
def test_a_name_that_leads_nowhere_says_so(asked: ModerationRequest, told: str) -> None:
    claude = offer("anthropic", able=frozenset({"count_tokens"}))
    error = refused(asked, OPENAI, OLLAMA, claude, unavailable=(Unavailable(provider="gemini", reason="no key: set GEMINI_API_KEY"),))
    assert isinstance(error, ConfigurationError)
    assert told in error.message


@pytest.mark.parametrize("asked", [EmbedRequest("a"), ModerationRequest("a"), ImageRequest("a"), ImageRequest("a", model="my-own")])
def test_when_nobody_can_those_who_could_are_named(asked: Besides) -> None:
    mute = evolve(OLLAMA, able=frozenset[Ability]())
    error = refused(asked, mute)
    assert error == nobody(ability_for(asked))
    assert isinstance(error, ConfigurationError)
    assert all(name in error.message for name in who_can(ability_for(asked)))


def test_a_cloud_without_a_known_model_wants_one_named() -> None:
    bare = evolve(OPENAI, models=())
    error = refused(EmbedRequest("a"), bare)
    assert isinstance(error, ConfigurationError)
    assert "name one" in error.message
    assert planned(EmbedRequest("a", provider="openai", model="x"), bare).steps[0].profile.name == "x"


@pytest.mark.parametrize(
    ("asked", "policy", "rule", "hint"),
    [
        (EmbedRequest(("fine", "the patient")), POLICY, "private", "local ones that can: ollama"),
        (ImageRequest("a HIPAA form"), POLICY, "private", "no local one can"),
        (EmbedRequest("a", sensitivity="private", provider="openai"), POLICY, "private", "openai"),
        (EmbedRequest("a"), RoutingPolicy(default_sensitivity="private"), "private", "openai"),
        (EmbedRequest("a", sensitivity="public"), RoutingPolicy(airgap=True), "airgap", "only local endpoints may be asked"),
    ],
)
def test_what_policy_forbids_says_why(asked: Besides, policy: RoutingPolicy, rule: str, hint: str) -> None:
    error = refused(asked, OPENAI, policy=policy)
    assert isinstance(error, PolicyBlocked)
    assert error.policy == rule
    assert hint in error.message


def test_a_label_wins_over_a_word() -> None:
    plan = planned(EmbedRequest("the patient", sensitivity="public"), OPENAI)
    assert (order(plan), plan.classification.reasons) == (["openai"], ("sensitivity is labelled",))


@pytest.mark.parametrize("policy", [RoutingPolicy(airgap=True), RoutingPolicy(default_sensitivity="private")])
def test_a_local_server_that_passes_on_to_a_cloud_is_no_local_one(policy: RoutingPolicy) -> None:
    cloudy = offer("ollama", "big:cloud", locality="local", offloaded=True)
    assert isinstance(refused(EmbedRequest("a"), cloudy, policy=policy), PolicyBlocked)


REQUESTS = st.builds(
    lambda form, text, model, provider, sensitivity: form(text, model=model, provider=provider, sensitivity=sensitivity),
    st.sampled_from([EmbedRequest, ModerationRequest, ImageRequest]),
    st.sampled_from(["hello", "the patient", "PHI"]),
    st.sampled_from([None, "", "openai-model", "gemini-2", "nonsense", "ollama/x"]),
    st.sampled_from([None, "auto", "", "openai", "GPT", "ollama", "opnai", "anthropic"]),
    st.sampled_from([None, *get_args(Sensitivity)]),
)


def _offered(name: str, locality: Locality, able: set[Ability], bare: bool, offloaded: bool) -> Offer:
    whole = offer(name, locality=locality, able=frozenset(able), offloaded=offloaded)
    return evolve(whole, models=()) if bare else whole


OFFERS = st.lists(
    st.builds(
        _offered,
        st.sampled_from(["openai", "gemini", "ollama", "vllm", "mine"]),
        st.sampled_from(get_args(Locality)),
        st.sets(st.sampled_from(sorted(EVERYTHING))),
        st.booleans(),
        st.booleans(),
    ),
    max_size=4,
    unique_by=lambda one: one.endpoint.provider,
)
POLICIES = st.builds(
    RoutingPolicy,
    airgap=st.booleans(),
    local_first=st.booleans(),
    enable_fallback=st.booleans(),
    default_sensitivity=st.sampled_from(get_args(Sensitivity)),
    default_provider=st.sampled_from([None, "openai", "ollama"]),
)


@given(REQUESTS, OFFERS, POLICIES, st.randoms(use_true_random=False))
@settings(max_examples=200, deadline=None)
def test_a_choice_is_total_ignores_the_order_of_offers_and_lets_no_secret_out(
    asked: Besides, offers: list[Offer], policy: RoutingPolicy, random: object
) -> None:
    known = snapshot(*offers)
    outcome = sealed(choose(asked, offers, known, policy))
    if isinstance(outcome, Success):
        plan = outcome.unwrap()
        assert plan.steps
        assert plan.steps == choose(asked, offers[::-1], known, policy).unwrap().steps
        assert all(ability_for(asked) in one.able for one in offers if one.endpoint in {step.endpoint for step in plan.steps})
        if policy.airgap or plan.classification.sensitivity == "private":
            assert all(step.endpoint.locality == "local" and not step.profile.offloaded for step in plan.steps)
        if asked.sensitivity is None and texts_of(asked) != ("hello",):
            assert plan.classification.sensitivity == "private"
        assert len(plan.steps) == 1 or (ability_for(asked) != "embed" and policy.enable_fallback)
    else:
        assert isinstance(outcome.failure(), ConfigurationError | PolicyBlocked)


def test_every_ability_has_a_kind_of_model_and_somebody() -> None:
    assert set(KIND_OF) == EVERYTHING
    assert all(who_can(ability) for ability in EVERYTHING)
    assert all(able <= EVERYTHING for able in ABILITIES.values())


@given(plans().filter(lambda plan: plan.steps), st.booleans(), st.data())
@settings(max_examples=50, deadline=None)
def test_counting_is_for_the_model_asked_first_or_nobodys(plan: Plan, named: bool, data: st.DataObject) -> None:
    able = data.draw(st.sets(st.sampled_from(order(plan))))
    counters = counting(plan, able, named=named)
    if order(plan)[0] not in able:
        assert counters is None
    else:
        assert counters is not None
        assert counters.steps[0] == plan.steps[0]
        assert set(order(counters)) <= able
        assert not named or len(counters.steps) == 1


def test_a_failed_choice_is_a_failure() -> None:
    assert isinstance(choose(EmbedRequest("a"), (), Snapshot(), POLICY), Failure)
