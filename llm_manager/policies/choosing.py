"""Who is asked for what is no chat: ``choose(asked, offers, snapshot, policy) -> Plan``.

A provider that is named > the one whose model is named > those that can, as routing orders them: well before ill, then
``fallback_order``, local first, the default provider, under ``cost`` the cheaper one. Nothing that is not local sees a
private text, or anything under airgap. Vectors of two models do not compare, so embeddings have one step, and so has
whatever is named.
"""

from collections.abc import Callable, Collection, Sequence
from typing import Any, TypeAlias, assert_never

from attrs import evolve, field, frozen
from returns.result import Failure, Result, Success

from llm_manager.domain.embeddings import EmbedRequest
from llm_manager.domain.errors import ConfigurationError, LLMError, PolicyBlocked
from llm_manager.domain.images import ImageRequest
from llm_manager.domain.models import Endpoint, ModelProfile
from llm_manager.domain.moderation import ModerationRequest
from llm_manager.domain.plans import Candidate, Plan, PlanStep, Refusal, RefusalRule, RoutingPolicy, Snapshot, TaskClassification
from llm_manager.domain.requests import Sensitivity
from llm_manager.policies.abilities import Ability, lacking, nobody, unfit, who_can
from llm_manager.policies.names import LOCALITY, provider_of_model
from llm_manager.policies.ranking import blended_usd, listed_at
from llm_manager.policies.refusing import PASSED_ON, in_short
from llm_manager.policies.route_facts import Wish, misspelt, wish_for
from llm_manager.policies.routing import retirement, why_not_asked
from llm_manager.policies.sensitivity import sensitivity_of

Besides: TypeAlias = EmbedRequest | ModerationRequest | ImageRequest
"""What is asked besides chat."""


@frozen(kw_only=True)
class Offer:
    """One provider at hand: where it is, what it can do, its models of the kind that is wanted (the first unless one is named).

    ``chats`` are models of a cloud that are known to chat and to do nothing else; a server of one's own may do more with them.
    """

    endpoint: Endpoint
    able: frozenset[Ability]
    models: tuple[ModelProfile, ...]
    chats: frozenset[str] = frozenset()
    profile: Callable[[str], ModelProfile] = field(eq=False, repr=False)


def ability_for(asked: Besides) -> Ability:
    """What a provider must be able to do."""
    match asked:
        case EmbedRequest():
            return "embed"
        case ModerationRequest():
            return "moderate"
        case ImageRequest():
            return "create_image"
        case _:
            assert_never(asked)


def texts_of(asked: Besides) -> tuple[str, ...]:
    """Every text that is sent."""
    return (asked.prompt,) if isinstance(asked, ImageRequest) else asked.texts


def choose(asked: Besides, offers: Sequence[Offer], snapshot: Snapshot, policy: RoutingPolicy) -> Result[Plan, LLMError]:
    """Plan what is asked, or say why nobody may be; ``snapshot`` tells names, absences and health."""
    ability = ability_for(asked)
    wish = wish_for(asked.provider, asked.model, snapshot)
    meant = _meant(wish, ability, offers, snapshot)
    if not isinstance(meant, Success):
        return Failure(meant.failure())
    chatting = _chatting(wish, ability, meant.unwrap())
    if chatting is not None:
        return Failure(chatting)
    sensitivity, why = sensitivity_of(asked.sensitivity, texts_of(asked), policy.default_sensitivity, policy.private_rule)
    known = {each.profile.provider: each for each in snapshot.candidates}
    admitted: list[Candidate] = []
    refused: list[Refusal] = []
    for offer in meant.unwrap():
        profile = _model(offer, wish)
        refusal = _refusal(offer, profile, sensitivity, policy)
        if profile is None or refusal is not None:
            refused.extend(() if refusal is None else (refusal,))
        else:
            admitted.append(_as_known(profile, offer.endpoint, known.get(offer.endpoint.provider)))
    if not admitted:
        return Failure(_blocked(ability, refused))
    ranked = sorted(admitted, key=lambda each: _rank(each, policy))
    why_alone = _why_alone(wish, ability, policy)
    if why_alone is not None:
        refused.extend(
            Refusal(provider=each.profile.provider, model=each.profile.name, rule="fallback", reason=why_alone) for each in ranked[1:]
        )
        ranked = ranked[:1]
    return Success(
        Plan(
            steps=tuple(PlanStep(profile=each.profile, endpoint=each.endpoint, reasons=_reasons(each, wish, policy)) for each in ranked),
            refused=tuple(refused),
            strategy=policy.strategy,
            max_retries=policy.max_retries,
            classification=TaskClassification(
                task_type="general", complexity="simple", sensitivity=sensitivity, prefers_local=sensitivity == "private", reasons=(why,)
            ),
            snapshot_version=snapshot.version,
            notices=retirement(ranked[0].profile),
        )
    )


def counting(plan: Plan, able: Collection[str], *, named: bool) -> Plan | None:
    """Those of a chat's plan who count its tokens, when the first of them does; the first alone when the request names it."""
    if plan.steps[0].profile.provider not in able:
        return None
    steps = plan.steps[:1] if named else tuple(step for step in plan.steps if step.profile.provider in able)
    return evolve(plan, steps=steps)


