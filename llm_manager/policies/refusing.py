"""Why nobody may be asked, in one short sentence: what refused the candidates that there are, then what to do.

Providers that are merely not configured are not listed: `llm-manager plan` tells of each.
"""

from collections.abc import Iterable, Sequence
from typing import Final, Literal

from llm_manager.domain.errors import ConfigurationError, ContextTooLarge, LLMError, PolicyBlocked
from llm_manager.domain.plans import Plan, Refusal, RoutingPolicy, Snapshot
from llm_manager.policies.absent_models import Catalogue, absent_model, owner_of
from llm_manager.policies.names import LOCALITY
from llm_manager.policies.route_facts import Facts, Wish

ONLY_LOCAL: Final = "only local endpoints may be asked"
PASSED_ON: Final = "its server passes requests for this model on to a cloud"
FETCHED: Final = (
    "its server would fetch a file of this request from a host that is not local; send the bytes (ImageData, DocumentData), "
    "or list the host in network.local_hosts"
)
_START_LOCAL: Final = "start a local server (Ollama, LM Studio) or enable the embedded model (embedded.enabled = true)"
_MOST_REASONS: Final = 2
_MOST_NAMES: Final = 3


def nobody_to_ask(made: Plan, facts: Facts, snapshot: Snapshot, policy: RoutingPolicy, catalogue: Catalogue) -> LLMError:
    """Say why a plan has no step."""
    wish = facts.wish
    refused = [each for each in made.refused if each.model and each.rule not in ("name", "toy")]
    if facts.exact and wish:
        refused = [each for each in refused if _is_meant(each, wish)]
    private = facts.classification.sensitivity == "private"
    if wish and not refused and (home := _home(wish)) not in {candidate.profile.provider for candidate in snapshot.candidates}:
        away = LOCALITY.get(home or "") == "cloud"
        if away and (policy.airgap or private):
            return _blocked("airgap" if policy.airgap else "private", f"{home}: {ONLY_LOCAL}")
        return _absent(wish, snapshot, catalogue)
    fetching = [each for each in refused if each.reason.endswith(FETCHED)]
    if fetching:
        return _blocked("airgap" if policy.airgap else "private", in_short(fetching), advice="")
    rules = {each.rule for each in refused}
    if "airgap" in rules:
        return _blocked("airgap", in_short(refused))
    if "private" in rules or (private and "window" not in rules):
        return _blocked("private", in_short(refused))
    if rules == {"window"}:
        return _too_large(refused, facts, snapshot)
    if facts.exact and wish:
        return ConfigurationError(message=f"{wish.model or wish.provider} cannot be asked: {in_short(refused) or 'nobody has it'}")
    if refused:
        return ConfigurationError(message=f"no model at hand fits ({in_short(refused)}); llm-manager plan tells of each")
    return _none(snapshot, policy)


def in_short(refused: Iterable[Refusal]) -> str:
    """Each reason once, with whom it keeps out; no more than fits a line."""
    whom: dict[str, dict[str, None]] = {}
    for each in refused:
        by_place = each.rule in ("airgap", "private") and not each.reason.endswith(PASSED_ON)
        reason = each.reason.removeprefix(f"{each.rule}: ")
        whom.setdefault(reason, {})[each.provider if by_place or not each.model else each.model] = None
    told = [f"{_listed(tuple(names))}: {reason}" for reason, names in whom.items()]
    more = len(told) - _MOST_REASONS
    return "; ".join(told[:_MOST_REASONS]) + (f"; {more} more reason{'s' if more > 1 else ''}" if more > 0 else "")


def _listed(names: Sequence[str]) -> str:
    more = len(names) - _MOST_NAMES
    return ", ".join(names[:_MOST_NAMES]) + (f" and {more} more" if more > 0 else "")


def _is_meant(refusal: Refusal, wish: Wish) -> bool:
    return wish.provider in (None, refusal.provider) and wish.model in (None, refusal.model)


def _home(wish: Wish) -> str | None:
    return wish.provider if wish.provider is not None or wish.model is None else owner_of(wish.model)


def _absent(wish: Wish, snapshot: Snapshot, catalogue: Catalogue) -> ConfigurationError:
    if wish.provider is None and wish.model is not None:
        return absent_model(wish.model, snapshot, catalogue)
    reason = next((gone.reason for gone in snapshot.unavailable if gone.provider == wish.provider), "not configured")
    return ConfigurationError(message=f"{wish.provider} cannot be asked: {reason}")


def _blocked(policy: Literal["airgap", "private"], causes: str, *, advice: str = f"; {_START_LOCAL}") -> PolicyBlocked:
    what = "the airgap" if policy == "airgap" else "privacy"
    return PolicyBlocked(message=f"{what} leaves no model to ask{f' ({causes})' if causes else ''}{advice}", policy=policy)


def _too_large(refused: Sequence[Refusal], facts: Facts, snapshot: Snapshot) -> ContextTooLarge:
    full = {(each.provider, each.model) for each in refused}
    profiles = [candidate.profile for candidate in snapshot.candidates]
    largest = max((one for one in profiles if (one.provider, one.name) in full), key=lambda one: one.context_window or 0)
    return ContextTooLarge(model=largest.name, token_count=facts.tokens, limit=largest.context_window, message=in_short(refused))


def _none(snapshot: Snapshot, policy: RoutingPolicy) -> ConfigurationError:
    """Nobody is there at all: who is wanted and cannot be asked, else how to get somebody."""
    gone = [
        each
        for each in sorted(snapshot.unavailable, key=lambda each: not each.configured)
        if each.rule == "unavailable" and not (policy.airgap and LOCALITY.get(each.provider) == "cloud")
    ]
    wanted = [each for each in gone if each.configured] or gone
    causes = in_short(Refusal(provider=each.provider, model="", rule=each.rule, reason=each.reason) for each in wanted)
    told = "No LLM providers available" + (f" ({causes})" if causes else "")
    if any(each.configured for each in wanted):
        return ConfigurationError(message=told)
    advice = _START_LOCAL if policy.airgap else "start Ollama or LM Studio, or set a provider's key: see llm-manager providers"
    return ConfigurationError(message=f"{told}; {advice}")
