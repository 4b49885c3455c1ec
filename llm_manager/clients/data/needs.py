"""What local models need of a machine, and how long answers usually take: declared, not measured here.

The set-up page of the notes shows these tables, and a test compares the two.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, TypeAlias

from attrs import frozen

Seconds: TypeAlias = tuple[float, float]
"""From the usual best to the usual worst."""


@frozen(kw_only=True)
class Latency:
    """How long one model usually takes for one kind of request, in milliseconds."""

    model: str
    task: str
    low_ms: int
    high_ms: int


@frozen(kw_only=True)
class Hardware:
    """A machine: memory and disk, perhaps a GPU with memory of its own, and models that it serves well."""

    name: str
    ram_gb: int
    disk_gb: int
    models: tuple[str, ...]
    gpu: str | None = None
    vram_gb: int | None = None


LATENCIES: Final = (
    Latency(model="llama3.2:3b", task="a simple question", low_ms=50, high_ms=200),
    Latency(model="llama3.1:8b", task="an explanation", low_ms=200, high_ms=500),
    Latency(model="mistral:7b", task="a call of tools", low_ms=300, high_ms=600),
    Latency(model="Claude Sonnet", task="reasoning in several steps", low_ms=500, high_ms=2000),
)
"""Until the answer begins, on the recommended machine where the model is local."""

LOCAL_SECONDS: Final[Seconds] = (0.5, 2.0)
GPT_SECONDS: Final[Seconds] = (1.0, 3.0)
CLAUDE_SECONDS: Final[Seconds] = (2.0, 4.0)
CACHED_SECONDS: Final[Seconds] = (0.0, 0.1)
"""Whole answers of ordinary length; an answer out of the cache has no model to wait for."""

MINIMAL: Final = Hardware(name="minimal", ram_gb=16, disk_gb=20, models=("phi3:mini", "llama3.2:3b"))
RECOMMENDED: Final = Hardware(name="recommended", ram_gb=32, disk_gb=50, gpu="RTX 3060", vram_gb=12, models=("llama3.1:8b", "mistral:7b"))

GOOD_FOR: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "nothing leaves the machine": ("ollama", "llamacpp", "llama_cpp_cli", "lmstudio", "vllm"),
        "many models behind one key, with their costs": ("openrouter",),
        "images": ("anthropic", "openai"),
        "calls of functions": ("openai",),
        "long prompts": ("anthropic", "llamacpp"),
    }
)
"""Which providers to think of first, by what is wanted."""


def middle(seconds: Seconds) -> float:
    """What is declared of a model of which nothing better is known.

    >>> middle(GPT_SECONDS)
    2.0
    """
    return (seconds[0] + seconds[1]) / 2
