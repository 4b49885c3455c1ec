"""A world without chance: seeded randomness, ids that count up, clocks that follow the event loop."""

import asyncio
from collections.abc import Callable, Mapping
from itertools import count
from random import Random
from typing import TypeVar

from llm_manager.services.world import World

_Value = TypeVar("_Value")

WALL_START = 1_800_000_000.0
"""What the wall clock says when the loop's time is 0: 15 January 2027, 08:00 UTC."""


async def _inline(work: Callable[[], _Value], /) -> _Value:
    return work()


def fake_world(seed: int = 0, *, loop: asyncio.AbstractEventLoop | None = None, environ: Mapping[str, str] | None = None) -> World:
    """Make a world that is the same in every run; its time is that of ``loop``, or of whichever loop is running.

    ``seed`` is what jitter, exploration and every other choice of a manager are drawn from; the ``seed`` of `run_virtual`
    orders timers only, so a search over many runs gives both: ``run_virtual(work(fake_world(seed)), seed=seed)``.
    Where no loop runs, time is 0; the environment is empty unless given. Blocking work is done at once, in place, since a
    thread would bring chance back: so no timeout can end it, and a tool that is not async is never too late here. Write such
    a tool as an ``async def`` that awaits `asyncio.sleep`, or give `real_world`, to see what happens when it is.
    """

    def now() -> float:
        if loop is not None:
            return loop.time()
        try:
            return asyncio.get_running_loop().time()
        except RuntimeError:
            return 0.0

    numbers = count(1)
    return World(
        now=now,
        wall=lambda: WALL_START + now(),
        sleep=asyncio.sleep,
        rng=Random(seed),  # noqa: S311 - repeatable on purpose
        new_id=lambda: f"id-{next(numbers)}",
        environ={} if environ is None else environ,
        run_blocking=_inline,
    )


FakeWorld = fake_world
"""The same function under the name of what it makes."""
