"""The settings as one frozen value; where they come from is `settings`' business."""

from collections.abc import Awaitable, Callable, Mapping
from decimal import Decimal
from typing import Literal, TypeAlias

from attrs import field, frozen

from llm_manager.domain.models import ModelProfile
from llm_manager.domain.plans import RoutingPolicy
from llm_manager.domain.requests import PromptCache
from llm_manager.domain.secrets import Secret
from llm_manager.domain.similar import SimilarSettings
from llm_manager.domain.wire_requests import WireRequest

TokenSource: TypeAlias = Callable[[], Awaitable[Secret]]
"""Gives the token to send now, a fresh one when the last has run out; asked before each request, so it should remember."""

Sign: TypeAlias = Callable[[WireRequest], Mapping[str, str]]
"""Signs a request for a gateway that wants it: given path, headers without secrets and body as they go out, the fields to add."""

KeySource: TypeAlias = Callable[[], Awaitable[tuple[Secret, ...]]]
"""Gives the keys to use from now on, best first; asked at the first call, every ``key_refresh_seconds`` and when a key was refused."""

KeyRotation: TypeAlias = Literal["failover", "spread"]
"""``failover`` keeps to the first key that works, ``spread`` takes the one least used."""


@frozen(kw_only=True)
class ProviderSettings:
    """How one provider is reached and what it is asked for unless a request says otherwise.

    ``models`` maps a tier (fast, default, best, reasoning, tool) to a model's name. None leaves the provider's default.
    ``token_source`` takes the place of a key where the provider takes OAuth tokens. ``api_keys`` are further keys beside
    ``api_key``; limits per minute are those of each key, or of the account where the provider limits that.
    """

    enabled: bool = True
    base_url: str | None = None
    api_key: Secret | None = None
    api_keys: tuple[Secret, ...] = ()
    api_key_file: str | None = None
    """A file with one key on each line, read again when it changes."""
    key_source: KeySource | None = field(default=None, repr=False)
    key_rotation: KeyRotation = "failover"
    key_rotation_seconds: float | None = None
    """How long a key is preferred before the next one is."""
    key_rotation_uses: int | None = None
    key_refresh_seconds: float = 300.0
    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    default_model: str | None = None
    models: Mapping[str, str] = field(factory=dict)
    timeout_ms: int | None = None
    max_tokens: int | None = None
    temperature: float | None = None
    context_length: int | None = None
    threads: int | None = None
    concurrency: int | None = None
    """How many requests may be under way at once."""
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
    """Whether, how long (seconds) and how many answers are remembered: ``max_size`` in this process and ``max_rows`` in the store, where
    there is one, each within ``max_bytes``. As much again is for the vectors of texts.
    """

    enabled: bool = True
    ttl_seconds: float = 3600.0
    max_size: int = 1000
    max_rows: int = 100_000
    max_bytes: int = 256 * 1024 * 1024
    similar: SimilarSettings | None = None
    """Whether the answer to a similar prompt may stand in; only a program can say so, since it brings a function."""


Trimming: TypeAlias = Literal["recent", "first", "summary"]


@frozen(kw_only=True)
class ContextSettings:
    """How much of a conversation is sent again, never more than the model takes; how it is cut, and how long it is kept.

    ``trimming`` says what stays of a long one: the ``recent`` turns; the ``first`` turn with them; or, with ``summary``, a model's
    summary of what comes before them, by ``summary_model`` where that is set. ``system_prompt`` is what the model is told first, unless
    the conversation or the request says something else: the name of a template, or a text whose gaps may be {started},
    {current_time}, {working_directory} and {username}. Conversations nobody has added to for ``retention_days`` are forgotten.
    """

    max_tokens: int = 8000
    keep_messages: int = 50
    trimming: Trimming = "recent"
    summary_model: str | None = None
    system_prompt: str | None = None
    retention_days: float | None = None


@frozen(kw_only=True)
class PerformanceSettings:
    """``timeout_ms`` bounds silence; ``concurrency`` bounds calls at once in a batch (None: what the model takes).

    Of an answer that is not streamed nothing is heard before its end: it has the time that its ``max_tokens`` need at 20 a second,
    and that 1200 need when they are not bounded, which is 60 s, if that is longer than ``timeout_ms``. A request's or a
    provider's own timeout is obeyed as it stands.
    ``patience_seconds`` is how long rows of a batch wait for an endpoint that goes down while they are asked.
    ``output_retries`` is how often an answer that does not fit the class it was asked for is asked for again; each time takes
    one of the call's re-sends.
    ``stable_prompts`` sends tools in the order of their names and words of the system once, so that providers can keep the beginning
    of prompts that begin alike; no other word is touched.
    """

    timeout_ms: int = 30_000
    streaming: bool = True
    concurrent_tools: int = 3
    concurrency: int | None = None
    output_retries: int = 1
    patience_seconds: float = 120.0
    stable_prompts: bool = True


