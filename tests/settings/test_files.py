"""Settings files: three forms, layers that merge, and what a bad file gets."""

import json
import os
import socket
from pathlib import Path

import pytest
from returns.result import Failure

from llm_manager.domain.errors import ConfigurationError, Fault
from llm_manager.domain.models import KnownPrice
from llm_manager.domain.secrets import Secret
from llm_manager.settings import Loaded, Places, check_config, read_config, usual_places


def written(path: Path, text: str, mode: int = 0o600) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(mode)
    return path


def loaded(path: Path, **environ: str) -> Loaded:
    return read_config(path, environ, places=Places()).unwrap()


def faults(path: Path) -> tuple[Fault, ...]:
    return check_config(path, {}, places=Places())


FORMS = {
    "toml": '[cache]\nmax_size = 7\n[providers.openai]\napi_key = "sk-1"\n[providers.openai.models]\nfast = "gpt-4o-mini"\n',
    "yaml": "cache: {max_size: 7}\nproviders:\n  openai:\n    api_key: sk-1\n    models: {fast: gpt-4o-mini}\n",
    "yml": "cache: {max_size: 7}\nproviders:\n  openai:\n    api_key: sk-1\n    models: {fast: gpt-4o-mini}\n",
    "json": json.dumps({"cache": {"max_size": 7}, "providers": {"openai": {"api_key": "sk-1", "models": {"fast": "gpt-4o-mini"}}}}),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_says_the_same(tmp_path: Path, form: str) -> None:
    read = loaded(written(tmp_path / f"c.{form}", FORMS[form]))
    assert read.config.cache.max_size == 7
    assert read.config.providers["openai"].api_key == Secret("sk-1")
    assert read.config.providers["openai"].models == {"fast": "gpt-4o-mini"}
    assert read.origins["cache.max_size"] == str(tmp_path / f"c.{form}")
    assert read.warnings == ()


@pytest.mark.parametrize("form", ["toml", "yaml", "json"])
@pytest.mark.parametrize("text", ["", "  \n", "\ufeff"])
def test_an_empty_file_says_nothing(tmp_path: Path, form: str, text: str) -> None:
    assert loaded(written(tmp_path / f"c.{form}", text)).config == read_config(None, {}, places=Places()).unwrap().config


def test_layers_merge_by_single_settings_and_the_nearer_wins(tmp_path: Path) -> None:
    home, etc, work = tmp_path / "home", tmp_path / "etc", tmp_path / "work"
    written(etc / "llm-os" / "llm-config.yaml", "providers: {ollama: {base_url: 'http://localhost:1', timeout: 1, threads: 1}}\n")
    written(etc / "llm-manager" / "config.toml", "[providers.ollama]\ntimeout = 2\n[cache]\nmax_size = 2\n")
    written(home / ".config" / "llm-os" / "llm.yaml", "models: {ollama: {default: three}}\n")
    written(home / ".config" / "llm-manager" / "config.json", '{"cache": {"max_size": 4, "ttl_seconds": 4}}')
    written(work / "providers.json", '{"ollama": {"max_tokens": 5, "threads": 5}}')
    written(work / "llm-manager.yaml", "cache: {ttl_seconds: 6}\n")
    explicit = written(tmp_path / "explicit.toml", "[context]\nkeep_messages = 7\nmax_tokens = 7\n")
    written(work / ".env", "LLM_MANAGER_CONTEXT__MAX_TOKENS=8\nOLLAMA_FAST_MODEL=eight\n")
    environ = {"HOME": str(home), "OLLAMA_FAST_MODEL": "nine"}
    read = read_config(explicit, environ, places=usual_places(environ, project=work, system=etc)).unwrap()
    ollama = read.config.providers["ollama"]
    assert (ollama.base_url, ollama.timeout_ms, ollama.threads, ollama.max_tokens) == ("http://localhost:1", 2000, 5, 5)
    assert ollama.models == {"default": "three", "fast": "nine"}
    assert (read.config.cache.max_size, read.config.cache.ttl_seconds) == (4, 6)
    assert (read.config.context.keep_messages, read.config.context.max_tokens) == (7, 8)
    assert read.origins["providers.ollama.timeout_ms"] == str(etc / "llm-manager" / "config.toml")
    assert read.origins["cache.ttl_seconds"] == str(work / "llm-manager.yaml")
    assert read.origins["providers.ollama.models.fast"] == "OLLAMA_FAST_MODEL"
    assert len(read.files) == 8


def test_of_two_files_in_one_place_the_winner_is_told(tmp_path: Path) -> None:
    toml = written(tmp_path / "llm-manager.toml", "[cache]\nmax_size = 1\n")
    written(tmp_path / "providers.json", '{"openai": {}}')
    assert read_config(None, {}, places=usual_places({}, project=tmp_path, system=tmp_path)).unwrap().warnings == ()
    yaml = written(tmp_path / "llm-manager.yaml", "cache: {max_size: 2}\n")
    read = read_config(None, {}, places=usual_places({}, project=tmp_path, system=tmp_path)).unwrap()
    assert read.config.cache.max_size == 2
    assert read.warnings == (f"{toml} and {yaml} are read together; where they differ, {yaml} wins",)


def test_a_user_folder_may_be_named_by_xdg(tmp_path: Path) -> None:
    environ = {"HOME": str(tmp_path / "home"), "XDG_CONFIG_HOME": str(tmp_path / "xdg")}
    written(tmp_path / "xdg" / "llm-manager" / "config.toml", "[cache]\nmax_size = 9\n")
    places = usual_places(environ, project=tmp_path, system=tmp_path)
    assert read_config(None, environ, places=places).unwrap().config.cache.max_size == 9
    assert not [file for file in places.user if "home" in file.parts]


def test_without_a_home_there_are_no_user_files(tmp_path: Path) -> None:
    assert usual_places({}, project=tmp_path).user == ()
    assert usual_places({"XDG_CONFIG_HOME": "relative"}, project=tmp_path).user == ()


def test_a_file_asked_for_must_exist(tmp_path: Path) -> None:
    (fault,) = faults(tmp_path / "none.toml")
    assert (fault.source, fault.problem) == (str(tmp_path / "none.toml"), "does not exist")


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    (fault,) = faults(tmp_path)
    assert fault.problem == "is a folder, not a file"


def test_a_path_no_system_knows_is_a_fault() -> None:
    (fault,) = check_config("a\x00b.toml", {}, places=Places())
    assert fault.problem == "is no path that this system knows"


def test_a_path_through_a_file_is_a_fault(tmp_path: Path) -> None:
    (fault,) = faults(written(tmp_path / "c.toml", "") / "d.toml")
    assert "cannot be read" in fault.problem


def test_what_opens_for_nobody_is_a_fault(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "c.toml"))
        (fault,) = faults(tmp_path / "c.toml")
    assert "cannot be read" in fault.problem


