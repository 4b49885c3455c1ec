"""The real world, where a test of it needs one: work that may never end."""

import asyncio
import subprocess
import sys
import threading
from contextvars import ContextVar

import pytest

from llm_manager.real_world import real_world

PLACE: ContextVar[str] = ContextVar("place", default="nowhere")


async def test_work_apart_gives_its_value_and_its_exception() -> None:
    """With the context of who asked, off the event loop's thread."""
    world = real_world({})
    PLACE.set("here")
    place, thread = await world.run_apart(lambda: (PLACE.get(), threading.current_thread()))
    assert place == "here"
    assert thread is not threading.current_thread()
    with pytest.raises(ZeroDivisionError):
        await world.run_apart(lambda: 1 // 0)


async def test_work_that_is_stuck_holds_up_nothing_else() -> None:
    """Twenty of them, and the twenty-first is answered; who leaves one is free at once."""
    world, gate = real_world({}), threading.Event()
    stuck = [asyncio.create_task(world.run_apart(gate.wait)) for _ in range(20)]
    assert await asyncio.wait_for(world.run_apart(lambda: 7), 5) == 7
    stuck[0].cancel()
    with pytest.raises(asyncio.CancelledError):
        await stuck[0]
    gate.set()
    assert await asyncio.gather(*stuck[1:]) == [True] * 19


def test_work_that_never_ends_holds_up_no_exit() -> None:
    """A program whose tool hangs ends when it is done."""
    code = (
        "import asyncio, threading\n"
        "from llm_manager.real_world import real_world\n"
        "async def main():\n"
        "    work = asyncio.create_task(real_world({}).run_apart(threading.Event().wait))\n"
        "    await asyncio.sleep(0.05)\n"
        "asyncio.run(main())\n"
        "print('ended')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=20, check=True)
    assert done.stdout == "ended\n"
