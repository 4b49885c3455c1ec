"""Which models to ask, in which order, and why: ``plan(request, snapshot, policy) -> Plan``.

The order of judgement: policy filter (privacy, airgap, capability, window) > explicit model or provider >
``fallback_order`` > strategy (balanced starts from the task ladder) > local first > name. Health and open breakers move
a candidate back, never out. Every candidate is a step or a refusal with its reason.
"""

from collections import OrderedDict
from collections.abc import Callable
from decimal import Decimal
from typing import Any, TypeAlias, assert_never, get_args

from attrs import frozen
from returns.result import Failure, Result, Success

from llm_manager.domain.errors import ConfigurationError, ContextTooLarge, LLMError, PolicyBlocked
from llm_manager.domain.models import Endpoint, Family, KnownPrice, ModelProfile, Tier
from llm_manager.domain.plans import Candidate, Plan, PlanStep, Refusal, RoutingPolicy, Snapshot, TaskClassification
from llm_manager.domain.requests import Complexity, JsonSchema, LLMRequest
from llm_manager.policies.classification import classify
from llm_manager.policies.ladders import LADDERS, LOCAL_BEFORE_LADDER
from llm_manager.policies.names import PROVIDERS, canonical_provider, nearest, provider_of_model
from llm_manager.policies.tokens import estimate_request_tokens

_TIERS: dict[Complexity, tuple[Tier, ...]] = {
    "simple": ("fast", "default", "tool", "best", "reasoning"),
    "moderate": ("default", "fast", "tool", "best", "reasoning"),
    "complex": ("best", "reasoning", "default", "tool", "fast"),
}
_LEAST_SUCCESS = 0.05
_LEAST_QUALITY = 0.05
_PLANS_KEPT = 256
_SURELY = 1.5
"""Tokens are guessed: a window is refused when the guess passes it by half; passed by less, it moves back."""
_FAMILIES = frozenset(get_args(Family))

Rank: TypeAlias = tuple[Any, ...]
Shape: TypeAlias = tuple[object, ...]


@frozen(kw_only=True)
class Wish:
    """What the request names: a provider in canonical words, a model, both or neither."""

    provider: str | None = None
    model: str | None = None

    def matches(self, candidate: Candidate) -> bool:
        """Say whether the candidate is what was named."""
        profile = candidate.profile
        return (self.provider is None or profile.provider == self.provider) and (self.model is None or profile.name == self.model)

    def __bool__(self) -> bool:
        return self.provider is not None or self.model is not None


_NO_WISH = Wish()


@frozen(kw_only=True)
class Facts:
    """All of a request that its plan depends on; ``tokens`` is the estimated prompt and the answer's limit."""

    wish: Wish
    classification: TaskClassification
    task_named: bool
    has_images: bool
    has_tools: bool
    needs_schema: bool
    tokens: int


def route(request: LLMRequest, snapshot: Snapshot, policy: RoutingPolicy) -> Result[Plan, LLMError]:
    """Plan a request, or say why nobody may be asked."""
    return read_facts(request, snapshot, policy).bind(lambda facts: _verdict(decide(facts, snapshot, policy), facts))


def plan(request: LLMRequest, snapshot: Snapshot, policy: RoutingPolicy) -> Plan:
    """Order every candidate that may be asked, and refuse the others with a reason; total, even for a misspelt name."""
    return decide(_facts(request, policy, _named(request)), snapshot, policy)


def remembering_routes(policy: RoutingPolicy) -> Callable[[LLMRequest, Snapshot], Result[Plan, LLMError]]:
    """`route` for one policy, which decides requests of equal shape once per snapshot.

    A snapshot is known by itself: those of two managers that share a router have the same versions.
    """
    kept: OrderedDict[Shape, tuple[Snapshot, Plan, Result[Plan, LLMError]]] = OrderedDict()

    def remembered(request: LLMRequest, snapshot: Snapshot) -> Result[Plan, LLMError]:
        shape = _shape(request, snapshot, policy)
        found = kept.get(shape)
        if found is not None and found[0] is not snapshot:
            found = None
        if found is not None and found[1].steps:
            return found[2]
        read = read_facts(request, snapshot, policy)
        if not isinstance(read, Success):
            return Failure(read.failure())
        facts = read.unwrap()
        made = decide(facts, snapshot, policy) if found is None else found[1]
        verdict = _verdict(made, facts)
        kept[shape] = (snapshot, made, verdict)
        if len(kept) > _PLANS_KEPT:
            kept.popitem(last=False)
        return verdict

    return remembered


