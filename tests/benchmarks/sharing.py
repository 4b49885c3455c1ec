"""What sharing with other processes costs: a whole call with limits and budgets of its own and with shared ones, and each step by itself.

A real Redis on this machine's loopback, one caller and thirty-two at once. What is told is CPU of this process, without the server's.
"""

import asyncio
import shutil
import time
from collections.abc import Awaitable, Callable
from decimal import Decimal
from functools import partial
from itertools import count

from llm_manager import LLMConfig, LLMRequest, ProviderSettings, Secret, settle
from llm_manager.assembling.guards import guards_of
from llm_manager.domain.caching import Remembered
from llm_manager.domain.configuration import Budget, CacheSettings
from llm_manager.domain.responses import LLMResponse
from llm_manager.real_world import real_world
from llm_manager.services.cache import Cache
from llm_manager.services.gates import Gate, Replied, enter
from llm_manager.services.sharing import Lead, Sharing
from llm_manager.stores.layering import layered
from llm_manager.stores.memory.cache import memory_cache
from llm_manager.testing import attempt_for, scripted_manager
from tests.benchmarks.guarding import MODEL
from tests.benchmarks.measuring import interleaved, show
from tests.servers import running_redis
from tests.sharing import sharing_at

CALLS = 300
WORLD = real_world({})
LIMITED = ProviderSettings(api_key=Secret("sk-bench"), requests_per_minute=100_000_000, tokens_per_minute=100_000_000_000, concurrency=1000)
CONFIG = LLMConfig(
    providers={"openai": LIMITED},
    cache=CacheSettings(),
    budgets=(
        Budget(name="month", limit=Decimal(1_000_000), period="month"),
        Budget(name="tokens", limit=Decimal(10**12), unit="tokens", period="day"),
    ),
)
NUMBERS = count()


async def measure(rounds: int = 5) -> None:
    """Print CPU per call and per step."""
    program = shutil.which("redis-server")
    if program is None:
        print("Redis is not installed (Debian: redis-server)")
        return
    with running_redis(program) as server:
        sharing = sharing_at(server.url)
        near: Cache[LLMResponse] = memory_cache(CONFIG.cache, WORLD.now)
        alone = scripted_manager(MODEL, world=WORLD, config=CONFIG)
        shared = scripted_manager(MODEL, world=WORLD, config=CONFIG, sharing=sharing, cache=layered(near, sharing.answers))

        async def ask(manager: str) -> None:
            generate = (shared if manager == "shared" else alone).generate
            await settle(generate(LLMRequest(f"What is the capital of France? {next(NUMBERS)}")))

        for callers in (1, 32):
            seen = await interleaved(rounds, {name: partial(_each, partial(ask, name), callers) for name in ("alone", "shared")})
            more = seen["shared"] - seen["alone"]
            show(
                f"a whole call that is not remembered, {callers} at once",
                [
                    ("limits and budgets of this process", f"{seen['alone']:.0f} us", ""),
                    ("shared in Redis, cache and flight too", f"{seen['shared']:.0f} us", f"{more:.0f} us more"),
                ],
            )
            await _by_step(sharing, callers, rounds)
        await sharing.close()


async def _by_step(sharing: Sharing, callers: int, rounds: int) -> None:
    guards = guards_of(CONFIG, WORLD, sharing=sharing)
    assert guards.budgets.gate is not None
    model = MODEL.client.profiles[0]
    attempt = attempt_for(LLMRequest("x"), model=model, endpoint=MODEL.client.endpoint, now=WORLD.now(), seconds=1e9).unwrap()
    answer = LLMResponse(content="Paris. " * 100, model="m", provider="p")

    async def through(gate: Gate) -> None:
        passed = (await enter(gate, attempt, lambda _: None)).unwrap()
        passed.ended(Replied(usage=answer.usage, cost=answer.cost))

    async def fly() -> None:
        lead = (await sharing.flights.board(str(next(NUMBERS)), True)).unwrap()
        assert isinstance(lead, Lead)
        await lead.land(answer)

    async def put() -> None:
        await sharing.answers.put("one", Remembered(value=answer))

    async def get() -> None:
        await sharing.answers.get("one")

    async def ask() -> None:
        await sharing.answers.holds("one")

    steps: dict[str, Callable[[], Awaitable[None]]] = {
        "one question and its answer": ask,
        "limits: enter and leave": partial(through, guards.admissions.gate),
        "budgets: set aside and settle": partial(through, guards.budgets.gate),
        "flight: board and land": fly,
        "cache: put": put,
        "cache: get": get,
    }
    seen = await interleaved(rounds, {name: partial(_each, step, callers) for name, step in steps.items()})
    one = seen["one question and its answer"]
    show(f"by step, {callers} at once", [(name, f"{seen[name]:.0f} us", f"{seen[name] / one:.1f}x of one question") for name in steps])


async def _each(step: Callable[[], Awaitable[None]], callers: int) -> float:
    numbers = iter(range(CALLS))

    async def work() -> None:
        for _ in numbers:
            await step()

    began = time.process_time()
    await asyncio.gather(*(work() for _ in range(callers)))
    return (time.process_time() - began) / CALLS * 1e6


if __name__ == "__main__":
    asyncio.run(measure())
