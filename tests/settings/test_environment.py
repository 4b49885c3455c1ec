"""Variables of the environment: every known name, which one wins, and the general form."""

from pathlib import Path

import pytest
from returns.result import Failure

from llm_manager.clients.embedded.weights import CACHE_VARIABLE
from llm_manager.domain.configuration import LLMConfig
from llm_manager.domain.errors import Fault
from llm_manager.domain.secrets import Secret
from llm_manager.settings import Loaded, Places, check_config, read_config
from llm_manager.settings.variables import VARIABLES, Variable


def loaded(environ: dict[str, str], dotenv: Path | None = None) -> Loaded:
    return read_config(None, environ, places=Places(dotenv=dotenv)).unwrap()


def config(**environ: str) -> LLMConfig:
    return loaded(environ).config


def faults(**environ: str) -> tuple[Fault, ...]:
    return check_config(None, environ, places=Places())


def test_nothing_at_all_gives_the_documented_defaults() -> None:
    empty = config()
    assert empty.providers == {}
    assert (empty.routing.strategy, empty.routing.max_retries, empty.routing.local_first) == ("balanced", 3, True)
    assert (empty.routing.default_provider, empty.routing.fallback_provider) == ("ollama", "anthropic")
    assert (empty.routing.cost_optimization, empty.routing.enable_fallback, empty.routing.airgap) == (True, True, False)
    assert empty.performance.timeout_ms == 30_000
    assert (empty.performance.streaming, empty.performance.concurrent_tools) == (True, 3)
    assert (empty.cache.enabled, empty.cache.ttl_seconds, empty.cache.max_size) == (True, 3600, 1000)
    assert (empty.context.max_tokens, empty.context.keep_messages) == (8000, 50)
    assert empty.warnings == ()
    assert empty.routing.ladders == ()


@pytest.mark.parametrize("variable", [each for each in VARIABLES if each.example], ids=lambda each: each.name)
def test_every_variable_takes_its_own_example(variable: Variable) -> None:
    assert faults(**{variable.name: variable.example}) == ()
    assert variable.name in " ".join(loaded({variable.name: variable.example}).origins.values())


def test_routing_variables() -> None:
    routing = config(
        LLM_DEFAULT_PROVIDER="anthropic", LLM_ENABLE_FALLBACK="false", LLM_AIRGAP_MODE="TRUE", LLM_ROUTING_STRATEGY="Cost"
    ).routing
    assert (routing.default_provider, routing.enable_fallback, routing.airgap, routing.strategy) == ("anthropic", False, True, "cost")


def test_auto_is_no_default_provider() -> None:
    assert config(LLM_DEFAULT_PROVIDER="auto").routing.default_provider is None


@pytest.mark.parametrize(
    ("said", "meant"), [("yes", True), ("on", True), ("1", True), (" true ", True), ("no", False), ("OFF", False), ("0", False)]
)
def test_a_flag_has_many_words(said: str, meant: bool) -> None:
    assert config(LLM_CACHE_ENABLED=said).cache.enabled is meant


def test_cache_variables() -> None:
    assert config(LLM_CACHE_TTL_SECONDS="90").cache.ttl_seconds == 90


def test_ollama_variables() -> None:
    ollama = config(
        OLLAMA_URL="http://ollama:11434",
        OLLAMA_DEFAULT_MODEL="llama3.2",
        OLLAMA_FAST_MODEL="llama3.2:1b",
        OLLAMA_TOOL_MODEL="mistral",
        OLLAMA_TIMEOUT="60.0",
    ).providers["ollama"]
    assert ollama.base_url == "http://ollama:11434"
    assert ollama.default_model == "llama3.2"
    assert ollama.models == {"fast": "llama3.2:1b", "tool": "mistral", "default": "llama3.2"}
    assert ollama.timeout_ms == 60_000


