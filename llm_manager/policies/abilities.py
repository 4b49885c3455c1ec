"""What a provider can do besides chat, and who can do what another cannot."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, Literal, TypeAlias

from llm_manager.domain.errors import ConfigurationError

Ability: TypeAlias = Literal["embed", "moderate", "create_image", "count_tokens"]

ABILITIES: Final[Mapping[str, frozenset[Ability]]] = MappingProxyType(
    {
        "openai": frozenset({"embed", "moderate", "create_image", "count_tokens"}),
        "anthropic": frozenset({"count_tokens"}),
        "gemini": frozenset({"embed", "count_tokens"}),
        "groq": frozenset(),
        "together": frozenset({"embed", "create_image"}),
        "openrouter": frozenset({"embed"}),
        "ollama": frozenset({"embed"}),
        "lmstudio": frozenset({"embed"}),
        "llamacpp": frozenset({"embed", "count_tokens"}),
        "vllm": frozenset({"embed", "count_tokens"}),
        "embedded": frozenset(),
        "llama_cpp_cli": frozenset(),
    }
)
"""By canonical provider; a test holds each client to its line."""

_WORDS: Final[Mapping[Ability, str]] = MappingProxyType(
    {
        "embed": "makes no embeddings",
        "moderate": "moderates no texts",
        "create_image": "makes no images",
        "count_tokens": "counts no tokens",
    }
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
    able = ", ".join(others[:-1]) + (" and " if len(others) > 1 else "") + "".join(others[-1:])
    return ConfigurationError(
        message=f"{provider} {_WORDS[ability]}" + (f"; {able} {'do' if len(others) > 1 else 'does'}" if others else "")
    )
