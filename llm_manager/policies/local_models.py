"""Which models to have on one's own machine, by the memory of its GPU: a catalogue as data, and what it means for a size."""

from math import isnan
from typing import Final

from llm_manager.domain.local_models import CatalogueModel, Placement, Recommendation

CATALOGUE_AS_OF: Final = "2026-11-20"

LOCAL_CATALOGUE: Final[tuple[CatalogueModel, ...]] = (
    CatalogueModel(name="llama3.2:1b", purpose="quick tasks", disk_gb=1.3, vram_gb=2.0, speed=5, capability=2, role="fast"),
    CatalogueModel(name="llama3.2:3b", purpose="the default", disk_gb=2.0, vram_gb=3.0, speed=4, capability=3, role="default"),
    CatalogueModel(name="qwen2.5:3b", purpose="an alternative to the default", disk_gb=1.9, vram_gb=2.5, speed=4, capability=3),
    CatalogueModel(name="phi3:mini", purpose="reasoning", disk_gb=2.3, vram_gb=3.0, speed=4, capability=3),
    CatalogueModel(name="deepseek-r1:1.5b", purpose="reasoning", disk_gb=1.1, vram_gb=1.5, speed=5, capability=3, role="reasoning"),
    CatalogueModel(
        name="mistral:7b", purpose="more capable, a part on the CPU", disk_gb=4.1, vram_gb=5.0, speed=3, capability=4, cpu_offload=True
    ),
    CatalogueModel(name="qwen2.5:7b", purpose="more capable", disk_gb=4.7, vram_gb=6.0, speed=3, capability=4, role="optional"),
    CatalogueModel(name="llama3.1:8b", purpose="more capable", disk_gb=4.9, vram_gb=6.5, speed=3, capability=4, role="optional"),
)
"""Sizes are those of the usual four-bit versions, stars are out of five for a GPU of 4 GB such as an RTX 3050."""

ON_THE_CPU_GB: Final = 3.0
"""A model that needs no more than this answers in reasonable time without a GPU."""
_SHARED: Final = 0.5
_ORDER: Final[dict[Placement, int]] = {"gpu": 0, "shared": 1, "cpu": 2}
_ROLES: Final = ("default", "fast", "reasoning", "optional")


def recommend(vram_gb: float) -> tuple[Recommendation, ...]:
    """The models that run on a GPU with so much memory, the most capable first, then those that run only partly on it.

    Without a GPU (0) it is the small ones, on the CPU.

    >>> [each.model.name for each in recommend(2)][:3]
    ['deepseek-r1:1.5b', 'llama3.2:1b', 'qwen2.5:3b']
    >>> [(each.model.name, each.placement) for each in recommend(4)][-1]
    ('mistral:7b', 'shared')
    """
    found = [
        Recommendation(model=model, placement=placement) for model in LOCAL_CATALOGUE if (placement := placed(model, vram_gb)) is not None
    ]
    return tuple(sorted(found, key=_rank))


def placed(model: CatalogueModel, vram_gb: float) -> Placement | None:
    """Where a model would run; None when it is of no use on such a machine."""
    room = 0.0 if isnan(vram_gb) else vram_gb
    if model.vram_gb <= room:
        return "gpu"
    if model.cpu_offload and model.vram_gb * _SHARED <= room:
        return "shared"
    return "cpu" if model.vram_gb <= ON_THE_CPU_GB else None


def recommended_pulls(vram_gb: float) -> tuple[str, ...]:
    """What to fetch for such a machine, the default first; the larger ones only where they fit.

    >>> recommended_pulls(4)
    ('llama3.2:3b', 'llama3.2:1b', 'deepseek-r1:1.5b')
    >>> recommended_pulls(8)
    ('llama3.2:3b', 'llama3.2:1b', 'deepseek-r1:1.5b', 'qwen2.5:7b', 'llama3.1:8b')
    """
    wanted = [model for model in LOCAL_CATALOGUE if model.role is not None and placed(model, vram_gb) is not None]
    return tuple(model.name for model in sorted(wanted, key=lambda model: (_ROLES.index(model.role or "optional"), model.vram_gb)))


def _rank(found: Recommendation) -> tuple[int, int, int, float, str]:
    model = found.model
    return _ORDER[found.placement], -model.capability, -model.speed, model.vram_gb, model.name
