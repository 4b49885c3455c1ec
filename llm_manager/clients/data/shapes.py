"""What a row of provider data says."""

from collections.abc import Mapping
from typing import TypeAlias

from attrs import field, frozen

from llm_manager.domain.models import ModelKind, Tier

Rates: TypeAlias = tuple[str, str, str | None, str | None]
"""US dollars per million tokens as decimals: input, output, cache read, cache write."""


@frozen(kw_only=True)
class ModelFacts:
    """One model as its provider documents it. ``rates`` None is a price that is not known; ``long`` holds above so many tokens."""

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
    latency_seconds: float = 2.0
    rates: Rates | None = None
    long: tuple[int, Rates] | None = None
    retired: bool = False
    replaced_by: str | None = None


@frozen(kw_only=True)
class ProviderFacts:
    """One provider: where it is, which models it serves in which tier, and how its dialect differs.

    ``reasoning`` and ``tools_only_unreasoned`` are beginnings of model names: those of models that reason before they
    answer, and of those that take tools only while they do not.
    """

    name: str
    base_url: str
    needs_key: bool
    tiers: Mapping[Tier, str]
    models: tuple[ModelFacts, ...] = ()
    named_tool_choice: bool = True
    json_object: bool = True
    reasoning: tuple[str, ...] = ()
    reasoning_refuses: tuple[str, ...] = ("temperature", "top_p", "stop")
    tools_only_unreasoned: tuple[str, ...] = ()
    health_path: str = "/models"
    health_above_base: bool = False
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
    latency_seconds: float = 2.0
