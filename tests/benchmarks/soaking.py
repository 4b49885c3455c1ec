"""A long run by hand, `python -m tests.benchmarks.soaking 10` for ten minutes: memory, descriptors and tasks must stay where they are.

Calls, streams, calls that are left and calls whose primary is ill, of ever new users, features and prompts, through a manager
with everything on: breakers, limits, budgets, keys, statistics, the cache and conversations. The first failure of each kind is
printed, and the run fails if in a minute more than one call in a hundred failed or was left to the backup: a manager that refuses
everything keeps its memory too.
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
from returns.result import Failure, Result

from llm_manager import LLMConfig, LLMRequest, LLMResponse, ProviderSettings, RequestMetadata, Secret, make_llm_manager, settle
from llm_manager.domain.configuration import Budget, CacheSettings
from llm_manager.domain.errors import LLMError
from llm_manager.domain.plans import RoutingPolicy
from llm_manager.orchestration.collecting import collect
from llm_manager.real_world import real_world
from llm_manager.services.manager import LLMManager
from llm_manager.wiring import default_deps
from tests.benchmarks.upstream import Upstream

CALLERS = 64
_MOST_ILL = 0.01
"""The share of a minute's calls that may fail or be left to the backup: some meet an ill primary in each of their attempts."""
_PLENTY = Decimal(10**15)
"""More than a soak can spend, so that what is measured is calls and not refusals.

Names beyond fifty thousand share one purse of each budget, and each call that is left, cut or reset without its usage is kept
there as its worst case, mostly 16 487 tokens, until the day ends. With a thousand million tokens, all that a purse held was
spent after 265 000 calls, and everything was refused from then on.
"""
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
            Budget(name="day", limit=_PLENTY, period="day", unpriced="allow"),
            Budget(name="user", limit=_PLENTY, unit="tokens", period="day", each="user", unpriced="allow"),
            Budget(name="feature", limit=_PLENTY, unit="requests", period="day", each="feature"),
        ),
    )


def request(number: int) -> LLMRequest:
    """Mostly new, sometimes one that was asked before; of somebody new each time."""
    who = RequestMetadata(user=f"user {number}", feature=f"feature {number}", tenant=f"tenant {number % 7}")
    asked = LLMRequest(f"What is {number - number % 4} plus one?", metadata=who)
    return asked if number % 4 else evolve(asked, cache="off")


class Seen:
    """What became of the calls, by their kind."""

    def __init__(self) -> None:
        self.ended: Counter[str] = Counter()
        self.errors: Counter[str] = Counter()
        self.by_backup = 0

    def note(self, kind: str, outcome: Result[object, LLMError] | None) -> None:
        """Count one; the first failure of each kind of error is printed as it is."""
        if not isinstance(outcome, Failure):
            self.ended[kind] += 1
            answer = None if outcome is None else outcome.unwrap()
            self.by_backup += isinstance(answer, LLMResponse) and answer.provider == "vllm"
            return
        error = outcome.failure()
        self.ended[f"{kind} failed"] += 1
        self.errors[error.tag] += 1
        if self.errors[error.tag] == 1:
            print(f"  the first {error.tag}, after {self.calls} calls, of {kind}: {error}", flush=True)

    @property
    def calls(self) -> int:
        """All that have ended."""
        return self.ended.total()

    @property
    def failed(self) -> int:
        """Those that ended in an error."""
        return self.errors.total()


async def one(manager: LLMManager, number: int, seen: Seen) -> None:
    """One call of some kind."""
    asked = request(number)
    match number % 10:
        case 0:
            outcome = None
            with suppress(TimeoutError):
                async with asyncio.timeout(0.004):
                    outcome = await settle(manager.generate(evolve(asked, cache="off")))
            seen.note("left", outcome)
        case 1:
            async with aclosing(manager.stream(asked)) as events:
                seen.note("streams left", await anext(events, None))
        case 2 | 3:
            seen.note("streams", await collect(manager.stream(asked)))
        case _:
            seen.note("calls", await settle(manager.generate(asked)))


def resident_mib() -> float:
    """The memory this process holds now."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 2**20


def descriptors() -> int:
    """Open files and sockets of this process."""
    return len(list(Path("/proc/self/fd").iterdir()))


async def measure(upstream: Upstream, minutes: float) -> None:
    """Print a line each minute: memory and how much of it came after the first, what is open, what became of the minute's calls."""
    deps = default_deps(config(upstream), real_world({})).unwrap()
    manager = make_llm_manager(deps.config, deps).unwrap()
    seen = Seen()
    began = time.perf_counter()
    ends = began + minutes * 60
    stormy: list[float] = []
    numbers = iter(range(10**12))

    async def caller() -> None:
        while time.perf_counter() < ends:
            await one(manager, next(numbers), seen)

    async def watch() -> None:
        first, at, calls, failed, by_backup = None, 0.0, 0, 0, 0
        while (at := at + _WARM_SECONDS) <= minutes * 60 + 0.5:
            await asyncio.sleep(max(0.0, began + at - time.perf_counter()))
            gc.collect()
            memory = resident_mib()
            first = memory if first is None else first
            print(
                f"  {at / 60:4.0f} min  {memory:7.1f} MiB ({memory - first:+.1f})  {descriptors():4d} descriptors  "
                f"{len(asyncio.all_tasks()):4d} tasks  {seen.calls - calls:6d} calls, {seen.failed - failed} failed, "
                f"{seen.by_backup - by_backup} by the backup; {dict(seen.ended)}",
                flush=True,
            )
            if seen.failed - failed + seen.by_backup - by_backup > _MOST_ILL * (seen.calls - calls):
                stormy.append(at / 60)
            calls, failed, by_backup = seen.calls, seen.failed, seen.by_backup

    await asyncio.gather(watch(), *(caller() for _ in range(CALLERS)))
    await manager.close()
    await asyncio.sleep(0.1)
    print(f"  closed: {descriptors()} descriptors, {len(asyncio.all_tasks())} tasks, {seen.calls / minutes / 60:.0f} calls a second")
    if stormy:
        minutes_said = ", ".join(f"{at:.0f}" for at in stormy)
        sys.exit(f"  calls failed or were left to the backup in the minutes to {minutes_said}: {seen.by_backup}, {dict(seen.errors)}")


if __name__ == "__main__":
    with Upstream() as server:
        asyncio.run(measure(server, float(sys.argv[1]) if len(sys.argv) > 1 else 10.0))
