"""Runs in processes that are killed at any moment, and a ledger in another process of every call that was paid.

``python -m tests.runs.killing`` forks a worker for each line it reads, since importing takes longer than most of them live.
"""

import asyncio
import gc
import io
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import traceback
from collections import Counter
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

from attrs import frozen

from llm_manager.cells import Cell
from llm_manager.domain.attempts import Attempt
from llm_manager.domain.configuration import CacheSettings, LLMConfig, StoreSettings
from llm_manager.domain.requests import LLMRequest
from llm_manager.domain.runs import RunDoubt, RunPlan, RunRecord
from llm_manager.real_world import real_world
from llm_manager.runs.columns import answer_column
from llm_manager.runs.jobs import Job, make_job
from llm_manager.runs.prompting import read_prompt
from llm_manager.runs.reading import open_table
from llm_manager.runs.running import Running, run_rows
from llm_manager.runs.surveying import survey
from llm_manager.services.run_store import RunLog, RunStore
from llm_manager.stores.opening import open_store
from llm_manager.testing import scripted, scripted_manager

AT_ONCE = 8
_TARGET = "out.jsonl"


@frozen(kw_only=True)
class Place:
    """Where a run's rows, its store and the ledger's socket are."""

    folder: Path
    url: str

    @property
    def ledger(self) -> str:
        return str(self.folder / "ledger")

    @property
    def rows(self) -> Path:
        return self.folder / "rows.jsonl"


def job_of(place: Place) -> Job:
    """What is asked of each row."""
    table = open_table(str(place.rows), stdin=io.BytesIO(), scratch=place.folder).unwrap()
    return make_job(table, read_prompt("{n}", table.columns).unwrap(), LLMRequest(), answer_column())


def take(runs: RunStore, job: Job) -> RunLog | None:
    """The run of that job; None while another has it."""
    plan = RunPlan(target=_TARGET, source="rows.jsonl", settings=job.settings(), rows=job.table.count)
    before = runs.find(_TARGET).unwrap()
    return (runs.begin(plan) if before is None else runs.resume(before.id, plan)).value_or(None)


async def worked(place: Place) -> int:
    """One life of a worker: 0 when it finished the run, 3 when another has it."""
    store = open_store(StoreSettings(url=place.url), real_world()).unwrap()
    job = job_of(place)
    log = take(store.runs, job)
    if log is None:
        return 3
    reader, writer = await asyncio.open_unix_connection(place.ledger)
    waiting: dict[str, asyncio.Future[None]] = {}

    async def say(attempt: Attempt) -> str:
        prompt = attempt.request.prompt or ""
        waiting[prompt] = asyncio.get_running_loop().create_future()
        writer.write(prompt.encode() + b"\n")
        await waiting[prompt]
        return f"answer {prompt}"

    async def hear() -> None:
        while line := await reader.readline():
            waiting.pop(line.decode().strip()).set_result(None)

    hearing = asyncio.create_task(hear())
    manager = scripted_manager(scripted(say, keep_calls=False), config=LLMConfig(cache=CacheSettings(enabled=False)))
    found = survey(job, log.standings).unwrap()
    running = Running(generate_all=manager.generate_all, tally=Cell(found.tally), concurrency=AT_ONCE)
    stopped = await run_rows(job, found, log, running)
    if stopped is not None:
        print(stopped, file=sys.stderr)
    hearing.cancel()
    log.close("finished" if stopped is None else "interrupted", None)
    await store.close()
    return 0 if stopped is None else 1


class Ledger:
    """Counts what was paid, in the process of the test; answers each call a moment later, while ``answering`` is set."""

    def __init__(self, place: Place) -> None:
        self.paid: Counter[str] = Counter()
        self.called = threading.Event()
        self.answering = threading.Event()
        self.answering.set()
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.bind(place.ledger)
        self._socket.listen(16)
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._socket.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, connection.makefile("rb") as lines:
            try:
                for line in lines:
                    self.paid[line.decode().strip()] += 1
                    self.called.set()
                    self.answering.wait()
                    connection.sendall(line)
            except OSError:
                return


