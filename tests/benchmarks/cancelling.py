"""Leaving a thousand calls in flight: how soon all have ended, and how soon the server has seen every connection go."""

import asyncio
import time
from collections.abc import Callable
from functools import partial
from operator import ge, le

from llm_manager import LLMRequest, make_llm_manager, settle
from llm_manager.orchestration.collecting import collect
from llm_manager.real_world import real_world
from llm_manager.wiring import default_deps
from tests.benchmarks.calling import config
from tests.benchmarks.measuring import show
from tests.benchmarks.upstream import Upstream

CROWD = 1000
WAYS = (("calls without an answer", "h1000", False), ("streams amid their words", "n1000.s20000.g60000000", True))
REQUEST = LLMRequest("What is the capital of France?", cache="off")


async def measure(upstream: Upstream, rounds: int = 5) -> None:
    """Print the medians."""
    rows = []
    for name, tokens, streamed in (
        ("calls without an answer", "h1000", False),
        ("streams amid their words", "n1000.s20000.g60000000", True),
    ):
        ended, gone, left = [], [], 0
        for _ in range(rounds):
            deps = default_deps(config(upstream.url(tokens), concurrency=CROWD), real_world({})).unwrap()
            manager = make_llm_manager(deps.config, deps).unwrap()
            before = (await asyncio.to_thread(upstream.counters, "reset"))["open"]
            calls = [
                asyncio.ensure_future(collect(manager.stream(REQUEST)) if streamed else settle(manager.generate(REQUEST)))
                for _ in range(CROWD)
            ]
            await _until(upstream, "inflight", partial(le, CROWD))
            began = time.perf_counter()
            for call in calls:
                call.cancel()
            await asyncio.gather(*calls, return_exceptions=True)
            ended.append(time.perf_counter() - began)
            left = max(left, len(asyncio.all_tasks()) - 1)
            await _until(upstream, "open", partial(ge, before))
            gone.append(time.perf_counter() - began)
            await manager.close()
        middle = rounds // 2
        note = f"at most 110; all connections gone after {sorted(gone)[middle] * 1e3:.0f} ms, {left} tasks left"
        rows.append((f"{CROWD} {name}", f"{sorted(ended)[middle] * 1e3:.0f} ms", note))
    show("cancelling", rows)


async def _until(upstream: Upstream, what: str, holds: Callable[[int], bool]) -> None:
    """Look until something holds of the upstream, which is another process and tells only when it is asked."""
    while not holds((await asyncio.to_thread(upstream.counters))[what]):  # noqa: ASYNC110
        await asyncio.sleep(0.001)


if __name__ == "__main__":
    with Upstream() as server:
        asyncio.run(measure(server))