def why_not_asked(endpoint: Endpoint, policy: RoutingPolicy) -> str | None:
    """Say why an endpoint may be asked nothing at all, whatever the request; None when it may."""
    return "airgap: only local endpoints may be asked" if policy.airgap and endpoint.locality != "local" else None


def read_facts(request: LLMRequest, snapshot: Snapshot, policy: RoutingPolicy) -> Result[Facts, LLMError]:
    """Read what a plan depends on; a misspelt provider or model is an error that names the nearest."""
    named = _named(request)
    misspelt = _misspelt(named, snapshot)
    return Success(_facts(request, policy, named)) if misspelt is None else Failure(misspelt)


def decide(facts: Facts, snapshot: Snapshot, policy: RoutingPolicy) -> Plan:
    """Order and refuse candidates for a request of which ``facts`` are known."""
    refused = [Refusal(provider=gone.provider, model="", reason=gone.reason) for gone in snapshot.unavailable]
    admitted: list[Candidate] = []
    real = any(not candidate.profile.toy for candidate in snapshot.candidates)
    for candidate in snapshot.candidates:
        reason = _refusal(candidate, facts, policy, real=real)
        if reason is None:
            admitted.append(candidate)
        else:
            refused.append(Refusal(provider=candidate.profile.provider, model=candidate.profile.name, reason=reason))
    chosen = _chosen_tiers(admitted, facts)
    ranked = sorted(admitted, key=lambda candidate: _rank(candidate, facts, policy, chosen))
    notices = _notices(ranked, facts)
    if not policy.enable_fallback:
        refused.extend(Refusal(provider=each.profile.provider, model=each.profile.name, reason="fallback is off") for each in ranked[1:])
        ranked = ranked[:1]
    return Plan(
        steps=tuple(PlanStep(profile=each.profile, endpoint=each.endpoint, reasons=_reasons(each, facts, policy)) for each in ranked),
        refused=tuple(refused),
        strategy=policy.strategy,
        max_retries=policy.max_retries,
        classification=facts.classification,
        snapshot_version=snapshot.version,
        notices=notices,
    )


def _named(request: LLMRequest) -> Wish:
    said, model = request.preferences.provider, request.preferences.model
    if said is None and model is None:
        return _NO_WISH
    provider = None if said is None or said == "auto" else (canonical_provider(said) or said)
    return Wish(provider=provider, model=model)


def _misspelt(named: Wish, snapshot: Snapshot) -> LLMError | None:
    if named.provider is not None and named.provider not in PROVIDERS:
        known = nearest(named.provider, PROVIDERS) or tuple(PROVIDERS)
        return ConfigurationError(message=f"no provider is called {named.provider!r}; did you mean {', '.join(known)}?")
    if named.model is not None and named.provider is None:
        names = {candidate.profile.name for candidate in snapshot.candidates}
        if named.model not in names and provider_of_model(named.model) is None:
            known = nearest(named.model, sorted(names)) or tuple(sorted(names))
            return ConfigurationError(
                message=f"no configured provider has a model called {named.model!r}"
                + (f"; did you mean {', '.join(known)}?" if known else "")
                + " Name its provider too if it is new."
            )
    return None


def _facts(request: LLMRequest, policy: RoutingPolicy, named: Wish) -> Facts:
    return Facts(
        wish=named,
        classification=classify(request, default_sensitivity=policy.default_sensitivity),
        task_named=request.task_type is not None,
        has_images=request.has_images,
        has_tools=bool(request.tools),
        needs_schema=isinstance(request.output, JsonSchema),
        tokens=_tokens(request),
    )


def _tokens(request: LLMRequest) -> int:
    return estimate_request_tokens(request) + (request.preferences.max_tokens or 0)


