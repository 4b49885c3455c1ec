"""The settings files of earlier systems load as they are, with their names and defaults."""

import json
from pathlib import Path

from llm_manager.domain.configuration import LLMConfig
from llm_manager.domain.secrets import Secret
from llm_manager.settings import Places, read_config, usual_places

SYSTEM = """
providers:
  ollama:
    enabled: true
    base_url: "http://localhost:11434"
    default_model: "llama3.2:3b"
    models:
      fast: "llama3.2:1b"
      default: "llama3.2:3b"
      reasoning: "deepseek-r1:1.5b"

  claude:
    enabled: true
    # the key comes from ANTHROPIC_API_KEY
    default_model: "claude-3-5-haiku-latest"
    models:
      fast: "claude-3-5-haiku-latest"
      default: "claude-3-5-haiku-latest"
      best: "claude-3-5-sonnet-latest"

  openai:
    enabled: true
    default_model: "gpt-4o-mini"

router:
  default_provider: "ollama"
  fallback_provider: "claude"
  local_first: true
  cost_optimization: true
  max_retries: 3

context:
  max_tokens: 8000
  keep_messages: 50

performance:
  streaming: true
  timeout: 30
  concurrent_tools: 3
"""

USER = """
preferences:
  default_provider: "claude"
  always_stream: true
  verbose_output: false

models:
  ollama:
    default: "qwen2.5:7b"
"""

PROVIDERS = {
    "openai": {"api_key": "sk-1", "organization": "org-1", "timeout": 300},
    "claude": {"api_key": "sk-ant-1", "api_version": "2023-06-01", "timeout": 300},
    "ollama": {"base_url": "http://localhost:11434", "timeout": 300, "verify_ssl": True},
    "openrouter": {"api_key": "sk-or-1", "app_name": "AI-Router", "app_url": "https://github.com/someone/ai-router"},
    "llama-cpp": {
        "llama_cpp_path": "~/bin/llama-cli",
        "models_dir": "/mnt/d/models/organized",
        "default_threads": 12,
        "default_gpu_layers": 99,
    },
}

OBJECT = {
    "models": {
        "llama": {
            "modelPath": "openai/gpt-oss-20b",
            "contextLength": 4096,
            "threads": 4,
            "endpoint": "http://localhost:1234/v1",
        },
        "gpt": {"apiKey": "sk-1", "model": "gpt-3.5-turbo", "maxTokens": 4096, "temperature": 0.7},
    },
    "routing": {"strategy": "balanced", "fallbackOrder": ["llama", "gpt"], "maxRetries": 3, "timeoutMs": 30000},
    "cache": {"enabled": True, "ttlSeconds": 3600, "maxSize": 1000},
}


def _read(path: Path, text: str, **environ: str) -> LLMConfig:
    path.write_text(text)
    path.chmod(0o600)
    return read_config(path, environ, places=Places()).unwrap().config


def test_the_system_file(tmp_path: Path) -> None:
    made = _read(tmp_path / "llm-config.yaml", SYSTEM, ANTHROPIC_API_KEY="k", OPENAI_API_KEY="k")
    ollama, claude, openai = (made.providers[name] for name in ("ollama", "anthropic", "openai"))
    assert (ollama.enabled, ollama.base_url, ollama.default_model) == (True, "http://localhost:11434", "llama3.2:3b")
    assert ollama.models == {"fast": "llama3.2:1b", "default": "llama3.2:3b", "reasoning": "deepseek-r1:1.5b"}
    assert claude.default_model == "claude-3-5-haiku-latest"
    assert claude.models["best"] == "claude-3-5-sonnet-latest"
    assert openai.default_model == "gpt-4o-mini"
    routing = made.routing
    assert (routing.default_provider, routing.fallback_provider) == ("ollama", "anthropic")
    assert (routing.local_first, routing.cost_optimization, routing.max_retries) == (True, True, 3)
    assert (made.context.max_tokens, made.context.keep_messages) == (8000, 50)
    assert (made.performance.streaming, made.performance.timeout_ms, made.performance.concurrent_tools) == (True, 30_000, 3)
    assert made.warnings == ()


def test_the_system_file_without_keys_leaves_the_clouds_out(tmp_path: Path) -> None:
    assert list(_read(tmp_path / "llm-config.yaml", SYSTEM).providers) == ["ollama"]