@pytest.mark.parametrize(
    ("platform", "folder"),
    [("linux", ".config"), ("darwin", "Library/Application Support"), ("win32", "AppData/Roaming")],
)
def test_each_system_has_its_own_folder_for_settings(platform: str, folder: str) -> None:
    environ = {"USERPROFILE": "/home/u", "APPDATA": "/home/u/AppData/Roaming"}
    files = usual_places(environ, platform=platform).user
    assert Path("/home/u", folder, "llm-manager", "config.toml") in files
    assert Path("/home/u/.config/llm-os/llm.yaml") in files


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission_is_a_fault(tmp_path: Path) -> None:
    (fault,) = faults(written(tmp_path / "c.toml", "", mode=0))
    assert "cannot be read" in fault.problem


@pytest.mark.parametrize(
    ("name", "text", "where"),
    [
        ("c.toml", "[cache\nmax_size = 'sk-canary'\n", "line 1"),
        ("c.toml", "a = 'sk-canary", "TOML"),
        ("c.toml", "a = 99999-01-01\n", "TOML"),
        ("c.toml", "a = " + "1" * 5000, "number"),
        ("c.toml", "a = " + "[" * 5000, "deeply"),
        ("c.yaml", "a: 'sk-canary\nb: [", "YAML"),
        ("c.yaml", "a: !!python/object/apply:os.system ['sk-canary']\n", "line 1"),
        ("c.yaml", "a: 2024-99-99\n", "YAML"),
        ("c.yaml", "a: &x [*x]\n", "alias of itself"),
        ("c.yaml", "a: *nowhere\n", "line 1"),
        ("c.yaml", "a: 1\n---\nb: 2\n", "YAML"),
        ("c.yaml", "cache: {enabled: true, enabled: false}\n", "twice"),
        ("c.yaml", "- a\n- b\n", "table"),
        ("c.yaml", "[" * 5000, "deeply"),
        ("c.yaml", "sk-canary", "table"),
        ("c.json", '{"a": "sk-canary"', "line 1, column"),
        ("c.json", '{"cache": {"enabled": true, "enabled": false}}', "twice"),
        ("c.json", "[" * 100_000, "deeply"),
        ("c.json", "[1]", "table"),
        ("c.json", "1" * 5000, "number"),
        ("c.ini", "a=sk-canary", ".toml"),
        ("c", "a=sk-canary", ".toml"),
    ],
)
def test_a_file_that_cannot_be_read_says_where_and_not_what(tmp_path: Path, name: str, text: str, where: str) -> None:
    (fault,) = faults(written(tmp_path / name, text))
    assert where in fault.problem
    assert "canary" not in str(fault)


