"""What one row of a server's list of models tells of a model, beside what is known of it."""

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from attrs import evolve

from llm_manager.domain.models import KnownPrice, ModelKind, ModelProfile, Price, UnknownPrice

_WINDOWS: Final = ("loaded_context_length", "max_model_len", "context_length", "context_window", "max_context_length")
_MOST_TOKENS: Final = 2**53
_RATE: Final = re.compile(r"\d{1,6}(?:\.\d{1,30})?(?:[eE]-\d{1,2})?")
_A_MILLION: Final = Decimal(1_000_000)
_KINDS: Final[Mapping[str, ModelKind]] = {
    "llm": "chat",
    "vlm": "chat",
    "chat": "chat",
    "language": "chat",
    "code": "chat",
    "embedding": "embedding",
    "embeddings": "embedding",
    "moderation": "chat",
    "image": "image",
    "rerank": "other",
    "audio": "other",
    "transcribe": "other",
    "video": "other",
}
"""By the ``type`` that LM Studio and Together tell; guards that judge what is said are chatted with."""
_PARAMETERS: Final = {"temperature": "temperature", "top_p": "top_p", "stop": "stop", "seed": "seed", "max_tokens": "max_tokens"}


def told_of(row: Mapping[str, Any], known: ModelProfile, today: str) -> ModelProfile:
    """What is known of a model, with what the server tells in its place."""
    shutdown = row.get("shutdown_date")
    gone = isinstance(shutdown, str) and len(shutdown) == len(today) and shutdown <= today
    kind = row.get("type")
    profile = evolve(
        known,
        context_window=_window(row) or known.context_window,
        retired=known.retired or gone,
        kind=_KINDS.get(kind, known.kind) if isinstance(kind, str) else known.kind,
        vision=known.vision or kind == "vlm",
    )
    return _routed(row, profile, today) if isinstance(row.get("architecture"), Mapping) else profile


def loaded_window(row: Mapping[str, Any]) -> int | None:
    """The window with which a model is loaded, where that is told."""
    return _count(row.get("loaded_context_length")) if row.get("state", "loaded") == "loaded" else None


def _routed(row: Mapping[str, Any], known: ModelProfile, today: str) -> ModelProfile:
    """What OpenRouter tells more of a model: its prices, what it takes and what it gives."""
    architecture = row["architecture"]
    takes, gives = _words(architecture.get("input_modalities")), _words(architecture.get("output_modalities"))
    parameters = _words(row.get("supported_parameters"))
    provider = row.get("top_provider")
    limit = _count(provider.get("max_completion_tokens")) if isinstance(provider, Mapping) else None
    told = evolve(
        known,
        price=_price(row.get("pricing"), f"openrouter {today}"),
        max_output_tokens=limit or known.max_output_tokens,
        kind=_kind(gives, known.kind),
        vision="image" in takes,
        documents="file" in takes or known.documents,
    )
    if not parameters:
        return told
    return evolve(
        told,
        tools="tools" in parameters,
        json_schema="structured_outputs" in parameters,
        reasoning="reasoning" in parameters,
        unsupported=tuple(name for name, word in _PARAMETERS.items() if word not in parameters),
    )


def _kind(gives: frozenset[str], known: ModelKind) -> ModelKind:
    if not gives or "text" in gives:
        return "chat" if gives else known
    if "embeddings" in gives:
        return "embedding"
    return "image" if "image" in gives else "other"


def _price(told: object, version: str) -> Price:
    """US dollars per token as texts, per million; below zero is a price that depends on the call."""
    if not isinstance(told, Mapping):
        return UnknownPrice()
    paid, written = _rate(told.get("prompt")), _rate(told.get("completion"))
    if paid is None or written is None:
        return UnknownPrice()
    return KnownPrice(
        input_usd=paid,
        output_usd=written,
        cache_read_usd=_rate(told.get("input_cache_read")),
        cache_write_usd=_rate(told.get("input_cache_write")),
        version=version,
    )


def _rate(told: object) -> Decimal | None:
    return Decimal(told) * _A_MILLION if isinstance(told, str) and _RATE.fullmatch(told) else None


def _window(row: Mapping[str, Any]) -> int | None:
    meta = row.get("meta")
    windows = [row.get(name) for name in _WINDOWS] + ([meta.get("n_ctx")] if isinstance(meta, Mapping) else [])
    return next((count for told in windows if (count := _count(told)) is not None), None)


def _words(told: object) -> frozenset[str]:
    return frozenset(word for word in told if isinstance(word, str)) if isinstance(told, list) else frozenset()


def _count(told: object) -> int | None:
    return told if isinstance(told, int) and not isinstance(told, bool) and 0 < told < _MOST_TOKENS else None
