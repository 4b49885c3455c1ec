"""Word that a request really leaves: one that still waits here, at a gate or for its turn, can be charged by nobody."""

from collections.abc import Callable
from contextvars import ContextVar
from typing import Final


def _nobody() -> None: ...


_TOLD: Final[ContextVar[Callable[[], None]]] = ContextVar("departures", default=_nobody)


def on_departure(told: Callable[[], None]) -> None:
    """Be told of every request that leaves from this task, and from those it starts, until somebody else wants to be."""
    _TOLD.set(told)


def departed() -> None:
    """A request leaves now."""
    _TOLD.get()()
