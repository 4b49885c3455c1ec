"""Who can be asked, and why the others cannot."""

from collections.abc import Mapping
from typing import Final, Literal

from attrs import frozen
from returns.result import Failure, Result, Success

from llm_manager.domain.configuration import LLMConfig, ProviderSettings
from llm_manager.domain.errors import LLMError
from llm_manager.domain.models import ModelProfile
from llm_manager.domain.plans import Unavailable
from llm_manager.outcomes import sealed
from llm_manager.policies.keys import has_keys
from llm_manager.policies.names import KEY_VARIABLES, LOCALITY
from llm_manager.real_world import real_world
from llm_manager.services.model_client import ClientParts, ModelClient, has_real_model
from llm_manager.services.world import World
from llm_manager.wiring.parts import parts_of

FOUND_BY_PROBING: Final = ("lmstudio", "ollama", "llamacpp", "vllm")
_EMBEDDED: Final = "embedded"


@frozen(kw_only=True)
class Providers:
    """Who can be asked, whose servers are looked for, and who cannot be asked, with the reason."""

    clients: Mapping[str, ModelClient]
    servers: Mapping[str, ModelClient]
    unavailable: tuple[Unavailable, ...]


def providers_of(config: LLMConfig, parts: ClientParts) -> Result[Providers, LLMError]:
    """A client for everybody who is there; local servers are looked for only where no real model is known."""
    from llm_manager.clients.catalogue import build_client

    clients: dict[str, ModelClient] = {}
    unavailable: list[Unavailable] = []
    for name in LOCALITY:
        settings = config.providers.get(name)
        reason = _why_not(name, settings)
        if reason is not None:
            wanted = settings is not None and settings.enabled
            rule: Literal["unavailable", "unconfigured"] = "unconfigured" if settings is None else "unavailable"
            unavailable.append(Unavailable(provider=name, reason=reason, configured=wanted, rule=rule))
            continue
        built = sealed(build_client(name, settings or ProviderSettings(), parts))
        if isinstance(built, Failure):
            return built
        clients[name] = built.unwrap()
    servers: dict[str, ModelClient] = {}
    for name in () if has_real_model(clients) else FOUND_BY_PROBING:
        if name in config.providers:  # it is there, but switched off
            continue
        built = sealed(build_client(name, ProviderSettings(), parts))
        if isinstance(built, Failure):
            return built
        servers[name] = built.unwrap()
    missing = tuple(gone for gone in unavailable if gone.provider not in servers)
    return Success(Providers(clients=clients, servers=servers, unavailable=missing))


def known_models(config: LLMConfig, world: World | None = None) -> tuple[tuple[ModelProfile, str | None], ...]:
    """Every model known by data, each with why it cannot be asked as the settings are, or None; nothing is asked."""
    from llm_manager.clients import known_models as known

    lacks = {name: _why_not(name, config.providers.get(name)) for name in LOCALITY}
    parts = parts_of(config, real_world() if world is None else world)
    return tuple((profile, lacks[profile.provider]) for profile in known.known_models(config, parts))


def _why_not(name: str, settings: ProviderSettings | None) -> str | None:
    """Why a provider is not asked; None when it is. The embedded model is always there: routing keeps it back."""
    if name == _EMBEDDED:
        return None if settings is None or settings.enabled else "switched off in settings"
    if settings is None:
        return "not configured" + (f": set {KEY_VARIABLES[name]}" if name in KEY_VARIABLES else "")
    if not settings.enabled:
        return "switched off in settings"
    if name in KEY_VARIABLES and not _may_do_without_key(settings):
        return f"no key: set {KEY_VARIABLES[name]}"
    return None


def _may_do_without_key(settings: ProviderSettings) -> bool:
    """There is a key, or a header of one's own in its place, or a server of one's own that may ask for none."""
    own = any(header.lower() == "authorization" for header in settings.custom_headers)
    return has_keys(settings) or own or settings.base_url is not None
