"""Models that a server keeps on its own disk and loads into its own memory."""

from collections.abc import Mapping
from typing import Any, Literal, TypeAlias

from attrs import field, frozen


@frozen(kw_only=True)
class LocalModel:
    """One model on disk; ``remote_host`` is set when its answers really come from elsewhere."""

    name: str
    size_bytes: int = 0
    digest: str = ""
    family: str = ""
    parameters: str = ""
    quantization: str = ""
    modified: str = ""
    remote_host: str | None = None


@frozen(kw_only=True)
class LocalModelDetails:
    """What the server tells of one model."""

    name: str
    context_window: int | None = None
    capabilities: tuple[str, ...] = ()
    template: str = field(default="", repr=False)
    license: str = field(default="", repr=False)
    family: str = ""
    parameters: str = ""
    quantization: str = ""
    remote_host: str | None = None
    told: Mapping[str, Any] = field(factory=dict, repr=False)
    """Everything else, in the server's words."""


@frozen(kw_only=True)
class RunningModel:
    """A model in memory: its size there, how much of that is on the GPU, and until when it stays (RFC 3339)."""

    name: str
    size_bytes: int = 0
    vram_bytes: int = 0
    context_length: int | None = None
    expires: str = ""


@frozen(kw_only=True)
class PullProgress:
    """How far the fetching of a model has come; bytes are 0 while they are not known. ``done`` comes once, last."""

    model: str
    status: str
    completed_bytes: int = 0
    total_bytes: int = 0
    done: bool = False


@frozen(kw_only=True)
class ModelUpdate:
    """Whether a newer version of a model is on offer; None when that could not be found out."""

    name: str
    newer: bool | None


Placement: TypeAlias = Literal["gpu", "shared", "cpu"]
"""Where a model runs: all of it on the GPU, a part on the CPU, or all of it there."""
PullRole: TypeAlias = Literal["default", "fast", "reasoning", "optional"]
"""What a model is fetched for: to answer by default, to answer when there is little time, to think, or where there is room."""


@frozen(kw_only=True)
class CatalogueModel:
    """A model worth having on one's own machine: its size on disk, what it needs of a GPU, and one to five stars."""

    name: str
    purpose: str
    disk_gb: float
    vram_gb: float
    speed: int
    capability: int
    cpu_offload: bool = False
    """Whether it is of use too when only a part of it fits on the GPU."""
    role: PullRole | None = None


@frozen(kw_only=True)
class Recommendation:
    """A model of the catalogue, and where it would run on a machine."""

    model: CatalogueModel
    placement: Placement
