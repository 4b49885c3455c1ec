"""What a streamed chunk costs: typed events against the bytes of a bare httpx2 stream, on loopback."""

import asyncio
import time

import httpx2

from llm_manager import LLMRequest, StreamFinished, make_llm_manager
from llm_manager.real_world import real_world
from llm_manager.wiring import default_deps
from tests.benchmarks.calling import BODY, config
from tests.benchmarks.measuring import interleaved, show
from tests.benchmarks.upstream import Upstream

REQUEST = LLMRequest("What is the capital of France?", cache="off")
CHUNKS = 500
STREAMS = 20


async def measure(upstream: Upstream, rounds: int = 5) -> None:
    """Print CPU per chunk, and time to the first one."""
    body = {**BODY, "stream": True, "stream_options": {"include_usage": True}}
    headers = {"Authorization": "Bearer sk-bench"}
    rows = []
    for gap, label in ((0, "all chunks in one write"), (200, "200 us between chunks")):
        url = upstream.url(f"n{CHUNKS}.s{CHUNKS * 20}.g{gap}")
        deps = default_deps(config(url), real_world({})).unwrap()
        manager = make_llm_manager(deps.config, deps).unwrap()
        first: dict[str, list[float]] = {"bare": [], "manager": []}
        async with httpx2.AsyncClient(timeout=60.0) as plain:

            async def bare(plain: httpx2.AsyncClient = plain, url: str = url, first: dict[str, list[float]] = first) -> float:
                began = time.process_time()
                for _ in range(STREAMS):
                    at, seen = time.perf_counter(), False
                    async with plain.stream("POST", f"{url}/chat/completions", json=body, headers=headers) as answer:
                        async for _part in answer.aiter_raw():
                            if not seen:
                                seen = True
                                first["bare"].append(time.perf_counter() - at)
                return (time.process_time() - began) / STREAMS / CHUNKS * 1e6

            async def typed(manager: object = manager, first: dict[str, list[float]] = first) -> float:
                began = time.process_time()
                for _ in range(STREAMS):
                    at, count = time.perf_counter(), 0
                    async for event in manager.stream(REQUEST):  # type: ignore[attr-defined]  # noqa: B007 - bound early; the last one counts
                        if not count:
                            first["manager"].append(time.perf_counter() - at)
                        count += 1
                    assert isinstance(event.unwrap(), StreamFinished)
                    assert count == CHUNKS + 1
                return (time.process_time() - began) / STREAMS / CHUNKS * 1e6

            seen = await interleaved(rounds, {"bare": bare, "manager": typed})
        await manager.close()
        waits = {name: sorted(values)[len(values) // 2] for name, values in first.items()}
        rows.append((f"{label}: bare httpx2 bytes", f"{seen['bare']:.2f} us", ""))
        rows.append(
            (f"{label}: manager, typed events", f"{seen['manager']:.2f} us", f"own {seen['manager'] - seen['bare']:.2f} us a chunk")
        )
        ratio = waits["manager"] / waits["bare"]
        rows.append(
            (f"{label}: time to first token", f"{waits['manager'] * 1e6:.0f} us", f"{ratio:.2f}x of bare {waits['bare'] * 1e6:.0f} us")
        )
    show("streaming (CPU per chunk)", rows)
    await first_tokens(upstream, rounds)


async def first_tokens(upstream: Upstream, rounds: int) -> None:
    """Print the time to the first token when the upstream itself takes 50 ms for it."""
    url = upstream.url("l50.n20.s400.g1000")
    deps = default_deps(config(url), real_world({})).unwrap()
    manager = make_llm_manager(deps.config, deps).unwrap()
    body = {**BODY, "stream": True}
    async with httpx2.AsyncClient(timeout=60.0) as plain:

        async def bare() -> float:
            at = time.perf_counter()
            async with plain.stream("POST", f"{url}/chat/completions", json=body) as answer:
                async for _ in answer.aiter_raw():
                    return time.perf_counter() - at
            return 0.0

        async def typed() -> float:
            at = time.perf_counter()
            events = manager.stream(REQUEST)
            await anext(events)
            waited = time.perf_counter() - at
            await events.aclose()
            return waited

        seen = await interleaved(rounds * 4, {"bare": bare, "manager": typed})
    await manager.close()
    ratio = seen["manager"] / seen["bare"]
    show(
        "time to first token, upstream 50 ms",
        [("manager", f"{seen['manager'] * 1e3:.2f} ms", f"{ratio:.3f}x of bare {seen['bare'] * 1e3:.2f} ms")],
    )


if __name__ == "__main__":
    with Upstream() as server:
        asyncio.run(measure(server))
