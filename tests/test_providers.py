"""Which providers there are, and whether one's settings can be used."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from returns.result import Failure, Success

from llm_manager import (
    ConfigurationError,
    Health,
    KnownPrice,
    ModelProfile,
    ProviderSettings,
    list_providers,
    make_model_client,
    provider_statuses,
    validate_provider_config,
)
from llm_manager.clients.catalogue import CATALOGUE
from llm_manager.domain.errors import Fault
from llm_manager.domain.secrets import Secret
from llm_manager.outcomes import sealed
from llm_manager.policies.names import LOCALITY, canonical_provider
from llm_manager.policies.provider_infos import DESCRIPTIONS, provider_info

CANARY = "sk-canary-0123456789"


def faults_of(name: str, config: dict[str, object]) -> dict[str, Fault]:
    """What is wrong, by key."""
    outcome = sealed(validate_provider_config(name, config))
    assert isinstance(outcome, Failure)
    error = outcome.failure()
    assert isinstance(error, ConfigurationError)
    assert CANARY not in repr(error)
    assert "canary" not in str(error)
    return {fault.key: fault for fault in error.faults}


def test_every_provider_is_listed_as_it_is_known() -> None:
    infos = {info.name: info for info in list_providers()}
    assert set(infos) == set(LOCALITY) == set(DESCRIPTIONS) >= set(CATALOGUE)
    for name, info in infos.items():
        assert info.description
        assert all(canonical_provider(alias) == name for alias in info.aliases)
        assert (info.where == "local") is (info.key_variable is None)
    assert infos["openai"].abilities == ("count_tokens", "create_image", "embed", "moderate")


@pytest.mark.parametrize("name", sorted(set(CATALOGUE) - {"llama_cpp_cli"}))
def test_the_usual_models_are_those_of_the_client(name: str) -> None:
    client = make_model_client(name, ProviderSettings(api_key=Secret(CANARY))).unwrap()
    (info,) = (info for info in list_providers() if info.name == name)
    assert info.models["default"] == client.profiles[0].name
    assert {profile.name for profile in client.profiles} <= set(info.models.values())


@pytest.mark.parametrize("name", sorted(set(CATALOGUE) - {"embedded"}))
def test_settings_with_a_key_can_be_used(name: str) -> None:
    read = validate_provider_config(name, {"api_key": CANARY, "timeout": 5, "models": {"fast": "x"}}).unwrap()
    assert (read.timeout_ms, read.models["fast"]) == (5000, "x")


def test_all_faults_come_at_once_and_none_tells_a_value() -> None:
    wrong: dict[str, object] = {
        "api_key": f"{CANARY}\nX: y",
        "temprature": 1,
        "timeout": -3,
        "base_url": "http://canary.example/v1",
        "verify_ssl": False,
        "custom_headers": {"Host": "canary"},
    }
    found = faults_of("gpt", wrong)
    assert set(found) == {"api_key", "temprature", "timeout", "base_url", "verify_ssl", "custom_headers.Host"}
    assert found["temprature"].fix == "did you mean temperature?"


def test_what_only_building_shows_is_a_fault_too() -> None:
    assert "needs a key: set OPENAI_API_KEY" in faults_of("openai", {})[""].problem
    assert "parallel" in faults_of("embedded", {"parallel": 0})
    assert isinstance(validate_provider_config("embedded", {"parallel": 2}), Success)


def test_an_unknown_provider_is_told_with_the_nearest() -> None:
    outcome = sealed(validate_provider_config("opnai", {}))
    assert isinstance(outcome, Failure)
    assert "did you mean openai?" in str(outcome.failure())


_VALUES = st.none() | st.booleans() | st.integers() | st.text(max_size=20) | st.dictionaries(st.text(max_size=5), st.integers(), max_size=2)
_KEYS = st.sampled_from(["api_key", "base_url", "timeout", "models", "custom_headers", "temperature", "enabled"]) | st.text(max_size=10)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(sorted(CATALOGUE)), st.dictionaries(_KEYS, _VALUES, max_size=5))
def test_any_table_is_settings_or_faults(name: str, table: dict[str, object]) -> None:
    outcome = sealed(validate_provider_config(name, table))
    assert isinstance(outcome, Success | Failure)


@pytest.mark.parametrize("name", sorted(CATALOGUE))
def test_every_price_is_stamped_with_where_it_comes_from(name: str) -> None:
    client = make_model_client(name, ProviderSettings(api_key=Secret(CANARY))).unwrap()
    for model in (*client.known, *(profile.name for profile in client.profiles)):
        profile = client.profile(model)
        assert not isinstance(profile.price, KnownPrice) or profile.price.version
        assert not profile.retired or profile.replaced_by


def test_statuses_put_together_what_was_told() -> None:
    infos = (provider_info("openai"), provider_info("groq"))
    up = Health(provider="openai", healthy=True)
    own = Health(provider="mine", healthy=False, error_message="gone")
    models = (ModelProfile(name="a", provider="openai"), ModelProfile(name="b", provider="mine"), ModelProfile(name="c", provider="openai"))
    openai, groq, mine = provider_statuses(infos, (up, own), models)
    assert (openai.available, [profile.name for profile in openai.models]) == (True, ["a", "c"])
    assert (groq.available, groq.health, groq.models) == (False, None, ())
    assert (mine.info.name, mine.available, mine.info.where) == ("mine", False, "cloud")
