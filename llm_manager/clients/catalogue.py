"""How each provider's client is built: a mapping from canonical names; nothing is imported before it is asked for."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final, TypeAlias

from returns.result import Failure, Result

from llm_manager.domain.configuration import ProviderSettings
from llm_manager.domain.errors import ConfigurationError, LLMError
from llm_manager.policies.keys import has_ring
from llm_manager.policies.names import canonical_provider, nearest
from llm_manager.services.model_client import Build, ClientParts, ModelClient

Find: TypeAlias = Callable[[], Build]


def _openai_chat(provider: str) -> Find:
    def find() -> Build:
        from llm_manager.clients.data.openai_chat import PROVIDERS
        from llm_manager.clients.openai_chat.transport import building

        return building(PROVIDERS[provider])

    return find


def _anthropic() -> Build:
    from llm_manager.clients.anthropic_messages.transport import build

    return build


def _gemini() -> Build:
    from llm_manager.clients.data.gemini import GEMINI
    from llm_manager.clients.gemini.transport import building

    return building(GEMINI)


def _cohere() -> Build:
    from llm_manager.clients.cohere.transport import build

    return build


def _llama_cpp_cli() -> Build:
    from llm_manager.clients.llama_cpp_cli.transport import build

    return build


def _ollama() -> Build:
    from llm_manager.clients.ollama.transport import build

    return build


def _embedded() -> Build:
    from llm_manager.clients.embedded.transport import build

    return build


CATALOGUE: Final[Mapping[str, Find]] = MappingProxyType(
    {
        **{name: _openai_chat(name) for name in ("lmstudio", "llamacpp", "vllm", "openai", "groq", "together", "openrouter")},
        "anthropic": _anthropic,
        "gemini": _gemini,
        "cohere": _cohere,
        "llama_cpp_cli": _llama_cpp_cli,
        "ollama": _ollama,
        "embedded": _embedded,
    }
)
"""By canonical name, how the builder of a client is found; calling it imports that client's dialect and no other."""


def build_client(name: str, settings: ProviderSettings, parts: ClientParts) -> Result[ModelClient, LLMError]:
    """Build a provider's client by its name or an alias; this opens nothing."""
    provider = canonical_provider(name)
    if provider is None:
        likely = nearest(name, CATALOGUE) or tuple(CATALOGUE)
        return Failure(ConfigurationError(message=f"no provider is called {name!r}; did you mean {', '.join(likely)}?"))
    built = CATALOGUE[provider]()(settings, parts)
    keys = parts.keys
    if keys is None or not has_ring(settings):
        return built
    from llm_manager.clients.choosing_keys import choosing_keys

    return built.map(lambda client: choosing_keys(client, keys))
