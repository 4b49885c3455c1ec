"""Where the model's file is looked for."""

from pathlib import Path

from llm_manager.clients.embedded.profile import describe, engine_parameters
from llm_manager.clients.embedded.weights import SMOLLM2, find_weights, missing_weights, weights_folder, weights_path
from llm_manager.domain.configuration import EmbeddedSettings, ProviderSettings


def test_the_cache_folder_is_the_users_unless_one_is_named(tmp_path: Path) -> None:
    assert weights_folder({"LLM_MANAGER_CACHE_DIR": str(tmp_path)}) == tmp_path / "models"
    assert weights_folder({}).parts[-2:] == ("llm-manager", "models") or "llm-manager" in str(weights_folder({}))


def test_a_fetched_file_is_found_only_when_it_is_whole(tmp_path: Path) -> None:
    environ = {"LLM_MANAGER_CACHE_DIR": str(tmp_path)}
    path = weights_path(environ)
    path.parent.mkdir()
    path.write_bytes(b"GGUF")
    assert find_weights(EmbeddedSettings(), environ) is None
    with path.open("r+b") as opened:
        opened.truncate(SMOLLM2.file_size)
    assert find_weights(EmbeddedSettings(), environ) == path


def test_the_file_that_the_settings_name_is_the_only_one_looked_for(tmp_path: Path) -> None:
    named = tmp_path / "own.gguf"
    settings = EmbeddedSettings(model_path=str(named))
    assert find_weights(settings, {}) is None
    assert "own.gguf" in missing_weights(settings, {}).message
    assert missing_weights(settings, {}).faults[0].key == "embedded.model_path"
    named.write_bytes(b"GGUF")
    assert find_weights(settings, {}) == named


def test_missing_weights_say_how_to_get_them(tmp_path: Path) -> None:
    environ = {"LLM_MANAGER_CACHE_DIR": str(tmp_path)}
    said = missing_weights(EmbeddedSettings(), environ).message
    assert str(tmp_path) in said
    assert "models pull" in said
    assert 'embedded.fetch = "allowed"' in said
    assert engine_parameters(ProviderSettings(), EmbeddedSettings(model_path=str(tmp_path / "none")), environ) is None


def test_the_window_is_divided_among_the_requests_served_at_once() -> None:
    profile = describe(ProviderSettings(), EmbeddedSettings(context_length=8192, parallel=4))
    assert (profile.context_window, profile.concurrency, profile.toy, profile.name) == (2048, 4, True, "smollm2-135m")
    assert describe(ProviderSettings(context_length=4096, concurrency=2), EmbeddedSettings()).context_window == 1024


def test_another_model_goes_by_its_files_name_and_is_no_toy() -> None:
    profile = describe(ProviderSettings(), EmbeddedSettings(model_path="/models/Llama-3.2-3B-Q4.gguf"))
    assert (profile.name, profile.toy) == ("llama-3.2-3b-q4", False)
    copy = describe(ProviderSettings(), EmbeddedSettings(model_path="/x/SmolLM2-135M-Instruct.Q4_1.gguf"))
    assert (copy.name, copy.toy) == ("smollm2-135m", True)
