"""The section ``admission`` of a settings file, and the limits of a provider."""

from pathlib import Path

import pytest

from llm_manager.domain.configuration import AdmissionSettings
from llm_manager.settings import Places, check_config, read_config


def test_every_setting_of_admission_is_read(tmp_path: Path) -> None:
    path = tmp_path / "c.toml"
    path.write_text("[admission]\nqueue = 0\nlongest_wait_seconds = 7.5\nadaptive = false\n")
    made = read_config(path, {}, places=Places()).unwrap().config.admission
    assert made == AdmissionSettings(queue=0, longest_wait_seconds=7.5, adaptive=False)


@pytest.mark.parametrize(("requests", "tokens"), [("requests_per_minute", "tokens_per_minute"), ("rpm", "tpm")])
def test_limits_of_a_provider_are_read(tmp_path: Path, requests: str, tokens: str) -> None:
    path = tmp_path / "c.toml"
    path.write_text(f"[providers.openai]\napi_key = 'sk-1'\n{requests} = 60\n{tokens} = 90000\nconcurrency = 5\n")
    made = read_config(path, {}, places=Places()).unwrap().config.providers["openai"]
    assert (made.requests_per_minute, made.tokens_per_minute, made.concurrency) == (60, 90_000, 5)


@pytest.mark.parametrize(
    ("section", "wrong"),
    [
        ("admission", "queue = -1"),
        ("admission", "longest_wait_seconds = 0"),
        ("admission", "adaptive = 1"),
        ("admission", "qeue = 3"),
        ("providers.openai", "requests_per_minute = 0"),
        ("providers.openai", "tokens_per_minute = 1.5"),
    ],
)
def test_what_makes_no_sense_is_a_fault_with_its_key(tmp_path: Path, section: str, wrong: str) -> None:
    path = tmp_path / "c.toml"
    path.write_text(f"[{section}]\n{wrong}\n")
    (fault,) = check_config(path, {}, places=Places())
    assert fault.key == f"{section}.{wrong.partition(' ')[0]}"
    assert fault.problem
