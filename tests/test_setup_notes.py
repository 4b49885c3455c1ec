"""The page about local models tells what the code and its data hold, and the compose file fetches the models asked for."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from llm_manager.clients.data import needs
from llm_manager.clients.data.ollama import OLLAMA
from llm_manager.clients.data.openai_chat import LLAMACPP, LMSTUDIO, VLLM
from llm_manager.clients.data.shapes import ModelFacts, ProviderFacts
from llm_manager.clients.llama_cpp_cli.flags import CACHE_TYPES
from llm_manager.clients.llama_cpp_cli.profile import DEFAULT_PROGRAM, describe
from llm_manager.domain.configuration import ProviderSettings
from llm_manager.policies.names import PROVIDERS
from llm_manager.settings.loading import inspect_config
from llm_manager.settings.variables import VARIABLES
from llm_manager.wiring.providers import FOUND_BY_PROBING
from tests.documents import ROOT, blocks

PAGE = (ROOT / "notes" / "setup.md").read_text(encoding="utf-8")
COMPOSE = yaml.safe_load((ROOT / "notes" / "setup" / "compose.yaml").read_text(encoding="utf-8"))


def rows(head: str) -> list[list[str]]:
    """The table whose first line begins like this, without its head."""
    lines = PAGE[PAGE.index(head) :].split("\n\n", 1)[0].splitlines()[2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def test_hardware_is_that_of_the_data() -> None:
    told = [
        [
            machine.name,
            f"{machine.ram_gb} GB",
            f"{machine.disk_gb} GB",
            f"{machine.gpu}, {machine.vram_gb} GB" if machine.gpu else "none",
            ", ".join(machine.models),
        ]
        for machine in (needs.MINIMAL, needs.RECOMMENDED)
    ]
    assert rows("| | memory | disk") == told


def test_latencies_are_those_of_the_data() -> None:
    told = [[one.model, one.task, f"{one.low_ms} ms", f"{one.high_ms} ms"] for one in needs.LATENCIES]
    assert rows("| model | for | from") == told
    flat = " ".join(PAGE.split())
    for name, (low, high) in {"local models": needs.LOCAL_SECONDS, "GPT": needs.GPT_SECONDS, "Claude": needs.CLAUDE_SECONDS}.items():
        assert f"{name} {low:g} to {high:g} s" in flat
    assert f"cache less than {needs.CACHED_SECONDS[1]:g} s" in flat


def test_declared_models_keep_to_the_declared_latencies() -> None:
    declared = {model.name: model.latency_seconds for model in OLLAMA.models}
    local = [one for one in needs.LATENCIES if one.model in declared]
    assert len(local) == 3
    for one in local:
        assert one.low_ms / 1000 <= declared[one.model] <= one.high_ms / 1000
    low, high = needs.LOCAL_SECONDS
    assert all(low <= facts.latency_seconds <= high for facts in (OLLAMA, LMSTUDIO, LLAMACPP, VLLM))
    assert low <= describe("x", ProviderSettings()).latency_seconds <= high


def test_a_model_that_nothing_is_known_of_is_expected_to_be_as_fast_as_most() -> None:
    usual = needs.middle(needs.GPT_SECONDS)
    facts = ProviderFacts(name="x", base_url="", needs_key=False, tiers={"default": "m"})
    assert (facts.latency_seconds, ModelFacts(name="m").latency_seconds) == (usual, usual)


def test_providers_are_recommended_as_the_data_says() -> None:
    told = {wanted: tuple(providers.split(", ")) for wanted, providers in rows("| wanted | think of |")}
    assert told == dict(needs.GOOD_FOR)
    assert {name for providers in told.values() for name in providers} <= set(PROVIDERS)
    named = {name for row in rows("| provider | where |") for name in row[0].split(", ")}
    assert named <= set(PROVIDERS)


def test_variables_and_addresses_are_those_that_are_read() -> None:
    known = {variable.name for variable in VARIABLES}
    table = rows("| | for whom |")
    named = {name for row in table for name in re.findall(r"`([A-Z_]+)`", row[3])}
    assert named <= known
    addresses = {row[2].strip("`") for row in table}
    assert addresses == {facts.base_url for facts in (OLLAMA, LMSTUDIO, LLAMACPP, VLLM)} | {DEFAULT_PROGRAM}


def test_what_is_looked_for_unasked_is_named() -> None:
    titles = {"lmstudio": "LM Studio", "ollama": "Ollama", "llamacpp": "llama.cpp", "vllm": "vLLM"}
    (sentence,) = re.findall(r"the first call looks for (.+?) at their addresses", PAGE.replace("\n", " "))
    assert {name for name, title in titles.items() if title in sentence} == set(FOUND_BY_PROBING)


@pytest.mark.parametrize("block", list(blocks("notes/setup.md", "toml")), ids=str)
def test_settings_shown_are_understood(block: Any, tmp_path: Path) -> None:
    file = tmp_path / "llm-manager.toml"
    file.write_text(block.text, encoding="utf-8")
    read = inspect_config(file, {})
    assert read.faults == ()
    assert list(read.config.providers) == ["llama_cpp_cli"]
    assert "# f32 f16" not in block.text or all(kind in block.text for kind in CACHE_TYPES)


def test_ollama_answers_on_this_machine_alone_and_says_when_it_is_ready() -> None:
    service = COMPOSE["services"]["ollama"]
    assert service["ports"] == ["127.0.0.1:11434:11434"]
    assert service["healthcheck"]["test"] == ["CMD", "ollama", "list"]
    (volume,) = service["volumes"]
    assert volume.split(":")[0] in COMPOSE["volumes"]


def test_the_models_asked_for_by_default_are_fetched_when_it_is_ready() -> None:
    once = COMPOSE["services"]["pull"]
    assert once["depends_on"] == {"ollama": {"condition": "service_healthy"}}
    assert once["restart"] == "no"
    assert once["environment"]["OLLAMA_HOST"] == "http://ollama:11434"
    (script,) = once["command"]
    named = re.search(r"for model in (.+); do", script)
    assert named is not None
    wanted = {OLLAMA.tiers[tier] for tier in ("default", "fast", "reasoning")}
    assert set(named[1].split()) == wanted
    assert all(f"ollama pull {model}\n" in PAGE for model in wanted)
