"""What Claude's client costs beyond its SDK, and a whole manager against the SDK as it comes, over httpx2's own transport."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, Final

import httpx2
from anthropic import AsyncAnthropic
from returns.result import Success

from llm_manager import LLMConfig, ProviderSettings, StreamFinished, make_llm_manager, settle
from llm_manager.clients.anthropic_messages.sdk import through_sdk
from llm_manager.domain.configuration import CacheSettings
from llm_manager.domain.secrets import Secret
from llm_manager.real_world import real_world
from llm_manager.wiring import default_deps
from tests.benchmarks import dialect
from tests.benchmarks.canned import Canned
from tests.benchmarks.dialect import CHUNKS, REQUEST, STREAMS, WORDS, Spoken
from tests.benchmarks.measuring import cpu_per_call, interleaved, show

_USAGE: Final = {"input_tokens": 14, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 0, "output_tokens": 100}
_MESSAGE: Final = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "claude-haiku-5-5",
    "stop_sequence": None,
    "usage": _USAGE,
}


def _event(kind: str, **more: Any) -> bytes:
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **more}, separators=(',', ':'))}\n\n".encode()


CLAUDE: Final = Spoken(
    provider="claude",
    base_path="",
    path="/v1/messages",
    streamed_path="/v1/messages",
    whole=json.dumps({**_MESSAGE, "content": [{"type": "text", "text": WORDS}], "stop_reason": "end_turn"}).encode(),
    events=(
        _event("message_start", message={**_MESSAGE, "content": [], "stop_reason": None})
        + _event("content_block_start", index=0, content_block={"type": "text", "text": ""}),
        *[_event("content_block_delta", index=0, delta={"type": "text_delta", "text": " and some words"})] * (CHUNKS - 1),
        _event("content_block_stop", index=0)
        + _event("message_delta", delta={"stop_reason": "end_turn", "stop_sequence": None}, usage={"output_tokens": CHUNKS})
        + _event("message_stop"),
    ),
    below=through_sdk,
)


async def measure(rounds: int = 5) -> None:
    """Print CPU per call and per chunk: of the client alone, and of everything on loopback."""
    await dialect.measure(CLAUDE, rounds)
    with Canned(CLAUDE.whole, CLAUDE.events) as server:
        await _calls(server.url, rounds)
        await _chunks(server.url, rounds)


def config(url: str) -> LLMConfig:
    """One provider at the server."""
    settings = ProviderSettings(base_url=url, api_key=Secret("sk-bench"), timeout_ms=60_000)
    return LLMConfig(providers={"anthropic": settings}, cache=CacheSettings(enabled=False))


def sdk_at(url: str) -> AsyncAnthropic:
    """The SDK as it comes, over httpx2's own transport."""
    limits = httpx2.Limits(max_connections=None, max_keepalive_connections=None)
    http_client = httpx2.AsyncClient(limits=limits, timeout=60.0)
    return AsyncAnthropic(api_key="sk-bench", base_url=url, max_retries=0, open_telemetry=False, http_client=http_client)


async def _calls(url: str, rounds: int) -> None:
    rows = []
    for concurrency, calls in ((1, 1000), (64, 3000)):
        deps = default_deps(config(url), real_world({})).unwrap()
        manager = make_llm_manager(deps.config, deps).unwrap()
        client = deps.clients["anthropic"]
        body = client.encode(REQUEST, client.profiles[0]).unwrap().body
        async with sdk_at(url) as sdk:

            async def post(_: int, sdk: AsyncAnthropic = sdk, body: bytes = body) -> None:
                assert (await sdk.post("/v1/messages", content=body, cast_to=httpx2.Response)).content

            async def generate(_: int, manager: object = manager) -> None:
                assert isinstance(await settle(manager.generate(REQUEST)), Success)  # type: ignore[attr-defined]  # bound early

            subjects: dict[str, Callable[[int], Awaitable[None]]] = {"sdk": post, "manager": generate}
            counted = {name: partial(cpu_per_call, ask, calls=calls, concurrency=concurrency) for name, ask in subjects.items()}
            seen = await interleaved(rounds, counted)
        await manager.close()
        base = seen["sdk"]
        for name, what in (("sdk", "sdk post"), ("manager", "whole manager")):
            note = f"{seen[name] / base:.2f}x, {seen[name] - base:+.0f} us" if name != "sdk" else "1.00x"
            rows.append((f"concurrency {concurrency}: {what}", f"{seen[name]:.0f} us", note))
    show("Claude: CPU per call on loopback", rows)


async def _chunks(url: str, rounds: int) -> None:
    deps = default_deps(config(url), real_world({})).unwrap()
    manager = make_llm_manager(deps.config, deps).unwrap()
    client = deps.clients["anthropic"]
    body = client.encode(REQUEST, client.profiles[0]).unwrap().body[:-1] + b',"stream":true}'
    async with sdk_at(url) as sdk:

        async def bare() -> float:
            began = time.process_time()
            for _ in range(STREAMS):
                answer = await sdk.post("/v1/messages", content=body, cast_to=httpx2.Response, stream=True)
                async for _part in answer.aiter_raw():
                    pass
            return (time.process_time() - began) / STREAMS / CHUNKS * 1e6

        async def typed() -> float:
            began = time.process_time()
            for _ in range(STREAMS):
                count = 0
                async for event in manager.stream(REQUEST):  # noqa: B007 - the last one counts
                    count += 1
                assert isinstance(event.unwrap(), StreamFinished)
                assert count == CHUNKS
            return (time.process_time() - began) / STREAMS / CHUNKS * 1e6

        async def parsed() -> float:
            began = time.process_time()
            for _ in range(STREAMS):
                stream = await sdk.messages.create(model="m", max_tokens=9, messages=[{"role": "user", "content": "x"}], stream=True)
                async for _event in stream:
                    pass
            return (time.process_time() - began) / STREAMS / CHUNKS * 1e6

        seen = await interleaved(rounds, {"bare": bare, "manager": typed, "sdk": parsed})
    await manager.close()
    show(
        "Claude: streaming (CPU per chunk)",
        [
            ("sdk post, bare bytes", f"{seen['bare']:.2f} us", ""),
            ("manager, typed events", f"{seen['manager']:.2f} us", f"{seen['manager'] - seen['bare']:+.2f} us a chunk"),
            ("sdk messages, its own typed events", f"{seen['sdk']:.2f} us", f"{seen['sdk'] - seen['bare']:+.2f} us a chunk"),
        ],
    )


if __name__ == "__main__":
    asyncio.run(measure())
