"""Whether the provider keeps the beginning of a prompt, where that can be said; elsewhere it decides by itself."""

from llm_manager.clients.data.shapes import ProviderFacts
from llm_manager.clients.fitting import Defaults
from llm_manager.domain.models import ModelProfile
from llm_manager.domain.requests import LLMRequest


def cache_options(
    request: LLMRequest, profile: ModelProfile, facts: ProviderFacts, defaults: Defaults, *, longest: str
) -> dict[str, str] | None:
    """What is said of it, or None for nothing; ``longest`` is the longest time that this dialect knows."""
    wanted = request.preferences.prompt_cache or defaults.prompt_cache
    if wanted is None or not profile.name.startswith(facts.prompt_caching):
        return None
    if wanted == "off":
        return {"mode": "explicit"}
    return {"ttl": "30m" if wanted == "short" else longest}
