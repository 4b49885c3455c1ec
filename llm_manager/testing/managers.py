"""A whole manager over scripted models: real routing, recovery, caching and batching, and no network."""

from typing import Any

from attrs import evolve

from llm_manager.domain.configuration import LLMConfig
from llm_manager.services.journal import Journal, Subscriber
from llm_manager.services.manager import LLMManager, ManagerDeps
from llm_manager.services.world import World
from llm_manager.stores.memory import memory_cache, memory_conversations
from llm_manager.testing.scripted import Scripted
from llm_manager.testing.world import fake_world
from llm_manager.wiring import make_llm_manager, make_model_router


def scripted_deps(
    *models: Scripted, config: LLMConfig | None = None, world: World | None = None, tell: Subscriber | None = None
) -> ManagerDeps:
    """What a manager over these models is made of; each needs a provider name of its own. ``tell`` hears every event."""
    settings = LLMConfig() if config is None else config
    here = fake_world() if world is None else world
    return ManagerDeps(
        config=settings,
        world=here,
        router=make_model_router(settings).unwrap(),
        clients={model.client.endpoint.provider: model.client for model in models},
        cache=memory_cache(settings.cache, here.now),
        vectors=memory_cache(settings.cache, here.now),
        conversations=memory_conversations(),
        journal=Journal(emit=(lambda _: None) if tell is None else tell),
    )


def scripted_manager(
    *models: Scripted, config: LLMConfig | None = None, world: World | None = None, tell: Subscriber | None = None, **swapped: Any
) -> LLMManager:
    """Make a manager that asks these models; ``swapped`` replaces fields of its `ManagerDeps`."""
    deps = evolve(scripted_deps(*models, config=config, world=world, tell=tell), **swapped)
    return make_llm_manager(deps.config, deps).unwrap()
