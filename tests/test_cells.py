"""State is swapped whole, and what belongs to a loop stays with it."""

import asyncio
import gc
import sys
from concurrent.futures import ThreadPoolExecutor

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


def test_loops_of_many_threads_may_come_and_go_at_once() -> None:
    """What a closed loop had is dropped once, whoever drops it."""
    dropped: list[object] = []
    table: PerLoop[object] = PerLoop(object, dropped.append)

    async def touch() -> object:
        return table.get()

    def come_and_go() -> list[object]:
        return [asyncio.run(touch()) for _ in range(60)]

    patient = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(8) as threads:
            comings = [threads.submit(come_and_go) for _ in range(8)]
        made = [one for coming in comings for one in coming.result()]
    finally:
        sys.setswitchinterval(patient)
    assert len({id(one) for one in made}) == len(made) == 480
    assert len({id(one) for one in dropped}) == len(dropped)
