"""What is our own alone: a call over a scripted model, a cache hit, a plan; no sockets."""

import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable

from attrs import evolve

from llm_manager import LLMConfig, LLMRequest, ProviderSettings, Secret, make_model_client, settle
from llm_manager.domain.configuration import BreakerSettings, CacheSettings
from llm_manager.domain.plans import RoutingPolicy
from llm_manager.domain.statistics import Statistics
from llm_manager.layers.breaking import breaking
from llm_manager.orchestration.knowing import Knowledge, Known
from llm_manager.policies.breaker import Breaker, Closed, Leave, ended, leave, refusal
from llm_manager.policies.routing import plan, remembering_routes
from llm_manager.real_world import real_world
from llm_manager.testing import attempt_for, scripted, scripted_manager
from tests.benchmarks.measuring import interleaved, show

CALLS = 4000
PROMPT = "What is the capital of France?"


async def measure(rounds: int = 9) -> None:
    """Print CPU per call and per decision."""
    model = scripted("Paris.", provider="openai", keep_calls=False)
    uncached = scripted_manager(model, world=real_world({}), config=LLMConfig(cache=CacheSettings(enabled=False)))
    spoken = make_model_client("openai", ProviderSettings(api_key=Secret("sk-bench"))).unwrap()
    real_codec = evolve(spoken, answer=model.client.answer)
    cached = scripted_manager(model, world=real_world({}), clients={"openai": real_codec})
    requests = [LLMRequest(f"{PROMPT} {number}") for number in range(CALLS)]
    attempt = attempt_for(LLMRequest(PROMPT)).unwrap()
    tasks_made = 0

    async def alone() -> float:
        return await _per_call(lambda _: model.client.answer(attempt))

    async def whole() -> float:
        return await _per_call(lambda number: settle(uncached.generate(requests[number])))

    async def missed() -> float:
        fresh = scripted_manager(model, world=real_world({}))
        return await _per_call(lambda number: settle(fresh.generate(requests[number])))

    seen = await interleaved(rounds, {"alone": alone, "whole": whole, "missed": missed})
    hit = LLMRequest(PROMPT)
    await settle(cached.generate(hit))

    def counting(loop: asyncio.AbstractEventLoop, coroutine: object, **options: object) -> asyncio.Task[object]:
        nonlocal tasks_made
        tasks_made += 1
        return asyncio.Task(coroutine, loop=loop, **options)  # type: ignore[arg-type]  # passed on as it came

    asyncio.get_running_loop().set_task_factory(counting)  # type: ignore[arg-type]  # counts only
    times = []
    for _ in range(20_000):
        began = time.perf_counter_ns()
        await settle(cached.generate(hit))
        times.append(time.perf_counter_ns() - began)
    asyncio.get_running_loop().set_task_factory(None)

    knowledge = Knowledge(Known(clients={name: scripted(provider=name, model=name).client for name in "abcdefghijkl"}), Statistics)
    request, policy = LLMRequest(PROMPT), RoutingPolicy()
    snapshot, route = knowledge.snapshot(request), remembering_routes(policy)
    show(
        "our own cost (CPU, no sockets)",
        [
            ("scripted model alone", f"{seen['alone']:.1f} us", ""),
            ("whole call, cache off", f"{seen['whole']:.1f} us", f"own {seen['whole'] - seen['alone']:.1f} us, its encoding included"),
            ("whole call, cache on, a miss", f"{seen['missed']:.1f} us", "a flight is a task"),
            (
                "cache hit, median wall time (openai codec)",
                f"{statistics.median(times) / 1000:.1f} us",
                f"{tasks_made} tasks made for 20000 hits",
            ),
            ("plan of 12 candidates, decided", f"{_each(lambda: plan(request, snapshot, policy), 500):.1f} us", ""),
            ("plan of 12 candidates, remembered", f"{_each(lambda: route(request, snapshot), 20_000):.1f} us", ""),
            *_breaker_rows(),
        ],
    )


def _breaker_rows() -> list[tuple[str, str, str]]:
    """What a breaker decides, and what a call pays to know that nobody is shut."""
    settings, left, now = BreakerSettings(), Leave(epoch=0), time.monotonic()
    closed: Breaker = ended(Closed(), settings, left, "answered", now=now)
    shut: Breaker = Closed()
    for _ in range(settings.failures):
        shut = ended(shut, settings, left, "failed", now=now)
    breakers = breaking(settings, time.monotonic)
    snapshot = Knowledge(Known(clients={"a": scripted(provider="a").client}), Statistics, breakers.shut).as_it_is
    decisions = {
        "breaker: an answer is counted": lambda: ended(closed, settings, left, "answered", now=now),
        "breaker: a failure is counted": lambda: ended(closed, settings, left, "failed", now=now),
        "breaker: a call is refused": lambda: refusal(shut, settings, now=now),
        "breaker: a probe leaves": lambda: leave(shut, settings, now=now + 60.0),
        "who is shut, when nothing changed": breakers.shut,
        "the snapshot, when nothing changed": snapshot,
    }
    return [(name, f"{_each(decide, 100_000):.2f} us", "") for name, decide in decisions.items()]


async def _per_call(ask: Callable[[int], Awaitable[object]]) -> float:
    began = time.process_time()
    for number in range(CALLS):
        await ask(number)
    return (time.process_time() - began) / CALLS * 1e6


def _each(decide: Callable[[], object], times: int) -> float:
    decide()
    began = time.process_time()
    for _ in range(times):
        decide()
    return (time.process_time() - began) / times * 1e6


if __name__ == "__main__":
    asyncio.run(measure())
