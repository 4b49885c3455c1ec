"""Which models a provider's client asks unless settings name others, and which it knows, without building it."""

from collections.abc import Mapping

from llm_manager.clients.data.shapes import ProviderFacts


def usual_models(provider: str) -> Mapping[str, str]:
    """The usual models of a provider by tier; nothing where its server, or a file, decides."""
    if provider == "embedded":
        from llm_manager.clients.embedded.profile import MODEL

        return {"default": MODEL}
    facts = facts_by_provider().get(provider)
    return {} if facts is None else {str(tier): model for tier, model in facts.tiers.items()}


def known_names() -> tuple[tuple[str, str], ...]:
    """Every provider and model known by data."""
    return tuple((provider, model.name) for provider, facts in facts_by_provider().items() for model in facts.models)


def facts_by_provider() -> dict[str, ProviderFacts]:
    """The data of every provider that has any."""
    from llm_manager.clients.data.anthropic import ANTHROPIC
    from llm_manager.clients.data.cohere import COHERE
    from llm_manager.clients.data.gemini import GEMINI
    from llm_manager.clients.data.ollama import OLLAMA
    from llm_manager.clients.data.openai_chat import PROVIDERS

    return {**PROVIDERS, **{facts.name: facts for facts in (ANTHROPIC, COHERE, GEMINI, OLLAMA)}}
