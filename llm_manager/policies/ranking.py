"""In which order the models that may be asked are asked: one tuple for each, compared from left to right."""

from decimal import Decimal
from typing import Any, TypeAlias, assert_never, get_args

from llm_manager.domain.models import Family, ModelProfile, Tier
from llm_manager.domain.plans import Candidate, RoutingPolicy
from llm_manager.domain.requests import Complexity
from llm_manager.policies.ladders import LADDERS, LOCAL_BEFORE_LADDER
from llm_manager.policies.model_order import blended_price
from llm_manager.policies.names import canonical_provider
from llm_manager.policies.route_facts import Facts, overfull

_TIERS: dict[Complexity, tuple[Tier, ...]] = {
    "simple": ("fast", "default", "tool", "best", "reasoning"),
    "moderate": ("default", "fast", "tool", "best", "reasoning"),
    "complex": ("best", "reasoning", "default", "tool", "fast"),
}
_LEAST_SUCCESS = 0.05
_LEAST_QUALITY = 0.05
_FAMILIES = frozenset(get_args(Family))


Rank: TypeAlias = tuple[Any, ...]


def chosen_tiers(admitted: list[Candidate], facts: Facts) -> dict[str, str]:
    """For each provider the one model whose tier suits the complexity best; tools prefer the tool tier."""
    order = _TIERS["complex" if facts.classification.task_type == "creative" else facts.classification.complexity]
    if facts.has_tools:
        order = ("tool", *(tier for tier in order if tier != "tool"))
    best: dict[str, tuple[int, str]] = {}
    for candidate in admitted:
        if candidate.only_named:
            continue
        profile = candidate.profile
        mark = (order.index(profile.tier), profile.name)
        if profile.provider not in best or mark < best[profile.provider]:
            best[profile.provider] = mark
    return {provider: name for provider, (_, name) in best.items()}


def rank(candidate: Candidate, facts: Facts, policy: RoutingPolicy, chosen: dict[str, str]) -> Rank:
    """The tuple by which a candidate stands; smaller is asked earlier."""
    profile = candidate.profile
    return (
        *standing(candidate, facts, policy, chosen),
        *_strategy_rank(candidate, facts, policy),
        not (policy.local_first and candidate.endpoint.locality == "local"),
        profile.provider,
        profile.name,
    )


def standing(candidate: Candidate, facts: Facts, policy: RoutingPolicy, chosen: dict[str, str]) -> Rank:
    """What comes before the strategy; where two are equal in this, the strategy decides between them."""
    profile = candidate.profile
    wished = bool(facts.wish) and facts.wish.matches(candidate)
    by_name = wished and facts.wish.model is not None
    same_provider = facts.wish.provider is not None and profile.provider == facts.wish.provider
    stands_in = bool(facts.wish) and profile.provider == policy.default_provider
    broken = candidate.breaker_open or candidate.healthy is False or candidate.unreached
    said, local = facts.classification, candidate.endpoint.locality == "local"
    near = policy.local_first and (said.task_type in LOCAL_BEFORE_LADDER or (said.prefers_local and not facts.task_named))
    return (
        not wished,
        not same_provider,
        broken,
        overfull(profile, facts.tokens),
        not stands_in,
        profile.retired and not wished,
        listed_at(candidate, policy),
        not (by_name or chosen.get(profile.provider) == profile.name or _named_on(_ladder(facts, policy), profile)),
        policy.strategy == "balanced" and near and not local,
    )


def listed_at(candidate: Candidate, policy: RoutingPolicy) -> int:
    """The place in ``fallback_order``, whose entries name a provider, a family or a model; behind it when not there."""
    profile = candidate.profile
    for place, entry in enumerate(policy.fallback_order):
        if entry in (profile.name, profile.family, profile.provider) or canonical_provider(entry) == profile.provider:
            return place
    return len(policy.fallback_order)


def listed(candidate: Candidate, policy: RoutingPolicy) -> bool:
    """Say whether the model itself is named by ``fallback_order`` or by a ladder of the settings."""
    name = candidate.profile.name
    return name in policy.fallback_order or any(name in ladder for _, ladder in policy.ladders)


