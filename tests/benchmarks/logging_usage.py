"""What the usage log costs: ``python -m tests.benchmarks.logging_usage [ENTRIES]``.

Calls without a store are measured beside those with one.
"""

import asyncio
import sys
import time
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory

from msgspec.structs import replace

from llm_manager.domain.configuration import CacheSettings, LLMConfig, StoreSettings
from llm_manager.domain.events import AttemptAnswered
from llm_manager.domain.requests import LLMRequest, RequestMetadata
from llm_manager.domain.usage import Priced, Usage
from llm_manager.domain.usage_log import UsageQuery
from llm_manager.effects import settle
from llm_manager.real_world import real_world
from llm_manager.services.manager import LLMManager
from llm_manager.stores.opening import open_store
from llm_manager.stores.sql.connecting import open_database
from llm_manager.stores.usage.keeping import usage_log
from llm_manager.testing import scripted, scripted_manager
from tests.benchmarks.measuring import cpu_per_call, interleaved

CALLS, CONCURRENCY, ROUNDS = 3000, 64, 5
ANSWERED = AttemptAnswered(
    at=1.0,
    call_id="c",
    number=1,
    provider="openai",
    model="gpt-4o-mini",
    seconds=1.0,
    usage=Usage(input_tokens=100, output_tokens=40),
    cost=Priced(usd=Decimal("0.000123"), price_version="v"),
    metadata=RequestMetadata(user="ann", feature="search"),
)


def manager_of(place: Path | None) -> LLMManager:
    """A manager that answers at once; with a place, its attempts are kept there."""
    world = real_world({})
    store = None if place is None else open_store(StoreSettings(url=f"sqlite:///{place}"), world).unwrap()
    return scripted_manager(scripted("Paris."), config=LLMConfig(cache=CacheSettings(enabled=False)), world=world, store=store)


async def calls(manager: LLMManager) -> float:
    """CPU microseconds of the whole process per call, what the log's own thread takes included."""

    async def ask(number: int) -> None:
        await settle(manager.generate(LLMRequest(f"question {number}")))

    took = await cpu_per_call(ask, calls=CALLS, concurrency=CONCURRENCY)
    if manager.stats().calls:
        await settle(manager.usage_report(UsageQuery(since=4e9)))
    return took


async def events(place: Path, many: int) -> None:
    """Microseconds for who tells, entries a second for the log, and how long questions take."""
    database = open_database(f"sqlite:///{place}").unwrap()
    log = usage_log(database, time.time, 400, most=many)
    await log.flush()
    told = [replace(ANSWERED, call_id=f"c{number}", model=f"m{number % 9}") for number in range(many)]
    began, cpu = time.perf_counter(), time.thread_time()
    for event in told:
        log.subscriber(event)
    cpu = time.thread_time() - cpu
    await log.flush()
    print(f"telling: {cpu / many * 1e6:.2f} us an event; written: {many / (time.perf_counter() - began):,.0f} entries a second")
    for words, query in (("by model and day", UsageQuery(by=("model", "day"))), ("dearest calls", UsageQuery(dearest=10))):
        began = time.perf_counter()
        await settle(log.report(query))
        print(f"{words} of {many:,} entries: {time.perf_counter() - began:.2f} s")
    await database.close()


async def main(many: int) -> None:
    with TemporaryDirectory() as folder:
        without, kept = manager_of(None), manager_of(Path(folder) / "calls.db")
        took = await interleaved(ROUNDS, {"without": lambda: calls(without), "with": lambda: calls(kept)})
        print(f"a call: {took['without']:.0f} us CPU without a store, {took['with']:.0f} us with its usage kept", end="")
        print(f" ({took['with'] - took['without']:.0f} us more)")
        await kept.close()
        await without.close()
        await events(Path(folder) / "events.db", many)


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000))
