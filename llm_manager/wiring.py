"""The composition root: settings and a world become parts, and parts a manager (`assembling`).

With `assembling` the only file that sees everything. What not every embedder needs is imported when it is first needed.
"""

from collections.abc import Mapping
from functools import reduce
from typing import TYPE_CHECKING, Literal

from attrs import evolve, frozen
from returns.future import FutureResult
from returns.result import Failure, Result, Success

from llm_manager.domain.configuration import EmbeddedSettings, LLMConfig, PrivacySettings, ProviderSettings
from llm_manager.domain.error_questions import describe
from llm_manager.domain.errors import ConfigurationError, Fault, LLMError, PolicyBlocked
from llm_manager.domain.events import CacheFailed
from llm_manager.domain.models import Health, ModelProfile
from llm_manager.domain.plans import PrivateRule, Unavailable
from llm_manager.effects import publish, settle
from llm_manager.outcomes import Settled, sealed
from llm_manager.policies.budget_faults import check_budgets
from llm_manager.policies.classification import is_private
from llm_manager.policies.keys import has_keys, has_ring
from llm_manager.policies.names import KEY_VARIABLES, LOCALITY, canonical_provider
from llm_manager.policies.provider_infos import ProviderInfo, provider_info
from llm_manager.policies.provider_names import unknown_provider
from llm_manager.policies.routing import remembering_routes, why_not_asked
from llm_manager.policies.value_faults import kind
from llm_manager.real_world import real_world
from llm_manager.services.cache import Cache, Value
from llm_manager.services.guards import Guards, Keys
from llm_manager.services.journal import Journal
from llm_manager.services.manager import LLMManager, ManagerDeps
from llm_manager.services.model_client import ClientParts, ModelClient, has_real_model
from llm_manager.services.model_router import ModelRouter
from llm_manager.services.sharing import Sharing
from llm_manager.services.similar import SimilarPrompts
from llm_manager.services.store import Store
from llm_manager.services.world import World

if TYPE_CHECKING:
    from pathlib import Path

    from llm_manager.services.transport import Transport
    from llm_manager.telemetry.opentelemetry import Tracing

_FOUND_BY_PROBING = ("lmstudio", "ollama", "llamacpp", "vllm")
_EMBEDDED = "embedded"


def load_config(path: "str | Path | None" = None, environ: Mapping[str, str] | None = None) -> Result[LLMConfig, LLMError]:
    """Read the settings from files and environment; all faults come at once, and nothing is sent anywhere."""
    from llm_manager.settings import read_config

    return read_config(path, real_world().environ if environ is None else environ).map(lambda read: read.config)


def default_deps(
    config: LLMConfig, world: World | None = None, transport: "Transport | None" = None, guards: Guards | None = None
) -> Result[ManagerDeps, LLMError]:
    """Build everything that the settings ask for; nothing is opened, sent or imported for a provider that is not there.

    ``transport`` carries all requests in place of our own pools: a faster one, or a recording (`testing.replayed`). ``guards``
    (`make_guards`) let requests through in place of the manager's own: managers with the same ones share limits, budgets and keys.
    """
    from llm_manager.stores.memory.conversations import memory_conversations
    from llm_manager.telemetry.journal import journal_of
    from llm_manager.telemetry.logging import log

    here = real_world() if world is None else world
    wrong = _no_guards(guards)
    if wrong is not None:
        return Failure(wrong)
    obeying = sealed(_obeying(config))
    if isinstance(obeying, Failure):
        return obeying
    config = obeying.unwrap()
    parts = _parts(config, here, transport, guards)
    found = sealed(_providers(config, parts))
    if isinstance(found, Failure):
        return found
    opened = sealed(_places(config, here, guards))
    if isinstance(opened, Failure):
        return opened
    traced = sealed(_tracing(config, here))
    if isinstance(traced, Failure):
        return traced
    providers, (store, sharing), tracing = found.unwrap(), opened.unwrap(), traced.unwrap()
    likeness = sealed(_similar(config, store, here))
    if isinstance(likeness, Failure):
        return likeness
    journal = journal_of(log) if tracing is None else journal_of(log, tracing.subscriber)
    shared = (None, None) if sharing is None else (sharing.answers, sharing.vectors)
    kept = (None, None) if store is None else (store.answers, store.vectors)
    return make_model_router(config).map(
        lambda router: ManagerDeps(
            config=config,
            world=here,
            router=router,
            clients=providers.clients,
            servers=providers.servers,
            unavailable=providers.unavailable,
            cache=_remembering(config, here, journal, shared[0], kept[0]),
            similar=likeness.unwrap(),
            vectors=_remembering(config, here, journal, shared[1], kept[1]),
            conversations=memory_conversations(here.wall) if store is None else store.conversations,
            journal=journal,
            around_calls=() if tracing is None else (tracing.around,),
            store=store,
            scratch=lambda folder: scratch_store(folder, here),
            keys=parts.keys,
            guards=guards,
            sharing=sharing,
        )
    )


