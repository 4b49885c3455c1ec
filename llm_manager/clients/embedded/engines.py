"""One loaded engine per process for equal parameters, shared by all clients and freed when the last one lets go.

This is the one thing kept per process: a model takes hundreds of megabytes, so two managers must not load it twice.
"""

import atexit
import threading
from collections.abc import Callable
from typing import TypeAlias

from attrs import define, field
from returns.result import Failure, Success

from llm_manager.clients.embedded.engine import Engine, load_engine
from llm_manager.clients.embedded.profile import EngineParameters
from llm_manager.domain.errors import LLMError, ModelUnavailable
from llm_manager.outcomes import Settled

Load: TypeAlias = Callable[[EngineParameters], Settled[Engine, LLMError]]


@define(eq=False)
class _Place:
    """Where one engine stands; ``turn`` is held while it is loaded, ``holders`` changes under the shelf's lock."""

    turn: threading.Lock = field(factory=threading.Lock)
    holders: set[object] = field(factory=set)
    engine: Engine | None = None


class Engines:
    """Engines by what they were loaded with; every method may be called from any thread."""

    __slots__ = ("_load", "_lock", "_places")

    def __init__(self, load: Load = load_engine) -> None:
        self._load = load
        self._lock = threading.Lock()
        self._places: dict[EngineParameters, _Place] = {}

    def hold(self, parameters: EngineParameters, holder: object) -> Settled[Engine, LLMError]:
        """The engine for these parameters, loaded by the first who asks while others wait; it stays while held."""
        with self._lock:
            place = self._places.setdefault(parameters, _Place())
            place.holders.add(holder)
        with place.turn:
            if place.engine is None:
                loaded = self._load(parameters)
                if isinstance(loaded, Failure):
                    self.release(parameters, holder)
                    return loaded
                place.engine = loaded.unwrap()
            engine = place.engine
        with self._lock:
            if holder in place.holders:
                return Success(engine)
            if not place.holders:
                place.engine = None
        closed = "the client was closed while its model was loaded"
        return Failure(ModelUnavailable(model=parameters.path.stem, message=closed, reason="not_running"))

    def release(self, parameters: EngineParameters, holder: object) -> None:
        """Let go; the last one out frees the engine."""
        with self._lock:
            place = self._places.get(parameters)
            if place is None:
                return
            place.holders.discard(holder)
            if place.holders:
                return
            del self._places[parameters]
        place.engine = None

    def clear(self) -> None:
        """Free every engine, whoever holds it: the process ends."""
        with self._lock:
            places = list(self._places.values())
            self._places.clear()
        for place in places:
            place.engine = None


OF_THIS_PROCESS = Engines()
atexit.register(OF_THIS_PROCESS.clear)
