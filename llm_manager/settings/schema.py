"""Every setting there is, as data: its section, its name, other names it goes by, and what it must be."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, get_args

from attrs import frozen

from llm_manager.domain.configuration import BudgetPeriod, BudgetSplit, BudgetUnit
from llm_manager.domain.models import ModelKind, Tier
from llm_manager.domain.requests import TaskType
from llm_manager.settings.kinds import (
    AMOUNT,
    FLAG,
    HEADER,
    KEY,
    KEYS,
    LIFETIME,
    MILLISECONDS,
    NAMES,
    ONE_PROVIDER,
    PERIOD,
    PHRASES,
    PROVIDER,
    PROXY,
    REDIS,
    RUNGS,
    SECONDS,
    SHARES,
    STORE,
    TEXT,
    VERIFY,
    Kind,
    number,
    one_of,
    whole,
)

TIERS: Final[tuple[str, ...]] = get_args(Tier)
TASKS: Final[tuple[str, ...]] = get_args(TaskType)


@frozen
class Setting:
    """One setting of a section. ``also`` are other spellings; ``to`` is where it is kept when not under its own name."""

    name: str
    kind: Kind
    also: tuple[str, ...] = ()
    to: tuple[str, ...] = ()


_MANY_TOKENS = 100_000_000
_COUNT = whole(1, 100_000)

SECTIONS: Final[Mapping[str, tuple[Setting, ...]]] = MappingProxyType(
    {
        "routing": (
            Setting("strategy", one_of("cost", "performance", "balanced")),
            Setting("default_provider", PROVIDER),
            Setting("fallback_provider", PROVIDER),
            Setting("fallback_order", RUNGS),
            Setting("enable_fallback", FLAG),
            Setting("max_retries", whole(0, 100)),
            Setting("local_first", FLAG),
            Setting("cost_optimization", FLAG),
            Setting("explore", number(0, 1)),
            Setting("airgap", FLAG, also=("airgap_mode",)),
            Setting("default_sensitivity", one_of("public", "private")),
            Setting("timeout_ms", MILLISECONDS, to=("performance", "timeout_ms")),
            *(Setting(f"ladders.{task}", RUNGS) for task in TASKS),
        ),
        "cache": (
            Setting("enabled", FLAG),
            Setting("ttl_seconds", LIFETIME, also=("ttl",)),
            Setting("max_size", whole(1, 100_000_000)),
            Setting("max_rows", whole(1)),
            Setting("max_bytes", whole(1, 1 << 50)),
        ),
        "context": (
            Setting("max_tokens", whole(1, _MANY_TOKENS)),
            Setting("keep_messages", whole(1, 1_000_000)),
            Setting("trimming", one_of("recent", "first", "summary")),
            Setting("summary_model", TEXT),
            Setting("system_prompt", TEXT),
            Setting("retention_days", number(0.01, 36_500)),
        ),
        "performance": (
            Setting("timeout_ms", MILLISECONDS),
            Setting("timeout", SECONDS, also=("timeout_seconds",), to=("performance", "timeout_ms")),
            Setting("streaming", FLAG),
            Setting("concurrent_tools", _COUNT),
            Setting("concurrency", _COUNT),
            Setting("output_retries", whole(0, 10)),
            Setting("patience_seconds", number(0, 86_400)),
            Setting("stable_prompts", FLAG),
        ),
        "display": (
            Setting("always_stream", FLAG),
            Setting("verbose_output", FLAG, also=("verbose",)),
            Setting("ask_above_usd", AMOUNT),
            Setting("default_provider", PROVIDER, to=("routing", "default_provider")),
        ),
        "embedded": (
            Setting("enabled", FLAG),
            Setting("fetch", one_of("never", "allowed")),
            Setting("model_path", TEXT),
            Setting("context_length", whole(1, _MANY_TOKENS)),
            Setting("parallel", _COUNT),
            Setting("threads", _COUNT),
        ),
        "network": (
            Setting("local_hosts", NAMES),
            Setting("proxy", PROXY),
            Setting("no_proxy", NAMES),
        ),
        "privacy": (
            Setting("keywords", PHRASES),
            Setting("pii", one_of("off", "datafog")),
        ),
        "store": (
            Setting("url", STORE),
            Setting("redis_url", REDIS),
            Setting("audit_key", KEY),
            Setting("audit_anchors", TEXT),
            Setting("usage_days", whole(32, 36_500)),
            Setting("private_answers", FLAG),
        ),
        "telemetry": (
            Setting("opentelemetry", FLAG),
            Setting("content", FLAG),
        ),
        "breaker": (
            Setting("enabled", FLAG),
            Setting("failures", whole(1, 1_000_000)),
            Setting("open_seconds", PERIOD),
            Setting("failure_rate", number(0.01, 1)),
            Setting("window_seconds", PERIOD),
            Setting("least_calls", whole(1, 1_000_000)),
            Setting("probes", _COUNT),
            Setting("last_resort_seconds", PERIOD),
            Setting("check_in_background", FLAG),
        ),
        "admission": (
            Setting("queue", whole(0, 10_000_000)),
            Setting("longest_wait_seconds", PERIOD, also=("longest_wait",)),
            Setting("adaptive", FLAG),
        ),
        "hedging": (
            Setting("enabled", FLAG),
            Setting("percentile", number(0.5, 1)),
            Setting("least_answers", whole(1, 1_000_000)),
            Setting("least_seconds", PERIOD),
        ),
    }
)

SECTION_SPELLINGS: Final[Mapping[str, str]] = MappingProxyType(
    {**{name: name for name in SECTIONS}, "router": "routing", "preferences": "display"}
)

PROVIDER_SETTINGS: Final[tuple[Setting, ...]] = (
    Setting("enabled", FLAG),
    Setting("base_url", TEXT, also=("endpoint", "url", "api_base")),
    Setting("api_key", KEY, also=("key",)),
    Setting("api_keys", KEYS, also=("keys",)),
    Setting("api_key_file", TEXT, also=("key_file",)),
    Setting("key_rotation", one_of("failover", "spread")),
    Setting("key_rotation_seconds", LIFETIME),
    Setting("key_rotation_uses", whole(1)),
    Setting("key_refresh_seconds", PERIOD),
    Setting("default_model", TEXT, also=("model", "model_path")),
    *(Setting(f"models.{tier}", TEXT) for tier in TIERS if tier != "default"),
    Setting("models.default", TEXT, to=("default_model",)),
    Setting("timeout_ms", MILLISECONDS),
    Setting("timeout", SECONDS, also=("timeout_seconds",), to=("timeout_ms",)),
    Setting("max_tokens", whole(1, _MANY_TOKENS)),
    Setting("temperature", number(0, 2)),
    Setting("context_length", whole(1, _MANY_TOKENS), also=("ctx_size", "context")),
    Setting("threads", _COUNT, also=("default_threads",)),
    Setting("concurrency", _COUNT),
    Setting("requests_per_minute", whole(1, _MANY_TOKENS), also=("rpm",)),
    Setting("tokens_per_minute", whole(1, 1_000_000_000), also=("tpm",)),
    Setting("organization", TEXT, also=("org_id",)),
    Setting("project", TEXT, also=("project_id",)),
    Setting("app_name", TEXT),
    Setting("app_url", TEXT),
    Setting("api_version", TEXT),
    Setting("ca_bundle", TEXT),
    Setting("verify_ssl", VERIFY),
    Setting("strict_parameters", FLAG),
    Setting("prompt_cache", one_of("off", "short", "long")),
    Setting("gpu_layers", whole(0, 100_000), also=("default_gpu_layers",)),
    Setting("keep_alive", TEXT),
    Setting("memory_limit_gb", number(0, 100_000)),
    Setting("auto_pull", FLAG),
    Setting("check_updates", FLAG),
    Setting("llama_cpp_path", TEXT),
    Setting("models_dir", TEXT),
    Setting("flash_attention", FLAG),
    Setting("cache_type_k", TEXT),
    Setting("cache_type_v", TEXT),
    Setting("special_flags", NAMES),
    Setting("wsl", FLAG),
)
"""What may be said of any provider; ``custom_headers.<Name>`` comes on top, with a name of one's own."""

