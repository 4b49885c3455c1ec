"""From provider data, settings and an endpoint to the models a client offers, and to a description of any other name."""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final, get_args

from attrs import evolve

from llm_manager.clients.data.openai_chat import PRICE_VERSION
from llm_manager.clients.data.shapes import ModelFacts, ProviderFacts
from llm_manager.clients.prices import known_price, price_of
from llm_manager.domain.configuration import ProviderSettings
from llm_manager.domain.models import FREE, Endpoint, Family, ModelProfile, Price, Tier
from llm_manager.policies.model_kinds import kind_of_model
from llm_manager.policies.names import LOCALITY, family_of
from llm_manager.policies.overlaying import overlaid
from llm_manager.services.model_client import ClientParts

_LOCAL_CONCURRENCY: Final = 4
_CLOUD_CONCURRENCY: Final = 64
_DESCRIBED: Final = 1024
_TIERS: Final[tuple[Tier, ...]] = get_args(Tier)
_MAKERS: Final[dict[str, Family]] = {"openai/gpt-oss": "other", "openai/": "gpt", "anthropic/": "claude"}

Describe = Callable[[str], ModelProfile]


def describing(facts: ProviderFacts, endpoint: Endpoint, settings: ProviderSettings, parts: ClientParts) -> Describe:
    """Describe any model of this provider: by the data, else by assumption, and over both by the user's own words."""
    known = {model.name: model for model in facts.models}
    own = {profile.name: profile for profile in parts.profiles if profile.provider == facts.name}

    @lru_cache(maxsize=_DESCRIBED)
    def describe(name: str) -> ModelProfile:
        ours = own.get(name)
        return known_or_assumed(name) if ours is None else overlaid(known_or_assumed(name), ours, endpoint)

    def known_or_assumed(name: str) -> ModelProfile:
        model = known.get(name)
        if model is None:
            assumed = ModelFacts(
                name=name,
                kind=kind_of_model(name),
                vision=True,
                documents=facts.documents,
                quality=facts.quality,
                latency_seconds=facts.latency_seconds,
                window=settings.context_length,
            )
            return _described(assumed, facts, endpoint, settings, price=_price(assumed, facts, endpoint, parts))
        return _described(model, facts, endpoint, settings, price=_price(model, facts, endpoint, parts))

    return describe


def offered(facts: ProviderFacts, settings: ProviderSettings, describe: Describe) -> tuple[ModelProfile, ...]:
    """The models to choose from, one for each tier, the default one first. A model named in settings stands alone."""
    tiers: dict[Tier, str] = {tier: settings.models[tier] for tier in _TIERS if tier in settings.models}
    if settings.default_model is not None:
        tiers["default"] = settings.default_model
    if not tiers:
        tiers = dict(facts.tiers)
    tiers.setdefault("default", facts.tiers["default"])
    chosen: dict[str, ModelProfile] = {}
    for tier in sorted(_TIERS, key=lambda tier: tier != "default"):
        name = tiers.get(tier)
        if name is not None and name not in chosen:
            chosen[name] = evolve(describe(name), tier=tier)
    return tuple(chosen.values())


def by_name(profiles: tuple[ModelProfile, ...], describe: Describe) -> Describe:
    """Describe any name; a model on offer with its tier."""
    tiers = {profile.name: profile for profile in profiles}
    return lambda name: tiers.get(name) or describe(name)


def _described(model: ModelFacts, facts: ProviderFacts, endpoint: Endpoint, settings: ProviderSettings, *, price: Price) -> ModelProfile:
    local = endpoint.locality == "local"
    reasons = bool(facts.reasoning) and model.name.startswith(facts.reasoning)
    return ModelProfile(
        name=model.name,
        provider=facts.name,
        locality=endpoint.locality,
        family=_family(facts.name, model.name, local=local),
        context_window=settings.context_length or model.window,
        max_output_tokens=model.output,
        kind=model.kind,
        vision=model.vision,
        documents=model.documents,
        reasoning=model.reasoning or reasons,
        dimensions=model.dimensions,
        tools=model.tools,
        json_schema=model.json_schema,
        price=price,
        quality=model.quality,
        latency_seconds=model.latency_seconds,
        concurrency=settings.concurrency or (_LOCAL_CONCURRENCY if local else _CLOUD_CONCURRENCY),
        unsupported=(*model.unsupported, *(facts.reasoning_refuses if reasons else ())),
        retired=model.retired,
        replaced_by=model.replaced_by,
    )


def _family(provider: str, model: str, *, local: bool) -> Family:
    if local:
        return "llama"
    if provider == "openrouter":
        return next((family for start, family in _MAKERS.items() if model.startswith(start)), "other")
    family = family_of(provider)
    return "other" if family == "llama" else family


def _price(model: ModelFacts, facts: ProviderFacts, endpoint: Endpoint, parts: ClientParts) -> Price:
    """A server that runs models is free where it is local; what stands there under a cloud's name passes on to that cloud."""
    here = endpoint.locality == "local"
    if here and LOCALITY.get(facts.name) == "local":
        return FREE
    base_url = facts.base_url if here else endpoint.base_url
    if base_url == facts.base_url and model.rates is not None:
        if model.later is not None and model.later[0] <= _day(parts.world.wall()):
            return known_price(model.later[1], None, version=PRICE_VERSION)
        return known_price(model.rates, model.long, version=PRICE_VERSION)
    return price_of(base_url, model.name, wall=parts.world.wall())


def _day(wall: float) -> str:
    return datetime.fromtimestamp(wall, UTC).date().isoformat()
