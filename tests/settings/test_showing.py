"""What `config show` tells: every value, where it comes from, and no secret."""

from pathlib import Path

from llm_manager.settings import Places, describe_config, read_config


def rows(environ: dict[str, str], path: Path | None = None) -> dict[str, tuple[str, str]]:
    loaded = read_config(path, environ, places=Places()).unwrap()
    return {row.key: (row.value, row.origin) for row in describe_config(loaded)}


def test_defaults_are_shown_as_such() -> None:
    shown = rows({})
    assert shown["routing.strategy"] == ("balanced", "default")
    assert shown["cache.enabled"] == ("true", "default")
    assert shown["embedded.model_path"] == ("(not set)", "default")
    assert shown["network.local_hosts"] == ("(none)", "default")
    assert not [key for key in shown if key.startswith("providers.")]


def test_every_origin_belongs_to_a_row(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_text(
        "openai: {api_key: k, models: {fast: f}, custom_headers: {X-A: hidden}}\n"
        "routing: {ladders: {sql: [gpt]}, fallback_order: [gpt, llama]}\n"
        "profiles: [{name: m, provider: groq, quality: 0.5}]\n"
    )
    environ = {"OLLAMA_DEFAULT_MODEL": "m", "HTTPS_PROXY": "http://u:hidden@p:1", "LLM_GENERAL_MODEL_1": "gpt-4o"}
    loaded = read_config(path, environ, places=Places()).unwrap()
    shown = rows(environ, path)
    assert set(loaded.origins) <= set(shown)
    assert shown["providers.openai.models.fast"] == ("f", str(path))
    assert shown["providers.openai.custom_headers.X-A"] == ("(set)", str(path))
    assert shown["providers.ollama.default_model"] == ("m", "OLLAMA_DEFAULT_MODEL")
    assert shown["network.proxy"] == ("(set)", "HTTPS_PROXY")
    assert shown["routing.ladders.sql"] == ("gpt", str(path))
    assert shown["routing.ladders.general"] == ("gpt-4o > gpt > claude", "LLM_GENERAL_MODEL_1")
    assert shown["routing.fallback_order"] == ("gpt, llama", str(path))
    assert shown["profiles.groq/m.quality"] == ("0.5", str(path))
    assert "hidden" not in repr(shown)


def test_keys_show_only_their_fingerprint() -> None:
    value, origin = rows({"OPENAI_API_KEY": "sk-canary"})["providers.openai.api_key"]
    assert value.startswith("(set, fingerprint ")
    assert "canary" not in value
    assert origin == "OPENAI_API_KEY"
