"""A long run by hand, `python -m tests.benchmarks.soaking 10` for ten minutes: memory, descriptors and tasks must stay where they are.

Calls, streams, calls that are left and calls whose primary is ill, of ever new users, features and prompts, through a manager
with everything on: breakers, limits, budgets, keys, statistics, the cache and conversations.
"""

import asyncio
import gc
import sys
import time
from collections import Counter
from contextlib import aclosing, suppress
from decimal import Decimal
from pathlib import Path

from attrs import evolve
from returns.result import Success

from llm_manager import LLMConfig, LLMRequest, ProviderSettings, RequestMetadata, Secret, make_llm_manager, settle
from llm_manager.domain.configuration import Budget, CacheSettings
from llm_manager.domain.plans import RoutingPolicy
from llm_manager.orchestration.collecting import collect
from llm_manager.real_world import real_world
from llm_manager.services.manager import LLMManager
from llm_manager.wiring import default_deps
from tests.benchmarks.upstream import Upstream

CALLERS = 64
_WARM_SECONDS = 60.0
"""Pools, caches and bounded tables fill within this time; what is compared begins after it."""


def config(upstream: Upstream) -> LLMConfig:
    """A primary that fails or resets one call in sixteen, and a backup without a known price; all guards on."""
    primary = ProviderSettings(
        base_url=upstream.url("l10.s200.e30.x30.z1"),
        api_key=Secret("sk-soak-1"),
        api_keys=(Secret("sk-soak-2"),),
        requests_per_minute=10_000_000,
        tokens_per_minute=10**10,
        concurrency=256,
    )
    backup = ProviderSettings(base_url=upstream.url("l10.s200.z2"), api_key=Secret("sk-soak"), default_model="m")
    return LLMConfig(
        providers={"openai": primary, "vllm": backup},
        routing=RoutingPolicy(fallback_order=("openai", "vllm")),
        cache=CacheSettings(max_size=1000),
        budgets=(
            Budget(name="day", limit=Decimal(10**15), period="day", unpriced="allow"),
            Budget(name="user", limit=Decimal(10**15), unit="tokens", period="day", each="user"),
            Budget(name="feature", limit=Decimal(10**15), unit="requests", period="day", each="feature"),
        ),
    )


def request(number: int) -> LLMRequest:
    """Mostly new, sometimes one that was asked before; of somebody new each time."""
    who = RequestMetadata(user=f"user {number}", feature=f"feature {number}", tenant=f"tenant {number % 7}")
    asked = LLMRequest(f"What is {number - number % 4} plus one?", metadata=who)
    return asked if number % 4 else evolve(asked, cache="off")


async def one(manager: LLMManager, number: int, seen: Counter[str]) -> None:
    """One call of some kind."""
    asked = request(number)
    match number % 10:
        case 0:
            with suppress(TimeoutError):
                async with asyncio.timeout(0.004):
                    await settle(manager.generate(evolve(asked, cache="off")))
            seen["left"] += 1
        case 1:
            async with aclosing(manager.stream(asked)) as events:
                await anext(events, None)
            seen["streams left"] += 1
        case 2 | 3:
            seen["streams" if isinstance(await collect(manager.stream(asked)), Success) else "streams failed"] += 1
        case _:
            seen["calls" if isinstance(await settle(manager.generate(asked)), Success) else "calls failed"] += 1


def resident_mib() -> float:
    """The memory this process holds now."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 2**20


def descriptors() -> int:
    """Open files and sockets of this process."""
    return len(list(Path("/proc/self/fd").iterdir()))


async def measure(upstream: Upstream, minutes: float) -> None:
    """Print a line each minute, and at the end how much memory grew after the first."""
    deps = default_deps(config(upstream), real_world({})).unwrap()
    manager = make_llm_manager(deps.config, deps).unwrap()
    seen: Counter[str] = Counter()
    began = time.perf_counter()
    ends = began + minutes * 60
    numbers = iter(range(10**12))

    async def caller() -> None:
        while time.perf_counter() < ends:
            await one(manager, next(numbers), seen)

    async def watch() -> None:
        first, at = None, 0.0
        while (at := at + _WARM_SECONDS) <= minutes * 60 + 0.5:
            await asyncio.sleep(max(0.0, began + at - time.perf_counter()))
            gc.collect()
            memory = resident_mib()
            first = memory if first is None else first
            print(
                f"  {at / 60:4.0f} min  {memory:7.1f} MiB ({memory - first:+.1f})  {descriptors():4d} descriptors  "
                f"{len(asyncio.all_tasks()):4d} tasks  {dict(seen)}",
                flush=True,
            )

    await asyncio.gather(watch(), *(caller() for _ in range(CALLERS)))
    await manager.close()
    await asyncio.sleep(0.1)
    print(
        f"  closed: {descriptors()} descriptors, {len(asyncio.all_tasks())} tasks, {sum(seen.values()) / minutes / 60:.0f} calls a second"
    )


if __name__ == "__main__":
    with Upstream() as server:
        asyncio.run(measure(server, float(sys.argv[1]) if len(sys.argv) > 1 else 10.0))
