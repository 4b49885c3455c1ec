"""The tables of settings and variables agree with the configuration and with what is shipped."""

from pathlib import Path

import attrs
import pytest

from llm_manager.domain import configuration, plans
from llm_manager.domain.models import ModelProfile
from llm_manager.policies.names import PROVIDERS
from llm_manager.settings import Places, check_config
from llm_manager.settings.example import example_environment
from llm_manager.settings.schema import BUDGET_SETTINGS, PROFILE_SETTINGS, PROVIDER_SETTINGS, SECTIONS
from llm_manager.settings.spelling import shown, snake
from llm_manager.settings.variables import VARIABLES

RECORDS = {
    "routing": plans.RoutingPolicy,
    "cache": configuration.CacheSettings,
    "context": configuration.ContextSettings,
    "performance": configuration.PerformanceSettings,
    "display": configuration.DisplaySettings,
    "embedded": configuration.EmbeddedSettings,
    "network": configuration.NetworkSettings,
    "privacy": configuration.PrivacySettings,
    "breaker": configuration.BreakerSettings,
    "hedging": configuration.HedgingSettings,
}
DERIVED = {"routing": {"use_toys", "local_hosts", "private_rule"}, "cache": {"similar"}}


def _names(record: type) -> set[str]:
    return {field.name for field in attrs.fields(record)}


@pytest.mark.parametrize("section", RECORDS)
def test_every_field_of_a_section_can_be_set_and_nothing_else(section: str) -> None:
    settable = {setting.name.partition(".")[0] for setting in SECTIONS[section] if not setting.to}
    assert settable == _names(RECORDS[section]) - DERIVED.get(section, set())


def test_every_field_of_a_provider_can_be_set() -> None:
    settable = {setting.name.partition(".")[0] for setting in PROVIDER_SETTINGS if not setting.to} - {"verify_ssl"}
    assert settable | {"custom_headers", "token_source", "sign", "key_source"} == _names(configuration.ProviderSettings)


def test_every_field_of_a_described_model_can_be_set() -> None:
    prices = {"input_usd", "output_usd", "cache_read_usd", "cache_write_usd", "cache_write_long_usd", "price_version"}
    assert {setting.name for setting in PROFILE_SETTINGS} - prices | {"price", "said"} == _names(ModelProfile)


def test_every_field_of_a_budget_can_be_set() -> None:
    assert {setting.name for setting in BUDGET_SETTINGS} == _names(configuration.Budget)


def test_no_spelling_leads_two_ways() -> None:
    for settings in (*SECTIONS.values(), PROVIDER_SETTINGS, PROFILE_SETTINGS, BUDGET_SETTINGS):
        spellings = [name for setting in settings for name in (setting.name, *setting.also)]
        assert len(spellings) == len(set(spellings))


def test_variables_lead_to_settings_that_exist() -> None:
    names = {variable.name for variable in VARIABLES}
    assert len(names) == len(VARIABLES)
    for variable in VARIABLES:
        section = variable.key[0]
        if section == "providers":
            assert variable.key[1] in PROVIDERS
            assert variable.key[2] in {setting.name for setting in PROVIDER_SETTINGS}
        elif section == "budgets":
            assert variable.key[2] in {setting.name for setting in BUDGET_SETTINGS}
        elif section in SECTIONS:
            assert variable.key[1] in {setting.name for setting in SECTIONS[section]}


def test_the_example_file_documents_every_variable() -> None:
    text = example_environment()
    assert (Path(__file__).parents[2] / ".env.example").read_text(encoding="utf-8") == text
    for variable in VARIABLES:
        assert f"#{variable.name}=" in text or variable.name.islower()


def test_the_example_file_can_be_used(tmp_path: Path) -> None:
    lines = [line.removeprefix("#") for line in example_environment().splitlines() if not line.startswith("# ")]
    (tmp_path / ".env").write_text("\n".join(lines))
    assert check_config(None, {}, places=Places(dotenv=tmp_path / ".env")) == ()


@pytest.mark.parametrize(
    ("key", "shows"),
    [
        ("providers", True),
        ("base_url", True),
        ("my-model:7b", True),
        ("sk-abc", False),
        ("AIzaSyabc", False),
        ("gsk_1", False),
        ("a\nb", False),
        ("", False),
    ],
)
def test_a_key_in_the_place_of_a_name_is_not_shown(key: str, shows: bool) -> None:
    assert (shown((key,)) == key) is shows


def test_spellings_are_folded() -> None:
    assert [snake(word) for word in ("timeoutMs", "API_KEY", "default-model", "x")] == ["timeout_ms", "api_key", "default_model", "x"]
