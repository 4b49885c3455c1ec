"""Which models to ask, in which order, and why: ``plan(request, snapshot, policy) -> Plan``.

The order of judgement: policy filter (privacy, airgap, capability, window) > explicit model or provider >
``fallback_order`` > strategy (balanced starts from the task ladder) > local first > name. Health and open breakers move
a candidate back, never out. Every candidate is a step or a refusal with its reason.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import TypeAlias

from returns.result import Failure, Result, Success

from llm_manager.domain.errors import LLMError
from llm_manager.domain.models import Endpoint, ModelProfile
from llm_manager.domain.plans import Candidate, Plan, PlanStep, Refusal, RefusalRule, RoutingPolicy, Snapshot
from llm_manager.domain.requests import JsonSchema, LLMRequest
from llm_manager.policies.absent_models import Catalogue
from llm_manager.policies.classification import classify
from llm_manager.policies.ranking import chosen_tiers, listed, rank, reasons_for, standing
from llm_manager.policies.refusing import FETCHED, ONLY_LOCAL, PASSED_ON, nobody_to_ask
from llm_manager.policies.route_facts import Facts, facts_of, has_files_elsewhere, named_in, overfull, read_facts, tokens_of

_PLANS_KEPT = 256
_SURELY = 1.5
"""Tokens are guessed: a window is refused when the guess passes it by half; passed by less, it moves back."""

Shape: TypeAlias = tuple[object, ...]


def route(request: LLMRequest, snapshot: Snapshot, policy: RoutingPolicy, catalogue: Catalogue = tuple) -> Result[Plan, LLMError]:
    """Plan a request, or say why nobody may be asked; ``catalogue`` is looked up for that alone."""
    return read_facts(request, snapshot, policy, catalogue).bind(
        lambda facts: _verdict(decide(facts, snapshot, policy), facts, snapshot, policy, catalogue)
    )


def plan(request: LLMRequest, snapshot: Snapshot, policy: RoutingPolicy) -> Plan:
    """Order every candidate that may be asked, and refuse the others with a reason; total, even for a misspelt name."""
    return decide(facts_of(request, policy, named_in(request, snapshot)), snapshot, policy)


def remembering_routes(policy: RoutingPolicy, catalogue: Catalogue = tuple) -> Callable[[LLMRequest, Snapshot], Result[Plan, LLMError]]:
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
        read = read_facts(request, snapshot, policy, catalogue)
        if not isinstance(read, Success):
            return Failure(read.failure())
        facts = read.unwrap()
        made = decide(facts, snapshot, policy) if found is None else found[1]
        verdict = _verdict(made, facts, snapshot, policy, catalogue)
        kept[shape] = (snapshot, made, verdict)
        if len(kept) > _PLANS_KEPT:
            kept.popitem(last=False)
        return verdict

    return remembered


def why_not_asked(endpoint: Endpoint, policy: RoutingPolicy) -> str | None:
    """Say why an endpoint may be asked nothing at all, whatever the request; None when it may."""
    return f"airgap: {ONLY_LOCAL}" if policy.airgap and endpoint.locality != "local" else None


def decide(facts: Facts, snapshot: Snapshot, policy: RoutingPolicy) -> Plan:
    """Order and refuse candidates for a request of which ``facts`` are known."""
    refused = [Refusal(provider=gone.provider, model="", rule=gone.rule, reason=gone.reason) for gone in snapshot.unavailable]
    admitted: list[Candidate] = []
    real = any(not candidate.profile.toy for candidate in snapshot.candidates) or any(gone.configured for gone in snapshot.unavailable)
    for candidate in snapshot.candidates:
        refusal = _refusal(candidate, facts, policy, real=real)
        if refusal is None:
            admitted.append(candidate)
        else:
            refused.append(refusal)
    chosen = chosen_tiers(admitted, facts)
    ranked = sorted(admitted, key=lambda candidate: rank(candidate, facts, policy, chosen))
    notices = _notices(ranked, facts)
    places = [standing(candidate, facts, policy, chosen) for candidate in ranked] if policy.explore > 0 and not facts.wish else []
    if not policy.enable_fallback:
        refused.extend(
            Refusal(provider=each.profile.provider, model=each.profile.name, rule="fallback", reason="fallback is off")
            for each in ranked[1:]
        )
        ranked = ranked[:1]
    return Plan(
        steps=tuple(
            PlanStep(
                profile=each.profile,
                endpoint=each.endpoint,
                reasons=reasons_for(each, facts, policy),
                rival=place > 0 and place < len(places) and places[place] == places[0],
            )
            for place, each in enumerate(ranked)
        ),
        refused=tuple(refused),
        strategy=policy.strategy,
        max_retries=policy.max_retries,
        classification=facts.classification,
        snapshot_version=snapshot.version,
        notices=notices,
    )


def _shape(request: LLMRequest, snapshot: Snapshot, policy: RoutingPolicy) -> Shape:
    """All that `Facts` say, as a key; of the size only the smallest windows that it fits, -1 for none, and that it may fit."""
    tokens = tokens_of(request)
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
        preferences.exact,
        classify(request, default_sensitivity=policy.default_sensitivity, private_rule=policy.private_rule),
        request.task_type,
        bool(request.messages) and request.has_images,
        bool(request.messages) and request.has_documents,
        bool(request.tools),
        isinstance(request.output, JsonSchema),
        fitting,
        loosely,
        bool(request.messages) and has_files_elsewhere(request, policy),
    )


def _refusal(candidate: Candidate, facts: Facts, policy: RoutingPolicy, *, real: bool) -> Refusal | None:
    profile, wish = candidate.profile, facts.wish

    def refused(rule: RefusalRule, reason: str) -> Refusal:
        return Refusal(provider=profile.provider, model=profile.name, rule=rule, reason=reason)

    if (reason := why_not_asked(candidate.endpoint, policy)) is not None:
        return refused("airgap", reason)
    if policy.airgap and profile.offloaded:
        return refused("airgap", f"airgap: {PASSED_ON}")
    if facts.classification.sensitivity == "private" and (profile.offloaded or candidate.endpoint.locality != "local"):
        return refused("private", f"private: {PASSED_ON if profile.offloaded else 'only local endpoints may see this request'}")
    if facts.files_elsewhere and (policy.airgap or facts.classification.sensitivity == "private"):
        rule: RefusalRule = "airgap" if policy.airgap else "private"
        return refused(rule, f"{rule}: {FETCHED}")
    if facts.exact and wish and not wish.matches(candidate):
        return refused("name", "the request asks for nobody but whom it names")
    if profile.toy and not policy.use_toys and not (wish and wish.matches(candidate)):
        if wish:
            return refused("toy", "a toy model does not stand in for another one")
        if real:
            return refused("toy", "a toy model answers only when it is named, enabled in settings (embedded.enabled), or alone")
    if candidate.only_named and wish.model != profile.name and not listed(candidate, policy):
        return refused("name", "known only by name, and not named by this request")
    if profile.kind != "chat":
        return refused("capability", f"it is no model to chat with ({profile.kind})")
    if facts.has_images and not profile.vision:
        return refused("capability", "the request has images and the model does not see")
    if facts.has_documents and not profile.documents:
        return refused("capability", "the request has documents and the model does not read any")
    if facts.has_tools and not profile.tools:
        return refused("capability", "the request has tools and the model does not call any")
    if facts.needs_schema and not profile.json_schema:
        return refused("capability", "the request wants a JSON schema and the model does not obey one")
    if overfull(profile, facts.tokens, by=_SURELY):
        return refused("window", f"the request does not fit its window of {profile.context_window} tokens")
    return None


def retirement(profile: ModelProfile) -> tuple[str, ...]:
    """Say that a model is retired, and which one takes its place; nothing for one that is not."""
    if not profile.retired:
        return ()
    return (f"{profile.name} is retired" + (f"; use {profile.replaced_by}" if profile.replaced_by else ""),)


def _notices(ranked: list[Candidate], facts: Facts) -> tuple[str, ...]:
    if not ranked:
        return ()
    first = ranked[0].profile
    notices: list[str] = []
    if facts.wish and not facts.wish.matches(ranked[0]):
        asked = facts.wish.model or facts.wish.provider
        notices.append(f"{asked} is not available; {first.name} of {first.provider} is asked instead")
    if any(candidate.unreached for candidate in ranked):
        instead = f"; {first.name} of {first.provider}, which is local, is asked first" if not ranked[0].unreached else ""
        notices.append(f"offline: no provider elsewhere could be reached just now{instead}")
    return (*notices, *retirement(first))


def _verdict(made: Plan, facts: Facts, snapshot: Snapshot, policy: RoutingPolicy, catalogue: Catalogue) -> Result[Plan, LLMError]:
    return Success(made) if made.steps else Failure(nobody_to_ask(made, facts, snapshot, policy, catalogue))