def _shape(request: LLMRequest, snapshot: Snapshot, policy: RoutingPolicy) -> Shape:
    """All that `Facts` say, as a key; of the size only the smallest windows that it fits, -1 for none, and that it may fit."""
    tokens = _tokens(request)
    fitting = loosely = -1
    for candidate in snapshot.candidates:
        window = candidate.profile.context_window
        if window is None:
            continue
        if window >= tokens and (fitting < 0 or window < fitting):
            fitting = window
        if window * _SURELY >= tokens and (loosely < 0 or window < loosely):
            loosely = window
    preferences = request.preferences
    return (
        snapshot.version,
        preferences.provider,
        preferences.model,
        classify(request, default_sensitivity=policy.default_sensitivity),
        request.task_type,
        bool(request.messages) and request.has_images,
        bool(request.tools),
        isinstance(request.output, JsonSchema),
        fitting,
        loosely,
    )


def _refusal(candidate: Candidate, facts: Facts, policy: RoutingPolicy, *, real: bool) -> str | None:
    profile, wish = candidate.profile, facts.wish
    if (forbidden := why_not_asked(candidate.endpoint, policy)) is not None:
        return forbidden
    if facts.classification.sensitivity == "private" and candidate.endpoint.locality != "local":
        return "private: only local endpoints may see this request"
    if profile.toy and not policy.use_toys and not (wish and wish.matches(candidate)):
        if wish:
            return "a toy model does not stand in for another one"
        if real:
            return "a toy model answers only when it is named, enabled in settings (embedded.enabled), or alone"
    if candidate.only_named and wish.model != profile.name and not _listed(candidate, policy):
        return "known only by name, and not named by this request"
    if facts.has_images and not profile.vision:
        return "the request has images and the model does not see"
    if facts.has_tools and not profile.tools:
        return "the request has tools and the model does not call any"
    if facts.needs_schema and not profile.json_schema:
        return "the request wants a JSON schema and the model does not obey one"
    if _overfull(profile, facts.tokens, by=_SURELY):
        return f"the request does not fit its window of {profile.context_window} tokens"
    return None


def _overfull(profile: ModelProfile, tokens: int, *, by: float = 1.0) -> bool:
    return profile.context_window is not None and tokens > profile.context_window * by


def _chosen_tiers(admitted: list[Candidate], facts: Facts) -> dict[str, str]:
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


def _rank(candidate: Candidate, facts: Facts, policy: RoutingPolicy, chosen: dict[str, str]) -> Rank:
    profile = candidate.profile
    wished = bool(facts.wish) and facts.wish.matches(candidate)
    same_provider = facts.wish.provider is not None and profile.provider == facts.wish.provider
    stands_in = bool(facts.wish) and profile.provider == policy.default_provider
    broken = candidate.breaker_open or candidate.healthy is False
    return (
        not wished,
        not same_provider,
        broken,
        _overfull(profile, facts.tokens),
        not stands_in,
        profile.retired and not wished,
        _listed_at(candidate, policy),
        not (wished or chosen.get(profile.provider) == profile.name or _named_on(_ladder(facts, policy), profile)),
        *_strategy_rank(candidate, facts, policy),
        not (policy.local_first and candidate.endpoint.locality == "local"),
        profile.provider,
        profile.name,
    )


def _listed_at(candidate: Candidate, policy: RoutingPolicy) -> int:
    """The place in ``fallback_order``, whose entries name a provider, a family or a model; behind it when not there."""
    profile = candidate.profile
    for place, entry in enumerate(policy.fallback_order):
        if entry in (profile.name, profile.family, profile.provider) or canonical_provider(entry) == profile.provider:
            return place
    return len(policy.fallback_order)


def _listed(candidate: Candidate, policy: RoutingPolicy) -> bool:
    name = candidate.profile.name
    return name in policy.fallback_order or any(name in ladder for _, ladder in policy.ladders)


