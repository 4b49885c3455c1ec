"""State is swapped whole, and what belongs to a loop stays with it."""

import asyncio
import gc
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest

from llm_manager.cells import Cell, PerLoop


def test_a_cell_changes_only_by_steps() -> None:
    """`swap` returns the new value, `decide` what else the step decided."""
    cell = Cell(1)
    assert cell.swap(lambda number: number + 1) == 2
    assert cell.decide(lambda number: (number * 10, "told")) == "told"
    assert cell.read() == 20


def test_a_step_that_raises_changes_nothing() -> None:
    """And the next one is not locked out."""
    cell = Cell(1)
    for change in (lambda: cell.swap(lambda number: number // 0), lambda: cell.decide(lambda number: (number // 0, None))):
        with pytest.raises(ZeroDivisionError):
            change()
    assert cell.swap(lambda number: number + 1) == 2


def test_threads_lose_no_step() -> None:
    """Steps from many threads are all taken, one after the other."""
    cell = Cell(0)

    def count() -> None:
        for _ in range(1000):
            cell.swap(lambda number: number + 1)

    with ThreadPoolExecutor(4) as threads:
        for _ in range(4):
            threads.submit(count)
    assert cell.read() == 4000


def test_each_loop_has_its_own() -> None:
    """The same one within a loop; another in another; what a closed loop had is dropped at the next making."""
    dropped: list[object] = []
    table: PerLoop[object] = PerLoop(object, dropped.append)

    async def take_twice() -> tuple[object, object]:
        return table.get(), table.get()

    kept = asyncio.new_event_loop()
    first, again = kept.run_until_complete(take_twice())
    assert first is again
    kept.close()
    second, _ = asyncio.run(take_twice())
    assert second is not first
    assert dropped == [first]


def test_what_is_taken_is_gone() -> None:
    """`take` gives it to who closes it, once."""
    table: PerLoop[object] = PerLoop(object)

    async def law() -> None:
        assert table.take() is None
        made = table.get()
        assert table.take() is made
        assert table.take() is None
        assert table.get() is not made

    asyncio.run(law())


def test_a_forgotten_loop_is_forgotten_here_too() -> None:
    """The table keeps no loop alive."""
    table: PerLoop[object] = PerLoop(object)

    async def touch() -> None:
        table.get()

    for _ in range(3):
        asyncio.run(touch())
    gc.collect()

    async def count() -> int:
        table.get()
        return len(table._made)

    assert asyncio.run(count()) == 1


def test_outside_a_loop_there_is_none() -> None:
    """Asking without a running loop is a bug."""
    with pytest.raises(RuntimeError):
        PerLoop(object).get()


def test_threads_that_come_at_once_drop_what_a_closed_loop_had_once() -> None:
    """Two of them look at the same closed loop; only one may take what it had."""
    dropped: list[object] = []
    table: PerLoop[object] = PerLoop(object, dropped.append)
    both_look = threading.Barrier(2, timeout=0.05)

    class Watched(asyncio.SelectorEventLoop):
        def is_closed(self) -> bool:
            closed = super().is_closed()
            if closed and threading.current_thread() is not threading.main_thread():
                with suppress(threading.BrokenBarrierError):
                    both_look.wait()
            return closed

    async def touch() -> object:
        return table.get()

    loop = Watched()
    made = loop.run_until_complete(touch())
    loop.close()
    with ThreadPoolExecutor(2) as threads:
        coming = [threads.submit(asyncio.run, touch()) for _ in range(2)]
    for each in coming:
        each.result()
    assert sum(one is made for one in dropped) == 1
