"""What standing guard costs: a call with nothing on, as it comes, and with everything on; and each gate by itself. No sockets."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from decimal import Decimal
from functools import partial

from attrs import evolve
from msgspec.structs import replace

from llm_manager import LLMConfig, LLMRequest, ProviderSettings, RequestMetadata, Secret, settle
from llm_manager.assembling.guards import guards_of
from llm_manager.domain.configuration import AdmissionSettings, BreakerSettings, Budget, CacheSettings, PerformanceSettings
from llm_manager.domain.models import KnownPrice
from llm_manager.domain.usage import Usage
from llm_manager.policies.pricing import price
from llm_manager.real_world import real_world
from llm_manager.services.gates import Gate, Replied, enter
from llm_manager.testing import attempt_for, scripted, scripted_manager
from tests.benchmarks.measuring import interleaved, show

CALLS = 4000
MODEL = scripted("Paris.", provider="openai", keep_calls=False)
PLAIN = LLMConfig(cache=CacheSettings(enabled=False), performance=PerformanceSettings(concurrency=1))
OFF = evolve(PLAIN, breaker=BreakerSettings(enabled=False), admission=AdmissionSettings(adaptive=False))
ALL_ON = evolve(
    PLAIN,
    providers={
        "openai": ProviderSettings(
            api_key=Secret("sk-bench-1"),
            api_keys=(Secret("sk-bench-2"), Secret("sk-bench-3")),
            requests_per_minute=100_000_000,
            tokens_per_minute=100_000_000_000,
            concurrency=1000,
        )
    },
    budgets=(
        Budget(name="month", limit=Decimal(1_000_000), period="month"),
        Budget(name="user", limit=Decimal(1_000_000), period="day", each="user"),
        Budget(name="tokens", limit=Decimal(10**12), unit="tokens", period="day"),
    ),
)
SETTINGS: Mapping[str, LLMConfig] = {"nothing on": OFF, "as it comes": PLAIN, "everything on": ALL_ON}
REQUESTS = [
    LLMRequest(
        f"What is the capital of France? {number}", metadata=RequestMetadata(user=f"user {number % 500}", feature=f"feature {number % 50}")
    )
    for number in range(CALLS)
]
ATTEMPT = attempt_for(REQUESTS[0], model=MODEL.client.profiles[0], endpoint=MODEL.client.endpoint, seconds=1e9).unwrap()


async def measure(rounds: int = 9) -> None:
    """Print CPU per call and per gate."""
    managers = {name: scripted_manager(MODEL, world=real_world({}), config=config) for name, config in SETTINGS.items()}

    async def alone() -> float:
        began = time.process_time()
        for _ in range(CALLS):
            await MODEL.client.answer(ATTEMPT)
        return _each(began)

    async def whole(name: str) -> float:
        generate = managers[name].generate
        began = time.process_time()
        for request in REQUESTS:
            await settle(generate(request))
        return _each(began)

    seen = await interleaved(rounds, {"alone": alone, **{name: partial(whole, name) for name in SETTINGS}})
    base = seen["nothing on"] - seen["alone"]
    rows = [("the scripted model alone", f"{seen['alone']:.1f} us", "")]
    for name in SETTINGS:
        own = seen[name] - seen["alone"]
        rows.append((f"a whole call, {name}", f"{seen[name]:.1f} us", f"own {own:.1f} us, {own / base:.2f}x of nothing on"))
    show("standing guard (CPU, no sockets)", rows)
    await by_gate(rounds)


async def by_gate(rounds: int) -> None:
    """Print what each gate costs by itself, entered and ended."""
    guards = {name: guards_of(config, real_world({})) for name, config in SETTINGS.items()}
    on = guards["everything on"]
    gates: dict[str, tuple[Gate | None, ...]] = {
        "a gate that does nothing": (None,),
        "breaker: on entry, and when it leaves": (on.breakers.entry, on.breakers.gate),
        "admission, as it comes": (guards["as it comes"].admissions.gate,),
        "admission: requests, tokens, concurrency": (on.admissions.gate,),
        "budgets: three of them": (on.budgets.gate,),
        "keys: three of them": (on.keys.gate,),
        "re-sends": (on.resends.gate,),
    }
    usage = Usage(input_tokens=12, output_tokens=40)
    rates = KnownPrice(input_usd=Decimal(1), output_usd=Decimal(2), version="bench")
    reply = Replied(usage=usage, cost=price(usage, rates))
    attempt = replace(ATTEMPT, model=evolve(ATTEMPT.model, price=rates), key=on.keys.choose("openai", None))

    async def passing(through: Sequence[Gate | None]) -> float:
        began = time.process_time()
        for _ in range(CALLS):
            for gate in through:
                if gate is not None:
                    (await enter(gate, attempt, _unheard)).unwrap().ended(reply)
        return _each(began)

    seen = await interleaved(rounds, {name: partial(passing, through) for name, through in gates.items()})
    show("gates, entered and ended", [(name, f"{seen[name]:.2f} us", "") for name in gates])


def _unheard(_: object) -> None: ...


def _each(began: float) -> float:
    return (time.process_time() - began) / CALLS * 1e6


if __name__ == "__main__":
    asyncio.run(measure())
