"""Every variable of the environment that is understood, as data: where two lead to one setting, the first wins."""

from typing import Final

from attrs import frozen

from llm_manager.settings.kinds import AMOUNT, FLAG, KEY, KEYS, LIFETIME, NAMES, PROVIDER, PROXY, SECONDS, TEXT, Kind, number, one_of, whole
from llm_manager.settings.listen_address import LISTEN_ADDRESS

PREFIX: Final = "LLM_MANAGER_"
"""``LLM_MANAGER_<SECTION>__<KEY>`` sets anything that a file can, as in ``LLM_MANAGER_CACHE__MAX_SIZE``."""

NO_SETTINGS: Final = frozenset({"LLM_MANAGER_CACHE_DIR"})
"""Variables under the prefix that the embedded model reads for itself: where its weights are kept."""

RUNG: Final = "rungs"
"""Under this key a variable names the model that takes the place of one rung of a task's ladder."""


@frozen
class Variable:
    """A variable, the setting it leads to, what it must be, an example, and a word of explanation."""

    name: str
    key: tuple[str, ...]
    kind: Kind
    example: str = ""
    note: str = ""


def _of(provider: str, *key: str) -> tuple[str, ...]:
    return ("providers", provider, *key)


def _more_keys(word: str, provider: str) -> tuple[Variable, ...]:
    return (
        Variable(f"{word}_API_KEYS", _of(provider, "api_keys"), KEYS, "", "further keys, separated by commas: used when one fails"),
        Variable(f"{word}_API_KEY_FILE", _of(provider, "api_key_file"), TEXT, "", "a file with one key on each line, read again"),
    )


