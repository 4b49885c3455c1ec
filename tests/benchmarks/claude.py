"""What a call to Claude costs: the client and a whole manager against the SDK's bare post of the same bytes.

The bare post does not even read the answer's JSON. Alone, all go over a carrier that costs nothing, so what the client takes
beyond the SDK is its own; on loopback the SDK uses httpx2's own transport, and the client our pooled one.
"""

import asyncio
import json
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from functools import partial
from typing import Any, Final

import httpx2
from anthropic import AsyncAnthropic
from returns.result import Success

from llm_manager import LLMConfig, LLMRequest, ProviderSettings, StreamFinished, make_llm_manager, settle
from llm_manager.clients.anthropic_messages.sdk import through_sdk
from llm_manager.clients.catalogue import build_client
from llm_manager.domain.attempts import Limits
from llm_manager.domain.configuration import CacheSettings
from llm_manager.domain.secrets import Secret
from llm_manager.domain.wire_requests import WireReply
from llm_manager.real_world import real_world
from llm_manager.services.model_client import ClientParts
from llm_manager.services.transport import Envelope, Transport, WireStream
from llm_manager.wiring import default_deps
from tests.benchmarks.calling import asking_client
from tests.benchmarks.canned import Canned
from tests.benchmarks.measuring import cpu_per_call, interleaved, show

REQUEST = LLMRequest("What is the capital of France?", cache="off")
CHUNKS = 500
STREAMS = 20
USAGE = {"input_tokens": 14, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 0, "output_tokens": 100}
MESSAGE = {"id": "msg_1", "type": "message", "role": "assistant", "model": "claude-haiku-5-5", "stop_sequence": None, "usage": USAGE}
WHOLE: Final = json.dumps({**MESSAGE, "content": [{"type": "text", "text": "Paris. " * 30}], "stop_reason": "end_turn"}).encode()


def _event(kind: str, **more: Any) -> bytes:
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **more}, separators=(',', ':'))}\n\n".encode()


EVENTS: Final = (
    _event("message_start", message={**MESSAGE, "content": [], "stop_reason": None})
    + _event("content_block_start", index=0, content_block={"type": "text", "text": ""}),
    *[_event("content_block_delta", index=0, delta={"type": "text_delta", "text": " and some words"})] * CHUNKS,
    _event("content_block_stop", index=0)
    + _event("message_delta", delta={"stop_reason": "end_turn", "stop_sequence": None}, usage={"output_tokens": CHUNKS})
    + _event("message_stop"),
)


async def measure(rounds: int = 5) -> None:
    """Print CPU per call and per chunk: the client alone, and everything on loopback."""
    await _alone()
    with Canned(WHOLE, EVENTS) as server:
        await _calls(server.url, rounds)
        await _chunks(server.url, rounds)


async def _alone(batches: int = 60) -> None:
    """Over a carrier that costs nothing: the best of many small batches, which a busy machine disturbs least."""
    whole = Success(WireReply(status=200, headers=(("content-type", "application/json"),) * 12, body=WHOLE))

    async def send(_: Envelope) -> Success[WireReply]:
        return whole

    async def pieces() -> AsyncGenerator[Success[bytes], None]:
        for event in EVENTS:
            yield Success(event)

    async def opened(_: Envelope) -> Success[WireStream]:
        return Success(WireStream(status=200, headers=(("content-type", "text/event-stream"),), chunks=pieces()))

    async def close() -> None:
        """There is nothing to close."""

    carrier = Transport(send=send, open=opened, close=close)
    parts = ClientParts(world=real_world({}), make_transport=lambda _: carrier)
    client = build_client("claude", ProviderSettings(api_key=Secret("sk-bench")), parts).unwrap()
    written, ask = through_sdk(carrier), asking_client(client)
    envelope = Envelope(
        method="POST",
        url="https://api.anthropic.com/v1/messages",
        headers=(),
        body=client.encode(REQUEST, client.profiles[0]).unwrap().body,
        limits=Limits(),
        local=False,
        provider="anthropic",
        model="m",
    )

    async def calls() -> None:
        for number in range(50):
            await ask(number)

    async def posts() -> None:
        for _ in range(50):
            assert isinstance(await written.send(envelope), Success)

    async def stream() -> None:
        async for _ in client.stream(REQUEST):
            pass

    async def bare() -> None:
        async for _ in pieces():
            pass

    async def best(work: Callable[[], Awaitable[None]], count: int) -> float:
        seen = []
        for _ in range(batches):
            began = time.perf_counter()
            await work()
            seen.append((time.perf_counter() - began) / count * 1e6)
        return min(seen)

    post, call = await best(posts, 50), await best(calls, 50)
    chunk = await best(stream, CHUNKS) - await best(bare, CHUNKS)
    show(
        "Claude: the client alone",
        [
            ("the SDK's bare post", f"{post:.1f} us", ""),
            ("a call", f"{call:.1f} us", f"own {call - post:.1f} us, at most 40"),
            ("a streamed chunk", f"{chunk:.1f} us", "at most 12"),
        ],
    )


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
        client = default_deps(config(url), real_world({})).unwrap().clients["anthropic"]
        body = client.encode(REQUEST, client.profiles[0]).unwrap().body
        async with sdk_at(url) as sdk:

            async def post(_: int, sdk: AsyncAnthropic = sdk, body: bytes = body) -> None:
                assert (await sdk.post("/v1/messages", content=body, cast_to=httpx2.Response)).content

            async def generate(_: int, manager: object = manager) -> None:
                assert isinstance(await settle(manager.generate(REQUEST)), Success)  # type: ignore[attr-defined]  # bound early

            subjects: dict[str, Callable[[int], Awaitable[None]]] = {"sdk": post, "client": asking_client(client), "manager": generate}
            counted = {name: partial(cpu_per_call, ask, calls=calls, concurrency=concurrency) for name, ask in subjects.items()}
            seen = await interleaved(rounds, counted)
        await manager.close()
        await client.close()
        base = seen["sdk"]
        for name, what in (("sdk", "sdk post"), ("client", "messages client"), ("manager", "whole manager")):
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
                assert count == CHUNKS + 1
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
