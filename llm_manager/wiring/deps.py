"""Everything that the settings ask for, as the parts of a manager."""

from typing import TYPE_CHECKING

from returns.result import Failure, Result, Success

from llm_manager.domain.configuration import LLMConfig
from llm_manager.domain.errors import LLMError
from llm_manager.outcomes import sealed
from llm_manager.policies.routing import remembering_routes
from llm_manager.real_world import real_world
from llm_manager.services.guards import Guards
from llm_manager.services.manager import ManagerDeps
from llm_manager.services.model_router import ModelRouter
from llm_manager.services.world import World
from llm_manager.wiring.configuring import obeying
from llm_manager.wiring.misuse import no_guards
from llm_manager.wiring.parts import parts_of
from llm_manager.wiring.places import places_of, remembering, scratch_store, sharing_of, similar_of
from llm_manager.wiring.providers import providers_of
from llm_manager.wiring.tracing import tracing_of

if TYPE_CHECKING:
    from llm_manager.services.transport import Transport


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
    wrong = no_guards(guards)
    if wrong is not None:
        return Failure(wrong)
    obeyed = sealed(obeying(config))
    if isinstance(obeyed, Failure):
        return obeyed
    config = obeyed.unwrap()
    parts = parts_of(config, here, transport, guards)
    found = sealed(providers_of(config, parts))
    if isinstance(found, Failure):
        return found
    opened = sealed(places_of(config, here, guards))
    if isinstance(opened, Failure):
        return opened
    traced = sealed(tracing_of(config, here))
    if isinstance(traced, Failure):
        return traced
    providers, (store, sharing), tracing = found.unwrap(), opened.unwrap(), traced.unwrap()
    likeness = sealed(similar_of(config, store, here))
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
            cache=remembering(config, here, journal, shared[0], kept[0]),
            similar=likeness.unwrap(),
            vectors=remembering(config, here, journal, shared[1], kept[1]),
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


def make_guards(config: LLMConfig, world: World | None = None) -> Guards:
    """What lets requests through, as the settings say: breakers, limits, budgets and keys, to be shared by managers.

    Give the same one to each: ``default_deps(config, guards=guards)``.
    """
    from llm_manager.assembling.guards import guards_of

    here = real_world() if world is None else world
    sharing = sealed(sharing_of(config, here))  # what is wrong with it, `default_deps` says
    return guards_of(config, here, sharing=sharing.unwrap() if isinstance(sharing, Success) else None)


def make_model_router(config: LLMConfig) -> Result[ModelRouter, LLMError]:
    """A router that obeys the settings' routing policy; equal requests under one snapshot get equal plans."""
    return obeying(config).map(lambda obeyed: ModelRouter(route=remembering_routes(obeyed.routing, _catalogue)))


def _catalogue() -> tuple[tuple[str, str], ...]:
    from llm_manager.clients.usual_models import known_names

    return known_names()
