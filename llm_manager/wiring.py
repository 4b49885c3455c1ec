"""The composition root: settings and a world become a manager. The only file that sees everything.

Where a layer stands is written here, once: `around_calls` and `around_attempts`. What only some embedders need (reading
settings, HTTP) is imported when it is first needed.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, TypeAlias

from attrs import evolve, field, frozen
from returns.future import FutureResult
from returns.result import Failure, Result, Success

from llm_manager.domain.attempts import Attempt
from llm_manager.domain.configuration import LLMConfig, ProviderSettings
from llm_manager.domain.errors import ConfigurationError, LLMError, PolicyBlocked
from llm_manager.domain.models import Endpoint, Health, ModelProfile
from llm_manager.domain.plans import RoutingPolicy, Snapshot, Unavailable
from llm_manager.domain.requests import LLMRequest
from llm_manager.domain.responses import LLMResponse
from llm_manager.effects import publish, settle
from llm_manager.layers.bounding import bounding
from llm_manager.layers.caching import Memory, caching, caching_streams
from llm_manager.layers.observing import CallLayer, observing
from llm_manager.layers.recording import recording
from llm_manager.orchestration.batching import batching
from llm_manager.orchestration.checking import checking_health, listing_models
from llm_manager.orchestration.conversing import conversing
from llm_manager.orchestration.discovering import discovering
from llm_manager.orchestration.dispatching import asking_clients, opening_clients
from llm_manager.orchestration.generating import generating
from llm_manager.orchestration.knowing import Knowledge, Known
from llm_manager.orchestration.streaming import streaming
from llm_manager.orchestration.structuring import structuring
from llm_manager.orchestration.walking import WalkDeps, walking
from llm_manager.outcomes import Settled, sealed
from llm_manager.policies.names import KEY_VARIABLES, LOCALITY, canonical_provider, nearest
from llm_manager.policies.routing import remembering_routes, why_not_asked
from llm_manager.real_world import real_world
from llm_manager.services.cache import Cache
from llm_manager.services.conversation_storage import ConversationStorage
from llm_manager.services.journal import Journal
from llm_manager.services.manager import LLMManager
from llm_manager.services.model_client import ClientParts, ModelClient
from llm_manager.services.model_router import ModelRouter
from llm_manager.services.steps import Around, OpenStream, stacked
from llm_manager.services.world import World
from llm_manager.stores.memory import memory_cache, memory_conversations
from llm_manager.telemetry.journal import journal_of
from llm_manager.telemetry.logging import log
from llm_manager.telemetry.statistics import keeping_statistics

if TYPE_CHECKING:
    from pathlib import Path

_FOUND_BY_PROBING = ("lmstudio",)
_EMBEDDED = "embedded"


@frozen(kw_only=True)
class ManagerDeps:
    """All that a manager is made of; change a field with `attrs.evolve` to swap the cache, the storage or a client.

    ``clients`` may be asked at once; ``servers`` are looked for before the first call when ``clients`` has no real model.
    ``unavailable`` says why other providers are not there.
    """

    config: LLMConfig
    world: World
    router: ModelRouter
    clients: Mapping[str, ModelClient]
    servers: Mapping[str, ModelClient] = field(factory=dict)
    unavailable: tuple[Unavailable, ...] = ()
    cache: Cache
    conversations: ConversationStorage
    journal: Journal


def load_config(path: "str | Path | None" = None, environ: Mapping[str, str] | None = None) -> Result[LLMConfig, LLMError]:
    """Read the settings from files and environment; all faults come at once, and nothing is sent anywhere."""
    from llm_manager.settings import read_config

    return read_config(path, real_world().environ if environ is None else environ).map(lambda read: read.config)


def default_deps(config: LLMConfig, world: World | None = None) -> Result[ManagerDeps, LLMError]:
    """Build everything that the settings ask for; nothing is opened, sent or imported for a provider that is not there."""
    from llm_manager.clients.catalogue import CATALOGUE, build_client

    here = real_world() if world is None else world
    parts = _parts(config, here)
    clients: dict[str, ModelClient] = {}
    unavailable: list[Unavailable] = []
    for name in LOCALITY:
        settings = config.providers.get(name)
        reason = "its client is not part of this version" if settings and name not in CATALOGUE else _why_not(name, settings)
        if reason is not None:
            unavailable.append(Unavailable(provider=name, reason=reason))
            continue
        built = sealed(build_client(name, settings or ProviderSettings(), parts))
        if isinstance(built, Failure):
            return built
        clients[name] = built.unwrap()
    servers: dict[str, ModelClient] = {}
    if not _has_real_model(clients):
        for name in _FOUND_BY_PROBING:
            built = sealed(build_client(name, ProviderSettings(), parts))
            if isinstance(built, Failure):
                return built
            servers[name] = built.unwrap()
            unavailable = [gone for gone in unavailable if gone.provider != name]
    return make_model_router(config).map(
        lambda router: ManagerDeps(
            config=config,
            world=here,
            router=router,
            clients=clients,
            servers=servers,
            unavailable=tuple(unavailable),
            cache=memory_cache(config.cache, here.now),
            conversations=memory_conversations(),
            journal=journal_of(log),
        )
    )


def make_model_router(config: LLMConfig) -> Result[ModelRouter, LLMError]:
    """A router that obeys the settings' routing policy; equal requests under one snapshot get equal plans."""
    return Success(ModelRouter(route=remembering_routes(_policy(config))))


