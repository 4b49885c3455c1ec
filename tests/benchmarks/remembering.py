"""What remembering costs: a hit in memory, a hit in the store, what a put takes of whoever puts, and of the disk behind it."""

import asyncio
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from llm_manager.domain.caching import Provenance, Remembered
from llm_manager.domain.configuration import CacheSettings
from llm_manager.domain.embeddings import Vector
from llm_manager.domain.responses import LLMResponse
from llm_manager.domain.usage import Usage
from llm_manager.services.cache import Cache
from llm_manager.stores.answers.forms import ANSWER, VECTOR
from llm_manager.stores.answers.keeping import kept_cache
from llm_manager.stores.layering import layered
from llm_manager.stores.memory.cache import memory_cache
from llm_manager.stores.sql.connecting import open_database
from tests.benchmarks.measuring import show
from tests.threats.tenants import interleaved

ROWS = 5000
ANSWERED = LLMResponse(content="A capital is a city. " * 50, model="m", provider="p", usage=Usage(input_tokens=20, output_tokens=200))
NUMBERS: Vector = tuple(number / 7.0 for number in range(1536))
FROM = Provenance(provider="p", model="m", tenant="t")


async def measure() -> None:
    """Print medians."""
    with tempfile.TemporaryDirectory() as folder:
        database = open_database(f"sqlite:///{Path(folder) / 'kept.db'}").unwrap()
        settings = CacheSettings(max_size=ROWS, max_rows=10 * ROWS)
        memory: Cache[LLMResponse] = memory_cache(settings, time.monotonic)
        kept = kept_cache(database, ANSWER, settings, time.time)
        vectors = kept_cache(database, VECTOR, settings, time.time)
        answer, vector = Remembered(value=ANSWERED, provenance=FROM), Remembered(value=NUMBERS, provenance=FROM)
        in_memory = await _each(lambda number: memory.put(str(number), answer))
        began = time.perf_counter()
        put = await _each(lambda number: kept.put(str(number), answer))
        await kept.flush()
        written = (time.perf_counter() - began) / ROWS * 1e6
        for number in range(ROWS // 10):
            await vectors.put(str(number), vector)
        await vectors.flush()
        rows = [
            ("hit in memory", f"{await _each(lambda number: memory.get(str(number))):.1f} us", ""),
            ("hit in the store, one at a time", f"{await _each(lambda number: kept.get(str(number))):.1f} us", "1 KB, decoded"),
            ("hit in the store, 64 at a time", f"{await _at_once(lambda number: kept.get(str(number))):.1f} us", "each"),
            ("miss in the store", f"{await _each(lambda number: kept.get(f'no {number}')):.1f} us", ""),
            (
                "hit of a vector in the store",
                f"{await _each(lambda number: vectors.get(str(number % (ROWS // 10)))):.1f} us",
                "1536 numbers",
            ),
            ("put into memory", f"{in_memory:.1f} us", ""),
            ("put into the store, as its caller sees it", f"{put:.1f} us", f"{written:.1f} us each until all are on disk"),
        ]
        show("remembering (median wall time)", rows)
        began = time.perf_counter()
        tenants = kept_cache(database, ANSWER, settings, time.time)
        seen = await interleaved(layered(memory_cache(CacheSettings(max_size=2), time.monotonic), tenants), 100_000, seed=9)
        took = f"{seen.got} hits, {time.perf_counter() - began:.0f} s"
        show("two tenants over SQLite", [(f"{seen.done} operations", f"{seen.crossed} crossings", took)])
        await database.close()


async def _each(work: Callable[[int], Awaitable[object]]) -> float:
    times = []
    for number in range(ROWS):
        began = time.perf_counter_ns()
        await work(number)
        times.append(time.perf_counter_ns() - began)
    return statistics.median(times) / 1000


async def _at_once(work: Callable[[int], Awaitable[object]], width: int = 64) -> float:
    began = time.perf_counter()
    for first in range(0, ROWS, width):
        await asyncio.gather(*(work(number) for number in range(first, min(first + width, ROWS))))
    return (time.perf_counter() - began) / ROWS * 1e6


if __name__ == "__main__":
    asyncio.run(measure())
