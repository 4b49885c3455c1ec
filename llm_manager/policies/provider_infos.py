"""What there is to know of a provider before it is asked, and what is known of it once it has been."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final

from attrs import field, frozen

from llm_manager.domain.models import Health, Locality, ModelProfile
from llm_manager.policies.abilities import ABILITIES, Ability
from llm_manager.policies.names import ALIASES, KEY_VARIABLES, LOCALITY

DESCRIPTIONS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "openai": "OpenAI's models: chat, reasoning, embeddings, images, moderation",
        "anthropic": "Anthropic's Claude models: chat, extended thinking, documents",
        "gemini": "Google's Gemini models: text, images, documents, embeddings",
        "groq": "open models on Groq's processors, for speed",
        "together": "open models in Together AI's cloud",
        "openrouter": "many makers' models behind one key",
        "cohere": "Cohere's Command models: chat in many languages, tools, embeddings",
        "ollama": "a server of one's own that fetches and runs open models",
        "lmstudio": "a desktop program of one's own with a server for open models",
        "llamacpp": "llama.cpp's own server, for a GGUF file",
        "vllm": "a server of one's own for GPUs and many requests at once",
        "embedded": "a model of 135 million parameters in this very process, for trying things out",
        "llama_cpp_cli": "llama.cpp's program, started for each request",
    }
)
"""By canonical name, in a few words."""


@frozen(kw_only=True)
class ProviderInfo:
    """One provider that can be named: where it usually runs, and what it can do besides chat.

    ``key_variable`` is the variable that holds its key, None where none is wanted; ``models`` are the usual ones by tier.
    """

    name: str
    description: str
    aliases: tuple[str, ...] = ()
    where: Locality
    key_variable: str | None = None
    abilities: tuple[Ability, ...] = ()
    models: Mapping[str, str] = field(factory=dict)


@frozen(kw_only=True)
class ProviderStatus:
    """A provider and how it is: ``health`` is None for one that is not set up; ``models`` are those that it offers."""

    info: ProviderInfo
    health: Health | None = None
    models: tuple[ModelProfile, ...] = ()

    @property
    def available(self) -> bool:
        """Say whether it answers."""
        return self.health is not None and self.health.healthy


def provider_info(name: str, models: Mapping[str, str] | None = None) -> ProviderInfo:
    """What is known of a provider by its canonical name.

    >>> provider_info("anthropic").aliases, provider_info("anthropic").key_variable
    (('claude',), 'ANTHROPIC_API_KEY')
    """
    return ProviderInfo(
        name=name,
        description=DESCRIPTIONS.get(name, ""),
        aliases=tuple(sorted(alias for alias, meant in ALIASES.items() if meant == name and alias != name.replace("_", ""))),
        where=LOCALITY.get(name, "cloud"),
        key_variable=KEY_VARIABLES.get(name),
        abilities=tuple(sorted(ABILITIES.get(name, ()))),
        models=models or {},
    )


def provider_statuses(
    infos: Iterable[ProviderInfo], healths: Iterable[Health], models: Iterable[ModelProfile]
) -> tuple[ProviderStatus, ...]:
    """Put together what `list_providers`, a manager's ``health`` and its ``models`` tell, by provider; one of your own comes last."""
    known = {info.name: info for info in infos}
    told = {health.provider: health for health in healths}
    offered: dict[str, list[ModelProfile]] = {}
    for profile in models:
        offered.setdefault(profile.provider, []).append(profile)
    names = dict.fromkeys((*known, *told, *offered))
    return tuple(
        ProviderStatus(info=known.get(name) or provider_info(name), health=told.get(name), models=tuple(offered.get(name, ())))
        for name in names
    )
