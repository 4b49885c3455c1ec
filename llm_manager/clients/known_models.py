"""Every model known by data, as its provider's client would describe it, but for what only asking needs.

No client is built, and nothing needs a key.
"""

from llm_manager.clients.data.shapes import ProviderFacts
from llm_manager.clients.profiles import describing, offered
from llm_manager.clients.usual_models import facts_by_provider
from llm_manager.domain.configuration import LLMConfig, ProviderSettings
from llm_manager.domain.models import Endpoint, ModelProfile
from llm_manager.policies.names import LOCALITY
from llm_manager.services.model_client import ClientParts


def known_models(config: LLMConfig, parts: ClientParts) -> tuple[ModelProfile, ...]:
    """All of them by provider, with what the user's own settings say of them."""
    from llm_manager.clients.embedded.profile import describe

    facts = facts_by_provider()
    found: list[ModelProfile] = []
    for provider in LOCALITY:
        settings = config.providers.get(provider, ProviderSettings())
        if provider in facts:
            found.extend(_of(facts[provider], settings, parts))
        elif provider == "embedded":
            found.append(describe(settings, config.embedded))
    return tuple(found)


def _of(facts: ProviderFacts, settings: ProviderSettings, parts: ClientParts) -> tuple[ModelProfile, ...]:
    own = [profile.name for profile in parts.profiles if profile.provider == facts.name]
    names = dict.fromkeys((*own, *(model.name for model in facts.models)))
    endpoint = Endpoint(provider=facts.name, base_url=settings.base_url or facts.base_url, locality=LOCALITY[facts.name])
    describe = describing(facts, endpoint, settings, parts)
    tiers = {profile.name: profile for profile in offered(facts, settings, describe)}
    return tuple(tiers.get(name) or describe(name) for name in names)
