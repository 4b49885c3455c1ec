"""What a provider can do besides chat, and who can do what another cannot."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final, Literal, TypeAlias

from llm_manager.domain.errors import ConfigurationError
from llm_manager.domain.models import ModelKind

Ability: TypeAlias = Literal["embed", "moderate", "create_image", "count_tokens"]

ABILITIES: Final[Mapping[str, frozenset[Ability]]] = MappingProxyType(
    {
        "openai": frozenset({"embed", "moderate", "create_image", "count_tokens"}),
        "anthropic": frozenset({"count_tokens"}),
        "gemini": frozenset({"embed", "count_tokens"}),
        "groq": frozenset(),
        "together": frozenset({"embed", "create_image"}),
        "openrouter": frozenset({"embed"}),
        "cohere": frozenset({"embed", "count_tokens"}),
        "ollama": frozenset({"embed"}),
        "lmstudio": frozenset({"embed"}),
        "llamacpp": frozenset({"embed", "count_tokens"}),
        "vllm": frozenset({"embed", "count_tokens"}),
        "embedded": frozenset(),
        "llama_cpp_cli": frozenset(),
    }
)
"""By canonical provider; a test holds each client to its line."""

_MOST_NAMES: Final = 6
_WORDS: Final[Mapping[Ability, str]] = MappingProxyType(
    {
        "embed": "makes no embeddings",
        "moderate": "moderates no texts",
        "create_image": "makes no images",
        "count_tokens": "counts no tokens",
    }
)


KIND_OF: Final[Mapping[Ability, ModelKind]] = MappingProxyType(
    {"embed": "embedding", "moderate": "moderation", "create_image": "image", "count_tokens": "chat"}
)
"""Which kind of model has an ability."""

_DEEDS: Final[Mapping[Ability, str]] = MappingProxyType(
    {"embed": "embed texts", "moderate": "moderate texts", "create_image": "make images", "count_tokens": "count tokens"}
)


def who_can(ability: Ability) -> tuple[str, ...]:
    """The providers that have an ability."""
    return tuple(provider for provider, able in ABILITIES.items() if ability in able)


def lacking(ability: Ability, provider: str) -> ConfigurationError:
    """Say that a provider cannot do this, and who can.

    >>> lacking("moderate", "anthropic").message
    'anthropic moderates no texts; openai does'
    """
    others = [name for name in who_can(ability) if name != provider]
    can = f"; {_all_of(others)} {'do' if len(others) > 1 else 'does'}" if others else ""
    return ConfigurationError(message=f"{provider} {_WORDS[ability]}{can}")


def unfit(ability: Ability, model: str, provider: str, fitting: Sequence[str]) -> ConfigurationError:
    """Say that a model is one to chat with, and which of its provider's are not.

    >>> unfit("embed", "gpt-4o", "openai", ("text-embedding-3-small",)).message
    'gpt-4o of openai is a model to chat with and makes no embeddings; use text-embedding-3-small'
    """
    use = f"; use {' or '.join(fitting[:_MOST_NAMES])}" if fitting else ""
    return ConfigurationError(message=f"{model} of {provider} is a model to chat with and {_WORDS[ability]}{use}")


def nobody(ability: Ability) -> ConfigurationError:
    """Say that no provider at hand can do this, and who could.

    >>> nobody("moderate").message
    'no provider at hand can moderate texts; openai can: set it up'
    """
    able = who_can(ability)
    return ConfigurationError(
        message=f"no provider at hand can {_DEEDS[ability]}; {_all_of(able)} can: set {'one of them' if len(able) > 1 else 'it'} up"
    )


def _all_of(names: Sequence[str]) -> str:
    return ", ".join(names[:-1]) + (" and " if len(names) > 1 else "") + "".join(names[-1:])
