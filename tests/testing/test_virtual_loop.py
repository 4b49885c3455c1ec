"""Virtual time passes only when everybody waits, and the same way in every run."""

import asyncio
import os
import subprocess
import sys
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llm_manager.testing import DeadlockError, RealTimeError, VirtualLoop, run_virtual


def test_a_century_takes_no_time() -> None:
    """Sleeping jumps to the next timer, exactly."""

    async def law() -> float:
        await asyncio.sleep(86_400 * 365.25 * 100)
        await asyncio.sleep(0.1)
        return asyncio.get_running_loop().time()

    began = time.perf_counter()
    assert run_virtual(law()) == 86_400 * 365.25 * 100 + 0.1
    assert time.perf_counter() - began < 5


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(0, 1000), max_size=20))
def test_sleepers_wake_in_the_order_of_their_times(naps: list[float]) -> None:
    """And of equal times in the order in which they lay down."""
    woken: list[int] = []

    async def nap(number: int, seconds: float) -> None:
        await asyncio.get_running_loop().create_task(_sleep_until(seconds))
        woken.append(number)

    async def law() -> None:
        await asyncio.gather(*(nap(number, seconds) for number, seconds in enumerate(naps)))

    run_virtual(law())
    assert woken == sorted(range(len(naps)), key=lambda number: (naps[number], number))


async def _sleep_until(moment: float) -> None:
    future = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().call_at(moment, future.set_result, None)
    await future


def test_seeds_try_other_orders_of_equal_times() -> None:
    """With a seed, timers of one moment fire in an order of its own, the same for the same seed."""

    async def law() -> list[int]:
        woken: list[int] = []

        async def nap(number: int) -> None:
            await asyncio.sleep(1)
            woken.append(number)

        await asyncio.gather(*(nap(number) for number in range(6)))
        return woken

    assert run_virtual(law()) == list(range(6))
    orders = [tuple(run_virtual(law(), seed=seed)) for seed in range(1, 9)]
    assert len(set(orders)) > 1
    assert orders == [tuple(run_virtual(law(), seed=seed)) for seed in range(1, 9)]


def test_timeouts_are_on_virtual_time() -> None:
    """`asyncio.timeout` and `wait_for` read the same clock as sleep."""

    async def law() -> float:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(30):
                await asyncio.sleep(31)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.Event().wait(), 30)
        return asyncio.get_running_loop().time()

    assert run_virtual(law()) == 60.0


def test_many_cancelled_timers_cost_no_memory() -> None:
    """Deadlines that never fire are forgotten, though earlier timers wait before them."""

    async def law() -> int:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        loop.call_later(1, str)
        for _ in range(10_000):
            async with asyncio.timeout(1000):
                await asyncio.sleep(0)
        return len(loop._timers)

    assert run_virtual(law()) < 1000


def test_a_deadlock_is_told_with_who_waits() -> None:
    """A program that can never go on ends, and says where it stands."""

    async def waits_for_ever() -> None:
        await asyncio.Event().wait()

    with pytest.raises(DeadlockError, match="waits_for_ever") as deadlock:
        run_virtual(waits_for_ever())
    assert __file__ in str(deadlock.value)


def test_a_crowd_in_deadlock_is_told_in_short() -> None:
    """Ten names and a number."""

    async def law() -> None:
        await asyncio.gather(*(asyncio.Event().wait() for _ in range(20)))

    with pytest.raises(DeadlockError, match="and 11 more"):
        run_virtual(law())


@pytest.mark.parametrize(
    "real",
    [
        lambda: asyncio.to_thread(print),
        lambda: asyncio.open_connection("127.0.0.1", 9),
        lambda: asyncio.start_server(lambda *_: None, "127.0.0.1", 0),
        lambda: asyncio.get_running_loop().getaddrinfo("localhost", 80),
        lambda: asyncio.create_subprocess_exec("true"),
    ],
    ids=["thread", "connection", "server", "name", "process"],
)
def test_real_time_is_refused(real: object) -> None:
    """What virtual time cannot wait for is an error that says what to do, not a hang."""

    async def law() -> None:
        assert callable(real)
        await real()

    with pytest.raises(RealTimeError, match="needs real time"):
        run_virtual(law())


def test_a_task_group_cancels_in_the_order_of_creation() -> None:
    """Sets of tasks are walked in the order of their numbers."""

    async def law() -> list[int]:
        cancelled: list[int] = []

        async def wait(number: int) -> None:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                cancelled.append(number)
                raise

        async def fail() -> None:
            await asyncio.sleep(1)
            raise KeyError("planted")

        with pytest.raises(ExceptionGroup):
            async with asyncio.TaskGroup() as group:
                for number in range(30):
                    group.create_task(wait(number))
                group.create_task(fail())
        return cancelled

    assert run_virtual(law()) == list(range(30))


_TRACE = """
import asyncio, hashlib
from llm_manager.testing import run_virtual
junk = [object() for _ in range({padding})]
async def law():
    told = []
    async def work(n):
        try:
            for i in range(5):
                await asyncio.sleep((n * 7 + i * 3) % 5)
                told.append((n, i, asyncio.get_running_loop().time(), asyncio.current_task().get_name()))
        except asyncio.CancelledError:
            told.append((n, "cancelled"))
            raise
    tasks = {{asyncio.create_task(work(n)) for n in range(40)}}
    done, left = await asyncio.wait(tasks, timeout=9)
    told.append(len(done))
    for task in left:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return told
print(hashlib.sha256(repr(run_virtual(law(), seed={seed})).encode()).hexdigest())
"""


@pytest.mark.parametrize("seed", [0, 7])
def test_the_same_in_every_process(seed: int) -> None:
    """Neither the hash seed nor what is in memory changes the course of events."""
    digests = {
        subprocess.run(
            [sys.executable, "-c", _TRACE.format(padding=padding, seed=seed)],
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for hash_seed, padding in (("0", 0), ("1", 997), ("random", 12345))
    }
    assert len(digests) == 1


def test_a_thread_may_hand_something_over() -> None:
    """`call_soon_threadsafe` works from within; nothing has to be woken."""

    async def law() -> str:
        loop = asyncio.get_running_loop()
        handed: asyncio.Future[str] = loop.create_future()
        loop.call_soon_threadsafe(handed.set_result, "handed")
        return await handed

    assert run_virtual(law()) == "handed"


def test_what_is_left_running_is_cancelled() -> None:
    """`run_virtual` leaves nothing behind."""
    ended: list[str] = []

    async def linger() -> None:
        try:
            await asyncio.sleep(1000)
        finally:
            ended.append("linger")

    async def law() -> asyncio.Task[None]:
        task = asyncio.create_task(linger(), name="mine")
        await asyncio.sleep(1)
        return task

    task = run_virtual(law())
    assert task.cancelled()
    assert task.get_name() == "mine"
    assert ended == ["linger"]


def test_a_loop_stopped_with_nothing_to_do_stops() -> None:
    """Stopping is no deadlock."""
    loop = VirtualLoop()
    loop.stop()
    loop.run_forever()
    loop.call_later(5, loop.stop)
    loop.call_later(3, print).cancel()
    loop.run_forever()
    assert loop.time() == 5
    loop.close()