def _strategy_rank(candidate: Candidate, facts: Facts, policy: RoutingPolicy) -> Rank:
    match policy.strategy:
        case "cost":
            return (_blended_usd(candidate), -candidate.profile.quality)
        case "performance":
            return (_seconds_per_quality(candidate),)
        case "balanced":
            said = facts.classification
            local = candidate.endpoint.locality == "local"
            near = policy.local_first and (said.task_type in LOCAL_BEFORE_LADDER or (said.prefers_local and not facts.task_named))
            return (
                near and not local,
                _rung(candidate, facts, policy),
                _blended_usd(candidate) if policy.cost_optimization else 0,
                candidate.profile.provider != policy.default_provider,
                _seconds_per_quality(candidate),
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


def _blended_usd(candidate: Candidate) -> Decimal:
    """US dollars per million tokens at three read to one written; an unknown price comes after every known one."""
    price = candidate.profile.price
    if not isinstance(price, KnownPrice):
        return Decimal("Infinity")
    return (price.input_usd * 3 + price.output_usd) / 4


def _seconds(candidate: Candidate) -> float:
    """Seconds until an answer, failures included: as observed, else as declared."""
    seen = candidate.latency_seconds if candidate.latency_seconds is not None else candidate.profile.latency_seconds
    return seen / max(candidate.success_rate if candidate.success_rate is not None else 1.0, _LEAST_SUCCESS)


def _seconds_per_quality(candidate: Candidate) -> float:
    return _seconds(candidate) / max(candidate.profile.quality, _LEAST_QUALITY) ** 2


def _reasons(candidate: Candidate, facts: Facts, policy: RoutingPolicy) -> tuple[str, ...]:
    profile = candidate.profile
    said: list[str] = []
    if facts.wish and facts.wish.matches(candidate):
        said.append("named by the request")
    if (place := _listed_at(candidate, policy)) < len(policy.fallback_order):
        said.append(f"place {place + 1} of fallback_order")
    if policy.strategy == "balanced":
        rung = _rung(candidate, facts, policy)
        ladder = _ladder(facts, policy)
        named = f"rung {rung + 1} of" if rung < len(ladder) else "below"
        said.append(f"{named} the {facts.classification.task_type} ladder ({' > '.join(ladder)})")
    said.append(f"{candidate.endpoint.locality}, {profile.tier} tier for a {facts.classification.complexity} request")
    blended = _blended_usd(candidate)
    said.append(f"{blended.normalize():f} USD per million tokens" if blended.is_finite() else "price unknown")
    origin = "declared" if candidate.latency_seconds is None else "observed"
    rate = "" if candidate.success_rate is None else f", {candidate.success_rate:.0%} answered"
    said.append(f"{_seconds(candidate):.2f} s {origin}{rate}, quality {profile.quality:.2f}")
    if _overfull(profile, facts.tokens):
        said.append("moved back: the request may not fit its window")
    if candidate.breaker_open:
        said.append("moved back: its breaker is open")
    if candidate.healthy is False:
        said.append("moved back: it did not answer when last asked")
    if profile.retired:
        said.append("retired" + (f", replaced by {profile.replaced_by}" if profile.replaced_by else ""))
    return tuple(said)


def _notices(ranked: list[Candidate], facts: Facts) -> tuple[str, ...]:
    if not ranked:
        return ()
    first = ranked[0].profile
    notices: list[str] = []
    if facts.wish and not facts.wish.matches(ranked[0]):
        asked = facts.wish.model or facts.wish.provider
        notices.append(f"{asked} is not available; {first.name} of {first.provider} is asked instead")
    elif first.retired:
        notices.append(f"{first.name} is retired" + (f"; use {first.replaced_by}" if first.replaced_by else ""))
    return tuple(notices)


def _verdict(made: Plan, facts: Facts) -> Result[Plan, LLMError]:
    if made.steps:
        return Success(made)
    reasons = "; ".join(f"{each.provider}{' ' if each.model else ''}{each.model}: {each.reason}" for each in made.refused)
    heard = [each.reason for each in made.refused if each.model]
    if any(reason.startswith("airgap") for reason in heard):
        return Failure(PolicyBlocked(message=_no_local("the airgap", reasons), policy="airgap"))
    if any(reason.startswith("private") for reason in heard) or (
        facts.classification.sensitivity == "private" and not any("window" in reason for reason in heard)
    ):
        return Failure(PolicyBlocked(message=_no_local("the request's privacy", reasons), policy="private"))
    if heard and all("window" in reason for reason in heard):
        return Failure(ContextTooLarge(model=made.refused[-1].model, token_count=facts.tokens, message=reasons))
    return Failure(ConfigurationError(message="No LLM providers available" + (f" ({reasons})" if reasons else "")))


def _no_local(cause: str, reasons: str) -> str:
    return (
        f"{cause} leaves no model that may be asked ({reasons}); start a local server such as LM Studio, "
        "or enable the embedded model (embedded.enabled = true)"
    )
