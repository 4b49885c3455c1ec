"""Ollama's library as far as it is known beforehand; what a server itself tells of a model takes its place.

Windows are those the models were trained for, read in November 2026; how much of one is used is decided for each request
(``clients/ollama/context.py``). Latencies are those of short answers on one GPU.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from llm_manager.clients.data.shapes import ModelFacts, ProviderFacts

AS_OF: Final = "2026-11-20"

REASONING: Final = ("deepseek-r1", "qwen3", "gpt-oss", "magistral", "phi4-reasoning", "phi4-mini-reasoning")
"""Beginnings of the names of models that may think before they answer."""

REASONING_BY_LEVEL: Final = ("gpt-oss",)
"""Those among them that are told how much; the others are only told whether."""

REGISTRY: Final = "https://registry.ollama.ai"
"""Where models without a host in their name come from."""

EMBEDDING_MODEL: Final = "nomic-embed-text"
"""Makes vectors unless a request names another."""

SAME: Final[Mapping[str, str]] = MappingProxyType(
    {
        "llama3.2": "llama3.2:3b",
        "llama3.1": "llama3.1:8b",
        "mistral": "mistral:7b",
        "qwen2.5": "qwen2.5:7b",
        "qwen2.5-coder": "qwen2.5-coder:7b",
        "phi3": "phi3:mini",
        "deepseek-r1": "deepseek-r1:8b",
        "gemma3": "gemma3:4b",
        "qwen3": "qwen3:8b",
        "gpt-oss": "gpt-oss:20b",
        "llava": "llava:7b",
    }
)
"""Names without a tag, and the tag that they stand for."""

OLLAMA: Final = ProviderFacts(
    name="ollama",
    base_url="http://localhost:11434",
    needs_key=False,
    version_path="",
    tiers={
        "default": "llama3.2:3b",
        "fast": "llama3.2:1b",
        "tool": "mistral",
        "reasoning": "deepseek-r1:1.5b",
    },
    models=(
        ModelFacts(name="llama3.2:1b", window=131_072, quality=0.25, latency_seconds=0.1),
        ModelFacts(name="llama3.2:3b", window=131_072, quality=0.4, latency_seconds=0.125),
        ModelFacts(name="llama3.1:8b", window=131_072, quality=0.5, latency_seconds=0.35),
        ModelFacts(name="qwen2.5:3b", window=32_768, quality=0.4, latency_seconds=0.125),
        ModelFacts(name="qwen2.5:7b", window=32_768, quality=0.5, latency_seconds=0.35),
        ModelFacts(name="qwen2.5-coder:7b", window=32_768, quality=0.5, latency_seconds=0.35),
        ModelFacts(name="phi3:mini", window=131_072, quality=0.4, tools=False, latency_seconds=0.15),
        ModelFacts(name="deepseek-r1:1.5b", window=131_072, quality=0.4, tools=False, reasoning=True, latency_seconds=1.0),
        ModelFacts(name="deepseek-r1:8b", window=131_072, quality=0.55, tools=False, reasoning=True, latency_seconds=3.0),
        ModelFacts(name="mistral:7b", window=32_768, quality=0.45, latency_seconds=0.45),
        ModelFacts(name="qwen3:8b", window=40_960, quality=0.55, reasoning=True, latency_seconds=2.0),
        ModelFacts(name="gemma3:4b", window=131_072, quality=0.45, tools=False, vision=True, latency_seconds=0.3),
        ModelFacts(name="gpt-oss:20b", window=131_072, quality=0.6, reasoning=True, latency_seconds=2.0),
        ModelFacts(name="llava:7b", window=32_768, quality=0.4, tools=False, vision=True, latency_seconds=0.5),
        ModelFacts(name="nomic-embed-text", window=2_048, kind="embedding", dimensions=768, tools=False, latency_seconds=0.05),
        ModelFacts(name="mxbai-embed-large", window=512, kind="embedding", dimensions=1_024, tools=False, latency_seconds=0.05),
        ModelFacts(name="all-minilm", window=256, kind="embedding", dimensions=384, tools=False, latency_seconds=0.05),
        ModelFacts(name="bge-m3", window=8_192, kind="embedding", dimensions=1_024, tools=False, latency_seconds=0.1),
    ),
    quality=0.4,
    latency_seconds=0.5,
)
