"""Where things are kept and shared, as the settings say: in memory, in a store, with other processes."""

from functools import reduce
from typing import TYPE_CHECKING

from returns.result import Result, Success

from llm_manager.domain.configuration import LLMConfig
from llm_manager.domain.errors import LLMError
from llm_manager.domain.events import CacheFailed
from llm_manager.real_world import real_world
from llm_manager.services.cache import Cache, Value
from llm_manager.services.guards import Guards
from llm_manager.services.journal import Journal
from llm_manager.services.sharing import Sharing
from llm_manager.services.similar import SimilarPrompts
from llm_manager.services.store import Store
from llm_manager.services.world import World
from llm_manager.wiring.packages import lacking

if TYPE_CHECKING:
    from pathlib import Path


def remembering(config: LLMConfig, world: World, journal: Journal, *behind: Cache[Value] | None) -> Cache[Value]:
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
    try:
        from llm_manager.stores.opening import open_scratch
    except ModuleNotFoundError:
        return lacking("a run needs a store, which needs more packages", "store")
    return open_scratch(folder, real_world() if world is None else world)


def similar_of(config: LLMConfig, store: Store | None, world: World) -> Result[SimilarPrompts | None, LLMError]:
    """What finds similar prompts, where the settings want them found."""
    wanted = config.cache.similar
    if wanted is None:
        return Success(None)
    try:
        from llm_manager.stores.similar.finding import similar_prompts
    except ModuleNotFoundError:
        return lacking("cache.similar: comparing needs more packages", "vectors")
    return Success(similar_prompts(wanted.max_prompts, aside=world.run_blocking) if store is None else store.similar(wanted))


def sharing_of(config: LLMConfig, world: World) -> Result[Sharing | None, LLMError]:
    """What is shared with other processes, where the settings say where; nothing is sent before its first use."""
    url = config.store.redis_url
    if url is None:
        return Success(None)
    from llm_manager.telemetry.journal import journal_of
    from llm_manager.telemetry.logging import log

    try:
        from llm_manager.stores.redis.opening import open_sharing
    except ModuleNotFoundError:
        return lacking("store.redis_url: sharing needs more packages", "redis")
    return open_sharing(url, world, config.cache, journal_of(log).emit)


def places_of(config: LLMConfig, world: World, guards: Guards | None) -> Result[tuple[Store | None, Sharing | None], LLMError]:
    """Where things are kept, and where they are shared: there where the guards that are given share theirs."""
    shared = sharing_of(config, world) if guards is None or guards.sharing is None else Success(guards.sharing)
    return shared.bind(lambda sharing: _store(config, world).map(lambda store: (store, sharing)))


def _store(config: LLMConfig, world: World) -> Result[Store | None, LLMError]:
    """What outlives the process, where the settings say where; nothing is opened before its first use."""
    if config.store.url is None:
        return Success(None)
    try:
        from llm_manager.stores.opening import open_store
    except ModuleNotFoundError:
        return lacking("store.url: a store needs more packages", "store")
    return open_store(config.store, world, config.cache)