@frozen(kw_only=True)
class _Providers:
    """Who can be asked, whose servers are looked for, and who cannot be asked, with the reason."""

    clients: Mapping[str, ModelClient]
    servers: Mapping[str, ModelClient]
    unavailable: tuple[Unavailable, ...]


def _providers(config: LLMConfig, parts: ClientParts) -> Result[_Providers, LLMError]:
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
    for name in () if has_real_model(clients) else _FOUND_BY_PROBING:
        if name in config.providers:  # it is there, but switched off
            continue
        built = sealed(build_client(name, ProviderSettings(), parts))
        if isinstance(built, Failure):
            return built
        servers[name] = built.unwrap()
    missing = tuple(gone for gone in unavailable if gone.provider not in servers)
    return Success(_Providers(clients=clients, servers=servers, unavailable=missing))


def _remembering(config: LLMConfig, world: World, journal: Journal, *behind: Cache[Value] | None) -> Cache[Value]:
    """Memory in front of those that are there, the nearest first; that one fails is told."""
    from llm_manager.stores.layering import layered
    from llm_manager.stores.memory.cache import memory_cache

    def tell(error: LLMError) -> None:
        journal.emit(CacheFailed(at=world.now(), error=error))

    near: Cache[Value] = memory_cache(config.cache, world.now)
    caches = [near, *(each for each in behind if each is not None)]
    return reduce(lambda far, nearer: layered(nearer, far, tell), reversed(caches))


def scratch_store(folder: "Path", world: World | None = None) -> Result[Store, LLMError]:
    """A store in a folder that goes with what is kept there: for runs that nobody comes back to. Whoever opens it closes it."""
    from llm_manager.distribution import install_hint

    try:
        from llm_manager.stores.opening import open_scratch
    except ModuleNotFoundError:
        return Failure(ConfigurationError(message=f"a run needs a store, which needs more packages: {install_hint('store')}"))
    return open_scratch(folder, real_world() if world is None else world)


def _similar(config: LLMConfig, store: Store | None, world: World) -> Result[SimilarPrompts | None, LLMError]:
    """What finds similar prompts, where the settings want them found."""
    wanted = config.cache.similar
    if wanted is None:
        return Success(None)
    from llm_manager.distribution import install_hint

    try:
        from llm_manager.stores.similar.finding import similar_prompts
    except ModuleNotFoundError:
        return Failure(ConfigurationError(message=f"cache.similar: comparing needs more packages: {install_hint('vectors')}"))
    return Success(similar_prompts(wanted.max_prompts, aside=world.run_blocking) if store is None else store.similar(wanted))


def _sharing(config: LLMConfig, world: World) -> Result[Sharing | None, LLMError]:
    """What is shared with other processes, where the settings say where; nothing is sent before its first use."""
    url = config.store.redis_url
    if url is None:
        return Success(None)
    from llm_manager.distribution import install_hint
    from llm_manager.telemetry.journal import journal_of
    from llm_manager.telemetry.logging import log

    try:
        from llm_manager.stores.redis.opening import open_sharing
    except ModuleNotFoundError:
        return Failure(ConfigurationError(message=f"store.redis_url: sharing needs more packages: {install_hint('redis')}"))
    return open_sharing(url, world, config.cache, journal_of(log).emit)


def _places(config: LLMConfig, world: World, guards: Guards | None) -> Result[tuple[Store | None, Sharing | None], LLMError]:
    """Where things are kept, and where they are shared: there where the guards that are given share theirs."""
    shared = _sharing(config, world) if guards is None or guards.sharing is None else Success(guards.sharing)
    return shared.bind(lambda sharing: _store(config, world).map(lambda store: (store, sharing)))


def _store(config: LLMConfig, world: World) -> Result[Store | None, LLMError]:
    """What outlives the process, where the settings say where; nothing is opened before its first use."""
    if config.store.url is None:
        return Success(None)
    from llm_manager.distribution import install_hint

    try:
        from llm_manager.stores.opening import open_store
    except ModuleNotFoundError:
        return Failure(ConfigurationError(message=f"store.url: a store needs more packages: {install_hint('store')}"))
    return open_store(config.store, world, config.cache)


def _tracing(config: LLMConfig, world: World) -> "Result[Tracing | None, LLMError]":
    """What tells OpenTelemetry, where the settings wish it; the words of a private request are never told."""
    if not config.telemetry.opentelemetry:
        return Success(None)
    from llm_manager.distribution import install_hint

    try:
        from llm_manager.telemetry.opentelemetry import tracing
    except ModuleNotFoundError:
        return Failure(ConfigurationError(message=f"telemetry.opentelemetry: it needs one more package: {install_hint('otel')}"))
    tells, routing = config.telemetry.content, config.routing
    return Success(tracing(world, content=lambda request: tells and not is_private(request, routing)))


