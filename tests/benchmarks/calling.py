"""What a call costs: the chat client and a whole manager against a plain httpx2 post, on loopback with warm connections."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial

import httpx2
from attrs import evolve
from returns.result import Success

from llm_manager import LLMConfig, LLMRequest, ProviderSettings, make_llm_manager, settle
from llm_manager.domain.attempts import Attempt, Limits
from llm_manager.domain.configuration import CacheSettings
from llm_manager.domain.secrets import Secret
from llm_manager.real_world import real_world
from llm_manager.services.manager import LLMManager
from llm_manager.services.model_client import ModelClient
from llm_manager.wiring import default_deps
from tests.benchmarks.guarding import REQUESTS, SETTINGS
from tests.benchmarks.measuring import cpu_per_call, interleaved, show
from tests.benchmarks.upstream import Upstream

BODY = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "What is the capital of France?"}]}
REQUEST = LLMRequest("What is the capital of France?", cache="off")


def config(url: str, *, cached: bool = False, concurrency: int | None = None) -> LLMConfig:
    """One provider at the upstream."""
    return LLMConfig(
        providers={"openai": ProviderSettings(base_url=url, api_key=Secret("sk-bench"), timeout_ms=60_000, concurrency=concurrency)},
        cache=CacheSettings(enabled=cached),
    )


def client_of(settings: LLMConfig) -> ModelClient:
    """Its client, by itself."""
    return default_deps(settings, real_world({})).unwrap().clients["openai"]


def asking_client(client: ModelClient) -> Callable[[int], Awaitable[None]]:
    """Encode, send, decode: the client without a manager."""
    profile, now = client.profiles[0], asyncio.get_running_loop().time

    async def ask(_: int) -> None:
        wire = client.encode(REQUEST, profile).unwrap()
        attempt = Attempt(
            call_id="",
            number=1,
            request=REQUEST,
            model=profile,
            endpoint=client.endpoint,
            wire=wire,
            key=client.key,
            limits=Limits(attempt_seconds=60.0),
            deadline=now() + 60.0,
            call_deadline=now() + 300.0,
            total_seconds=300.0,
        )
        assert isinstance(await client.answer(attempt), Success)

    return ask


async def measure(upstream: Upstream, rounds: int = 5) -> None:
    """Print CPU per call at several concurrencies, then with guards."""
    await plainly(upstream, rounds)
    await guarded(upstream, rounds)


async def guarded(upstream: Upstream, rounds: int) -> None:
    """What standing guard costs where the transport is a real one: nothing on, as it comes, everything on."""
    client = client_of(config(upstream.url("s200")))
    managers = {name: manager_with(settings, upstream.url("s200")) for name, settings in SETTINGS.items()}

    def asking(manager: LLMManager) -> Callable[[int], Awaitable[None]]:
        async def ask(number: int) -> None:
            assert isinstance(await settle(manager.generate(evolve(REQUESTS[number], cache="off"))), Success)

        return ask

    subjects = {"client": asking_client(client), **{name: asking(manager) for name, manager in managers.items()}}
    counted = {name: partial(cpu_per_call, ask, calls=len(REQUESTS), concurrency=64) for name, ask in subjects.items()}
    seen = await interleaved(rounds, counted)
    base = seen["client"]
    rows = [("openai_chat client", f"{base:.0f} us", "")]
    rows += [(f"manager, {name}", f"{seen[name]:.0f} us", f"own {seen[name] - base:.0f} us, at most 45") for name in SETTINGS]
    for closing in (client.close, *(manager.close for manager in managers.values())):
        await closing()
    show("CPU per call on loopback, 64 at once, guards and statistics by user and feature", rows)


def manager_with(settings: LLMConfig, url: str) -> LLMManager:
    """A manager of one provider at the upstream, guarded as these settings say."""
    own = settings.providers.get("openai", ProviderSettings())
    provider = evolve(own, base_url=url, api_key=Secret("sk-bench"), timeout_ms=60_000)
    deps = default_deps(evolve(settings, providers={"openai": provider}), real_world({})).unwrap()
    return make_llm_manager(deps.config, deps).unwrap()


async def plainly(upstream: Upstream, rounds: int) -> None:
    """What a call costs as it comes."""
    url = upstream.url("s200")
    rows = []
    for concurrency, calls in ((1, 1500), (64, 4000), (256, 4000), (1000, 4000)):
        deps = default_deps(config(url), real_world({})).unwrap()
        manager, client = make_llm_manager(deps.config, deps).unwrap(), client_of(config(url))
        limits = httpx2.Limits(max_connections=None, max_keepalive_connections=None)
        async with httpx2.AsyncClient(limits=limits, timeout=60.0) as plain:

            async def post(_: int, plain: httpx2.AsyncClient = plain) -> None:
                answer = await plain.post(f"{url}/chat/completions", json=BODY, headers={"Authorization": "Bearer sk-bench"})
                assert answer.json()["choices"]

            async def generate(_: int, manager: object = manager) -> None:
                assert isinstance(await settle(manager.generate(REQUEST)), Success)  # type: ignore[attr-defined]  # bound early

            subjects = {"httpx2": post, "client": asking_client(client), "manager": generate}
            counted = {
                name: partial(cpu_per_call, ask, calls=calls, concurrency=concurrency)
                for name, ask in subjects.items()
                if not (name == "httpx2" and concurrency == 1000)
            }
            if concurrency == 1000:
                counted = {"httpx2": partial(cpu_per_call, post, calls=1000, concurrency=1000), **counted}
            seen = await interleaved(rounds if concurrency < 1000 else 2, counted)
        await manager.close()
        await client.close()
        base = seen["httpx2"]
        rows.append((f"concurrency {concurrency}: httpx2.AsyncClient.post", f"{base:.0f} us", "1.00x"))
        rows.append((f"concurrency {concurrency}: openai_chat client", f"{seen['client']:.0f} us", f"{seen['client'] / base:.2f}x"))
        own = seen["manager"] - seen["client"]
        rows.append(
            (f"concurrency {concurrency}: whole manager", f"{seen['manager']:.0f} us", f"{seen['manager'] / base:.2f}x, own {own:.0f} us")
        )
    show("CPU per call on loopback", rows)


if __name__ == "__main__":
    with Upstream() as server:
        asyncio.run(measure(server))
