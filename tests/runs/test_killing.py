"""kill -9 at any moment loses no finished row, and every call that may have been paid twice is listed."""

import os
import signal
import time
from pathlib import Path

import pytest
from returns.result import Success

from llm_manager.domain.configuration import StoreSettings
from llm_manager.domain.errors import StorageFailed
from llm_manager.domain.runs import RunPlan
from llm_manager.real_world import real_world
from llm_manager.stores.opening import open_store
from tests.runs.killing import AT_ONCE, Killed, Ledger, Nursery, Place, killed
from tests.servers import Postgres

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")


def nothing_is_lost(found: Killed, rows: int) -> None:
    assert (found.answered, found.record.state, found.record.counts.answered) == (rows, "finished", rows)
    assert len(found.paid) == rows
    assert found.unlisted() == []
    assert found.repeats <= found.kills * AT_ONCE
    assert len(found.doubts) == found.record.counts.doubtful <= found.kills * AT_ONCE


def test_a_hundred_kills_lose_no_finished_row_and_list_every_repeat(tmp_path: Path) -> None:
    found = killed(str(tmp_path / "store.db"), tmp_path, rows=1500, kills=100, seed=1, longest=0.02)
    nothing_is_lost(found, 1500)
    assert found.kills > 50
    assert found.repeats > 0


def test_kills_lose_nothing_in_postgresql_either(tmp_path: Path, postgres_server: Postgres) -> None:
    nothing_is_lost(killed(postgres_server.new_database(), tmp_path, rows=200, kills=4, seed=2), 200)


def test_a_second_process_is_refused_and_takes_over_at_once_when_the_first_is_killed(tmp_path: Path) -> None:
    place = Place(folder=tmp_path, url=str(tmp_path / "store.db"))
    place.rows.write_text("".join(f'{{"n":"{number}"}}\n' for number in range(2000)))
    ledger, nursery = Ledger(place), Nursery(place)
    try:
        for _ in range(5):
            ledger.called.clear()
            first = nursery.begin()
            assert ledger.called.wait(20)
            ledger.answering.clear()  # from here on: or the first may have done all before the second comes
            began = time.monotonic()
            assert nursery.ended(nursery.begin()) == 3
            assert time.monotonic() - began < 20
            os.kill(first, signal.SIGKILL)
            nursery.ended(first)
        ledger.answering.set()
        assert nursery.ended(nursery.begin()) == 0
    finally:
        nursery.close()
        ledger.close()
    assert len(ledger.paid) == 2000
    assert sum(ledger.paid.values()) - 2000 <= 5 * AT_ONCE


def test_a_child_neither_holds_a_run_nor_writes_it(tmp_path: Path) -> None:
    """A fork would otherwise keep the lock for as long as it lives."""
    store = open_store(StoreSettings(url=str(tmp_path / "store.db")), real_world()).unwrap()
    plan = RunPlan(target="out", source="in", settings={}, rows=1)
    log = store.runs.begin(plan).unwrap()
    listening, telling = os.pipe()
    child = os.fork()
    if not child:
        os.read(listening, 1)
        os._exit(0)
    try:
        log.close("interrupted", None)
        again = store.runs.resume(log.record.id, plan)
        assert isinstance(again, Success)
        again.unwrap().close("finished", None)
    finally:
        os.write(telling, b"x")
        os.waitpid(child, 0)
        os.close(listening)
        os.close(telling)


def test_what_a_child_asks_of_a_run_is_refused(tmp_path: Path) -> None:
    import asyncio

    from llm_manager.services.run_store import RowIntent

    store = open_store(StoreSettings(url=str(tmp_path / "store.db")), real_world()).unwrap()
    log = store.runs.begin(RunPlan(target="out", source="in", settings={}, rows=1)).unwrap()
    child = os.fork()
    if not child:

        async def asked() -> bool:
            outcome = await log.intend(RowIntent(key="00", place=0))
            return isinstance(outcome.failure(), StorageFailed)

        os._exit(0 if asyncio.run(asked()) else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    log.close("finished", None)