def make_model_client(name: str, settings: ProviderSettings | None = None, world: World | None = None) -> Result[ModelClient, LLMError]:
    """One provider's client by name or alias, for those who need no routing; its default model answers."""
    from llm_manager.clients.catalogue import build_client

    provider = canonical_provider(name)
    if provider is None:
        known = ", ".join(nearest(name, LOCALITY) or tuple(LOCALITY))
        return Failure(ConfigurationError(message=f"no provider is called {name!r}; did you mean {known}?"))
    here = real_world() if world is None else world
    return build_client(provider, settings or ProviderSettings(), _parts(LLMConfig(), here))


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

    return build_client("lmstudio", settings, _parts(config, real_world())).bind(permitted)


def create_default_llm_manager() -> Result[LLMManager, LLMError]:
    """A manager from the files and the environment of this process."""
    return load_config().bind(make_llm_manager)


def make_llm_manager(config: LLMConfig, deps: ManagerDeps | None = None) -> Result[LLMManager, LLMError]:
    """Make a manager; this does no I/O. ``deps`` takes the place of what the settings would build."""
    return (default_deps(config) if deps is None else Success(deps)).map(_assembled)


def _assembled(deps: ManagerDeps) -> LLMManager:
    config, world, now = deps.config, deps.world, deps.world.now
    statistics = keeping_statistics()
    known = Known(clients=deps.clients, unavailable=deps.unavailable)
    knowledge = Knowledge(known, lambda: statistics.recent(now()))
    journal = journal_of(statistics.subscriber, knowledge.hear, deps.journal.emit)
    servers = {} if _has_real_model(deps.clients) else deps.servers

    async def ready() -> None:
        await world.run_blocking(_import_sending)

    discover = discovering(servers, journal, now, knowledge.learn_clients, ready)

    async def snapshot(request: LLMRequest) -> Snapshot:
        await discover()
        return knowledge.snapshot(request)

    walk = WalkDeps(
        world=world,
        journal=journal,
        router=deps.router,
        snapshot=snapshot,
        clients=knowledge.clients,
        performance=config.performance,
        providers=config.providers,
    )

    around_each, around_each_stream = around_attempts(deps, journal)
    answers = stacked(around_each, asking_clients(knowledge.clients))
    streams = stacked(around_each_stream, opening_clients(knowledge.clients))
    generate = generating(stacked(around_calls(deps, journal), walking(answers, walk, streamed=False)), world)
    opened = stacked(around_calls(deps, journal), walking(streams, walk, streamed=True))

    async def fitting(request: LLMRequest) -> int:
        if config.performance.concurrency is not None:
            return config.performance.concurrency
        planned = sealed(deps.router.route(request, await snapshot(request)))
        return 1 if isinstance(planned, Failure) else planned.unwrap().steps[0].profile.concurrency

    def forbidden(endpoint: Endpoint) -> str | None:
        return why_not_asked(endpoint, config.routing)

    check, listed = checking_health(knowledge.clients, forbidden), listing_models(knowledge.clients, forbidden)

    async def look() -> Settled[tuple[str, ...], LLMError]:
        await discover()
        return Success(tuple(knowledge.clients()))

    async def health() -> Settled[tuple[Health, ...], LLMError]:
        await discover()
        asked = await settle(check())
        return sealed(asked.map(knowledge.learn_health))

    async def models() -> Settled[tuple[ModelProfile, ...], LLMError]:
        await discover()
        return await settle(listed())

    async def close() -> None:
        for client in (*knowledge.clients().values(), *deps.servers.values()):
            await client.close()

    return LLMManager(
        generate=publish(generate),
        stream=streaming(opened, world),
        generate_all=batching(generate, fitting),
        generate_as=structuring(generate),
        converse=conversing(generate, deps.conversations, config.context),
        plan=lambda request: deps.router.route(request, knowledge.snapshot(request)),
        health=publish(health),
        stats=statistics.read,
        models=publish(models),
        discover=publish(look),
        close=close,
    )


def around_calls(deps: ManagerDeps, journal: Journal) -> tuple[CallLayer, ...]:
    """What stands around a whole call, outermost first. Its deadline is a number in the ledger: see `walking`."""
    return (observing(journal, deps.world.now),)


AroundEach: TypeAlias = tuple[tuple[Around[Attempt, LLMResponse], ...], tuple[Around[Attempt, OpenStream], ...]]


def around_attempts(deps: ManagerDeps, journal: Journal) -> AroundEach:
    """What stands around each attempt, outermost first: for whole answers, and for streams, which differ in caching."""
    memory = Memory(cache=deps.cache, journal=journal, now=deps.world.now)
    each = (recording(journal, deps.world.now), bounding(deps.world.now))
    if not deps.config.cache.enabled:
        return each, each
    return (caching(memory), *each), (caching_streams(memory), *each)


def _policy(config: LLMConfig) -> RoutingPolicy:
    return evolve(config.routing, use_toys=config.embedded.enabled)


def _parts(config: LLMConfig, world: World) -> ClientParts:
    from llm_manager.clients.http import make_transport

    return ClientParts(
        world=world,
        network=config.network,
        performance=config.performance,
        embedded=evolve(config.embedded, fetch="never") if config.routing.airgap else config.embedded,
        profiles=config.profiles,
        make_transport=lambda ca_bundle: make_transport(network=config.network, ca_bundle=ca_bundle),
    )


def _import_sending() -> None:
    """Import what the first request would otherwise wait for: the HTTP library, in a tenth of a second or several."""
    import llm_manager.clients.pools  # noqa: F401 - it is loaded for those who send


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
    return bool(settings.api_key) or own or settings.base_url is not None


def _has_real_model(clients: Mapping[str, ModelClient]) -> bool:
    return any(not profile.toy for client in clients.values() for profile in client.profiles)
