"""The n-th call of the storage fails, for every n: the run ends with a value, and no answer is lost that was said to be kept."""

import asyncio
import os
import subprocess
from collections import Counter
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from returns.result import Failure

from llm_manager.cells import Cell
from llm_manager.domain.attempts import Attempt
from llm_manager.domain.configuration import CacheSettings, LLMConfig
from llm_manager.domain.errors import LLMError, StorageFailed
from llm_manager.domain.runs import RunPlan
from llm_manager.outcomes import Settled, sealed
from llm_manager.real_world import real_world
from llm_manager.runs.jobs import Job
from llm_manager.runs.running import Running, run_rows
from llm_manager.runs.surveying import survey
from llm_manager.services.run_store import RunLog, RunStore
from llm_manager.stores.runs.keeping import kept_runs
from llm_manager.stores.runs.locks import file_locks
from llm_manager.stores.sql.connecting import open_database
from llm_manager.testing import scripted, scripted_manager
from tests.faulty_sqlite import Failing, Fault

_CONFIG = LLMConfig(cache=CacheSettings(enabled=False))


@pytest.fixture
def quick() -> Iterator[Path]:
    """A folder in memory, where there is one: this is no test of a disk."""
    memory = Path("/dev/shm")
    with TemporaryDirectory(prefix="llmm-", dir=memory if memory.is_dir() else None) as name:
        yield Path(name)


def taken(runs: RunStore, job: Job) -> Settled[RunLog, LLMError]:
    plan = RunPlan(target="out", source="in", settings={}, rows=job.table.count)
    found = sealed(runs.find("out"))
    if isinstance(found, Failure):
        return found
    before = found.unwrap()
    return sealed(runs.begin(plan) if before is None else runs.resume(before.id, plan))


def lived(runs: RunStore, job: Job, paid: Counter[str], *, answer: Any = None, at_once: int = 4) -> LLMError | None:
    """One life of a run; gives what stopped it."""

    async def say(attempt: Attempt) -> str:
        paid[attempt.request.prompt or ""] += 1
        await asyncio.sleep(0)
        return "y" if answer is None else answer()

    log = taken(runs, job)
    if isinstance(log, Failure):
        return log.failure()
    found = survey(job, log.unwrap().standings)
    if isinstance(found, Failure):
        log.unwrap().close("interrupted", None)
        return found.failure()
    manager = scripted_manager(scripted(say, keep_calls=False), config=_CONFIG)
    running = Running(generate_all=manager.generate_all, tally=Cell(found.unwrap().tally), concurrency=at_once)
    stopped = asyncio.run(run_rows(job, found.unwrap(), log.unwrap(), running))
    closed = sealed(log.unwrap().close("finished" if stopped is None else "interrupted", None))
    return closed.failure() if stopped is None and isinstance(closed, Failure) else stopped


def nothing_is_lost(runs: RunStore, job: Job, paid: Counter[str]) -> None:
    """Go on without faults, and compare what was paid with what is listed."""
    assert lived(runs, job, paid) is None
    record = runs.find("out").unwrap()
    assert record is not None
    assert (record.counts.answered, len(paid)) == (job.table.count, job.table.count)
    listed = Counter(doubt.key for _, doubt in runs.doubts(record.id).unwrap())
    assert [prompt for prompt, times in paid.items() if times - 1 > listed[job.key(prompt)]] == []


@pytest.mark.parametrize("lasting", [False, True], ids=["once", "from then on"])
@pytest.mark.parametrize("fault", ["full", "ioerr", "commit lost"])
def test_the_nth_call_fails(jobbing: Any, quick: Path, fault: Fault, lasting: bool) -> None:
    job = jobbing([{"text": str(number)} for number in range(10)])
    for at in count(1):
        place, paid = quick / f"{at}.db", Counter[str]()
        plan = Failing(at=at, fault=fault, lasting=lasting)
        database = open_database(str(place), connect=plan.connect).unwrap()
        stopped = lived(kept_runs(database, file_locks(place, ballast=0), real_world()), job, paid)
        database.close_now()
        assert stopped is None or isinstance(stopped, StorageFailed)
        again = open_database(str(place)).unwrap()
        nothing_is_lost(kept_runs(again, file_locks(place, ballast=0), real_world()), job, paid)
        again.close_now()
        if not plan.failed:
            return


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 12 MB."""
    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        pytest.skip("mounting a small disk needs root")
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=12m", "tmpfs", str(place)], capture_output=True, check=False)
    if mounted.returncode:
        pytest.skip("mounting is not allowed here")
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)


@pytest.mark.parametrize("suddenly", [False, True], ids=["by the run itself", "by another at once"])
def test_on_a_full_disk_what_is_paid_is_kept_and_the_run_goes_on_when_there_is_room(jobbing: Any, small_disk: Path, suddenly: bool) -> None:
    job = jobbing([{"text": str(number)} for number in range(2000)])
    place, paid, hog = small_disk / "store.db", Counter[str](), small_disk / "hog"
    database = open_database(str(place)).unwrap()
    runs = kept_runs(database, file_locks(place, ballast=1024 * 1024), real_world())

    def answer() -> str:
        if suddenly and paid.total() == 40:
            with hog.open("wb", buffering=0) as file:
                try:
                    while True:
                        file.write(bytes(4096))
                except OSError:
                    pass
        return "y" * 8000

    stopped = lived(runs, job, paid, answer=answer, at_once=8)
    assert isinstance(stopped, StorageFailed)
    assert stopped.reason == "full"
    record = runs.find("out").unwrap()
    assert record is not None
    assert record.counts.answered == paid.total() < 2000, "every paid answer was kept"
    hog.unlink(missing_ok=True)
    subprocess.run(["mount", "-o", "remount,size=200m", str(small_disk)], check=True)
    nothing_is_lost(runs, job, paid)
    assert paid.total() == 2000
    database.close_now()
