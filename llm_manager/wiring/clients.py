"""One provider by itself: its client without a manager, its settings on trial, what there is to know of it."""

from collections.abc import Mapping

from returns.future import FutureResult
from returns.result import Failure, Result, Success

from llm_manager.domain.configuration import EmbeddedSettings, LLMConfig, ProviderSettings
from llm_manager.domain.error_questions import describe
from llm_manager.domain.errors import ConfigurationError, Fault, LLMError, PolicyBlocked
from llm_manager.domain.models import Health
from llm_manager.effects import publish, settle
from llm_manager.outcomes import Settled, sealed
from llm_manager.policies.names import LOCALITY, canonical_provider
from llm_manager.policies.provider_infos import ProviderInfo, provider_info
from llm_manager.policies.provider_names import unknown_provider
from llm_manager.policies.routing import why_not_asked
from llm_manager.real_world import real_world
from llm_manager.services.model_client import ModelClient
from llm_manager.services.world import World
from llm_manager.wiring.configuring import load_config
from llm_manager.wiring.parts import parts_of


def make_model_client(name: str, settings: ProviderSettings | None = None, world: World | None = None) -> Result[ModelClient, LLMError]:
    """One provider's client by name or alias, for those who need no routing; its default model answers."""
    from llm_manager.clients.catalogue import build_client

    provider = canonical_provider(name)
    if provider is None:
        return Failure(unknown_provider(name))
    here = real_world() if world is None else world
    own = settings or ProviderSettings()
    return build_client(provider, own, parts_of(LLMConfig(providers={provider: own}), here))


def list_providers() -> tuple[ProviderInfo, ...]:
    """Every provider there is, with its other names, its key's variable and its usual models; nothing is asked."""
    from llm_manager.clients.usual_models import usual_models

    return tuple(provider_info(name, usual_models(name)) for name in LOCALITY)


def validate_provider_config(name: str, config: Mapping[str, object]) -> Result[ProviderSettings, LLMError]:
    """Check one provider's settings, given as in a file: all faults at once, no value shown, a client built on trial, nothing sent."""
    from llm_manager.settings import read_provider

    provider = canonical_provider(name)
    if provider is None:
        return Failure(unknown_provider(name))
    read = read_provider(provider, config)
    faults = {(fault.key, fault.problem): fault for fault in read.faults}
    built = sealed(_on_trial(provider, read.settings, read.embedded))
    if isinstance(built, Failure):
        error = built.failure()
        told = (
            error.faults
            if isinstance(error, ConfigurationError) and error.faults
            else (Fault(source=provider, key="", problem=describe(error)),)
        )
        for fault in told:
            faults.setdefault((fault.key, fault.problem), fault)
    if not faults:
        return Success(read.settings)
    count = len(faults)
    message = f"the settings of {provider} have {'a fault' if count == 1 else f'{count} faults'}"
    return Failure(ConfigurationError(message=message, faults=tuple(faults.values())))


def _on_trial(provider: str, settings: ProviderSettings, embedded: EmbeddedSettings) -> Result[ModelClient, LLMError]:
    from llm_manager.clients.catalogue import build_client

    return build_client(provider, settings, parts_of(LLMConfig(embedded=embedded), real_world()))


def create_default_local_client() -> Result[ModelClient, LLMError]:
    """A client of LM Studio where it usually listens, or where the settings say; under airgap only where that is local."""
    return load_config().bind(lambda config: _local_client(config, config.providers.get("lmstudio") or ProviderSettings()))


def check_local_model_health(endpoint: str) -> FutureResult[Health, LLMError]:
    """Ask an OpenAI-compatible server at ``endpoint`` (a URL) whether it answers; the settings say which hosts are local."""

    async def check() -> Settled[Health, LLMError]:
        built = sealed(load_config().bind(lambda config: _local_client(config, ProviderSettings(base_url=endpoint))))
        if isinstance(built, Failure):
            return built
        client = built.unwrap()
        try:
            return await settle(client.health())
        finally:
            await client.close()

    return publish(check)()


def _local_client(config: LLMConfig, settings: ProviderSettings) -> Result[ModelClient, LLMError]:
    from llm_manager.clients.catalogue import build_client

    def permitted(client: ModelClient) -> Result[ModelClient, LLMError]:
        forbidden = why_not_asked(client.endpoint, config.routing)
        return Success(client) if forbidden is None else Failure(PolicyBlocked(message=forbidden, policy="airgap"))

    return build_client("lmstudio", settings, parts_of(config, real_world())).bind(permitted)
