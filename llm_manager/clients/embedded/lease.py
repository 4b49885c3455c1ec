"""A client's hold on an engine: got at first use, kept, given back at close."""

import asyncio
import threading
from collections.abc import Callable, Coroutine
from typing import Any

from attrs import field, frozen
from returns.result import Failure, Success

from llm_manager.cells import Cell
from llm_manager.clients.embedded.engine import Engine
from llm_manager.clients.embedded.engines import Engines
from llm_manager.clients.embedded.fetching import fetch_blocking
from llm_manager.clients.embedded.profile import LOADING_SECONDS, EngineParameters, engine_parameters
from llm_manager.clients.embedded.weights import missing_weights
from llm_manager.domain.configuration import EmbeddedSettings, ProviderSettings
from llm_manager.domain.errors import LLMError, ModelUnavailable
from llm_manager.outcomes import Settled
from llm_manager.services.world import World


@frozen(kw_only=True, eq=False)
class Lease:
    """An engine in hand until ``over`` is set; answers under way then stop."""

    engine: Engine
    parameters: EngineParameters
    over: threading.Event = field(factory=threading.Event)


@frozen(kw_only=True)
class Leasing:
    """``take`` gives the engine, loading it when nobody has; ``give_back`` frees it when nobody else holds it."""

    take: Callable[[], Coroutine[Any, Any, Settled[Lease, LLMError]]]
    give_back: Callable[[], Coroutine[Any, Any, None]]


def leasing(settings: ProviderSettings, embedded: EmbeddedSettings, world: World, engines: Engines, model: str) -> Leasing:
    """A client's way to its engine, from any number of event loops and threads."""
    current: Cell[Lease | None] = Cell(None)
    turn = threading.Lock()
    holder = object()

    def load(parameters: EngineParameters) -> Settled[Lease, LLMError]:
        held = engines.hold(parameters, holder)
        if isinstance(held, Failure):
            return held
        lease = Lease(engine=held.unwrap(), parameters=parameters)
        current.swap(lambda _: lease)
        return Success(lease)

    def obtain(stop: threading.Event) -> Settled[Lease, LLMError]:
        with turn:
            lease = current.read()
            if lease is not None:
                return Success(lease)
            parameters = engine_parameters(settings, embedded, world.environ)
            if parameters is None and embedded.fetch == "allowed" and embedded.model_path is None:
                fetched = fetch_blocking(world.environ, stop=stop)
                if isinstance(fetched, Failure):
                    return fetched
                parameters = engine_parameters(settings, embedded, world.environ)
            if parameters is None:
                return Failure(missing_weights(embedded, world.environ))
            return load(parameters)

    async def take() -> Settled[Lease, LLMError]:
        lease = current.read()
        if lease is not None:
            return Success(lease)
        stop = threading.Event()
        scope = asyncio.timeout(LOADING_SECONDS)
        try:
            async with scope:
                return await world.run_blocking(lambda: obtain(stop))
        except TimeoutError:
            if not scope.expired():
                raise
            late = f"the embedded model was not ready after {LOADING_SECONDS:.0f} s"
            return Failure(ModelUnavailable(model=model, message=late, reason="loading"))
        finally:
            stop.set()

    async def give_back() -> None:
        lease = current.decide(lambda held: (None, held))
        if lease is not None:
            lease.over.set()
            await world.run_blocking(lambda: engines.release(lease.parameters, holder))

    return Leasing(take=take, give_back=give_back)
