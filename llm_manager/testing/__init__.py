"""Doubles, clocks and laws for testing what is built on this package.

scripted        a model that answers as told          (faults: how providers misbehave)
scripted_manager  a whole manager over such models
fake_world      randomness, ids and clocks without chance
run_virtual     run a coroutine on virtual time       (VirtualLoop: its event loop)
replayed        a recorded HTTP exchange as a transport
laws            what every layer, cache, codec and storage must keep
strategies      Hypothesis strategies for every value (needs the extra ``testing``; loaded only when touched)
"""

from importlib import import_module
from types import ModuleType

from llm_manager.testing import faults, samples
from llm_manager.testing.attempts import attempt_for
from llm_manager.testing.besides_chat import vector_of
from llm_manager.testing.managers import scripted_deps, scripted_manager
from llm_manager.testing.replaying import Replayed, replayed
from llm_manager.testing.replies import Piece, Said
from llm_manager.testing.scripted import Outcome, Scripted, scripted
from llm_manager.testing.virtual_loop import DeadlockError, RealTimeError, VirtualLoop, run_virtual
from llm_manager.testing.world import WALL_START, FakeWorld, fake_world

__all__ = [
    "WALL_START",
    "DeadlockError",
    "FakeWorld",
    "Outcome",
    "Piece",
    "RealTimeError",
    "Replayed",
    "Said",
    "Scripted",
    "VirtualLoop",
    "attempt_for",
    "fake_world",
    "faults",
    "replayed",
    "run_virtual",
    "samples",
    "scripted",
    "scripted_deps",
    "scripted_manager",
    "vector_of",
]


def __getattr__(name: str) -> ModuleType:
    if name in ("laws", "strategies"):
        return import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