@pytest.mark.parametrize(
    ("written", "address"),
    [
        ("0.0.0.0", "http://127.0.0.1:11434"),
        ("0.0.0.0:9999", "http://127.0.0.1:9999"),
        ("127.0.0.1:11434", "http://127.0.0.1:11434"),
        (":11434", "http://127.0.0.1:11434"),
        ("[::]:11434", "http://[::1]:11434"),
        ("gpu-box", "http://gpu-box:11434"),
        ("https://ollama.example.com", "https://ollama.example.com"),
        ("http://localhost:1/", "http://localhost:1"),
    ],
)
def test_the_address_ollama_listens_on_becomes_one_to_ask(written: str, address: str) -> None:
    assert config(OLLAMA_HOST=written).providers["ollama"].base_url == address


def test_ollama_url_wins_over_ollama_host() -> None:
    assert config(OLLAMA_HOST="gpu-box", OLLAMA_URL="http://localhost:1").providers["ollama"].base_url == "http://localhost:1"


def test_an_address_that_is_none_is_a_fault() -> None:
    (fault,) = faults(OLLAMA_HOST="not an address")
    assert fault.key == "OLLAMA_HOST"


def test_openai_variables() -> None:
    openai = config(
        OPENAI_API_KEY="sk-1",
        OPENAI_BASE_URL="https://proxy.example/v1/",
        OPENAI_ORG_ID="org-1",
        OPENAI_PROJECT_ID="proj-1",
        OPENAI_MODEL="gpt-3.5-turbo",
        OPENAI_MAX_TOKENS="4096",
        OPENAI_TEMPERATURE="0.7",
    ).providers["openai"]
    assert openai.api_key == Secret("sk-1")
    assert openai.base_url == "https://proxy.example/v1"
    assert (openai.organization, openai.project) == ("org-1", "proj-1")
    assert (openai.default_model, openai.max_tokens, openai.temperature) == ("gpt-3.5-turbo", 4096, 0.7)


@pytest.mark.parametrize(
    ("variable", "provider"),
    [
        ("OPENAI_API_KEY", "openai"),
        ("ANTHROPIC_API_KEY", "anthropic"),
        ("CLAUDE_API_KEY", "anthropic"),
        ("GEMINI_API_KEY", "gemini"),
        ("GOOGLE_API_KEY", "gemini"),
        ("GROQ_API_KEY", "groq"),
        ("TOGETHER_API_KEY", "together"),
        ("OPENROUTER_API_KEY", "openrouter"),
        ("COHERE_API_KEY", "cohere"),
        ("CO_API_KEY", "cohere"),
    ],
)
def test_a_key_makes_a_cloud_available(variable: str, provider: str) -> None:
    made = config(**{variable: "k"}).providers
    assert list(made) == [provider]
    assert made[provider].api_key == Secret("k")


def test_a_cloud_without_its_key_is_not_configured() -> None:
    assert config(OPENAI_MODEL="gpt-4o", OPENAI_BASE_URL="https://proxy.example/v1").providers == {}


def test_a_cloud_kind_of_server_on_this_machine_needs_no_key() -> None:
    assert config(OPENAI_BASE_URL="http://localhost:8000/v1").providers["openai"].api_key is None


def test_a_local_server_is_available_by_its_address() -> None:
    assert config(LM_STUDIO_ENDPOINT="http://localhost:1234/v1").providers["lmstudio"].base_url == "http://localhost:1234/v1"


def test_an_empty_variable_says_nothing() -> None:
    assert config(OPENAI_API_KEY="", OLLAMA_URL="  ", LLM_CACHE_ENABLED="") == config()


def test_two_keys_that_differ_give_one_warning() -> None:
    both = config(CLAUDE_API_KEY="old", ANTHROPIC_API_KEY="new")
    assert both.providers["anthropic"].api_key == Secret("new")
    assert both.warnings == ("ANTHROPIC_API_KEY and CLAUDE_API_KEY differ; ANTHROPIC_API_KEY is used",)


def test_two_equal_keys_give_none() -> None:
    assert config(CLAUDE_API_KEY="same", ANTHROPIC_API_KEY="same").warnings == ()


def test_one_line_end_after_a_key_is_left_out_with_a_warning() -> None:
    copied = config(GROQ_API_KEY="gsk-1\n")
    assert copied.providers["groq"].api_key == Secret("gsk-1")
    assert len(copied.warnings) == 1
    assert "gsk-1" not in copied.warnings[0]


