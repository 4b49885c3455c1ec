"""What is known of a model and of the endpoint that serves it: data, declared or observed, never looked up."""

from decimal import Decimal
from typing import ClassVar, Literal, TypeAlias

from attrs import field, frozen

Locality: TypeAlias = Literal["local", "cloud"]
Family: TypeAlias = Literal["claude", "gpt", "llama", "other"]
"""The names of the task ladders; every local model stands on the rung ``llama``."""
Tier: TypeAlias = Literal["fast", "default", "best", "reasoning", "tool"]
ModelKind: TypeAlias = Literal["chat", "embedding", "moderation", "image", "other"]
"""What a model is asked for."""


@frozen(kw_only=True)
class PriceTier:
    """The prices of a whole call whose prompt has more than ``above_tokens`` tokens."""

    above_tokens: int
    input_usd: Decimal
    output_usd: Decimal
    cache_read_usd: Decimal | None = None
    cache_write_usd: Decimal | None = None
    cache_write_long_usd: Decimal | None = None


@frozen(kw_only=True)
class KnownPrice:
    """US dollars per million tokens, by bucket, and the version of the data they come from; ``tiers`` by rising length.

    ``cache_write_long_usd`` is for what is kept for an hour; None is what is kept for minutes.
    """

    tag: ClassVar[Literal["KnownPrice"]] = "KnownPrice"
    input_usd: Decimal
    output_usd: Decimal
    cache_read_usd: Decimal | None = None
    cache_write_usd: Decimal | None = None
    cache_write_long_usd: Decimal | None = None
    version: str
    tiers: tuple[PriceTier, ...] = ()


@frozen(kw_only=True)
class UnknownPrice:
    """Nobody told us the price."""

    tag: ClassVar[Literal["UnknownPrice"]] = "UnknownPrice"


Price: TypeAlias = KnownPrice | UnknownPrice

FREE = KnownPrice(input_usd=Decimal(0), output_usd=Decimal(0), version="local")
"""What a model on one's own machine costs per token."""


@frozen(kw_only=True)
class ModelProfile:
    """One model at one provider. ``quality`` is declared, 0 to 1; None for a limit means it is not known."""

    name: str
    provider: str
    kind: ModelKind = "chat"
    locality: Locality = "cloud"
    family: Family = "other"
    tier: Tier = "default"
    context_window: int | None = None
    max_output_tokens: int | None = None
    vision: bool = False
    documents: bool = False
    tools: bool = True
    json_schema: bool = True
    reasoning: bool = False
    """Whether it may think before it answers, as `Preferences.reasoning` asks."""
    dimensions: int | None = None
    """How long the vectors of an embedding model are."""
    price: Price = field(factory=UnknownPrice)
    quality: float = 0.5
    latency_seconds: float = 2.0
    concurrency: int = 64
    load_seconds: float = 0.0
    """How long the model may take to be loaded before it answers."""
    unsupported: tuple[str, ...] = ()
    """Names of preferences that the model refuses; they are left out, with a notice."""
    offloaded: bool = False
    """Asked of a local server, which passes the request on to a cloud: not for private or airgapped requests."""
    toy: bool = False
    """Too small to stand in for a real model unasked."""
    retired: bool = False
    replaced_by: str | None = None
    said: tuple[str, ...] | None = None
    """In settings, the fields that a user says; the others stay as they are known. None says all of them."""


@frozen(kw_only=True)
class Endpoint:
    """Where a provider is reached; ``identity`` tells two endpoints apart in cache keys and journals."""

    provider: str
    base_url: str
    locality: Locality
    account: str = ""

    @property
    def identity(self) -> str:
        """The endpoint as one string, free of secrets."""
        return f"{self.provider} {self.base_url} {self.account}".rstrip()


@frozen(kw_only=True)
class Health:
    """Whether an endpoint answers, and what it said if not."""

    provider: str
    healthy: bool
    latency_seconds: float | None = None
    models: tuple[str, ...] = ()
    error_message: str | None = None
    error_tag: str | None = None
    """Which error of the union it was, when one was met."""
