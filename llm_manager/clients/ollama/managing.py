"""The models on a server's disk and in its memory, managed; nothing is fetched or asked of a registry under airgap."""

from collections.abc import AsyncGenerator, Callable
from typing import Final

from attrs import frozen
from returns.result import Failure, Result, Success

from llm_manager.clients.data.ollama import REGISTRY
from llm_manager.clients.ollama.asking import Server
from llm_manager.clients.ollama.embedding import PATH as EMBED
from llm_manager.clients.ollama.encoding import GENERATE
from llm_manager.clients.ollama.naming import RegistryName, is_offloaded, registry_name
from llm_manager.clients.ollama.updating import update_of
from llm_manager.clients.talking import QUICKLY
from llm_manager.domain.errors import ConfigurationError, LLMError, PolicyBlocked
from llm_manager.domain.local_models import LocalModel, LocalModelDetails, ModelUpdate, PullProgress
from llm_manager.domain.models import ModelProfile
from llm_manager.effects import publish
from llm_manager.outcomes import Settled
from llm_manager.services.local_models import LocalModels
from llm_manager.services.transport import Envelope, Transport

_ACCEPT: Final = (
    (b"accept", b"application/vnd.docker.distribution.manifest.v2+json"),
    (b"user-agent", b"llm-manager"),
)


@frozen(kw_only=True)
class ManagingDeps:
    """A server; the way to the registry, when settings let it be asked; and whether nothing may leave this machine."""

    server: Server
    profile: Callable[[str], ModelProfile]
    registry: Transport | None
    airgap: bool


def managing(deps: ManagingDeps) -> LocalModels:
    """The functions that manage a server's models."""
    server = deps.server

    async def pull(name: str) -> AsyncGenerator[Result[PullProgress, LLMError], None]:
        if deps.airgap:
            yield Failure(_airgapped(f"{name} is not fetched"))
            return
        progress = server.pull(name)
        try:
            async for told in progress:
                yield told
        finally:
            await progress.aclose()

    async def show(name: str) -> Settled[LocalModelDetails, LLMError]:
        if deps.airgap and is_offloaded(name):
            return Failure(_airgapped(f"the server would ask a cloud about {name}"))
        return await server.show(name)

    async def updates() -> Settled[tuple[ModelUpdate, ...], LLMError]:
        if deps.airgap:
            return Failure(_airgapped("no registry is asked for newer versions"))
        if deps.registry is None:
            provider = server.line.way.endpoint.provider
            return Failure(ConfigurationError(message=f"looking for newer versions is off: set providers.{provider}.check_updates = true"))
        stored = await server.stored()
        if isinstance(stored, Failure):
            return stored
        return Success(tuple([await _update(deps.registry, model) for model in stored.unwrap()]))

    async def load(name: str) -> Settled[None, LLMError]:
        return await loaded(name, {"model": name})

    async def unload(name: str) -> Settled[None, LLMError]:
        return await loaded(name, {"model": name, "keep_alive": 0})

    async def loaded(name: str, told: dict[str, object]) -> Settled[None, LLMError]:
        if deps.airgap and is_offloaded(name):
            return Failure(_airgapped(f"the server would ask a cloud for {name}"))
        embeds = deps.profile(name).kind == "embedding"
        return await server.load(name, {**told, **({"input": []} if embeds else {"stream": False})}, EMBED if embeds else GENERATE)

    return LocalModels(
        stored=publish(server.stored),
        show=publish(show),
        running=publish(server.running),
        pull=pull,
        delete=publish(server.delete),
        updates=publish(updates),
        load=publish(load),
        unload=publish(unload),
    )


async def _update(registry: Transport, model: LocalModel) -> ModelUpdate:
    """Ask for one model's manifest; whoever cannot be asked leaves it open."""
    kept = None if model.remote_host is not None or is_offloaded(model.name) else registry_name(model.name)
    if kept is None:
        return ModelUpdate(name=model.name, newer=None)
    outcome = await registry.send(_manifest(kept, model.name))
    return ModelUpdate(name=model.name, newer=None) if isinstance(outcome, Failure) else update_of(model, outcome.unwrap())


def _manifest(kept: RegistryName, model: str) -> Envelope:
    return Envelope(
        method="GET",
        url=REGISTRY + kept.path,
        headers=_ACCEPT,
        body=b"",
        limits=QUICKLY,
        local=False,
        provider="ollama",
        model=model,
        endpoint=REGISTRY,
    )


def _airgapped(what: str) -> PolicyBlocked:
    return PolicyBlocked(message=f"under airgap {what}", policy="airgap")