@pytest.mark.parametrize("key", ["a b", "a\nb", "a\n\n", "Bearer a\r\nX-Evil: 1", "schlüssel", '"a "', "a\x00"])
def test_a_key_that_no_header_may_hold_is_a_fault(key: str) -> None:
    (fault,) = faults(OPENAI_API_KEY=key)
    assert fault.key == "OPENAI_API_KEY"
    assert key not in str(fault)


def test_ladder_variables_take_the_place_of_the_first_rungs() -> None:
    ladders = dict(
        config(
            LLM_GENERAL_MODEL_1="claude-3-haiku-20240307",
            LLM_GENERAL_MODEL_2="gpt-3.5-turbo",
            LLM_SQL_MODEL_1="sqlcoder-7b-2",
            LLM_SQL_MODEL_2="codellama-7b-instruct",
        ).routing.ladders
    )
    assert ladders == {
        "general": ("claude-3-haiku-20240307", "gpt-3.5-turbo", "claude"),
        "sql": ("sqlcoder-7b-2", "codellama-7b-instruct", "claude"),
    }


def test_the_second_ladder_variable_alone_is_the_second_rung() -> None:
    assert dict(config(LLM_GENERAL_MODEL_2="gpt-4o").routing.ladders) == {"general": ("llama", "gpt-4o", "claude")}


def test_ladders_say_which_variables_they_come_from() -> None:
    origins = loaded({"LLM_SQL_MODEL_1": "a", "LLM_SQL_MODEL_2": "b"}).origins
    assert origins["routing.ladders.sql"] == "LLM_SQL_MODEL_1, LLM_SQL_MODEL_2"


def test_older_model_variables_speak_when_the_newer_are_silent() -> None:
    older = config(OPENAI_API_KEY="k", OPENAI_MODEL="gpt-4o", CLAUDE_API_KEY="k", CLAUDE_MODEL="claude-3-haiku-20240307").providers
    assert older["openai"].default_model == "gpt-4o"
    assert older["anthropic"].default_model == "claude-3-haiku-20240307"


def test_newer_model_variables_win_over_older_ones() -> None:
    both = config(
        OPENAI_API_KEY="k",
        OPENAI_MODEL="gpt-3.5-turbo",
        LLM_GENERAL_MODEL_2="gpt-4o",
        CLAUDE_API_KEY="k",
        CLAUDE_MODEL="claude-3-haiku-20240307",
        LLM_GENERAL_MODEL_1="claude-3-5-haiku-latest",
    ).providers
    assert both["openai"].default_model == "gpt-4o"
    assert both["anthropic"].default_model == "claude-3-5-haiku-latest"


def test_a_newer_variable_for_another_provider_leaves_the_older_alone() -> None:
    assert config(OPENAI_API_KEY="k", OPENAI_MODEL="gpt-4o", LLM_GENERAL_MODEL_2="mistral").providers["openai"].default_model == "gpt-4o"


def test_claudes_own_default_wins_over_both() -> None:
    made = config(ANTHROPIC_API_KEY="k", ANTHROPIC_DEFAULT_MODEL="claude-a", LLM_GENERAL_MODEL_1="claude-b", CLAUDE_MODEL="claude-c")
    assert made.providers["anthropic"].default_model == "claude-a"


def test_the_proxy_and_its_exceptions() -> None:
    network = config(HTTPS_PROXY="http://user:pass@proxy:3128", NO_PROXY="localhost,.corp example.org").network
    assert network.proxy == "http://user:pass@proxy:3128"
    assert network.no_proxy == ("localhost", ".corp", "example.org")
    assert "pass" not in repr(network)


@pytest.mark.parametrize(
    ("environ", "proxy"),
    [
        ({"HTTPS_PROXY": "http://a", "https_proxy": "http://b"}, "http://b"),
        ({"HTTPS_PROXY": "http://a", "ALL_PROXY": "socks5://b"}, "http://a"),
        ({"ALL_PROXY": "http://a", "HTTP_PROXY": "http://b"}, "http://a"),
        ({"HTTP_PROXY": "http://a"}, "http://a"),
        ({"HTTP_PROXY": "http://a", "REQUEST_METHOD": "GET"}, None),
    ],
)
def test_which_proxy_variable_wins(environ: dict[str, str], proxy: str | None) -> None:
    assert loaded(environ).config.network.proxy == proxy


