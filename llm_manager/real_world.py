"""The real clock, sleep, randomness, ids, environment and threads; nothing else in the package touches them."""

import os
import random
import time
from collections.abc import Callable, Mapping
from typing import TypeVar

from llm_manager.services.world import World

_Value = TypeVar("_Value")


async def _run_blocking(work: Callable[[], _Value], /) -> _Value:
    import asyncio

    return await asyncio.to_thread(work)


async def _sleep(seconds: float) -> None:
    import asyncio

    await asyncio.sleep(seconds)


def real_world(environ: Mapping[str, str] | None = None) -> World:
    """The world as it is. Ids are 128 random bits, in hexadecimal."""
    rng = random.Random(int.from_bytes(os.urandom(32)))  # noqa: S311 - it spreads waits and names calls, it guards nothing
    getrandbits = rng.getrandbits

    return World(
        now=time.monotonic,
        wall=time.time,
        sleep=_sleep,
        rng=rng,
        new_id=lambda: f"{getrandbits(128):032x}",
        environ=os.environ if environ is None else environ,
        run_blocking=_run_blocking,
    )