def test_a_file_that_is_no_text_is_a_fault(tmp_path: Path) -> None:
    (tmp_path / "c.toml").write_bytes(b"\xff\xff")
    assert "UTF-8" in faults(tmp_path / "c.toml")[0].problem


def test_a_huge_file_is_a_fault(tmp_path: Path) -> None:
    assert "larger" in faults(written(tmp_path / "c.toml", "#" * 300_000))[0].problem


def test_keys_of_camel_case_and_hyphens_are_forgiven(tmp_path: Path) -> None:
    text = '{"router": {"maxRetries": 1, "local-first": false, "fallbackOrder": ["llama", "Claude"]}, "Cache": {"TTLSeconds": 1}}'
    (fault,) = faults(written(tmp_path / "c.json", text))
    assert fault.key == "Cache.TTLSeconds"
    made = loaded(written(tmp_path / "c.json", text.replace("TTLSeconds", "ttlSeconds"))).config
    assert (made.routing.max_retries, made.routing.local_first, made.routing.fallback_order) == (1, False, ("llama", "claude"))
    assert made.cache.ttl_seconds == 1


def test_null_and_empty_text_give_nothing(tmp_path: Path) -> None:
    text = '{"openai": {"api_key": "", "timeout": null}, "cache": {}, "routing": null, "providers": {"openai": {"custom_headers": {}}}}'
    assert loaded(written(tmp_path / "c.json", text)).config.providers == {}


def test_an_empty_table_makes_a_local_provider_available(tmp_path: Path) -> None:
    made = loaded(written(tmp_path / "c.yaml", "providers:\n  ollama:\n  embedded: {}\nlmstudio: {}\n")).config
    assert list(made.providers) == ["lmstudio", "ollama"]


def test_a_provider_can_be_switched_off(tmp_path: Path) -> None:
    made = loaded(written(tmp_path / "c.yaml", "openai: {enabled: false}"), OPENAI_API_KEY="k").config
    assert made.providers["openai"].enabled is False


def test_the_embedded_model_may_stand_among_the_providers(tmp_path: Path) -> None:
    made = loaded(written(tmp_path / "c.yaml", "providers: {embedded: {enabled: true, threads: 2}}")).config
    assert (made.embedded.enabled, made.embedded.threads) == (True, 2)
    assert made.providers == {}


