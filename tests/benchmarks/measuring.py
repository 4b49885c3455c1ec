"""How things are measured: CPU of this process, in interleaved rounds, medians told as ratios against a baseline."""

import asyncio
import gc
import resource
import statistics
import time
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import TypeAlias

Measured: TypeAlias = Callable[[], Awaitable[float]]


async def interleaved(rounds: int, subjects: Mapping[str, Measured]) -> dict[str, float]:
    """Run every subject once per round, in turn, and give the median of each; the first round is not counted."""
    seen: dict[str, list[float]] = {name: [] for name in subjects}
    for turn in range(rounds + 1):
        for name, measure in subjects.items():
            gc.collect()
            value = await measure()
            if turn:
                seen[name].append(value)
    return {name: statistics.median(values) for name, values in seen.items()}


async def cpu_per_call(ask: Callable[[int], Awaitable[None]], *, calls: int, concurrency: int) -> float:
    """CPU microseconds of this process per call, with so many under way at once."""
    numbers = iter(range(calls))

    async def work() -> None:
        for number in numbers:
            await ask(number)

    began = time.process_time()
    async with asyncio.TaskGroup() as group:
        for _ in range(concurrency):
            group.create_task(work())
    return (time.process_time() - began) / calls * 1e6


def show(title: str, rows: list[tuple[str, str, str]]) -> None:
    """Print a table: what, figure, ratio or target."""
    print(f"\n{title}")
    width = max(len(row[0]) for row in rows)
    for what, figure, note in rows:
        print(f"  {what:<{width}}  {figure:>14}  {note}")


def peak_mib() -> float:
    """The most memory this process ever held; where the system does not tell, the most its parent held may count too."""
    status = Path("/proc/self/status")
    if status.exists():
        return next(int(line.split()[1]) for line in status.read_text().splitlines() if line.startswith("VmHWM:")) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