def _strategy_rank(candidate: Candidate, facts: Facts, policy: RoutingPolicy) -> Rank:
    match policy.strategy:
        case "cost":
            return (blended_usd(candidate), -candidate.profile.quality)
        case "performance":
            return _slowness(candidate)
        case "balanced":
            return (
                _rung(candidate, facts, policy),
                blended_usd(candidate) if policy.cost_optimization else 0,
                candidate.profile.provider != policy.default_provider,
                *_slowness(candidate),
            )
        case _:
            assert_never(policy.strategy)


def _rung(candidate: Candidate, facts: Facts, policy: RoutingPolicy) -> int:
    ladder = _ladder(facts, policy)
    names = (candidate.profile.name, candidate.profile.family, candidate.profile.provider)
    return next((rung for rung, entry in enumerate(ladder) if entry in names), len(ladder))


def _named_on(ladder: tuple[str, ...], profile: ModelProfile) -> bool:
    """Say whether the model itself, not only its family, stands on the ladder."""
    return profile.name in ladder and profile.name not in _FAMILIES


def _ladder(facts: Facts, policy: RoutingPolicy) -> tuple[str, ...]:
    said = facts.classification
    own = dict(policy.ladders).get(said.task_type)
    if own is not None:
        return own
    hard = said.task_type == "general" and said.complexity == "complex" and said.complexity_from != "length"
    return LADDERS["analysis" if hard else said.task_type]


def blended_usd(candidate: Candidate) -> Decimal:
    """US dollars per million tokens at three read to one written; an unknown price comes after every known one."""
    blended = blended_price(candidate.profile.price)
    return Decimal("Infinity") if blended is None else blended


def _seconds(candidate: Candidate) -> float:
    """Seconds until an answer, failures included: as observed, else as declared."""
    seen = candidate.latency_seconds if candidate.latency_seconds is not None else candidate.profile.latency_seconds
    return seen / max(candidate.success_rate if candidate.success_rate is not None else 1.0, _LEAST_SUCCESS)


def _slowness(candidate: Candidate) -> Rank:
    """Seconds for quality; of two that are alike in that, who writes faster comes first."""
    return _seconds(candidate) / max(candidate.profile.quality, _LEAST_QUALITY) ** 2, -(candidate.tokens_per_second or 0.0)


def reasons_for(candidate: Candidate, facts: Facts, policy: RoutingPolicy) -> tuple[str, ...]:
    """Tell why a candidate stands where it does, with the numbers used."""
    profile = candidate.profile
    said: list[str] = []
    if facts.wish and facts.wish.matches(candidate):
        said.append("named by the request")
    if (place := listed_at(candidate, policy)) < len(policy.fallback_order):
        said.append(f"place {place + 1} of fallback_order")
    if policy.strategy == "balanced":
        rung = _rung(candidate, facts, policy)
        ladder = _ladder(facts, policy)
        named = f"rung {rung + 1} of" if rung < len(ladder) else "below"
        said.append(f"{named} the {facts.classification.task_type} ladder ({' > '.join(ladder)})")
    said.append(f"{candidate.endpoint.locality}, {profile.tier} tier for a {facts.classification.complexity} request")
    blended = blended_usd(candidate)
    said.append(f"{blended.normalize():f} USD per million tokens" if blended.is_finite() else "price unknown")
    said.append(_seen(candidate))
    if overfull(profile, facts.tokens):
        said.append("moved back: the request may not fit its window")
    if candidate.breaker_open:
        said.append("moved back: its breaker is open")
    if candidate.healthy is False:
        said.append("moved back: it did not answer when last asked")
    if candidate.unreached:
        said.append("moved back: offline")
    if profile.retired:
        said.append("retired" + (f", replaced by {profile.replaced_by}" if profile.replaced_by else ""))
    return tuple(said)


def _seen(candidate: Candidate) -> str:
    """The numbers that performance was judged by, and over how many attempts."""
    told = [f"{_seconds(candidate):.2f} s {'declared' if candidate.latency_seconds is None else 'observed'}"]
    if candidate.median_seconds is not None:
        told.append(f"p50 {candidate.median_seconds:.2f} s")
    if candidate.success_rate is not None:
        told.append(f"{candidate.success_rate:.0%} answered")
    if candidate.tokens_per_second is not None:
        told.append(f"{candidate.tokens_per_second:.0f} tokens/s")
    if candidate.attempts:
        told.append(f"n {candidate.attempts}")
    return ", ".join((*told, f"quality {candidate.profile.quality:.2f}"))