def test_headers_keep_their_names_and_do_not_print(tmp_path: Path) -> None:
    path = written(tmp_path / "c.yaml", "openai: {api_key: k, customHeaders: {X-Custom-Header: hidden}}")
    openai = loaded(path).config.providers["openai"]
    assert openai.custom_headers == {"X-Custom-Header": "hidden"}
    assert "hidden" not in repr(openai)


@pytest.mark.parametrize(
    ("headers", "key"),
    [
        ("{Host: a}", "openai.custom_headers.Host"),
        ("{'X Y': a}", "openai.custom_headers.X Y"),
        ('{X-A: "sk-canary\\r\\nB: c"}', "openai.custom_headers.X-A"),
        ("{X-A: 1}", "openai.custom_headers.X-A"),
        ("{X-A: {b: c}}", "openai.custom_headers.X-A.b"),
        ("sk-canary", "openai.custom_headers"),
    ],
)
def test_headers_that_cannot_be_sent_are_faults(tmp_path: Path, headers: str, key: str) -> None:
    (fault,) = faults(written(tmp_path / "c.yaml", f"openai: {{custom_headers: {headers}}}"))
    assert fault.key == key
    assert "canary" not in str(fault)


def test_certificates_are_verified_or_the_file_is_refused(tmp_path: Path) -> None:
    assert "ollama" in loaded(written(tmp_path / "c.yaml", "ollama: {verify_ssl: true}")).config.providers
    (fault,) = faults(written(tmp_path / "c.yaml", "ollama: {verify_ssl: false}"))
    assert "ca_bundle" in fault.fix


def test_a_date_is_text_too(tmp_path: Path) -> None:
    for name, text in (
        ("c.yaml", "claude: {api_key: k, api_version: 2023-06-01}"),
        ("c.toml", "[claude]\napi_key = 'k'\napi_version = 2023-06-01"),
    ):
        assert loaded(written(tmp_path / name, text)).config.providers["anthropic"].api_version == "2023-06-01"


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604])
def test_a_key_in_a_file_that_others_may_read_is_accepted_with_a_warning(tmp_path: Path, mode: int) -> None:
    path = written(tmp_path / "c.yaml", "openai: {api_key: sk-canary}", mode)
    read = loaded(path)
    assert read.config.providers["openai"].api_key == Secret("sk-canary")
    assert read.warnings == (f"{path} holds a secret (openai.api_key) and others may read the file; run: chmod 600 {path}",)
    assert read.config.warnings == read.warnings


def test_a_file_without_keys_may_be_read_by_all(tmp_path: Path) -> None:
    assert loaded(written(tmp_path / "c.yaml", "cache: {max_size: 1}", 0o644)).warnings == ()


def test_a_project_that_sends_a_key_from_elsewhere_to_its_own_address_is_warned_of(tmp_path: Path) -> None:
    written(tmp_path / "llm-manager.toml", "[providers.openai]\nbase_url = 'https://collector.example/v1'\n")
    places = usual_places({}, project=tmp_path, system=tmp_path / "none")
    (warning,) = read_config(None, {"OPENAI_API_KEY": "sk-canary"}, places=places).unwrap().warnings
    assert "sends the key of openai (OPENAI_API_KEY) to another address" in warning
    written(tmp_path / "llm-manager.toml", "[providers.openai]\nbase_url = 'http://localhost:8000/v1'\n")
    assert read_config(None, {"OPENAI_API_KEY": "sk-canary"}, places=places).unwrap().warnings == ()


def test_a_providers_file_of_another_program_is_left_alone(tmp_path: Path) -> None:
    written(tmp_path / "providers.json", '{"terraform": {"version": 1}}')
    read = read_config(None, {}, places=usual_places({}, project=tmp_path, system=tmp_path / "none")).unwrap()
    assert "left alone" in read.warnings[0]


