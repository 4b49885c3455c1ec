"""The settings as one frozen value; where they come from is `settings`' business."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Literal, TypeAlias

from attrs import field, frozen

from llm_manager.domain.models import ModelProfile
from llm_manager.domain.plans import RoutingPolicy
from llm_manager.domain.requests import PromptCache
from llm_manager.domain.secrets import Secret
from llm_manager.domain.wire_requests import WireRequest

TokenSource: TypeAlias = Callable[[], Awaitable[Secret]]
"""Gives the token to send now, a fresh one when the last has run out; asked before each request, so it should remember."""

Sign: TypeAlias = Callable[[WireRequest], Mapping[str, str]]
"""Signs a request for a gateway that wants it: given path, headers without secrets and body as they go out, the fields to add."""


@frozen(kw_only=True)
class ProviderSettings:
    """How one provider is reached and what it is asked for unless a request says otherwise.

    ``models`` maps a tier (fast, default, best, reasoning, tool) to a model's name. None leaves the provider's default.
    ``token_source`` takes the place of a key where the provider takes OAuth tokens.
    """

    enabled: bool = True
    base_url: str | None = None
    api_key: Secret | None = None
    default_model: str | None = None
    models: Mapping[str, str] = field(factory=dict)
    timeout_ms: int | None = None
    max_tokens: int | None = None
    temperature: float | None = None
    context_length: int | None = None
    threads: int | None = None
    concurrency: int | None = None
    organization: str | None = None
    project: str | None = None
    app_name: str | None = None
    app_url: str | None = None
    api_version: str | None = None
    token_source: TokenSource | None = field(default=None, repr=False)
    sign: Sign | None = field(default=None, repr=False)
    strict_parameters: bool = False
    prompt_cache: PromptCache | None = None
    custom_headers: Mapping[str, str] = field(factory=dict, repr=False)
    ca_bundle: str | None = None
    gpu_layers: int | None = None
    keep_alive: str | None = None
    memory_limit_gb: float | None = None
    """How much memory a local model may need, by its size on disk, before it is refused rather than loaded."""
    auto_pull: bool = False
    """Whether a local server is told to fetch a model that is asked for and absent."""
    check_updates: bool = False
    llama_cpp_path: str | None = None
    models_dir: str | None = None
    flash_attention: bool | None = None
    cache_type_k: str | None = None
    cache_type_v: str | None = None
    special_flags: tuple[str, ...] = ()
    wsl: bool | None = None
    """Whether llama.cpp's program is run inside WSL; None finds out."""


@frozen(kw_only=True)
class CacheSettings:
    """Whether, how long (seconds) and how many answers are remembered."""

    enabled: bool = True
    ttl_seconds: float = 3600.0
    max_size: int = 1000


@frozen(kw_only=True)
class ContextSettings:
    """How much of a conversation is sent again."""

    max_tokens: int = 8000
    keep_messages: int = 50


@frozen(kw_only=True)
class PerformanceSettings:
    """``timeout_ms`` bounds silence; ``concurrency`` bounds calls at once in a batch (None: what the model takes)."""

    timeout_ms: int = 30_000
    streaming: bool = True
    concurrent_tools: int = 3
    concurrency: int | None = None


@frozen(kw_only=True)
class DisplaySettings:
    """What the command line does unless told otherwise."""

    always_stream: bool = True
    verbose_output: bool = False


WeightsPolicy: TypeAlias = Literal["never", "allowed"]


@frozen(kw_only=True)
class EmbeddedSettings:
    """The model in this process: asked for only when ``enabled`` or named. ``fetch`` lets the library load its weights."""

    enabled: bool = False
    fetch: WeightsPolicy = "never"
    model_path: str | None = None
    context_length: int = 8192
    parallel: int = 4
    threads: int = 1


@frozen(kw_only=True)
class NetworkSettings:
    """Which hosts count as local, and the proxy for all that are not."""

    local_hosts: tuple[str, ...] = ()
    proxy: str | None = field(default=None, repr=False)
    no_proxy: tuple[str, ...] = ()


@frozen(kw_only=True)
class LLMConfig:
    """All settings. ``providers`` is keyed by canonical provider name; a provider that is absent is not configured."""

    providers: Mapping[str, ProviderSettings] = field(factory=dict)
    routing: RoutingPolicy = field(factory=RoutingPolicy)
    cache: CacheSettings = field(factory=CacheSettings)
    context: ContextSettings = field(factory=ContextSettings)
    performance: PerformanceSettings = field(factory=PerformanceSettings)
    display: DisplaySettings = field(factory=DisplaySettings)
    embedded: EmbeddedSettings = field(factory=EmbeddedSettings)
    network: NetworkSettings = field(factory=NetworkSettings)
    profiles: tuple[ModelProfile, ...] = ()
    """Models described by the user; they come before the built-in descriptions of the same name."""
    warnings: tuple[str, ...] = ()
