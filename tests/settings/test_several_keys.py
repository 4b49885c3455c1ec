"""Several keys of a provider, a file of keys and words of one's own, as files and variables write them; no fault repeats a value."""

from pathlib import Path

import pytest
from returns.result import Failure

from llm_manager import load_config
from llm_manager.domain.configuration import ProviderSettings
from llm_manager.domain.errors import ConfigurationError
from llm_manager.domain.secrets import Secret
from llm_manager.settings import Places, check_config, describe_config, read_config

A, B = "sk-canary-aaaaaaaaaaaa", "sk-canary-bbbbbbbbbbbb"


def read(environ: dict[str, str] | None = None, toml: str | None = None, *, folder: Path) -> ProviderSettings:
    """OpenAI's settings."""
    path = None
    if toml is not None:
        path = folder / "settings.toml"
        path.write_text(toml, "utf-8")
        path.chmod(0o600)
    return load_config(path, {"HOME": str(folder), **(environ or {})}).unwrap().providers["openai"]


def test_keys_come_as_a_list_in_a_file_and_by_commas_in_a_variable(tmp_path: Path) -> None:
    keys = (Secret(A), Secret(B))
    assert read(toml=f'[providers.openai]\napi_keys = ["{A}", "{B}"]\n', folder=tmp_path).api_keys == keys
    assert read(toml=f'[providers.openai]\nkeys = "{A}"\n', folder=tmp_path).api_keys == keys[:1]
    for text in (f"{A},{B}", f" {A} , {B} ", f"{A} {B}", f"{A}\n{B}\n"):
        assert read({"OPENAI_API_KEYS": text}, folder=tmp_path).api_keys == keys
    assert read({"LLM_MANAGER_PROVIDERS__OPENAI__API_KEYS": f"{A},{B}"}, folder=tmp_path).api_keys == keys
    both = read({"OPENAI_API_KEY": A, "OPENAI_API_KEYS": B}, folder=tmp_path)
    assert (both.api_key, both.api_keys) == (Secret(A), (Secret(B),))


def test_a_file_of_keys_makes_a_provider_available(tmp_path: Path) -> None:
    settings = read({"OPENAI_API_KEY_FILE": "/run/secrets/openai"}, folder=tmp_path)
    assert (settings.api_key, settings.api_key_file) == (None, "/run/secrets/openai")
    assert read(toml='[openai]\nkey_file = "keys"\n', folder=tmp_path).api_key_file == "keys"


def test_how_keys_rotate(tmp_path: Path) -> None:
    toml = f"""
[providers.openai]
api_keys = ["{A}", "{B}"]
key_rotation = "spread"
key_rotation_seconds = 604800
key_rotation_uses = 100
key_refresh_seconds = 60
"""
    settings = read(toml=toml, folder=tmp_path)
    assert (settings.key_rotation, settings.key_rotation_seconds, settings.key_rotation_uses) == ("spread", 604800.0, 100)
    assert settings.key_refresh_seconds == 60.0


@pytest.mark.parametrize(
    ("written", "key"),
    [
        ("api_keys = []", "api_keys"),
        ("api_keys = 7", "api_keys"),
        (f'api_keys = ["{A}", "two canary words"]', "api_keys"),
        (f'api_keys = ["{A}", 7]', "api_keys"),
        ("api_key_file = 7", "api_key_file"),
        ('key_rotation = "canary"', "key_rotation"),
        ("key_rotation_seconds = 0", "key_rotation_seconds"),
        ("key_rotation_uses = 0", "key_rotation_uses"),
        ("key_rotation_uses = 1.5", "key_rotation_uses"),
        ("key_refresh_seconds = -1", "key_refresh_seconds"),
    ],
)
def test_a_fault_names_the_setting_and_never_the_value(tmp_path: Path, written: str, key: str) -> None:
    path = tmp_path / "settings.toml"
    path.write_text(f"[providers.openai]\n{written}\n", "utf-8")
    outcome = load_config(path, {"HOME": str(tmp_path)})
    assert isinstance(outcome, Failure)
    error = outcome.failure()
    assert isinstance(error, ConfigurationError)
    (fault,) = error.faults
    assert fault.key == f"providers.openai.{key}"
    assert "canary" not in repr(error)
    assert A not in repr(error)


@pytest.mark.parametrize("text", [",", "sk-ok,schl\u00fcssel-canary"])
def test_a_variable_of_keys_that_cannot_be_sent_is_a_fault(tmp_path: Path, text: str) -> None:
    (fault,) = check_config(None, {"HOME": str(tmp_path), "OPENAI_API_KEYS": text})
    assert (fault.key, "canary" in str(fault)) == ("OPENAI_API_KEYS", False)
    assert "separated by commas" in fault.fix


def test_they_are_shown_by_their_fingerprints(tmp_path: Path) -> None:
    loaded = read_config(None, {"HOME": str(tmp_path), "OPENAI_API_KEYS": f"{A},{B}", "ANTHROPIC_API_KEY": A}).unwrap()
    rows = {row.key: row.value for row in describe_config(loaded)}
    assert rows["providers.openai.api_keys"] == f"(set, fingerprints {Secret(A).fingerprint}, {Secret(B).fingerprint})"
    assert not [key for key in rows if key.startswith("providers.anthropic.") and ("api_keys" in key or "key_r" in key)]
    assert "canary" not in repr(rows)
    (tmp_path / "more.toml").write_text(f'[openai]\napi_keys = ["{A}"]\nkey_rotation = "spread"\n', "utf-8")
    rows = {row.key: row.value for row in describe_config(read_config(tmp_path / "more.toml", {"HOME": str(tmp_path)}).unwrap())}
    assert rows["providers.openai.key_rotation"] == "spread"


def test_a_folder_that_sends_keys_elsewhere_is_warned_of(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("OPENAI_BASE_URL=https://elsewhere.example/v1\nOPENAI_API_KEY_FILE=/home/somebody/.netrc\n", "utf-8")
    loaded = read_config(None, {"OPENAI_API_KEYS": f"{A},{B}"}, places=Places(dotenv=tmp_path / ".env")).unwrap()
    warned = [each for each in loaded.config.warnings if "another address" in each]
    assert len(warned) == 2
    assert any("the keys of openai" in each for each in warned)
    assert any("the key file of openai" in each for each in warned)


def test_private_words_and_rules(tmp_path: Path) -> None:
    path = tmp_path / "settings.toml"
    path.write_text('[privacy]\nkeywords = ["Projekt Adler", "atlas"]\npii = "datafog"\n', "utf-8")
    privacy = load_config(path, {"HOME": str(tmp_path)}).unwrap().privacy
    assert (privacy.keywords, privacy.pii) == (("Projekt Adler", "atlas"), "datafog")
    variable = {"HOME": str(tmp_path), "LLM_MANAGER_PRIVACY__KEYWORDS": " Projekt Adler , atlas,"}
    assert load_config(None, variable).unwrap().privacy.keywords == ("Projekt Adler", "atlas")
    for name, wrong in (("KEYWORDS", "\u0007canary"), ("PII", "canary")):
        (fault,) = check_config(None, {"HOME": str(tmp_path), f"LLM_MANAGER_PRIVACY__{name}": wrong})
        assert "canary" not in str(fault)
