"""A storm of 429: 128 callers against a provider that takes 100 requests a second and refuses all others, on loopback.

Nobody told the manager that limit. What counts: rows lost, calls wasted on refusals, and how much of the limit was used:
the time that the rows would take at best, over the time they took.
"""

import asyncio
import sys
import time
from collections.abc import Mapping
from contextlib import aclosing

from returns.result import Success

from llm_manager import LLMRequest, make_llm_manager, settle
from llm_manager.real_world import real_world
from llm_manager.services.manager import LLMManager
from llm_manager.wiring import default_deps
from tests.benchmarks.calling import config
from tests.benchmarks.measuring import show
from tests.benchmarks.upstream import Upstream

RATE, CALLERS, ROWS = 100, 128, 2000

STORMS: Mapping[str, tuple[str, int, bool]] = {
    "Retry-After of 1 s, burst 100": ("l100.s200.k0.b1.a1", 100, True),
    "no Retry-After, burst 100": ("l100.s200.k0.b1.a-1", 100, True),
    "Retry-After of 1 s, burst 10": ("l100.s200.k0.b1.a1", 10, True),
    "no Retry-After, burst 10": ("l100.s200.k0.b1.a-1", 10, True),
    "no Retry-After, burst 10, calls of their own": ("l100.s200.k0.b1.a-1", 10, False),
}
"""What the upstream does, how much it takes at once, and whether the rows are one batch or calls that know nothing of each other."""


async def answered_rows(manager: LLMManager, rows: int) -> int:
    """How many rows of a batch were answered."""
    requests = (LLMRequest(f"row {number}", cache="off") for number in range(rows))
    async with aclosing(manager.generate_all(requests, concurrency=CALLERS)) as answers:
        return len([None async for _, answer in answers if isinstance(answer, Success)])


async def answered_calls(manager: LLMManager, rows: int) -> int:
    """How many calls of as many callers were answered."""
    numbers = iter(range(rows))

    async def caller() -> int:
        return len([n for n in numbers if isinstance(await settle(manager.generate(LLMRequest(f"call {n}", cache="off"))), Success)])

    return sum(await asyncio.gather(*(caller() for _ in range(CALLERS))))


async def measure(upstream: Upstream, rows: int = ROWS) -> None:
    """Print what each storm cost."""
    told = []
    for name, (tokens, burst, batch) in STORMS.items():
        await asyncio.to_thread(upstream.counters, f"reset?rate={RATE}&burst={burst}")
        deps = default_deps(config(upstream.url(tokens)), real_world({})).unwrap()
        manager = make_llm_manager(deps.config, deps).unwrap()
        began = time.perf_counter()
        answered = await (answered_rows if batch else answered_calls)(manager, rows)
        seconds = time.perf_counter() - began
        await manager.close()
        seen = (await asyncio.to_thread(upstream.counters))["lanes"]["0"]
        share = (answered - burst) / RATE / seconds
        wasted = f"{seen['s429']} wasted ({seen['s429'] / max(1, seen['ok']):.1%} of {seen['ok']})"
        told.append((name, f"{rows - answered} lost", f"{wasted}, {seconds:.1f} s, {share:.3f} of the limit"))
    show(f"storm: {rows} rows, {CALLERS} callers, {RATE} a second taken (0 lost, at most 10 % wasted, at least 0.95)", told)


if __name__ == "__main__":
    with Upstream() as server:
        asyncio.run(measure(server, *(int(number) for number in sys.argv[1:2])))