HEADERS: Final = "custom_headers"
HEADER_VALUE: Final = HEADER

PROFILE_SETTINGS: Final[tuple[Setting, ...]] = (
    Setting("name", TEXT),
    Setting("provider", ONE_PROVIDER),
    Setting("locality", one_of("local", "cloud")),
    Setting("family", one_of("claude", "gpt", "llama", "other")),
    Setting("tier", one_of(*TIERS)),
    Setting("context_window", whole(1, _MANY_TOKENS), also=("context_length",)),
    Setting("max_output_tokens", whole(1, _MANY_TOKENS)),
    Setting("kind", one_of(*get_args(ModelKind))),
    Setting("vision", FLAG),
    Setting("documents", FLAG),
    Setting("tools", FLAG),
    Setting("json_schema", FLAG),
    Setting("reasoning", FLAG),
    Setting("dimensions", whole(1, 1_000_000)),
    Setting("input_usd", number(0, 1_000_000)),
    Setting("output_usd", number(0, 1_000_000)),
    Setting("cache_read_usd", number(0, 1_000_000)),
    Setting("cache_write_usd", number(0, 1_000_000)),
    Setting("cache_write_long_usd", number(0, 1_000_000)),
    Setting("price_version", TEXT),
    Setting("quality", number(0, 1)),
    Setting("latency_seconds", number(0, 86_400)),
    Setting("concurrency", _COUNT),
    Setting("load_seconds", number(0, 86_400)),
    Setting("unsupported", NAMES),
    Setting("toy", FLAG),
    Setting("offloaded", FLAG),
    Setting("retired", FLAG),
    Setting("replaced_by", TEXT),
)
"""What may be said of a model that the package does not know; prices are US dollars per million tokens."""

BUDGET_SETTINGS: Final[tuple[Setting, ...]] = (
    Setting("name", TEXT),
    Setting("limit", AMOUNT),
    Setting("unit", one_of(*get_args(BudgetUnit))),
    Setting("period", one_of(*get_args(BudgetPeriod))),
    Setting("provider", ONE_PROVIDER),
    Setting("model", TEXT),
    Setting("feature", TEXT),
    Setting("user", TEXT),
    Setting("tenant", TEXT),
    Setting("each", one_of(*get_args(BudgetSplit))),
    Setting("alerts", SHARES),
    Setting("unpriced", one_of("refuse", "allow")),
)
"""What may be said of a budget; its limit is in US dollars unless ``unit`` says something else."""
