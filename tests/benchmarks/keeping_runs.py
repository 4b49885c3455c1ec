"""What keeping a run costs: rows through a scripted manager with the run in a store, against the same with a log that forgets.

``python -m tests.benchmarks.keeping_runs [rows]``: microseconds a row at 64 at once, medians of interleaved rounds. With ``million`` it is
one run of a million rows, with the memory it took beyond a run of ten thousand, and how long it then takes to show it.
"""

import asyncio
import json
import resource
import subprocess
import sys
import time
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

from llm_manager.cells import Cell
from llm_manager.domain.configuration import CacheSettings, LLMConfig, StoreSettings
from llm_manager.domain.requests import LLMRequest
from llm_manager.domain.runs import RunPlan
from llm_manager.real_world import real_world
from llm_manager.runs.columns import answer_column
from llm_manager.runs.jobs import Job, make_job
from llm_manager.runs.prompting import read_prompt
from llm_manager.runs.reading import open_table
from llm_manager.runs.rendering import make_layout, output_lines
from llm_manager.runs.running import Running, run_rows
from llm_manager.runs.surveying import survey
from llm_manager.runs.writing import write_whole
from llm_manager.services.run_store import RunLog
from llm_manager.stores.opening import open_store
from llm_manager.testing import scripted, scripted_manager
from tests.runs.logs import memory_log

_AT_ONCE = 64
_ROUNDS = 5


def job_of(folder: Path, rows: int) -> Job:
    """A job over so many rows."""
    path = folder / f"rows-{rows}.jsonl"
    with path.open("w") as file:
        file.writelines(json.dumps({"text": f"row {number} " + "x" * 80}) + "\n" for number in range(rows))
    table = open_table(str(path), stdin=sys.stdin.buffer, scratch=folder).unwrap()
    return make_job(table, read_prompt("Say {text}", table.columns).unwrap(), LLMRequest(), answer_column())


async def asked(job: Job, log: RunLog) -> float:
    """How many seconds it takes to ask every row."""
    config = LLMConfig(cache=CacheSettings(enabled=False))
    manager = scripted_manager(scripted(lambda attempt: "y" * 200, keep_calls=False), config=config)
    found = survey(job, log.standings).unwrap()
    began = time.perf_counter()
    stopped = await run_rows(job, found, log, Running(generate_all=manager.generate_all, tally=Cell(found.tally), concurrency=_AT_ONCE))
    assert stopped is None, stopped
    return time.perf_counter() - began


def measure(rows: int) -> None:
    """Print what a row costs with the store and without."""
    with TemporaryDirectory() as place:
        folder = Path(place)
        job = job_of(folder, rows)
        store = open_store(StoreSettings(url=str(folder / "store.db")), real_world()).unwrap()
        without, kept = [], []
        for _ in range(_ROUNDS):
            without.append(asyncio.run(asked(job, memory_log())) / rows * 1e6)
            log = store.runs.begin(RunPlan(target=None, source="", settings={}, rows=rows)).unwrap()
            kept.append(asyncio.run(asked(job, log)) / rows * 1e6)
            log.close("finished", None)
        print(f"{rows} rows, {_AT_ONCE} at once: {median(without):.0f} us a row without a store, {median(kept):.0f} us with one,")
        rounds = [round(after - before) for before, after in zip(without, kept, strict=True)]
        print(f"the store costs {median(kept) - median(without):.0f} us a row (rounds: {rounds})")
        asyncio.run(store.close())


def whole(rows: int) -> None:
    """One run from its file to its output, with the most memory it took."""
    with TemporaryDirectory() as place:
        folder = Path(place)
        job = job_of(folder, rows)
        store = open_store(StoreSettings(url=str(folder / "store.db")), real_world()).unwrap()
        log = store.runs.begin(RunPlan(target=None, source="", settings={}, rows=rows)).unwrap()
        seconds = asyncio.run(asked(job, log))
        written = write_whole(folder / "out.jsonl", output_lines(job, make_layout(job, "jsonl").unwrap(), log.rows))
        log.close("finished", None)
        began = time.perf_counter()
        shown = store.runs.show(log.record.id).unwrap()
        told: dict[str, Any] = {
            "show_seconds": time.perf_counter() - began,
            "answered": shown.counts.answered,
            "seconds": seconds,
            "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
            "written": str(written),
        }
        print(json.dumps(told))
        asyncio.run(store.close())


if __name__ == "__main__":
    if sys.argv[1:2] == ["whole"]:
        whole(int(sys.argv[2]))
    elif sys.argv[1:2] == ["million"]:
        for count in ("10000", "1000000"):
            print(
                count,
                subprocess.run([sys.executable, "-m", __spec__.name, "whole", count], capture_output=True, text=True, check=True).stdout,
            )
    else:
        measure(int(sys.argv[1]) if sys.argv[1:] else 5000)
