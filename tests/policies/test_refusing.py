"""Why nobody may be asked: one short sentence, the cause first, and no list of what nobody asked for."""

from typing import Any

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st
from returns.result import Failure

from llm_manager.domain.error_questions import describe
from llm_manager.domain.errors import ContextTooLarge, LLMError, PolicyBlocked
from llm_manager.domain.messages import ImageUrl, Message
from llm_manager.domain.plans import Candidate, Refusal, RoutingPolicy, Snapshot, Unavailable
from llm_manager.domain.requests import LLMRequest, Preferences
from llm_manager.policies.names import KEY_VARIABLES, LOCALITY
from llm_manager.policies.refusing import in_short
from llm_manager.policies.routing import remembering_routes, route
from tests.policies.test_routing import candidate

GPT = candidate("openai", "gpt-4o")
CLAUDE = candidate("anthropic", "claude-sonnet-5")
TOY = candidate("embedded", "smollm2-135m", locality="local", toy=True, vision=False)
AWAY = tuple(
    Unavailable(
        provider=name,
        reason="not configured" + (f": set {KEY_VARIABLES[name]}" if name in KEY_VARIABLES else ""),
        rule="unconfigured",
    )
    for name in LOCALITY
    if name != "embedded"
)
CATALOGUE = (("openai", "gpt-4o"), ("openai", "gpt-4o-mini"), ("together", "Qwen/Qwen3-32B"), ("anthropic", "claude-sonnet-5"))
AIRGAP = RoutingPolicy(airgap=True)
PICTURE = (Message(role="user", content=(ImageUrl(url="https://x.example/a.png"),)),)


def snapshot(*candidates: Candidate) -> Snapshot:
    own = {each.profile.provider for each in candidates}
    return Snapshot(version=1, candidates=candidates, unavailable=tuple(gone for gone in AWAY if gone.provider not in own))


def refused(request: LLMRequest, *candidates: Candidate, policy: RoutingPolicy | None = None) -> LLMError:
    made = route(request, snapshot(*candidates), policy or RoutingPolicy(), lambda: CATALOGUE)
    assert isinstance(made, Failure)
    error: LLMError = made.failure()
    return error


def named(**fields: Any) -> LLMRequest:
    return LLMRequest("hi", preferences=Preferences(exact=True, **fields))


@pytest.mark.parametrize(
    ("request_", "candidates", "policy", "said"),
    [
        (
            LLMRequest("hi", sensitivity="private"),
            (GPT, CLAUDE, TOY),
            None,
            "privacy leaves no model to ask (openai, anthropic: only",
        ),
        (
            LLMRequest("hi"),
            (GPT, TOY),
            AIRGAP,
            "the airgap leaves no model to ask (openai: only local endpoints may be asked); start",
        ),
        (named(model="claude-sonnet-5"), (GPT, TOY), AIRGAP, "the airgap leaves no model to ask (anthropic: only local"),
        (named(provider="groq"), (TOY,), AIRGAP, "the airgap leaves no model to ask (groq: only local"),
        (LLMRequest(messages=PICTURE), (TOY,), None, "no model at hand fits (smollm2-135m: the request has images and the model does not"),
        (named(model="gpt-4o-mini"), (TOY,), None, "gpt-4o-mini is a model of openai: set OPENAI_API_KEY"),
        (
            evolve(named(model="gpt-4o-mini"), preferences=Preferences(model="gpt-4o-mini")),
            (TOY,),
            None,
            "gpt-4o-mini is a model of openai",
        ),
        (named(model="openai/gpt-4o"), (TOY,), None, "openai/gpt-4o is a model of openai: set OPENAI_API_KEY"),
        (named(model="Qwen/Qwen3-32B"), (GPT, CLAUDE), None, "Qwen/Qwen3-32B is a model of together: set TOGETHER_API_KEY"),
        (
            named(model="gpt-4o-mnii"),
            (TOY,),
            None,
            "no provider is known to have a model called 'gpt-4o-mnii'; did you mean gpt-4o-mini (",
        ),
        (named(model="openai:gpt-4o"), (TOY,), None, "no model is called 'openai:gpt-4o'; did you mean openai/gpt-4o?"),
        (named(provider="vllm"), (TOY,), None, "vllm cannot be asked: not configured"),
        (LLMRequest("hi"), (), None, "No LLM providers available; start Ollama or LM Studio, or set a provider's key"),
        (LLMRequest("hi"), (), AIRGAP, "No LLM providers available; start a local server"),
    ],
)
def test_the_cause_comes_first_and_is_short(
    request_: LLMRequest, candidates: tuple[Candidate, ...], policy: RoutingPolicy | None, said: str
) -> None:
    told = describe(refused(request_, *candidates, policy=policy))
    assert told.startswith(said)
    assert len(told) < 200
    assert "_API_KEY" not in told or policy is not AIRGAP