def _meant(wish: Wish, ability: Ability, offers: Sequence[Offer], snapshot: Snapshot) -> Result[Sequence[Offer], LLMError]:
    """Those among whom to choose: whom the request names, else all that can."""
    able = [offer for offer in offers if ability in offer.able]
    if wish.provider is None and wish.model is None:
        return Success(able) if able else Failure(nobody(ability))
    owner = wish.provider
    if owner is None and wish.model is not None:
        having = [offer for offer in able if any(model.name == wish.model for model in offer.models)]
        if having:
            return Success(having)
        owner = provider_of_model(wish.model)
        if owner is None and len(able) == 1:
            return Success(able)
        if owner is None and not able:
            return Failure(nobody(ability))
    wrong = misspelt(wish, snapshot)
    if wrong is not None:
        return Failure(wrong)
    if owner is None:
        homes = " or ".join(offer.endpoint.provider for offer in able)
        return Failure(ConfigurationError(message=f"whose model is {wish.model}? Name its provider too: {homes}"))
    found = [offer for offer in offers if offer.endpoint.provider == owner]
    if not found:
        gone = next((each.reason for each in snapshot.unavailable if each.provider == owner), "not configured")
        return Failure(ConfigurationError(message=f"{owner} cannot be asked: {gone}"))
    return Success(found) if ability in found[0].able else Failure(lacking(ability, owner))


def _chatting(wish: Wish, ability: Ability, meant: Sequence[Offer]) -> LLMError | None:
    """Say that the model that is named only chats, wherever it could be asked."""
    if wish.model is None or not meant or not all(wish.model in offer.chats for offer in meant):
        return None
    return unfit(ability, wish.model, meant[0].endpoint.provider, [model.name for model in meant[0].models])


def _model(offer: Offer, wish: Wish) -> ModelProfile | None:
    if wish.model is not None:
        return next((model for model in offer.models if model.name == wish.model), None) or offer.profile(wish.model)
    return next(iter(offer.models), None)


def _refusal(offer: Offer, profile: ModelProfile | None, sensitivity: Sensitivity, policy: RoutingPolicy) -> Refusal | None:
    provider, name = offer.endpoint.provider, "" if profile is None else profile.name
    elsewhere = profile is not None and profile.offloaded

    def refused(rule: RefusalRule, reason: str) -> Refusal:
        return Refusal(provider=provider, model=name, rule=rule, reason=reason)

    if (reason := why_not_asked(offer.endpoint, policy)) is not None:
        return refused("airgap", reason)
    if elsewhere and policy.airgap:
        return refused("airgap", f"airgap: {PASSED_ON}")
    if sensitivity == "private" and offer.endpoint.locality != "local":
        return refused("private", "private: only local endpoints may see these texts")
    if elsewhere and sensitivity == "private":
        return refused("private", f"private: {PASSED_ON}")
    if profile is None:
        return refused("name", "no model of this kind is known there; name one")
    return None


def _blocked(ability: Ability, refused: Sequence[Refusal]) -> LLMError:
    told = in_short(refused)
    rules = {each.rule for each in refused}
    near = [name for name in who_can(ability) if LOCALITY[name] == "local"]
    hint = f"; local ones that can: {', '.join(near)}" if near else "; no local one can"
    if "airgap" in rules:
        return PolicyBlocked(message=f"the airgap leaves no model to ask ({told}){hint}", policy="airgap")
    if "private" in rules:
        return PolicyBlocked(message=f"privacy leaves no model to ask ({told}){hint}", policy="private")
    return ConfigurationError(message=told)


def _as_known(profile: ModelProfile, endpoint: Endpoint, known: Candidate | None) -> Candidate:
    """A model with what is known of its endpoint."""
    if known is None:
        return Candidate(profile=profile, endpoint=endpoint)
    return Candidate(profile=profile, endpoint=endpoint, healthy=known.healthy, breaker_open=known.breaker_open, unreached=known.unreached)


def _rank(candidate: Candidate, policy: RoutingPolicy) -> tuple[Any, ...]:
    profile = candidate.profile
    return (
        candidate.breaker_open or candidate.healthy is False or candidate.unreached,
        profile.retired,
        listed_at(candidate, policy),
        blended_usd(candidate) if policy.strategy == "cost" else 0,
        not (policy.local_first and candidate.endpoint.locality == "local"),
        profile.provider != policy.default_provider,
        profile.provider,
        profile.name,
    )


def _why_alone(wish: Wish, ability: Ability, policy: RoutingPolicy) -> str | None:
    if ability == "embed":
        return "vectors of two models do not compare"
    if wish:
        return "the request names another"
    return None if policy.enable_fallback else "fallback is off"


def _reasons(candidate: Candidate, wish: Wish, policy: RoutingPolicy) -> tuple[str, ...]:
    said = ["named by the request"] if wish else []
    said.append(candidate.endpoint.locality)
    if candidate.profile.provider == policy.default_provider:
        said.append("the default provider")
    if candidate.healthy is False:
        said.append("moved back: it did not answer when last asked")
    if candidate.breaker_open:
        said.append("moved back: its breaker is open")
    if candidate.unreached:
        said.append("moved back: offline")
    return tuple(said)
