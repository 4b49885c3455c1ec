"""The real clock, sleep, randomness, ids, environment and threads; nothing else in the package touches them."""

import os
import random
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from typing import TypeVar

from llm_manager.services.world import World

_Value = TypeVar("_Value")


async def _run_blocking(work: Callable[[], _Value], /) -> _Value:
    import asyncio

    return await asyncio.to_thread(work)


async def _run_apart(work: Callable[[], _Value], /) -> _Value:
    """A thread of its own for each piece of work: one that is stuck holds up no other, and no exit."""
    import asyncio
    import contextvars
    import threading

    loop, context = asyncio.get_running_loop(), contextvars.copy_context()
    done: asyncio.Future[_Value] = loop.create_future()

    def unless_left(settle: Callable[[], None]) -> None:
        if not done.done():
            settle()

    def run() -> None:
        try:
            settle = partial(done.set_result, context.run(work))
        except BaseException as raised:  # noqa: BLE001 - it is raised again where it is waited for
            settle = partial(done.set_exception, raised)
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(unless_left, settle)

    threading.Thread(target=run, name="llm-manager work apart", daemon=True).start()
    return await done


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
        new_id=lambda: getrandbits(128).to_bytes(16).hex(),
        environ=os.environ if environ is None else environ,
        run_blocking=_run_blocking,
        run_apart=_run_apart,
    )