def test_a_prompt_for_no_window_tells_the_largest_of_those_that_may_be_asked() -> None:
    small, large = candidate("openai", "small", context_window=100), candidate("openai", "large", context_window=900)
    error = refused(LLMRequest("word " * 5000), small, large, TOY)
    assert isinstance(error, ContextTooLarge)
    assert (error.model, error.limit) == ("large", 900)
    assert "limit 900" in describe(error)
    error = refused(evolve(named(model="small"), prompt="word " * 5000), small, large)
    assert isinstance(error, ContextTooLarge)
    assert (error.model, error.limit) == ("small", 100)


def test_a_model_that_a_server_passes_on_is_named_itself() -> None:
    error = refused(LLMRequest("hi", sensitivity="private"), candidate("ollama", "big:cloud", locality="local", offloaded=True))
    assert isinstance(error, PolicyBlocked)
    assert "(big:cloud: its server passes requests for this model on to a cloud)" in error.message


def test_many_reasons_are_counted_and_many_names_too() -> None:
    each = [Refusal(provider="p", model=f"m{number}", rule="capability", reason="blind") for number in range(5)]
    others = [Refusal(provider="p", model="x", rule="window", reason=reason) for reason in ("full", "odd", "late")]
    assert in_short([*each, *others]) == "m0, m1, m2 and 2 more: blind; x: full; 2 more reasons"


def test_the_catalogue_is_read_only_to_tell_an_error() -> None:
    read: list[bool] = []

    def catalogue() -> tuple[tuple[str, str], ...]:
        read.append(True)
        return CATALOGUE

    ask = remembering_routes(RoutingPolicy(), catalogue)
    for request in (LLMRequest("hi"), named(model="gpt-4o"), LLMRequest("hi", preferences=Preferences(model="claude-sonnet-5"))):
        ask(request, snapshot(GPT, TOY)).unwrap()
    ask(named(provider="groq"), snapshot(GPT)).failure()
    assert read == []
    ask(named(model="claude-sonnet-5"), snapshot(GPT)).failure()
    assert read == [True]


@given(
    st.lists(
        st.builds(
            candidate,
            st.sampled_from(["openai", "anthropic", "lmstudio"]),
            st.sampled_from(["gpt-4o", "m"]),
            locality=st.sampled_from(["local", "cloud"]),
            vision=st.booleans(),
            context_window=st.sampled_from([None, 10, 100_000]),
        ),
        max_size=4,
        unique_by=lambda each: (each.profile.provider, each.profile.name),
    ),
    st.sampled_from([None, "private"]),
    st.booleans(),
    st.booleans(),
    st.sampled_from([None, "gpt-4o", "gpt-4o-mini", "m"]),
    st.booleans(),
)
def test_who_is_not_configured_is_never_listed(
    candidates: list[Candidate], label: Any, airgap: bool, pictured: bool, model: str | None, exact: bool
) -> None:
    """Whatever refuses: short, no provider that nobody named, and under airgap no advice to set a key."""
    request = LLMRequest(
        prompt=None if pictured else "a few words that ten tokens do not hold at all, nor fifteen",
        messages=PICTURE if pictured else (),
        sensitivity=label,
        preferences=Preferences(model=model, exact=exact),
    )
    made = route(request, snapshot(*candidates), RoutingPolicy(airgap=airgap), lambda: CATALOGUE)
    if not isinstance(made, Failure):
        return
    told = describe(made.failure())
    assert len(told) < 300
    assert not any(name in told.partition("; start")[0] for name in LOCALITY if model is None and name not in _own(candidates))
    assert told.count("_API_KEY") <= (0 if airgap else 1)


def _own(candidates: list[Candidate]) -> set[str]:
    return {each.profile.provider for each in candidates}
