"""Batches: how near to the ideal, and how flat the memory; each run in a process of its own."""

import asyncio
import json
import subprocess
import sys
import time
from contextlib import aclosing

from llm_manager import LLMRequest, make_llm_manager
from llm_manager.real_world import real_world
from llm_manager.services.manager import LLMManager
from llm_manager.testing import scripted, scripted_manager
from llm_manager.wiring import default_deps
from tests.benchmarks.calling import config
from tests.benchmarks.measuring import peak_mib, show
from tests.benchmarks.upstream import Upstream


async def run(manager: LLMManager, rows: int, concurrency: int) -> list[float]:
    """Answer ``rows`` requests from a generator; seconds, CPU seconds, peak MiB."""
    requests = (LLMRequest(f"Which of the two is row {number}?", cache="off") for number in range(rows))
    began, cpu, answered = time.perf_counter(), time.process_time(), 0
    async with aclosing(manager.generate_all(requests, concurrency=concurrency)) as answers:
        async for _, answer in answers:
            answer.unwrap()
            answered += 1
    assert answered == rows
    await manager.close()
    return [time.perf_counter() - began, time.process_time() - cpu, peak_mib()]


def child(kind: str, rows: int, concurrency: int) -> None:
    """One measured run: its figures as JSON on standard output."""
    if kind == "scripted":
        manager = scripted_manager(scripted("ok", keep_calls=False), world=real_world({}))
    else:
        deps = default_deps(config(kind), real_world({})).unwrap()
        manager = make_llm_manager(deps.config, deps).unwrap()
    print(json.dumps(asyncio.run(run(manager, rows, concurrency))))


def figures(kind: str, rows: int, concurrency: int) -> list[float]:
    """The figures of one run in a child process."""
    command = [sys.executable, "-m", "tests.benchmarks.batching", kind, str(rows), str(concurrency)]
    said = subprocess.run(command, capture_output=True, text=True, check=True)
    return [float(value) for value in json.loads(said.stdout)]


def measure(upstream: Upstream) -> None:
    """Print efficiency, throughput and peak memory."""
    rows = []
    ideal = 10_000 / 256 * 0.050
    runs = sorted(figures(upstream.url("l50.s200"), 10_000, 256)[0] for _ in range(3))
    rows.append(("10 000 rows, concurrency 256, upstream 50 ms", f"{runs[1]:.2f} s", f"{ideal / runs[1]:.3f} of the ideal {ideal:.2f} s"))
    for name, kind in (("scripted", "scripted"), ("loopback", upstream.url("s200"))):
        small, large = figures(kind, 10_000, 256), figures(kind, 100_000, 256)
        rows.append(
            (f"{name}: 100 000 rows from a generator", f"{100_000 / large[0]:.0f} rows/s", f"{large[1] / 100_000 * 1e6:.0f} us CPU a row")
        )
        rows.append((f"{name}: peak memory", f"{large[2]:.1f} MiB", f"{large[2] - small[2]:+.1f} MiB over 10 000 rows"))
    show("generate_all", rows)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        child(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
    else:
        with Upstream() as server:
            measure(server)
