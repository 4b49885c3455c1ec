"""One engine for equal parameters, freed by the last who lets go."""

import asyncio
import gc
import threading
import weakref
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from attrs import evolve
from returns.result import Failure, Success

from llm_manager.clients.embedded.engine import Engine
from llm_manager.clients.embedded.engines import Engines
from llm_manager.clients.embedded.hearing import Hearing
from llm_manager.clients.embedded.profile import EngineParameters
from llm_manager.domain.errors import ConfigurationError, LLMError, ModelUnavailable
from llm_manager.outcomes import Settled

PARAMETERS = EngineParameters(path=Path("m.gguf"), context_length=8, parallel=1, threads=1)


def silent(_body: str, _model: str, _hear: Callable[[str], bool]) -> Settled[None, LLMError]:
    return Success(None)


class Loader:
    """Loads engines that say nothing, and counts them."""

    def __init__(self) -> None:
        self.loaded: list[EngineParameters] = []

    def __call__(self, parameters: EngineParameters) -> Settled[Engine, LLMError]:
        self.loaded.append(parameters)
        return Success(Engine(ask=lambda *asked: silent(*asked)))


def test_many_threads_load_it_once() -> None:
    loader = Loader()
    engines = Engines(loader)
    gate = threading.Barrier(8)

    def hold(holder: int) -> Engine:
        gate.wait(5)
        return engines.hold(PARAMETERS, holder).unwrap()

    with ThreadPoolExecutor(8) as pool:
        held = list(pool.map(hold, range(8)))
    assert len(loader.loaded) == 1
    assert all(engine is held[0] for engine in held)


def test_other_parameters_are_another_engine() -> None:
    loader = Loader()
    engines = Engines(loader)
    engines.hold(PARAMETERS, "a")
    engines.hold(evolve(PARAMETERS, threads=2), "a")
    assert len(loader.loaded) == 2


def test_the_last_to_let_go_frees_it_and_it_can_be_loaded_again() -> None:
    loader = Loader()
    engines = Engines(loader)
    asked = weakref.ref(engines.hold(PARAMETERS, "a").unwrap().ask)
    engines.hold(PARAMETERS, "b")
    engines.release(PARAMETERS, "a")
    gc.collect()
    assert asked() is not None
    engines.release(PARAMETERS, "b")
    engines.release(PARAMETERS, "b")
    gc.collect()
    assert asked() is None
    engines.hold(PARAMETERS, "a")
    assert len(loader.loaded) == 2
    engines.clear()
    engines.hold(PARAMETERS, "a")
    assert len(loader.loaded) == 3


def test_a_failed_load_is_told_and_tried_again_next_time() -> None:
    failures = [ConfigurationError(message="no")]
    loader = Loader()

    def load(parameters: EngineParameters) -> Settled[Engine, LLMError]:
        return Failure(failures.pop()) if failures else loader(parameters)

    engines = Engines(load)
    assert isinstance(engines.hold(PARAMETERS, "a"), Failure)
    assert isinstance(engines.hold(PARAMETERS, "a"), Success)


def test_an_engine_given_back_while_it_is_loaded_is_not_kept() -> None:
    loader = Loader()

    def load(parameters: EngineParameters) -> Settled[Engine, LLMError]:
        engines.release(parameters, "a")
        return loader(parameters)

    engines = Engines(load)
    outcome = engines.hold(PARAMETERS, "a")
    assert isinstance(outcome, Failure)
    assert isinstance(outcome.failure(), ModelUnavailable)


def test_a_closed_loop_stops_the_engine() -> None:
    """What an engine's thread says to a loop that has gone is a request to stop, never an exception."""

    async def listening() -> Hearing:
        return Hearing(threading.Event())

    hearing = asyncio.run(listening())
    assert hearing.tell("x") is True
    hearing.leave()
    assert hearing.tell("x") is True
