"""Randomness and time of one history: everything is drawn from streams named after the seed and what they are for."""

from collections.abc import Callable
from contextvars import ContextVar
from itertools import count
from random import Random

from attrs import evolve

from llm_manager.services.world import World
from llm_manager.testing import fake_world

ASKING: ContextVar[int] = ContextVar("ASKING", default=-1)
"""The number of the request on whose behalf this task runs."""


def stream(seed: int, name: str) -> Random:
    """The randomness of one part: what another part draws does not change it."""
    return Random(f"{seed}/{name}")


def simulated_world(seed: int, begin: Callable[[str, int], None]) -> World:
    """A world of virtual time; ``begin`` is told each id that is made and the request it is made for."""
    numbers = count(1)

    def new_id() -> str:
        made = f"call-{next(numbers)}"
        begin(made, ASKING.get())
        return made

    return evolve(fake_world(), rng=stream(seed, "manager"), new_id=new_id)
