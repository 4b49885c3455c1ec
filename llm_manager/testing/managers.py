"""A whole manager over scripted models: real routing, recovery, caching and batching, and no network."""

from collections.abc import Sequence
from typing import Any

from attrs import evolve

from llm_manager.domain.configuration import LLMConfig
from llm_manager.policies.value_faults import kind
from llm_manager.services.journal import Journal, Subscriber, unheard
from llm_manager.services.manager import LLMManager, ManagerDeps
from llm_manager.services.world import World
from llm_manager.stores.memory.cache import memory_cache
from llm_manager.stores.memory.conversations import memory_conversations
from llm_manager.testing.misuse import misuse
from llm_manager.testing.scripted import Scripted
from llm_manager.testing.world import fake_world
from llm_manager.wiring import make_llm_manager, make_model_router, scratch_store

_SETTINGS = LLMConfig()


def scripted_deps(
    *models: Scripted, config: LLMConfig | None = None, world: World | None = None, tell: Subscriber | None = None
) -> ManagerDeps:
    """What a manager over these models is made of; each needs a provider name of its own (else ValueError). ``tell`` hears every event."""
    _refuse_twins(models)
    settings = _SETTINGS if config is None else config
    here = fake_world() if world is None else world
    return ManagerDeps(
        config=settings,
        world=here,
        router=make_model_router(settings).unwrap(),
        clients={model.client.endpoint.provider: model.client for model in models},
        cache=memory_cache(settings.cache, here.now),
        vectors=memory_cache(settings.cache, here.now),
        conversations=memory_conversations(here.wall),
        journal=Journal(emit=unheard if tell is None else tell),
        scratch=lambda folder: scratch_store(folder, here),
    )


def _refuse_twins(models: Sequence[object]) -> None:
    """A provider has one client: of two, one would never be asked."""
    seen: dict[str, int] = {}
    for index, model in enumerate(models):
        if not isinstance(model, Scripted):
            raise misuse(f"models[{index}] is of type {kind(model)}; give what scripted(...) makes")
        provider = model.client.endpoint.provider
        if provider in seen:
            both = f"models[{seen[provider]}] and models[{index}]"
            raise misuse(f"{both} have the provider {provider!r}, which has one client; name another: scripted(..., provider=...)")
        seen[provider] = index


def scripted_manager(
    *models: Scripted, config: LLMConfig | None = None, world: World | None = None, tell: Subscriber | None = None, **swapped: Any
) -> LLMManager:
    """Make a manager that asks these models; ``swapped`` replaces fields of its `ManagerDeps`.

    In its `fake_world` what blocks runs in place: a tool that is not async holds up the loop, and its timeout cannot end it.
    Give ``world=real_world({})`` to have it in a thread.
    """
    deps = evolve(scripted_deps(*models, config=config, world=world, tell=tell), **swapped)
    return make_llm_manager(deps.config, deps).unwrap()
