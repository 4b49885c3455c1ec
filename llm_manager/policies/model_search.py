"""Finding a model among those that are described: by words, by what it must be able to do, and by price."""

from collections.abc import Iterable
from decimal import Decimal

from llm_manager.domain.models import KnownPrice, ModelKind, ModelProfile
from llm_manager.policies.names import canonical_provider


def search_models(
    profiles: Iterable[ModelProfile],
    query: str = "",
    *,
    provider: str | None = None,
    kind: ModelKind | None = None,
    vision: bool = False,
    documents: bool = False,
    tools: bool = False,
    json_schema: bool = False,
    reasoning: bool = False,
    context_window: int = 0,
    retired: bool = False,
) -> tuple[ModelProfile, ...]:
    """The models whose name holds every word of ``query`` and that can do what is asked for, best match first.

    ``provider`` is a name or an alias; it and the words are read without regard to case. A window that is not known is
    no window. Retired models are left out unless ``retired``.

    >>> told = [ModelProfile(name=name, provider="openai") for name in ("gpt-4o-mini", "gpt-4o", "o1")]
    >>> [model.name for model in search_models(told, "GPT 4o")]
    ['gpt-4o', 'gpt-4o-mini']
    """
    words = query.lower().split()
    whose = None if provider is None else canonical_provider(provider) or provider
    found = [
        model
        for model in profiles
        if (whose is None or model.provider == whose)
        and (kind is None or model.kind == kind)
        and (retired or not model.retired)
        and (model.vision or not vision)
        and (model.documents or not documents)
        and (model.tools or not tools)
        and (model.json_schema or not json_schema)
        and (model.reasoning or not reasoning)
        and (model.context_window or 0) >= context_window
        and all(word in model.name.lower() for word in words)
    ]
    whole = query.strip().lower()
    return tuple(
        sorted(found, key=lambda model: (model.name.lower() != whole, len(model.name) if words else 0, model.name, model.provider))
    )


def cheapest(profiles: Iterable[ModelProfile]) -> ModelProfile | None:
    """The model that reads a prompt for the least money, then writes for the least; None when no price is known.

    A model that is free is the cheapest; one whose price is not known is never chosen.

    >>> told = [ModelProfile(name=name, provider="openai") for name in ("a", "b")]
    >>> cheapest(told) is None
    True
    """
    priced = [(_rates(model.price), model.name, model.provider, model) for model in profiles if isinstance(model.price, KnownPrice)]
    return min(priced, key=lambda row: row[:3])[3] if priced else None


def _rates(price: KnownPrice) -> tuple[Decimal, Decimal]:
    return price.input_usd, price.output_usd