class Nursery:
    """Forks workers from a process that has imported everything and holds no thread."""

    def __init__(self, place: Place) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.runs.killing", str(place.folder), place.url],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._words()

    def begin(self) -> int:
        """Begin a worker, and give its number."""
        assert self._process.stdin is not None
        self._process.stdin.write("go\n")
        self._process.stdin.flush()
        return int(self._words())

    def ended(self, worker: int) -> int:
        """How a worker ended: its exit code, or less than zero when it was killed."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{worker}\n")
        self._process.stdin.flush()
        return int(self._words())

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(30)
        assert self._process.stdout is not None
        self._process.stdout.close()

    def _words(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline()


@frozen(kw_only=True)
class Killed:
    """What became of a run whose workers were killed so often."""

    kills: int
    paid: Counter[str]
    answered: int
    record: RunRecord
    doubts: tuple[RunDoubt, ...]
    keys: dict[str, str]
    seconds: float

    @property
    def repeats(self) -> int:
        """Calls that were paid more than once."""
        return sum(self.paid.values()) - len(self.paid)

    def unlisted(self) -> list[str]:
        """Prompts that were paid more often than what is listed explains: a finished row was lost, or a doubt was."""
        listed = Counter(doubt.key for doubt in self.doubts)
        return [prompt for prompt, times in self.paid.items() if times - 1 > listed[self.keys[prompt]]]


def killed(url: str, folder: Path, *, rows: int, kills: int, seed: int, longest: float = 0.05) -> Killed:
    """Run so many rows, kill each worker at a random moment after its first call, so often; then let one finish."""
    began, rng = time.monotonic(), Random(seed)
    place = Place(folder=folder, url=url)
    place.rows.write_text("".join(f'{{"n":"{number}"}}\n' for number in range(rows)))
    ledger, nursery = Ledger(place), Nursery(place)
    done = 0
    try:
        while done < kills:
            ledger.called.clear()
            worker = nursery.begin()
            if rng.random() < 0.9:
                ledger.called.wait(10)
            time.sleep(rng.random() * longest)
            os.kill(worker, signal.SIGKILL)
            if nursery.ended(worker) == 0:
                break
            done += 1
        ended = nursery.ended(nursery.begin())
        assert ended == 0, ended
    finally:
        nursery.close()
        ledger.close()
    return _seen(place, ledger, done, time.monotonic() - began)


def _seen(place: Place, ledger: Ledger, kills: int, seconds: float) -> Killed:
    store = open_store(StoreSettings(url=place.url), real_world()).unwrap()
    job = job_of(place)
    record = store.runs.find(_TARGET).unwrap()
    assert record is not None
    doubts = store.runs.doubts(record.id, limit=1_000_000).unwrap()
    answered = len(store.runs.rows(record.id, limit=1_000_000, states=["answered"]).unwrap())
    asyncio.run(store.close())
    return Killed(
        kills=kills,
        paid=ledger.paid,
        answered=answered,
        record=record,
        doubts=tuple(doubt for _, doubt in doubts),
        keys={prompt: job.key(prompt) for prompt in ledger.paid},
        seconds=seconds,
    )


def _life(place: Place) -> int:
    try:
        return asyncio.run(worked(place))
    except Exception:  # noqa: BLE001 - it is told, and the process ends
        traceback.print_exc()
        return 9


def _forks(place: Place) -> None:
    scripted_manager(scripted("so that all is imported"))
    gc.freeze()
    print("ready", flush=True)
    for line in sys.stdin:
        if line == "go\n":
            worker = os.fork()
            if not worker:
                os._exit(_life(place))
            print(worker, flush=True)
        else:
            print(os.waitstatus_to_exitcode(os.waitpid(int(line), 0)[1]), flush=True)


def by_hand(kills: int, rows: int) -> None:
    """``python -m tests.runs.killing 1000 6000``: what it comes to."""
    done = lost = repeats = 0
    began, run = time.monotonic(), 0
    while done < kills:
        with TemporaryDirectory() as folder:
            run += 1
            found = killed(str(Path(folder) / "store.db"), Path(folder), rows=rows, kills=kills - done, seed=run)
        assert found.repeats <= found.kills * AT_ONCE
        done, repeats = done + found.kills, repeats + found.repeats
        lost += len(found.unlisted()) + rows - found.answered
        told = f"{found.kills} kills, {found.repeats} calls paid again, {len(found.doubts)} listed, {found.seconds:.0f} s"
        print(f"run {run}: {told}", flush=True)
    print(f"{done} kills over {run} runs of {rows} rows in {time.monotonic() - began:.0f} s: {lost} finished rows lost, {repeats} repeats")


if __name__ == "__main__":
    if sys.argv[1].isdigit():
        by_hand(int(sys.argv[1]), int(sys.argv[2]))
    else:
        _forks(Place(folder=Path(sys.argv[1]), url=sys.argv[2]))
