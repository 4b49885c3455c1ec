"""The program's processes: none of them outlives who started it, whenever that goes away."""

import asyncio
import contextlib
import os
import signal
import time
from pathlib import Path

import pytest

from llm_manager.clients.llama_cpp_cli.running import Running, finish, start
from tests.clients.llama_cpp_cli.program import Program
from tests.clients.llama_cpp_cli.test_transport import gone


@pytest.mark.parametrize(("turns", "cancelled"), [(2, 1), (3, 1), (4, 1), (5, 1), (2, 2)])
async def test_who_goes_away_while_a_program_starts_leaves_none_of_it(tmp_path: Path, turns: int, cancelled: int) -> None:
    """The program runs and has a child already, while its starter has not heard of it yet."""
    program = Program(tmp_path, {"child": 1}, {"hang": 1})
    starting = asyncio.create_task(start((str(program.path),), {}, Running()))
    for _ in range(turns):
        await asyncio.sleep(0)
    for _ in range(4000):
        if program.told():
            break
        time.sleep(0.005)  # noqa: ASYNC251 - the loop must not turn
    for _ in range(cancelled):
        starting.cancel()
        await asyncio.sleep(0)
    done, _ = await asyncio.wait({starting}, timeout=20)
    (told,) = program.told()
    try:
        assert done
        if not starting.cancelled():
            await finish(*starting.result(), Running())
        await gone(told["pid"], told["child"])
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(told["pid"], signal.SIGKILL)
