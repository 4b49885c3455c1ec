"""Where state lives: a cell that is swapped by pure steps, and a table with one entry per event loop.

Belongs here: holding. Does not: deciding (`policies`) or obeying (`layers`).
"""

import asyncio
import threading
from collections.abc import Callable
from typing import Generic, TypeVar, TypeVarTuple
from weakref import WeakKeyDictionary, ref

_State = TypeVar("_State")
_Result = TypeVar("_Result")
_More = TypeVarTuple("_More")


class Cell(Generic[_State]):
    """Hold one frozen value; it changes only by `swap`, under a lock held for that step alone."""

    __slots__ = ("_lock", "_value")

    def __init__(self, value: _State) -> None:
        self._value = value
        self._lock = threading.Lock()

    def read(self) -> _State:
        """The value as it is now."""
        return self._value

    def swap(self, step: Callable[[_State, *_More], _State], *more: *_More) -> _State:
        """Replace the value by what ``step`` makes of it and of ``more``, and return the new one."""
        with self._lock:
            self._value = after = step(self._value, *more)
        return after

    def decide(self, step: Callable[[_State, *_More], tuple[_State, _Result]], *more: *_More) -> _Result:
        """Replace the value and return what else the step decided."""
        with self._lock:
            self._value, decided = step(self._value, *more)
        return decided


class PerLoop(Generic[_State]):
    """Keep one thing per running event loop; what belonged to a closed loop is given to ``drop`` at the next making."""

    __slots__ = ("_drop", "_last", "_lock", "_made", "_make")

    def __init__(self, make: Callable[[], _State], drop: Callable[[_State], None] = lambda _: None) -> None:
        self._make = make
        self._drop = drop
        self._lock = threading.Lock()
        self._made: WeakKeyDictionary[asyncio.AbstractEventLoop, _State] = WeakKeyDictionary()
        self._last: tuple[ref[asyncio.AbstractEventLoop], _State] | None = None
        """Whose own was asked for last: most programs have one loop, and this takes a third of the time."""

    def get(self) -> _State:
        """The running loop's own, made at first use."""
        loop, last = asyncio.get_running_loop(), self._last
        if last is not None and last[0]() is loop:
            return last[1]
        made = self._of(loop)
        self._last = (ref(loop), made)
        return made

    def _of(self, loop: asyncio.AbstractEventLoop) -> _State:
        try:
            return self._made[loop]
        except KeyError:
            self._drop_closed()
            made = self._make()
            with self._lock:
                self._made[loop] = made
            return made

    def take(self) -> _State | None:
        """Remove and return the running loop's own, when it has one: its owner closes it. Closed loops' own are dropped."""
        self._drop_closed()
        self._last = None
        with self._lock:
            return self._made.pop(asyncio.get_running_loop(), None)

    def _drop_closed(self) -> None:
        self._last = None
        with self._lock:
            left = [self._made.pop(loop) for loop in list(self._made) if loop.is_closed()]
        for made in left:
            self._drop(made)
