"""A thousand at once: calls a second, streams that all end, and how much a lighter load waits."""

import asyncio
import statistics
import time

import httpx2
from returns.result import Success

from llm_manager import LLMRequest, make_llm_manager, settle
from llm_manager.orchestration.collecting import collect
from llm_manager.real_world import real_world
from llm_manager.services.manager import LLMManager
from llm_manager.wiring import default_deps
from tests.benchmarks.calling import BODY, config
from tests.benchmarks.measuring import show
from tests.benchmarks.upstream import Upstream

CROWD = 1000
REQUEST = LLMRequest("What is the capital of France?", cache="off")


def manager_at(url: str) -> LLMManager:
    """A manager of one provider."""
    deps = default_deps(config(url), real_world({})).unwrap()
    return make_llm_manager(deps.config, deps).unwrap()


async def measure(upstream: Upstream, seconds: float = 10.0) -> None:
    """Print throughput, completeness and added waiting."""
    rows = [await _load(upstream, seconds), await _streams(upstream), await _light(upstream)]
    show(f"{CROWD} at once", rows)


async def _load(upstream: Upstream, seconds: float) -> tuple[str, str, str]:
    manager, answered, failed = manager_at(upstream.url("l100.s200")), 0, 0
    began = time.perf_counter()

    async def caller() -> None:
        nonlocal answered, failed
        while time.perf_counter() - began < seconds:
            ok = isinstance(await settle(manager.generate(REQUEST)), Success)
            answered, failed = answered + ok, failed + (not ok)

    await asyncio.gather(*(caller() for _ in range(CROWD)))
    lasted = time.perf_counter() - began
    await manager.close()
    return f"{CROWD} callers for {seconds:.0f} s", f"{answered / lasted:.0f} a second", f"at least 800; {failed} failed"


async def _streams(upstream: Upstream) -> tuple[str, str, str]:
    manager = manager_at(upstream.url("l20.n20.s400.g50000"))
    began = time.perf_counter()
    ended = await asyncio.gather(*(collect(manager.stream(REQUEST)) for _ in range(CROWD)))
    lasted = time.perf_counter() - began
    await manager.close()
    whole = sum(isinstance(each, Success) for each in ended)
    return f"{CROWD} streams of 20 pieces, 1.07 s each", f"{lasted:.2f} s", f"{whole} complete"


async def _light(upstream: Upstream, rate: int = 200, calls: int = 1000) -> tuple[str, str, str]:
    url = upstream.url("l50.s200")
    manager = manager_at(url)
    limits = httpx2.Limits(max_connections=None, max_keepalive_connections=None)
    async with httpx2.AsyncClient(limits=limits, timeout=60.0) as plain:

        async def post() -> None:
            await plain.post(f"{url}/chat/completions", json=BODY, headers={"Authorization": "Bearer sk-bench"})

        async def generate() -> None:
            assert isinstance(await settle(manager.generate(REQUEST)), Success)

        late: dict[str, float] = {}
        for name, ask in (("post", post), ("generate", generate)):
            times: list[float] = []

            async def timed(ask: object = ask, times: list[float] = times) -> None:
                began = time.perf_counter()
                await ask()  # type: ignore[operator]  # bound early
                times.append(time.perf_counter() - began)

            tasks = []
            began = time.perf_counter()
            for number in range(calls):
                await asyncio.sleep(max(0.0, began + number / rate - time.perf_counter()))
                tasks.append(asyncio.ensure_future(timed()))
            await asyncio.gather(*tasks)
            late[name] = statistics.quantiles(times, n=100)[98]
    await manager.close()
    added = (late["generate"] - late["post"]) * 1e3
    return f"{rate} a second, 99th percentile", f"{late['generate'] * 1e3:.1f} ms", f"{added:+.1f} ms over httpx2's own, at most 5"


if __name__ == "__main__":
    with Upstream() as server:
        asyncio.run(measure(server))