def test_a_folder_in_the_place_of_a_settings_file_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "llm-manager.toml").mkdir()
    (tmp_path / ".env").mkdir()
    read = read_config(None, {}, places=usual_places({}, project=tmp_path, system=tmp_path / "none")).unwrap()
    assert (read.files, read.warnings) == ((), ())


def test_single_label_hosts_may_be_reached_by_plain_http_and_others_when_listed(tmp_path: Path) -> None:
    text = "ollama: {base_url: 'http://gpu.corp.example:11434'}\n"
    (fault,) = faults(written(tmp_path / "c.yaml", text))
    assert fault.key == "ollama.base_url"
    listed = loaded(written(tmp_path / "c.yaml", text + "network: {local_hosts: [gpu.corp.example]}\n"))
    assert listed.config.providers["ollama"].base_url == "http://gpu.corp.example:11434"


def test_ladders_of_a_file_replace_the_usual_ones(tmp_path: Path) -> None:
    text = "routing: {ladders: {code: [qwen3-coder-30b, anthropic], general: [gpt, llama]}}"
    read = loaded(written(tmp_path / "c.yaml", text), LLM_GENERAL_MODEL_1="gpt-4o")
    assert dict(read.config.routing.ladders) == {"general": ("gpt-4o", "llama"), "code": ("qwen3-coder-30b", "anthropic")}


def test_described_models_become_profiles(tmp_path: Path) -> None:
    text = """
[[profiles]]
name = "my-tune"
provider = "openai"
context_window = 32000
input_usd = 0.15
output_usd = 0.6
price_version = "contract"
tier = "best"
unsupported = ["temperature"]

[[profiles]]
name = "house"
provider = "LM Studio"
"""
    tune, house = loaded(written(tmp_path / "c.toml", text)).config.profiles
    assert (tune.provider, tune.family, tune.locality, tune.tier, tune.context_window) == ("openai", "gpt", "cloud", "best", 32000)
    assert isinstance(tune.price, KnownPrice)
    assert (str(tune.price.input_usd), str(tune.price.output_usd), tune.price.version) == ("0.15", "0.6", "contract")
    assert tune.unsupported == ("temperature",)
    assert (house.provider, house.family, house.locality, house.said) == ("lmstudio", "llama", "local", ("name", "provider"))
    assert set(tune.said or ()) == {"name", "provider", "context_window", "tier", "unsupported", "price"}


def test_a_later_file_may_say_more_of_the_same_model(tmp_path: Path) -> None:
    one = written(tmp_path / "llm-manager.yaml", "profiles: [{name: m, provider: groq, vision: true, quality: 0.2}]")
    two = written(tmp_path / "more.yaml", "profiles: [{name: m, provider: groq, quality: 0.9}]")
    (profile,) = read_config(two, {}, places=Places(project=(one,))).unwrap().config.profiles
    assert (profile.vision, profile.quality, set(profile.said or ())) == (True, 0.9, {"name", "provider", "vision", "quality"})


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("profiles: [{name: sk-canary}]", "profiles.1.name"),
        ("profiles: [{provider: groq, vision: true}]", "profiles.1.provider"),
        ("profiles: [{name: sk-canary, provider: auto}]", "profiles.1.provider"),
        ("profiles: [{name: sk-canary, provider: groq, qualty: 1}]", "profiles.1.qualty"),
        ("profiles: [{name: sk-canary, provider: groq, input_usd: 1}]", "profiles.1.input_usd"),
        ("profiles: [sk-canary]", "profiles.1"),
        ("profiles: sk-canary", "profiles"),
        ("profiles: {m: {name: m}}", "profiles.m.name"),
    ],
)
def test_a_model_described_wrongly_is_a_fault(tmp_path: Path, text: str, key: str) -> None:
    (fault,) = faults(written(tmp_path / "c.yaml", text))
    assert fault.key == key
    assert "canary" not in str(fault)


