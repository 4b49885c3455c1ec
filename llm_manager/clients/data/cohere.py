"""Cohere and its models.

Windows, limits and what replaces what are as Cohere's model, deprecation and reference pages told in November 2026; prices are those of
the named price data on its day, and a test compares them with the data installed. Models without a price are free up to their rate
limits and sold by agreement beyond. A model named in ``tiers`` is asked unless settings say otherwise; the others are only known by name.
"""

from collections.abc import Mapping
from typing import Final

from llm_manager.clients.data.shapes import ModelFacts, ProviderFacts, Rates
from llm_manager.domain.requests import Reasoning

_LARGE: Final[Rates] = ("2.5", "10", None, None)

COHERE: Final = ProviderFacts(
    name="cohere",
    base_url="https://api.cohere.com/v2",
    needs_key=True,
    tiers={
        "default": "command-a-03-2025",
        "fast": "command-r7b-12-2024",
        "best": "command-a-plus-05-2026",
        "reasoning": "command-a-reasoning-08-2025",
    },
    models=(
        ModelFacts(name="command-a-plus-05-2026", window=128_000, output=64_000, vision=True, quality=0.76, latency_seconds=3.0),
        ModelFacts(name="command-a-03-2025", window=256_000, output=8000, quality=0.68, latency_seconds=2.0, rates=_LARGE),
        ModelFacts(name="command-a-reasoning-08-2025", window=256_000, output=32_000, quality=0.72, latency_seconds=4.0),
        ModelFacts(name="command-a-vision-07-2025", window=128_000, output=8000, vision=True, quality=0.65, latency_seconds=2.0),
        ModelFacts(name="command-a-translate-08-2025", window=8000, output=8000, quality=0.6, latency_seconds=2.0),
        ModelFacts(
            name="command-r7b-12-2024",
            window=128_000,
            output=4000,
            quality=0.48,
            latency_seconds=0.8,
            rates=("0.0375", "0.15", None, None),
        ),
        ModelFacts(
            name="command-r-plus-08-2024",
            window=128_000,
            output=4000,
            unsupported=("tool_choice",),
            quality=0.58,
            latency_seconds=2.0,
            rates=_LARGE,
        ),
        ModelFacts(
            name="command-r-08-2024",
            window=128_000,
            output=4000,
            unsupported=("tool_choice",),
            quality=0.5,
            latency_seconds=1.5,
            rates=("0.15", "0.6", None, None),
        ),
        ModelFacts(name="north-mini-code-1-0", window=256_000, output=64_000, quality=0.55, latency_seconds=1.0),
        ModelFacts(
            name="embed-v4.0",
            window=128_000,
            kind="embedding",
            tools=False,
            json_schema=False,
            dimensions=1536,
            latency_seconds=0.5,
            rates=("0.12", "0", None, None),
        ),
        *(
            ModelFacts(
                name=name,
                window=512,
                kind="embedding",
                tools=False,
                json_schema=False,
                dimensions=dimensions,
                unsupported=("dimensions",),
                latency_seconds=0.5,
            )
            for name, dimensions in (
                ("embed-english-v3.0", 1024),
                ("embed-multilingual-v3.0", 1024),
                ("embed-english-light-v3.0", 384),
                ("embed-multilingual-light-v3.0", 384),
            )
        ),
        ModelFacts(name="command-r-plus-04-2024", window=128_000, output=4000, replaced_by="command-r-plus-08-2024"),
        ModelFacts(name="command-r-03-2024", window=128_000, output=4000, replaced_by="command-r-08-2024"),
        ModelFacts(name="c4ai-aya-expanse-8b", retired=True, replaced_by="command-r7b-12-2024"),
        ModelFacts(name="c4ai-aya-vision-8b", retired=True, replaced_by="command-a-vision-07-2025"),
        ModelFacts(name="embed-english-v2.0", kind="embedding", retired=True, replaced_by="embed-english-v3.0"),
        ModelFacts(name="embed-english-light-v2.0", kind="embedding", retired=True, replaced_by="embed-english-light-v3.0"),
        ModelFacts(name="embed-multilingual-v2.0", kind="embedding", retired=True, replaced_by="embed-multilingual-v3.0"),
    ),
    reasoning=("command-a-plus", "command-a-reasoning"),
    embedding_model="embed-v4.0",
    texts_per_call=96,
    models_path="/v1/models?page_size=1000",
    version_path="/v2",
    quality=0.55,
    latency_seconds=2.0,
)
"""The list of models and the tokenizer are served under ``/v1``, above the base."""

MOST_TOP_P: Final = 0.99
LONGEST_TOKENIZED: Final = 65_536
"""Characters of one text."""

THINKING: Final[Mapping[Reasoning, Mapping[str, object]]] = {
    "off": {"type": "disabled"},
    "low": {"type": "enabled", "token_budget": 1024},
    "medium": {"type": "enabled", "token_budget": 8192},
    "high": {"type": "enabled"},
}
"""How much to think, for models that think: without a budget as much as they like."""
