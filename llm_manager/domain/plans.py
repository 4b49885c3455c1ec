"""A route as a value: what was known, what was decided, and why."""

from collections.abc import Callable
from typing import Literal, TypeAlias

from attrs import field, frozen

from llm_manager.domain.models import Endpoint, ModelProfile
from llm_manager.domain.requests import Complexity, Sensitivity, TaskType

Strategy: TypeAlias = Literal["cost", "performance", "balanced"]

PrivateRule: TypeAlias = Callable[[str], str | None]
"""Says why a text must stay local, in words that show nothing of it, or None; it only ever adds the label."""


@frozen(kw_only=True, cache_hash=True)
class TaskClassification:
    """What a request is about, and where that points; ``reasons`` names each rule that spoke."""

    task_type: TaskType
    complexity: Complexity
    sensitivity: Sensitivity
    prefers_local: bool
    complexity_from: Literal["request", "pattern", "length"] = "length"
    reasons: tuple[str, ...] = ()


@frozen(kw_only=True)
class Candidate:
    """A model that could be asked, with what has been seen of it; None is not seen yet.

    Latency and success rate are estimates that move in steps; ``median_seconds`` is that of its newest answers, for people.
    """

    profile: ModelProfile
    endpoint: Endpoint
    healthy: bool | None = None
    breaker_open: bool = False
    latency_seconds: float | None = None
    success_rate: float | None = None
    median_seconds: float | None = None
    tokens_per_second: float | None = None
    attempts: int = 0
    unreached: bool = False
    """Whether it is elsewhere, and nobody elsewhere can be reached."""
    only_named: bool = False
    """Known because a request named it; others do not get it unasked."""


@frozen(kw_only=True)
class Unavailable:
    """A provider that is known and cannot be asked, with the reason and how to change that.

    ``configured`` ones are wanted by the settings all the same: no toy stands in for them.
    """

    provider: str
    reason: str
    configured: bool = False
    rule: Literal["unavailable", "unconfigured"] = "unavailable"
    """Whether it was meant to be there, or nobody has asked for it."""


@frozen(kw_only=True)
class Snapshot:
    """All that a route is decided on, frozen. ``version`` changes whenever anything else here does."""

    version: int = 0
    candidates: tuple[Candidate, ...] = ()
    unavailable: tuple[Unavailable, ...] = ()
    known_names: tuple[str, ...] = ()
    """Models that the providers at hand are known to have: what a misspelt name was probably meant for."""


@frozen(kw_only=True)
class RoutingPolicy:
    """The settings that routing obeys; ladders list families or model names, best first."""

    strategy: Strategy = "balanced"
    fallback_order: tuple[str, ...] = ()
    enable_fallback: bool = True
    max_retries: int = 3
    local_first: bool = True
    default_provider: str | None = None
    fallback_provider: str | None = None
    airgap: bool = False
    use_toys: bool = False
    """Whether a toy model is a candidate beside real ones."""
    default_sensitivity: Sensitivity = "public"
    private_rule: PrivateRule | None = field(default=None, repr=False)
    """What makes an unlabelled text private beside the built-in words: `PrivacySettings`, or a function of one's own, or both."""
    local_hosts: tuple[str, ...] = ()
    """Which hosts count as local beside this machine: `NetworkSettings`."""
    cost_optimization: bool = True
    ladders: tuple[tuple[TaskType, tuple[str, ...]], ...] = field(default=())
    """Task ladders that replace the built-in ones."""
    explore: float = 0.0
    """The share of calls that ask another model first than the best known, so that a new or recovered one is found again."""


@frozen(kw_only=True)
class PlanStep:
    """One model to ask, and why it stands where it does."""

    profile: ModelProfile
    endpoint: Endpoint
    reasons: tuple[str, ...] = ()
    rival: bool = False
    """Whether it stands behind the first for what the strategy says alone: such a one may be explored."""


RefusalRule: TypeAlias = Literal["unavailable", "unconfigured", "airgap", "private", "toy", "name", "capability", "window", "fallback"]


@frozen(kw_only=True)
class Refusal:
    """A candidate that is not asked: by which rule, and why in words. ``model`` is empty when the whole provider is out."""

    provider: str
    model: str
    rule: RefusalRule
    reason: str


@frozen(kw_only=True)
class Plan:
    """The models to ask, in order, and every candidate refused."""

    steps: tuple[PlanStep, ...]
    refused: tuple[Refusal, ...]
    strategy: Strategy
    max_retries: int
    classification: TaskClassification
    snapshot_version: int = 0
    notices: tuple[str, ...] = ()