def test_every_fault_is_told_at_once(tmp_path: Path) -> None:
    path = written(
        tmp_path / "c.yaml",
        """
router: {strategy: balansed, max_retries: many, local_frist: true}
providers:
  opnai: {api_key: sk-canary}
  openai: {temprature: 1, temperature: 9, api_key: "sk canary", base_url: "https://user:canary@host/v1"}
cach: {enabled: true}
cache: sk-canary
performance: {timeout: -1, timeout_ms: 5, streaming: 1}
""",
    )
    environ = {"OLLAMA_TIMEOUT": "canary", "LLM_MANAGER_CONTEXT__MAX_TOKENS": "canary"}
    outcome = read_config(path, environ, places=Places())
    assert isinstance(outcome, Failure)
    error = outcome.failure()
    assert isinstance(error, ConfigurationError)
    told = {fault.key: fault for fault in error.faults}
    assert set(told) == {
        "router.strategy",
        "router.max_retries",
        "router.local_frist",
        "providers.opnai.api_key",
        "providers.openai.temprature",
        "providers.openai.temperature",
        "providers.openai.api_key",
        "providers.openai.base_url",
        "cach.enabled",
        "cache",
        "performance.timeout_ms",
        "performance.streaming",
        "OLLAMA_TIMEOUT",
        "LLM_MANAGER_CONTEXT__MAX_TOKENS",
    }
    assert told["router.strategy"].fix == "did you mean balanced?"
    assert told["router.local_frist"].fix.startswith("did you mean local_first")
    assert "openai" in told["providers.opnai.api_key"].fix
    assert "temperature" in told["providers.openai.temprature"].fix
    assert "cache" in told["cach.enabled"].fix
    assert "canary" not in repr(error)
    assert error.message == "the settings have 14 faults"
    assert check_config(path, environ, places=Places()) == error.faults


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("cache: {enabled: {deep: 1}}", "cache.enabled.deep"),
        ("a: {b: {c: {d: {e: {f: {g: {h: {i: 1}}}}}}}}", "a.b.c.d.e.f.g.h"),
        ("openai: sk-canary", "openai"),
        ("providers: sk-canary", "providers"),
        ("routing: {ladders: [gpt]}", "routing.ladders"),
        ("routing: {ladders: {sqll: [gpt]}}", "routing.ladders.sqll"),
        ("routing: {fallback_order: [gpt, opnai]}", "routing.fallback_order"),
        ("routing: {fallback_order: 7}", "routing.fallback_order"),
        ("routing: {fallback_order: ['']}", "routing.fallback_order"),
        ("openai: {default_model: 7}", "openai.default_model"),
        ("openai: {default_model: ' '}", "openai.default_model"),
        ("openai: {api_key: 7}", "openai.api_key"),
        ("openai: {max_tokens: true}", "openai.max_tokens"),
        ("openai: {max_tokens: '5'}", "openai.max_tokens"),
        ("openai: {temperature: .nan}", "openai.temperature"),
        ("openai: {models: {fastest: x}}", "openai.models.fastest"),
        ("network: {proxy: 7}", "network.proxy"),
        ("7: 8", "7"),
        ("sk-canary: 1", "(not shown)"),
    ],
)
def test_a_value_of_the_wrong_kind_is_a_fault(tmp_path: Path, text: str, key: str) -> None:
    (fault,) = faults(written(tmp_path / "c.yaml", text))
    assert fault.key == key
    assert "canary" not in str(fault)


def test_one_setting_under_two_names_must_agree(tmp_path: Path) -> None:
    assert faults(written(tmp_path / "c.yaml", "ollama: {default_model: a, models: {default: a}}")) == ()
    (fault,) = faults(written(tmp_path / "c.yaml", "ollama: {default_model: a, models: {default: b}}"))
    assert fault.problem == "is given again, as ollama.default_model"


def test_the_same_fault_of_two_sections_of_one_provider_is_found_under_both_names(tmp_path: Path) -> None:
    (fault,) = faults(written(tmp_path / "c.yaml", "openai: {timeout: 1}\nproviders: {gpt: {timeout: 2}}"))
    assert fault.key == "providers.gpt.timeout"