@frozen(kw_only=True)
class BreakerSettings:
    """When an endpoint is no longer asked: after so many ``failures`` one after the other, or when ``failure_rate`` of at least
    ``least_calls`` in the last ``window_seconds`` failed. After ``open_seconds`` it is asked by ``probes`` requests at a time.

    Of many calls at once some fail by chance: half as many as are under way at the endpoint must fail one after the other, and as
    many be counted in the window.

    When every endpoint of a call is shut, the best of them is probed before its time, at most every ``last_resort_seconds``.
    ``check_in_background`` asks how a shut endpoint is rather than trying it with the next call.
    """

    enabled: bool = True
    failures: int = 5
    open_seconds: float = 60.0
    failure_rate: float = 0.5
    window_seconds: float = 60.0
    least_calls: int = 20
    probes: int = 1
    last_resort_seconds: float = 1.0
    check_in_background: bool = False


@frozen(kw_only=True)
class AdmissionSettings:
    """How requests wait to be let through: at most ``queue`` of them for each quota, no longer than ``longest_wait_seconds``.

    ``adaptive`` learns how much an endpoint takes from what it says and refuses; without it only set limits hold.
    """

    queue: int = 10_000
    longest_wait_seconds: float = 120.0
    adaptive: bool = True


BudgetUnit: TypeAlias = Literal["usd", "tokens", "requests"]
BudgetPeriod: TypeAlias = Literal["run", "day", "month"]
"""``run`` is the life of the manager; days and months are those of UTC."""
BudgetSplit: TypeAlias = Literal["provider", "model", "feature", "user", "tenant"]


@frozen(kw_only=True)
class Budget:
    """What may be spent in a period, by the calls that fit every name given here; ``each`` keeps a purse for each of its names.

    ``alerts`` are shares of the limit at which the journal tells. A model without a known price is refused under a budget of money,
    unless ``unpriced`` allows it.
    """

    name: str
    limit: Decimal
    unit: BudgetUnit = "usd"
    period: BudgetPeriod = "run"
    provider: str | None = None
    model: str | None = None
    feature: str | None = None
    user: str | None = None
    tenant: str | None = None
    each: BudgetSplit | None = None
    alerts: tuple[Decimal, ...] = (Decimal("0.8"), Decimal(1))
    unpriced: Literal["refuse", "allow"] = "refuse"


@frozen(kw_only=True)
class HedgingSettings:
    """Whether a slow call asks a second endpoint as well, once it has lasted longer than ``percentile`` of its model's answers.

    Nothing is hedged before ``least_answers`` are known, nor sooner than after ``least_seconds``.
    """

    enabled: bool = False
    percentile: float = 0.95
    least_answers: int = 20
    least_seconds: float = 0.05


PiiRule: TypeAlias = Literal["off", "datafog"]


@frozen(kw_only=True)
class PrivacySettings:
    """What makes a request private beside its label: words of one's own, and what looks like personal data. Rules only add the label."""

    keywords: tuple[str, ...] = ()
    pii: PiiRule = "off"


@frozen(kw_only=True)
class DisplaySettings:
    """What the command line does unless told otherwise. A run that may cost more than ``ask_above_usd`` is begun only when agreed to."""

    always_stream: bool = True
    verbose_output: bool = False
    ask_above_usd: Decimal = Decimal(1)


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
class StoreSettings:
    """What outlives the process, and where: ``url`` is sqlite:///path, :memory:, or postgresql://user@host/name.

    Without one a manager writes nothing to disk; the command line keeps its store in the user's state folder.
    ``redis_url`` is where processes share what they must agree on at once: limits, budgets, the cache and who is asking already.
    """

    url: str | None = field(default=None, repr=False)
    redis_url: str | None = field(default=None, repr=False)
    audit_key: Secret | None = None
    """Seals the audit trail, which is kept when there is one; whoever has it can forge the trail, and without it nobody can check it."""
    audit_anchors: str | None = None
    """A file, best kept elsewhere, that is told now and then how long the trail is: without it a trail cut short looks whole."""
    usage_days: int = 400
    """How long the usage log keeps an entry."""
    private_answers: bool = False
    """Whether answers to private requests, and the vectors of private texts, are remembered here too."""


@frozen(kw_only=True)
class TelemetrySettings:
    """What is told to OpenTelemetry, as the process's own SDK has it: nothing unless ``opentelemetry`` is on.

    ``content`` adds what was asked and answered to the spans of calls, but never that of private ones.
    """

    opentelemetry: bool = False
    content: bool = False


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
    breaker: BreakerSettings = field(factory=BreakerSettings)
    admission: AdmissionSettings = field(factory=AdmissionSettings)
    hedging: HedgingSettings = field(factory=HedgingSettings)
    privacy: PrivacySettings = field(factory=PrivacySettings)
    store: StoreSettings = field(factory=StoreSettings)
    telemetry: TelemetrySettings = field(factory=TelemetrySettings)
    budgets: tuple[Budget, ...] = ()
    profiles: tuple[ModelProfile, ...] = ()
    """Models described by the user; they come before the built-in descriptions of the same name."""
    warnings: tuple[str, ...] = ()
