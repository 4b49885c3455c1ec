"""What a dead primary costs: the first answer, and all later ones, against asking the backup alone; on loopback."""

import asyncio
import statistics
import time
from collections.abc import Mapping

from attrs import evolve
from returns.result import Success

from llm_manager import LLMConfig, LLMRequest, ProviderSettings, Secret, make_llm_manager, settle
from llm_manager.domain.configuration import CacheSettings
from llm_manager.domain.plans import RoutingPolicy
from llm_manager.real_world import real_world
from llm_manager.services.manager import LLMManager
from llm_manager.wiring import default_deps
from tests.benchmarks.measuring import show
from tests.benchmarks.upstream import Upstream
from tests.loopback import refused_url

FIRST, LATER = 15, 60
REQUEST = LLMRequest("What is the capital of France?", cache="off")


def pair(primary: str | None, backup: str) -> LLMConfig:
    """The primary is asked first; without one, the backup alone."""
    key = Secret("sk-bench")
    second = {"vllm": ProviderSettings(base_url=backup, api_key=key, default_model="m")}
    first = {} if primary is None else {"openai": ProviderSettings(base_url=primary, api_key=key, default_model="m")}
    made = LLMConfig(providers={**first, **second}, cache=CacheSettings(enabled=False))
    return evolve(made, routing=RoutingPolicy(fallback_order=tuple(made.providers)))


def manager_for(config: LLMConfig) -> LLMManager:
    """A manager that has asked nobody yet."""
    deps = default_deps(config, real_world({})).unwrap()
    return make_llm_manager(deps.config, deps).unwrap()


async def timed(manager: LLMManager) -> float:
    """How long one call takes."""
    began = time.perf_counter()
    assert isinstance(await settle(manager.generate(REQUEST)), Success)
    return time.perf_counter() - began


async def first_and_later(config: LLMConfig) -> tuple[float, list[float]]:
    """The first call of a fresh manager, and those after its primary was found dead."""
    manager = manager_for(config)
    first = await timed(manager)
    for _ in range(9):
        await timed(manager)
    later = [await timed(manager) for _ in range(LATER // FIRST)]
    await manager.close()
    return first, later


async def measure(upstream: Upstream) -> None:
    """Print how much later answers come with a dead primary."""
    backup = upstream.url("l50.s200.z1")
    await first_and_later(pair(None, backup))  # what is imported once is not the primary's fault
    with refused_url() as nobody:
        pairs: Mapping[str, LLMConfig] = {
            "the backup alone": pair(None, backup),
            "primary refused": pair(f"{nobody}/v1", backup),
            "primary says 500": pair(upstream.url("e1000.z2"), backup),
            "primary resets": pair(upstream.url("x1000.z3"), backup),
        }
        first: dict[str, list[float]] = {name: [] for name in pairs}
        later: dict[str, list[float]] = {name: [] for name in pairs}
        for _ in range(FIRST):
            for name, config in pairs.items():
                one, others = await first_and_later(config)
                first[name].append(one)
                later[name].extend(others)
    alone_first, alone_later = (statistics.median(seen["the backup alone"]) for seen in (first, later))
    rows = []
    for name in pairs:
        one, other = statistics.median(first[name]), statistics.median(later[name])
        extra = f"first +{(one - alone_first) * 1e3:.2f} ms (at most 50), later +{(other - alone_later) * 1e3:.3f} ms (at most 1)"
        rows.append((name, f"{one * 1e3:.1f} ms", extra))
    show("failover: backup 50 ms, medians of 15 managers; later is from the 11th call on", rows)


if __name__ == "__main__":
    with Upstream() as server:
        asyncio.run(measure(server))