def make_guards(config: LLMConfig, world: World | None = None) -> Guards:
    """What lets requests through, as the settings say: breakers, limits, budgets and keys, to be shared by managers.

    Give the same one to each: ``default_deps(config, guards=guards)``.
    """
    from llm_manager.assembling.guards import guards_of

    here = real_world() if world is None else world
    sharing = sealed(_sharing(config, here))  # what is wrong with it, `default_deps` says
    return guards_of(config, here, sharing=sharing.unwrap() if isinstance(sharing, Success) else None)


def _no_deps(deps: object) -> ConfigurationError | None:
    if isinstance(deps, ManagerDeps):
        return None
    return ConfigurationError(message=f"deps is of type {kind(deps)}; give what default_deps(config) makes, unwrapped")


def _no_guards(guards: object) -> ConfigurationError | None:
    if guards is None or isinstance(guards, Guards):
        return None
    return ConfigurationError(message=f"guards is of type {kind(guards)}; give what make_guards(config) makes, or None")


def make_model_router(config: LLMConfig) -> Result[ModelRouter, LLMError]:
    """A router that obeys the settings' routing policy; equal requests under one snapshot get equal plans."""
    return _obeying(config).map(lambda obeying: ModelRouter(route=remembering_routes(obeying.routing, _catalogue)))


def known_models(config: LLMConfig, world: World | None = None) -> tuple[tuple[ModelProfile, str | None], ...]:
    """Every model known by data, each with why it cannot be asked as the settings are, or None; nothing is asked."""
    from llm_manager.clients import known_models as known

    lacks = {name: _why_not(name, config.providers.get(name)) for name in LOCALITY}
    parts = _parts(config, real_world() if world is None else world)
    return tuple((profile, lacks[profile.provider]) for profile in known.known_models(config, parts))


def _catalogue() -> tuple[tuple[str, str], ...]:
    from llm_manager.clients.usual_models import known_names

    return known_names()


def make_model_client(name: str, settings: ProviderSettings | None = None, world: World | None = None) -> Result[ModelClient, LLMError]:
    """One provider's client by name or alias, for those who need no routing; its default model answers."""
    from llm_manager.clients.catalogue import build_client

    provider = canonical_provider(name)
    if provider is None:
        return Failure(unknown_provider(name))
    here = real_world() if world is None else world
    own = settings or ProviderSettings()
    return build_client(provider, own, _parts(LLMConfig(providers={provider: own}), here))


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

    return build_client(provider, settings, _parts(LLMConfig(embedded=embedded), real_world()))


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
    from llm_manager.assembling.manager import assembled

    if deps is None:
        return default_deps(config).map(assembled)
    wrong = _no_deps(deps) or _no_guards(deps.guards)
    if wrong is not None:
        return Failure(wrong)
    return _obeying(deps.config).map(lambda obeying: assembled(evolve(deps, config=obeying)))


def _obeying(config: LLMConfig) -> Result[LLMConfig, LLMError]:
    """The settings with a routing policy that obeys all of them: whether toys are asked, what is local, what makes a text private."""
    wrong = check_budgets(config.budgets)
    if wrong is not None:
        return Failure(wrong)
    routing = config.routing
    if config.privacy == PrivacySettings() and routing.private_rule is None:
        return Success(_with_policy(config, None))
    from llm_manager.settings.privacy_rules import private_rules

    return private_rules(config.privacy, routing.private_rule).map(lambda rule: _with_policy(config, rule))


def _with_policy(config: LLMConfig, rule: PrivateRule | None) -> LLMConfig:
    routing = evolve(config.routing, use_toys=config.embedded.enabled, private_rule=rule, local_hosts=config.network.local_hosts)
    return config if routing == config.routing else evolve(config, routing=routing)


def _parts(config: LLMConfig, world: World, transport: "Transport | None" = None, guards: Guards | None = None) -> ClientParts:
    from llm_manager.clients.http import make_transport

    return ClientParts(
        world=world,
        network=config.network,
        performance=config.performance,
        embedded=evolve(config.embedded, fetch="never") if config.routing.airgap else config.embedded,
        profiles=config.profiles,
        routing=config.routing,
        keys=_keys(config, world, guards),
        make_transport=lambda ca_bundle: transport or make_transport(network=config.network, ca_bundle=ca_bundle),
    )


def _keys(config: LLMConfig, world: World, guards: Guards | None) -> Keys | None:
    """Which key of a provider is sent; None while no provider has more than one."""
    if not any(map(has_ring, config.providers.values())):
        return None
    if guards is not None:
        return guards.keys
    from llm_manager.assembling.guards import keys_of

    return keys_of(config, world)


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
