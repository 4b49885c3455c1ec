"""The catalogue of all models known by data, without a key, a client or a question."""

import pytest
from attrs import evolve

from llm_manager.clients.catalogue import build_client
from llm_manager.clients.known_models import known_models
from llm_manager.clients.usual_models import facts_by_provider, known_names
from llm_manager.domain.configuration import LLMConfig, ProviderSettings
from llm_manager.domain.models import ModelProfile
from llm_manager.domain.secrets import Secret
from llm_manager.policies.names import LOCALITY
from llm_manager.services.model_client import ClientParts
from llm_manager.testing import fake_world
from llm_manager.testing.replaying import replayed


def parts(*profiles: ModelProfile) -> ClientParts:
    return ClientParts(world=fake_world(), profiles=profiles, make_transport=lambda _: replayed({"exchanges": []}).transport)


@pytest.mark.parametrize("provider", sorted(facts_by_provider()))
def test_each_is_described_as_its_client_would(provider: str) -> None:
    known = {profile.name: profile for profile in known_models(LLMConfig(), parts()) if profile.provider == provider}
    client = build_client(provider, ProviderSettings(api_key=Secret("sk-canary-0123")), parts()).unwrap()
    assert set(known) == {name for owner, name in known_names() if owner == provider}
    by_client = {**{name: client.profile(name) for name in known}, **{each.name: each for each in client.profiles if each.name in known}}
    assert {name: _shown(profile) for name, profile in known.items()} == {name: _shown(profile) for name, profile in by_client.items()}


def _shown(profile: ModelProfile) -> ModelProfile:
    """Without what only asking needs: it takes the version of an API, or the way a server loads."""
    return evolve(profile, unsupported=(), load_seconds=0.0)


def test_what_settings_say_is_said_over_it() -> None:
    mine = ModelProfile(name="my-tune", provider="openai", context_window=77, said=("context_window",))
    config = LLMConfig(profiles=(mine,), providers={"openai": ProviderSettings(default_model="gpt-4o")})
    known = {profile.name: profile for profile in known_models(config, parts(mine)) if profile.provider == "openai"}
    assert (known["my-tune"].context_window, known["gpt-4o"].tier) == (77, "default")


def test_there_is_a_toy_among_them_and_nobody_else_of_whom_nothing_is_known() -> None:
    providers = {profile.provider for profile in known_models(LLMConfig(), parts())}
    assert providers <= set(LOCALITY)
    assert {"embedded", "openai", "anthropic", "gemini", "cohere", "groq", "ollama"} <= providers