def test_the_user_file_goes_over_the_system_file(tmp_path: Path) -> None:
    home, etc = tmp_path / "home", tmp_path / "etc"
    for path, text in ((etc / "llm-os" / "llm-config.yaml", SYSTEM), (home / ".config" / "llm-os" / "llm.yaml", USER)):
        path.parent.mkdir(parents=True)
        path.write_text(text)
    environ = {"HOME": str(home)}
    places = usual_places(environ, project=tmp_path, system=etc)
    read = read_config(None, environ, places=places).unwrap()
    assert read.config.routing.default_provider == "anthropic"
    assert (read.config.display.always_stream, read.config.display.verbose_output) == (True, False)
    ollama = read.config.providers["ollama"]
    assert ollama.default_model == "qwen2.5:7b"
    assert ollama.models == {"fast": "llama3.2:1b", "default": "qwen2.5:7b", "reasoning": "deepseek-r1:1.5b"}
    assert read.origins["providers.ollama.default_model"] == str(home / ".config" / "llm-os" / "llm.yaml")
    assert read.origins["providers.ollama.base_url"] == str(etc / "llm-os" / "llm-config.yaml")


def test_the_providers_file(tmp_path: Path) -> None:
    made = _read(tmp_path / "providers.json", json.dumps(PROVIDERS)).providers
    assert (made["openai"].api_key, made["openai"].organization, made["openai"].timeout_ms) == (Secret("sk-1"), "org-1", 300_000)
    assert (made["anthropic"].api_key, made["anthropic"].api_version) == (Secret("sk-ant-1"), "2023-06-01")
    assert (made["ollama"].base_url, made["ollama"].timeout_ms) == ("http://localhost:11434", 300_000)
    assert (made["openrouter"].app_name, made["openrouter"].app_url) == ("AI-Router", "https://github.com/someone/ai-router")
    cli = made["llama_cpp_cli"]
    assert (cli.llama_cpp_path, cli.models_dir, cli.threads, cli.gpu_layers) == ("~/bin/llama-cli", "/mnt/d/models/organized", 12, 99)
    assert "llamacpp" not in made


def test_the_providers_file_is_found_in_the_folder_worked_in(tmp_path: Path) -> None:
    (tmp_path / "providers.json").write_text(json.dumps(PROVIDERS))
    (tmp_path / "providers.json").chmod(0o600)
    read = read_config(None, {}, places=usual_places({}, project=tmp_path, system=tmp_path / "none")).unwrap()
    assert set(read.config.providers) == {"openai", "anthropic", "ollama", "openrouter", "llama_cpp_cli"}
    assert read.origins["providers.llama_cpp_cli.threads"] == str(tmp_path / "providers.json")


def test_the_command_line_of_llama_cpp_has_its_defaults(tmp_path: Path) -> None:
    cli = _read(tmp_path / "providers.json", '{"llama-cpp": {"models_dir": "/m"}}').providers["llama_cpp_cli"]
    assert (cli.llama_cpp_path, cli.threads, cli.gpu_layers) == ("~/llama.cpp/build/bin/llama-cli", 24, 999)


def test_the_server_of_llama_cpp_is_meant_when_an_address_is_given(tmp_path: Path) -> None:
    made = _read(tmp_path / "providers.json", '{"llama-cpp": {"base_url": "http://localhost:8080", "default_threads": 2}}').providers
    assert (made["llamacpp"].base_url, made["llamacpp"].threads) == ("http://localhost:8080", 2)


def test_the_configuration_object(tmp_path: Path) -> None:
    made = _read(tmp_path / "config.json", json.dumps(OBJECT))
    llama, gpt = made.providers["lmstudio"], made.providers["openai"]
    assert (llama.default_model, llama.context_length, llama.threads) == ("openai/gpt-oss-20b", 4096, 4)
    assert llama.base_url == "http://localhost:1234/v1"
    assert (gpt.api_key, gpt.default_model, gpt.max_tokens, gpt.temperature) == (Secret("sk-1"), "gpt-3.5-turbo", 4096, 0.7)
    assert (made.routing.strategy, made.routing.fallback_order, made.routing.max_retries) == ("balanced", ("llama", "gpt"), 3)
    assert made.performance.timeout_ms == 30_000
    assert (made.cache.enabled, made.cache.ttl_seconds, made.cache.max_size) == (True, 3600, 1000)


def test_the_configuration_object_names_claude_too(tmp_path: Path) -> None:
    text = json.dumps({"models": {"claude": {"apiKey": "k", "model": "claude-3-haiku-20240307", "fast": "claude-3-haiku-20240307"}}})
    claude = _read(tmp_path / "config.json", text).providers["anthropic"]
    assert claude.models == {"default": "claude-3-haiku-20240307", "fast": "claude-3-haiku-20240307"}