VARIABLES: Final[tuple[Variable, ...]] = (
    Variable("LLM_DEFAULT_PROVIDER", ("routing", "default_provider"), PROVIDER, "ollama", "asked when the one named is not available"),
    Variable("LLM_ENABLE_FALLBACK", ("routing", "enable_fallback"), FLAG, "true", "false: one model is asked, never another"),
    Variable("LLM_AIRGAP_MODE", ("routing", "airgap"), FLAG, "false", "true: nothing but local endpoints is ever asked"),
    Variable(
        "LLM_ROUTING_STRATEGY",
        ("routing", "strategy"),
        one_of("cost", "performance", "balanced"),
        "balanced",
        "cost, performance or balanced",
    ),
    Variable("LLM_GENERAL_MODEL_1", (RUNG, "general", "1"), TEXT, "claude-3-haiku-20240307", "the first model for general tasks"),
    Variable("LLM_GENERAL_MODEL_2", (RUNG, "general", "2"), TEXT, "gpt-3.5-turbo", "the second model for general tasks"),
    Variable("LLM_SQL_MODEL_1", (RUNG, "sql", "1"), TEXT, "sqlcoder-7b-2", "the first model for SQL"),
    Variable("LLM_SQL_MODEL_2", (RUNG, "sql", "2"), TEXT, "codellama-7b-instruct", "the second model for SQL"),
    Variable("LLM_CACHE_ENABLED", ("cache", "enabled"), FLAG, "true", "whether answers are remembered"),
    Variable("LLM_CACHE_TTL_SECONDS", ("cache", "ttl_seconds"), LIFETIME, "3600", "for how long"),
    Variable("LLM_BUDGET_USD", ("budgets", "run", "limit"), AMOUNT, "5", "what one run of a program may cost, in US dollars"),
    Variable("LM_STUDIO_ENDPOINT", _of("lmstudio", "base_url"), TEXT, "http://localhost:1234/v1", "LM Studio's server"),
    Variable("LLAMA_CPP_ENDPOINT", _of("llamacpp", "base_url"), TEXT, "http://localhost:8080/v1", "llama.cpp's llama-server"),
    Variable(
        "LLAMA_CPP_PATH",
        _of("llama_cpp_cli", "llama_cpp_path"),
        TEXT,
        "~/llama.cpp/build/bin/llama-cli",
        "llama.cpp's program, run without a server",
    ),
    Variable("LLAMA_CPP_MODELS_DIR", _of("llama_cpp_cli", "models_dir"), TEXT, "~/llama.cpp/models", "its folder of .gguf files"),
    Variable("LLAMA_CPP_MODEL", _of("llama_cpp_cli", "default_model"), TEXT, "", "the file to use when there are several"),
    Variable("VLLM_ENDPOINT", _of("vllm", "base_url"), TEXT, "http://localhost:8000/v1", "vLLM's server"),
    Variable("OLLAMA_URL", _of("ollama", "base_url"), TEXT, "http://localhost:11434", "Ollama's server; wins over OLLAMA_HOST"),
    Variable("OLLAMA_HOST", _of("ollama", "base_url"), LISTEN_ADDRESS, "127.0.0.1:11434", "the variable Ollama itself reads"),
    Variable("OLLAMA_DEFAULT_MODEL", _of("ollama", "default_model"), TEXT, "llama3.2", "for requests of moderate complexity"),
    Variable("OLLAMA_FAST_MODEL", _of("ollama", "models.fast"), TEXT, "llama3.2", "for simple requests"),
    Variable("OLLAMA_TOOL_MODEL", _of("ollama", "models.tool"), TEXT, "mistral", "for requests with tools"),
    Variable("OLLAMA_TIMEOUT", _of("ollama", "timeout_ms"), SECONDS, "60.0", "seconds of silence until Ollama is given up"),
    Variable("OPENAI_API_KEY", _of("openai", "api_key"), KEY, "", "makes OpenAI available"),
    *_more_keys("OPENAI", "openai"),
    Variable("OPENAI_BASE_URL", _of("openai", "base_url"), TEXT, "https://api.openai.com/v1", "another server of the same kind"),
    Variable("OPENAI_ORG_ID", _of("openai", "organization"), TEXT, "", "the organization that is billed"),
    Variable("OPENAI_PROJECT_ID", _of("openai", "project"), TEXT, "", "the project that is billed"),
    Variable("OPENAI_MODEL", _of("openai", "default_model"), TEXT, "gpt-3.5-turbo", "used when LLM_GENERAL_MODEL_2 names no GPT model"),
    Variable("OPENAI_MAX_TOKENS", _of("openai", "max_tokens"), whole(1, 100_000_000), "4096", "the longest answer"),
    Variable("OPENAI_TEMPERATURE", _of("openai", "temperature"), number(0, 2), "0.7", "unless the request says otherwise"),
    Variable("ANTHROPIC_API_KEY", _of("anthropic", "api_key"), KEY, "", "makes Claude available"),
    Variable("CLAUDE_API_KEY", _of("anthropic", "api_key"), KEY, "", "the same; ANTHROPIC_API_KEY wins"),
    *_more_keys("ANTHROPIC", "anthropic"),
    Variable(
        "ANTHROPIC_DEFAULT_MODEL",
        _of("anthropic", "default_model"),
        TEXT,
        "claude-3-5-sonnet-20241022",
        "wins over CLAUDE_MODEL",
    ),
    Variable(
        "CLAUDE_MODEL", _of("anthropic", "default_model"), TEXT, "claude-3-haiku-20240307", "used when LLM_GENERAL_MODEL_1 names no Claude"
    ),
    Variable("ANTHROPIC_BASE_URL", _of("anthropic", "base_url"), TEXT, "https://api.anthropic.com", "another server of the same kind"),
    Variable("GEMINI_API_KEY", _of("gemini", "api_key"), KEY, "", "makes Gemini available"),
    Variable("GOOGLE_API_KEY", _of("gemini", "api_key"), KEY, "", "the same; GEMINI_API_KEY wins"),
    *_more_keys("GEMINI", "gemini"),
    Variable("GROQ_API_KEY", _of("groq", "api_key"), KEY, "", "makes Groq available"),
    *_more_keys("GROQ", "groq"),
    Variable("TOGETHER_API_KEY", _of("together", "api_key"), KEY, "", "makes Together AI available"),
    *_more_keys("TOGETHER", "together"),
    Variable("OPENROUTER_API_KEY", _of("openrouter", "api_key"), KEY, "", "makes OpenRouter available"),
    *_more_keys("OPENROUTER", "openrouter"),
    Variable("COHERE_API_KEY", _of("cohere", "api_key"), KEY, "", "makes Cohere available"),
    Variable("CO_API_KEY", _of("cohere", "api_key"), KEY, "", "the same; COHERE_API_KEY wins"),
    *_more_keys("COHERE", "cohere"),
    Variable("https_proxy", ("network", "proxy"), PROXY),
    Variable("HTTPS_PROXY", ("network", "proxy"), PROXY, "http://proxy.example:3128", "the proxy for all that is not local"),
    Variable("all_proxy", ("network", "proxy"), PROXY),
    Variable("ALL_PROXY", ("network", "proxy"), PROXY, "http://proxy.example:3128", "the same, when HTTPS_PROXY is not set"),
    Variable("http_proxy", ("network", "proxy"), PROXY),
    Variable("HTTP_PROXY", ("network", "proxy"), PROXY, "http://proxy.example:3128", "the same, when neither of the two is set"),
    Variable("no_proxy", ("network", "no_proxy"), NAMES),
    Variable("NO_PROXY", ("network", "no_proxy"), NAMES, "localhost,.example", "hosts that are reached without it"),
)

LEGACY: Final = (
    ("LLM_GENERAL_MODEL_1", "anthropic", "ANTHROPIC_DEFAULT_MODEL"),
    ("LLM_GENERAL_MODEL_2", "openai", ""),
)
"""A ladder's variable that takes the place of a provider's older one, whose provider, and the variable that wins over both."""