def test_a_proxy_of_another_kind_is_a_fault() -> None:
    (fault,) = faults(ALL_PROXY="socks5://u:hunter2@h:1")
    assert fault.key == "ALL_PROXY"
    assert "hunter2" not in str(fault)


def test_the_general_form_reaches_every_section() -> None:
    made = config(
        LLM_MANAGER_CACHE__MAX_SIZE="7",
        LLM_MANAGER_EMBEDDED__ENABLED="true",
        LLM_MANAGER_PROVIDERS__LLAMA_CPP__BASE_URL="http://localhost:8080/v1",
        LLM_MANAGER_PROVIDERS__OPENAI__API_KEY="sk-2",
        LLM_MANAGER_ROUTING__FALLBACK_ORDER="local,claude, gpt",
        LLM_MANAGER_ROUTING__LADDERS__SQL="sqlcoder-7b-2,gpt",
        LLM_MANAGER_NETWORK__LOCAL_HOSTS="gpu.corp.example",
    )
    assert made.cache.max_size == 7
    assert (made.embedded.enabled, made.routing.use_toys) == (True, True)
    assert made.providers["llamacpp"].base_url == "http://localhost:8080/v1"
    assert made.providers["openai"].api_key == Secret("sk-2")
    assert made.routing.fallback_order == ("lmstudio", "claude", "gpt")
    assert dict(made.routing.ladders) == {"sql": ("sqlcoder-7b-2", "gpt")}
    assert made.network.local_hosts == ("gpu.corp.example",)


def test_the_general_form_wins_over_the_common_name() -> None:
    made = config(OPENAI_API_KEY="everyone's", LLM_MANAGER_PROVIDERS__OPENAI__API_KEY="ours")
    assert made.providers["openai"].api_key == Secret("ours")


@pytest.mark.parametrize("name", ["LLM_MANAGER_CACHE__MAX_SIZ", "LLM_MANAGER_CACHE", "LLM_MANAGER_", "LLM_MANAGER_CASH__MAX_SIZE"])
def test_a_misspelt_general_form_is_a_fault_with_a_fix(name: str) -> None:
    (fault,) = faults(**{name: "1"})
    assert (fault.source, fault.key) == ("environment", name)
    assert fault.fix


def test_where_weights_are_kept_is_no_setting_and_no_fault() -> None:
    assert not faults(**{CACHE_VARIABLE: "/somewhere"})
    assert loaded({CACHE_VARIABLE: "/somewhere"}).warnings == ()


def test_a_variable_that_looks_like_ours_gives_a_warning() -> None:
    assert config(LLM_CACHE_TTL="5").warnings == ("LLM_CACHE_TTL is not read; did you mean LLM_CACHE_TTL_SECONDS?",)
    assert config(LLM_USER_PATH="/somewhere").warnings == ()


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("OPENAI_TEMPRATURE", "OPENAI_TEMPERATURE"),
        ("OPENAI_APIKEY", "OPENAI_API_KEY"),
        ("LM_STUDIO_ENDPONT", "LM_STUDIO_ENDPOINT"),
        ("OPENAI_LOG", None),
        ("OPENAI_API_BASE", None),
        ("OLLAMA_MODELS", None),
        ("NO_COLOR", None),
        ("SOMETHING_ELSE", None),
    ],
)
def test_a_near_miss_is_warned_of_wherever_it_stands(tmp_path: Path, name: str, meant: str | None) -> None:
    told = () if meant is None else (f"{name} is not read; did you mean {meant}?",)
    assert loaded({name: "1"}).warnings == told
    (tmp_path / ".env").write_text(f"{name}=1\n")
    assert loaded({}, tmp_path / ".env").warnings == tuple(f"{tmp_path / '.env'}: {line}" for line in told)


