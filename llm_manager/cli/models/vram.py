"""How much memory a GPU has, where the system's own files tell; no program is run to find out."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

CARDS: Final = Path("/sys/class/drm")
_GIGABYTE: Final = 1024.0**3


def found_vram(cards: Path = CARDS) -> float | None:
    """The memory of the largest GPU in GB; None when no file tells, as for those of NVIDIA."""
    return max(_sizes(cards), default=None)


def _sizes(cards: Path) -> Iterator[float]:
    for told in cards.glob("card*/device/mem_info_vram_total"):
        try:
            yield int(told.read_text()) / _GIGABYTE
        except (OSError, ValueError):
            continue
