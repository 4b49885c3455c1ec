"""What Ollama's client costs by itself: encoding, asking and decoding against the bare transport with the same bytes."""

import asyncio
import json
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from functools import partial

from returns.result import Failure, Success

from llm_manager import LLMRequest
from llm_manager.clients.catalogue import build_client
from llm_manager.clients.http import make_transport
from llm_manager.domain.attempts import Attempt, Limits
from llm_manager.domain.configuration import ProviderSettings
from llm_manager.domain.wire_requests import WireReply
from llm_manager.real_world import real_world
from llm_manager.services.model_client import ClientParts, ModelClient
from llm_manager.services.transport import Envelope, Transport, WireStream
from tests.benchmarks.canned import Canned
from tests.benchmarks.measuring import cpu_per_call, interleaved, show

REQUEST = LLMRequest("What is the capital of France?", cache="off")
CHUNKS = 500
STREAMS = 20
WORDS = "The capital of France is Paris, on the river Seine. " * 4
LIMITS = Limits(attempt_seconds=660.0)
ENDED = {
    "done": True,
    "done_reason": "stop",
    "total_duration": 5191566416,
    "load_duration": 2154458,
    "prompt_eval_count": 26,
    "prompt_eval_duration": 383809000,
    "eval_count": 298,
    "eval_duration": 4799921000,
}


def _line(text: str, **more: object) -> dict[str, object]:
    head = {"model": "llama3.2:3b", "created_at": "2026-11-20T08:52:19.385406455-07:00"}
    return {**head, "message": {"role": "assistant", "content": text}, **(more or {"done": False})}


def whole_body() -> bytes:
    """A whole answer; it stands for the details of the model too, which are asked for once a minute."""
    return json.dumps(_line(WORDS, **ENDED, details={"family": "llama"})).encode()


def events() -> list[bytes]:
    """A stream, one line for each token."""
    lines = [*([_line(" Paris")] * (CHUNKS - 1)), _line("", **ENDED)]
    return [json.dumps(line).encode() + b"\n" for line in lines]


def canned(gap_us: int = 0) -> Canned:
    """A server that answers as Ollama does."""
    return Canned(whole_body(), events(), gap_us=gap_us, kind="application/x-ndjson")


def client_of(url: str, transport: Transport) -> ModelClient:
    """Ollama's client at the server."""
    parts = ClientParts(world=real_world({}), make_transport=lambda _: transport)
    return build_client("ollama", ProviderSettings(base_url=url), parts).unwrap()


def attempt(client: ModelClient) -> Attempt:
    """The request as one try of the client's model, encoded now."""
    profile, now = client.profiles[0], asyncio.get_running_loop().time()
    return Attempt(
        call_id="",
        number=1,
        request=REQUEST,
        model=profile,
        endpoint=client.endpoint,
        wire=client.encode(REQUEST, profile).unwrap(),
        key=client.key,
        limits=LIMITS,
        deadline=now + 660.0,
        call_deadline=now + 1320.0,
        total_seconds=1320.0,
    )


def envelope(client: ModelClient, *, streamed: bool) -> Envelope:
    """The same request as the bare transport gets it."""
    body = attempt(client).wire.body
    return Envelope(
        method="POST",
        url=f"{client.endpoint.base_url}/api/chat",
        headers=((b"content-type", b"application/json"), (b"user-agent", b"llm-manager")),
        body=body.replace(b'"stream":false', b'"stream":true') if streamed else body,
        limits=Limits(attempt_seconds=60.0),
        local=True,
        provider="ollama",
        model=client.profiles[0].name,
    )


async def measure(rounds: int = 5) -> None:
    """Print the client's own time per call and per streamed line."""
    await _alone()
    await _calls(rounds)
    await _streams(rounds)


async def _alone(batches: int = 120) -> None:
    """The client over a transport that costs nothing: the best of many small batches, which a busy machine disturbs least."""
    whole, lines = Success(WireReply(status=200, headers=(("content-type", "application/json"),) * 3, body=whole_body())), events()

    async def send(_: Envelope) -> Success[WireReply]:
        return whole

    async def pieces() -> AsyncGenerator[Success[bytes], None]:
        for line in lines:
            yield Success(line)

    async def opened(_: Envelope) -> Success[WireStream]:
        return Success(WireStream(status=200, headers=(("content-type", "application/x-ndjson"),), chunks=pieces()))

    async def close() -> None:
        """There is nothing to close."""

    client = client_of("http://127.0.0.1:9", Transport(send=send, open=opened, close=close))

    async def calls() -> None:
        for _ in range(60):
            assert isinstance(await client.answer(attempt(client)), Success)

    async def stream() -> None:
        async for _ in (await client.open(attempt(client))).unwrap().rest:
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

    call, line = await best(calls, 60), await best(stream, CHUNKS) - await best(bare, CHUNKS)
    show("ollama: the client alone", [("a call", f"{call:.1f} us", "at most 40"), ("a streamed line", f"{line:.1f} us", "at most 12")])


async def _calls(rounds: int) -> None:
    rows = []
    with canned() as server:
        for concurrency, calls in ((1, 1500), (64, 3000)):
            transport = make_transport()
            client = client_of(server.url, transport)
            plain = envelope(client, streamed=False)

            async def bare(_: int, transport: Transport = transport, plain: Envelope = plain) -> None:
                assert isinstance(await transport.send(plain), Success)

            async def ask(_: int, client: ModelClient = client) -> None:
                assert isinstance(await client.answer(attempt(client)), Success)

            subjects: dict[str, Callable[[int], Awaitable[None]]] = {"bare": bare, "client": ask}
            counted = {name: partial(cpu_per_call, each, calls=calls, concurrency=concurrency) for name, each in subjects.items()}
            seen = await interleaved(rounds, counted)
            await client.close()
            own = seen["client"] - seen["bare"]
            rows.append((f"concurrency {concurrency}: bare transport", f"{seen['bare']:.0f} us", ""))
            rows.append((f"concurrency {concurrency}: ollama client", f"{seen['client']:.0f} us", f"own {own:.1f} us"))
    show("ollama: CPU per call", rows)


async def _streams(rounds: int) -> None:
    rows = []
    for gap, label in ((0, "all lines in one write"), (200, "200 us between lines")):
        with canned(gap) as server:
            transport = make_transport()
            client = client_of(server.url, transport)
            plain = envelope(client, streamed=True)

            async def bare(transport: Transport = transport, plain: Envelope = plain) -> float:
                began = time.process_time()
                for _ in range(STREAMS):
                    opened = (await transport.open(plain)).unwrap()
                    async for chunk in opened.chunks:
                        assert not isinstance(chunk, Failure)
                return (time.process_time() - began) / STREAMS / CHUNKS * 1e6

            async def typed(client: ModelClient = client) -> float:
                began = time.process_time()
                for _ in range(STREAMS):
                    opened = (await client.open(attempt(client))).unwrap()
                    count = 1
                    async for event in opened.rest:
                        assert not isinstance(event, Failure)
                        count += 1
                    assert count == CHUNKS
                return (time.process_time() - began) / STREAMS / CHUNKS * 1e6

            seen = await interleaved(rounds, {"bare": bare, "client": typed})
            await client.close()
        rows.append((f"{label}: bare transport", f"{seen['bare']:.2f} us", ""))
        rows.append((f"{label}: ollama client", f"{seen['client']:.2f} us", f"own {seen['client'] - seen['bare']:.2f} us a line"))
    show("ollama: streaming (CPU per line)", rows)


if __name__ == "__main__":
    asyncio.run(measure())