def test_an_empty_value_hides_none_in_a_dotenv_file(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("OPENAI_API_KEY=sk-file\nOPENAI_MODEL=\n")
    (tmp_path / ".env").chmod(0o600)
    read = loaded({"OPENAI_API_KEY": " "}, tmp_path / ".env")
    assert read.config.providers["openai"].api_key == Secret("sk-file")
    assert read.warnings == ()


def test_a_name_without_a_value_is_a_line_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("# mine\n\nOPENAI_API_KEY sk-canary\nLLM_CACHE_ENABLED\n")
    warnings = loaded({}, tmp_path / ".env").warnings
    assert [warning.rpartition(": ")[2] for warning in warnings] == [f"line {n} cannot be read and is left out" for n in (3, 4)]


def test_a_dotenv_file_stands_below_the_environment(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text(
        "export OPENAI_API_KEY='from-file'\nGROQ_API_KEY=${OPENAI_API_KEY}\nLLM_CACHE_TTL_SECONDS=60 # a minute\nDATABASE_URL=x\n"
    )
    file.chmod(0o600)
    read = loaded({"GROQ_API_KEY": "from-environment"}, file)
    assert read.config.providers["openai"].api_key == Secret("from-file")
    assert read.config.providers["groq"].api_key == Secret("from-environment")
    assert read.config.cache.ttl_seconds == 60
    assert read.origins["providers.openai.api_key"] == f"{file}: OPENAI_API_KEY"
    assert read.origins["providers.groq.api_key"] == "GROQ_API_KEY"
    assert read.files == (str(file),)
    assert read.warnings == ()


def test_a_dotenv_file_expands_nothing(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("OPENAI_MODEL=${HOME}\nOPENAI_API_KEY=k\n")
    assert loaded({"HOME": "/root"}, tmp_path / ".env").config.providers["openai"].default_model == "${HOME}"


def test_what_cannot_be_read_in_a_dotenv_file_is_a_warning_without_the_line(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("OPENAI_API_KEY 'sk-canary\nGROQ_API_KEY=k\n")
    read = loaded({}, tmp_path / ".env")
    assert "groq" in read.config.providers
    assert any("line 1" in warning for warning in read.warnings)
    assert "canary" not in str(read.warnings)


def test_a_dotenv_file_that_is_no_text_is_a_warning(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b"\xff\xfe\x00")
    assert "is not UTF-8 text" in loaded({}, tmp_path / ".env").warnings[0]


def test_a_fault_in_a_dotenv_file_names_the_file(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("OLLAMA_TIMEOUT=soon\n")
    outcome = read_config(None, {}, places=Places(dotenv=tmp_path / ".env"))
    assert isinstance(outcome, Failure)
    (fault,) = check_config(None, {}, places=Places(dotenv=tmp_path / ".env"))
    assert (fault.source, fault.key) == (str(tmp_path / ".env"), "OLLAMA_TIMEOUT")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("OLLAMA_TIMEOUT", "0"),
        ("OLLAMA_TIMEOUT", "-1"),
        ("OLLAMA_TIMEOUT", "nan"),
        ("OLLAMA_TIMEOUT", "1e99"),
        ("OPENAI_MAX_TOKENS", "0"),
        ("OPENAI_MAX_TOKENS", "1.5"),
        ("OPENAI_TEMPERATURE", "2.1"),
        ("OPENAI_TEMPERATURE", "-0.1"),
        ("LLM_CACHE_TTL_SECONDS", "0"),
        ("LLM_CACHE_ENABLED", "maybe"),
        ("LLM_DEFAULT_PROVIDER", "opnai"),
        ("LLM_ROUTING_STRATEGY", "cheapest"),
        ("LLM_GENERAL_MODEL_1", "a\tb"),
        ("LLM_MANAGER_ROUTING__MAX_RETRIES", "-1"),
        ("LLM_MANAGER_ROUTING__FALLBACK_ORDER", "opnai"),
    ],
)
def test_a_value_out_of_range_is_a_fault(name: str, value: str) -> None:
    (fault,) = faults(**{name: value})
    assert fault.key == name
    assert fault.problem
