"""What a row of provider data says."""

from collections.abc import Mapping
from typing import Any, Literal, TypeAlias

from attrs import field, frozen

from llm_manager.clients.data.needs import GPT_SECONDS, middle
from llm_manager.domain.models import ModelKind, Tier

Rates: TypeAlias = tuple[str, str, str | None, str | None] | tuple[str, str, str | None, str | None, str]
"""US dollars per million tokens as decimals: input, output, cache read, cache write, and cache write for an hour."""
Counting: TypeAlias = Literal["responses", "chat", "tokenize"]
"""How a server counts tokens: of a request to ``/responses``, of one to ``/chat/completions``, or of a list of messages."""


@frozen(kw_only=True)
class ModelFacts:
    """One model as its provider documents it. ``rates`` None is a price that is not known; ``long`` holds above so many tokens.

    ``later`` is an announced price: the day it begins, and the rates from then on.
    """

    name: str
    window: int | None = None
    output: int | None = None
    kind: ModelKind = "chat"
    vision: bool = False
    documents: bool = False
    reasoning: bool = False
    dimensions: int | None = None
    unsupported: tuple[str, ...] = ()
    tools: bool = True
    json_schema: bool = True
    quality: float = 0.5
    latency_seconds: float = middle(GPT_SECONDS)
    rates: Rates | None = None
    long: tuple[int, Rates] | None = None
    later: tuple[str, Rates] | None = None
    retired: bool = False
    replaced_by: str | None = None


@frozen(kw_only=True)
class ProviderFacts:
    """One provider: where it is, which models it serves in which tier, and how its dialect differs.

    ``reasoning`` and ``responses_for_tools`` are beginnings of model names: those of models that reason before they
    answer, and of those that take tools through ``/responses`` only; ``responses_only`` is a pattern of the names that
    are served there alone. ``efforts`` says by the beginning of a name, the first that fits, which efforts a model takes, weakest
    first; ``unreasoned`` is said in place of an effort when a model shall not reason at all.
    """

    name: str
    base_url: str
    needs_key: bool
    tiers: Mapping[Tier, str]
    models: tuple[ModelFacts, ...] = ()
    named_tool_choice: bool = True
    json_object: bool = True
    reasoning: tuple[str, ...] = ()
    reasoning_refuses: tuple[str, ...] = ()
    reasoning_limit: str = "max_tokens"
    """What models that reason call the limit of their answers."""
    efforts: tuple[tuple[str, tuple[str, ...]], ...] = (("", ("low", "medium", "high")),)
    unreasoned: Mapping[str, Any] = field(factory=dict)
    prompt_caching: tuple[str, ...] = ()
    """Beginnings of the names of models that can be told how long to keep the beginning of a prompt."""
    responses_only: str | None = None
    responses_for_tools: tuple[str, ...] = ()
    documents: bool = False
    """Whether a model of which nothing is known is taken to read documents."""
    fetches_documents: bool = False
    models_path: str = "/models"
    models_above_base: bool = False
    asks_loaded: bool = False
    """Whether its list of models tells with which window a model is loaded."""
    embedding_model: str | None = None
    """The model that makes vectors, and below those that judge texts and make images, unless a request names one; None: it cannot."""
    moderation_model: str | None = None
    image_model: str | None = None
    texts_per_call: int = 1
    vectors_as_base64: bool = False
    sizes_in_pixels: bool = False
    """Whether the size of an image is sent as two numbers."""
    counting: Counting | None = None
    credits_path: str | None = None
    health_path: str = "/models"
    health_above_base: bool = False
    owner: str | None = None
    """What its own server calls the owner of each model: by this it is told from any other program on its usual port."""
    key_header: str = "authorization"
    key_scheme: str = "Bearer "
    own_headers: Mapping[str, str] = field(factory=dict)
    """Fields that the dialect wants on every request; custom headers of the same name take their place."""
    version_path: str = "/v1"
    organization_header: str | None = None
    project_header: str | None = None
    app_name_header: str | None = None
    app_url_header: str | None = None
    quality: float = 0.5
    latency_seconds: float = middle(GPT_SECONDS)
