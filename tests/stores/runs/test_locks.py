"""A lock of a run goes with its owner, and so does the room on the disk that is held with it."""

import os
import signal
from pathlib import Path

import pytest
from returns.result import Failure, Success

from llm_manager.domain.configuration import StoreSettings
from llm_manager.domain.errors import StorageFailed
from llm_manager.domain.runs import RunPlan
from llm_manager.real_world import real_world
from llm_manager.services.run_store import RunStore
from llm_manager.stores.opening import open_store
from llm_manager.stores.runs.locks import BALLAST_BYTES, file_locks

PLAN = RunPlan(target="out", source="in", settings={}, rows=1)


def runs_in(folder: Path) -> RunStore:
    return open_store(StoreSettings(url=str(folder / "store.db")), real_world()).unwrap().runs


def killed_one(folder: Path) -> str:
    """A run whose owner was killed."""
    listening, telling = os.pipe()
    child = os.fork()
    if not child:
        os.write(telling, runs_in(folder).begin(PLAN).unwrap().record.id.encode())
        signal.pause()
    run_id = os.read(listening, 100).decode()
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    os.close(listening)
    os.close(telling)
    return run_id


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.parametrize("ending", ["forgotten", "cancelled", "resumed"])
def test_what_an_owner_that_was_killed_held_on_the_disk_goes_with_its_run(tmp_path: Path, ending: str) -> None:
    run_id = killed_one(tmp_path)
    folder, runs = tmp_path / "store.db.runs", runs_in(tmp_path)
    assert [each.stat().st_size for each in folder.iterdir()] == [BALLAST_BYTES]
    assert runs.show(run_id).unwrap().state == "interrupted"
    if ending == "forgotten":
        assert runs.forget(run_id) == Success(None)
    elif ending == "cancelled":
        assert runs.wish(run_id, "cancel").unwrap().state == "cancelled"
    else:
        assert runs.resume(run_id, PLAN).unwrap().close("finished", None) == Success(None)
    assert list(folder.iterdir()) == []


def test_a_run_that_somebody_works_on_keeps_its_lock(tmp_path: Path) -> None:
    runs = runs_in(tmp_path)
    log = runs.begin(PLAN).unwrap()
    assert isinstance(runs.forget(log.record.id), Failure)
    assert runs.wish(log.record.id, "pause").unwrap().state == "running"
    assert len(list((tmp_path / "store.db.runs").iterdir())) == 1
    assert log.close("paused", None) == Success(None)


def test_a_folder_that_cannot_be_made_is_a_failure(tmp_path: Path) -> None:
    (tmp_path / "store.db.runs").write_text("in the way")
    locks = file_locks(tmp_path / "store.db")
    assert isinstance(locks.hold("r1").failure(), StorageFailed)
    assert not locks.busy("r1")


def test_room_is_given_back_once(tmp_path: Path) -> None:
    hold = file_locks(tmp_path / "store.db").hold("r1").unwrap()
    assert hold is not None
    assert hold.roomless() is None
    assert hold.lighten()
    assert not hold.lighten()
    assert isinstance(hold.roomless(), StorageFailed)
    hold.release()
    assert not hold.held()
    assert not hold.lighten()
    hold.release()
