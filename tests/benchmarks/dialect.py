"""What the client of any dialect costs by itself, against the bare transport with the same bytes."""

import asyncio
import json
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from functools import partial

from attrs import frozen
from returns.result import Failure, Success

from llm_manager import LLMRequest
from llm_manager.clients.catalogue import build_client
from llm_manager.clients.http import make_transport
from llm_manager.domain.attempts import Attempt, Limits
from llm_manager.domain.configuration import ProviderSettings
from llm_manager.domain.secrets import Secret
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
_KEY = Secret("sk-bench-0123456789")


@frozen(kw_only=True)
class Spoken:
    """A dialect as its server speaks it: a whole answer, a stream of `CHUNKS` events, and where both are asked for."""

    provider: str
    base_path: str
    path: str
    streamed_path: str
    whole: bytes
    events: Sequence[bytes]
    kind: str = "text/event-stream"
    below: Callable[[Transport], Transport] = lambda transport: transport
    """What the client itself stands on, which counts as bare: Claude's is its SDK."""


async def measure(spoken: Spoken, rounds: int = 5) -> None:
    """Print the client's own time and CPU per call and per streamed piece."""
    await _alone(spoken)
    await _calls(spoken, rounds)
    await _streams(spoken, rounds)


def events_of(piece: object, last: object, *, framing: bytes = b"data: %b\n\n") -> tuple[bytes, ...]:
    """A stream of `CHUNKS` events: ``piece`` again and again, and ``last``."""
    told = [*([piece] * (CHUNKS - 1)), last]
    return tuple(framing % json.dumps(each).encode() for each in told)


def _client(spoken: Spoken, url: str, transport: Transport) -> ModelClient:
    parts = ClientParts(world=real_world({}), make_transport=lambda _: transport)
    return build_client(spoken.provider, ProviderSettings(base_url=f"{url}{spoken.base_path}", api_key=_KEY), parts).unwrap()


def _attempt(client: ModelClient) -> Attempt:
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
        limits=Limits(attempt_seconds=60.0),
        deadline=now + 60.0,
        call_deadline=now + 300.0,
        total_seconds=300.0,
    )


def _envelope(client: ModelClient, path: str, body: bytes) -> Envelope:
    """The same request as the bare transport gets it."""
    return Envelope(
        method="POST",
        url=client.endpoint.base_url + path,
        headers=((b"content-type", b"application/json"), (b"user-agent", b"llm-manager"), (b"x-key", _KEY.reveal().encode())),
        body=body,
        limits=Limits(attempt_seconds=60.0),
        local=True,
        provider=client.endpoint.provider,
        model=client.profiles[0].name,
    )


async def _alone(spoken: Spoken, batches: int = 120) -> None:
    """The client over a transport that costs nothing: the best of many small batches, which a busy machine disturbs least."""
    whole = Success(WireReply(status=200, headers=(("content-type", "application/json"),) * 12, body=spoken.whole))

    async def send(_: Envelope) -> Success[WireReply]:
        return whole

    async def pieces() -> AsyncGenerator[Success[bytes], None]:
        for event in spoken.events:
            yield Success(event)

    async def opened(_: Envelope) -> Success[WireStream]:
        return Success(WireStream(status=200, headers=(("content-type", spoken.kind),), chunks=pieces()))

    async def close() -> None:
        """There is nothing to close."""

    carrier = Transport(send=send, open=opened, close=close)
    client, below = _client(spoken, "http://127.0.0.1:9", carrier), spoken.below(carrier)
    plain = _envelope(client, spoken.path, _attempt(client).wire.body)

    async def posts() -> None:
        for _ in range(60):
            assert isinstance(await below.send(plain), Success)

    async def calls() -> None:
        for _ in range(60):
            assert isinstance(await client.answer(_attempt(client)), Success)

    async def stream() -> None:
        async for _ in (await client.open(_attempt(client))).unwrap().rest:
            pass

    async def bare() -> None:
        async for _ in (await below.open(plain)).unwrap().chunks:
            pass

    async def best(work: Callable[[], Awaitable[None]], count: int) -> float:
        seen = []
        for _ in range(batches):
            began = time.perf_counter()
            await work()
            seen.append((time.perf_counter() - began) / count * 1e6)
        return min(seen)

    call, piece = await best(calls, 60) - await best(posts, 60), await best(stream, CHUNKS) - await best(bare, CHUNKS)
    rows = [("a call", f"{call:.1f} us", "at most 40"), ("a streamed piece", f"{piece:.1f} us", "at most 12")]
    show(f"{spoken.provider}: the client alone", rows)


async def _calls(spoken: Spoken, rounds: int) -> None:
    rows = []
    with Canned(spoken.whole, spoken.events, kind=spoken.kind) as server:
        for concurrency, calls in ((1, 1500), (64, 3000)):
            transport = make_transport()
            client, below = _client(spoken, server.url, transport), spoken.below(transport)
            plain = _envelope(client, spoken.path, _attempt(client).wire.body)

            async def bare(_: int, transport: Transport = below, plain: Envelope = plain) -> None:
                assert isinstance(await transport.send(plain), Success)

            async def ask(_: int, client: ModelClient = client) -> None:
                assert isinstance(await client.answer(_attempt(client)), Success)

            subjects: dict[str, Callable[[int], Awaitable[None]]] = {"bare": bare, "client": ask}
            counted = {name: partial(cpu_per_call, each, calls=calls, concurrency=concurrency) for name, each in subjects.items()}
            seen = await interleaved(rounds, counted)
            await client.close()
            own = seen["client"] - seen["bare"]
            rows.append((f"concurrency {concurrency}: bare transport", f"{seen['bare']:.0f} us", ""))
            rows.append((f"concurrency {concurrency}: client", f"{seen['client']:.0f} us", f"own {own:.1f} us"))
    show(f"{spoken.provider}: CPU per call", rows)


async def _streams(spoken: Spoken, rounds: int) -> None:
    rows = []
    for gap, label in ((0, "all pieces in one write"), (200, "200 us between pieces")):
        with Canned(spoken.whole, spoken.events, gap_us=gap, kind=spoken.kind) as server:
            transport = make_transport()
            client, below = _client(spoken, server.url, transport), spoken.below(transport)
            plain = _envelope(client, spoken.streamed_path, b'{"stream":true}')

            async def bare(transport: Transport = below, plain: Envelope = plain) -> float:
                began = time.process_time()
                for _ in range(STREAMS):
                    opened = (await transport.open(plain)).unwrap()
                    async for chunk in opened.chunks:
                        assert not isinstance(chunk, Failure)
                return (time.process_time() - began) / STREAMS / CHUNKS * 1e6

            async def typed(client: ModelClient = client) -> float:
                began = time.process_time()
                for _ in range(STREAMS):
                    count = 1
                    async for event in (await client.open(_attempt(client))).unwrap().rest:
                        assert not isinstance(event, Failure)
                        count += 1
                    assert count == CHUNKS
                return (time.process_time() - began) / STREAMS / CHUNKS * 1e6

            seen = await interleaved(rounds, {"bare": bare, "client": typed})
            await client.close()
        rows.append((f"{label}: bare transport", f"{seen['bare']:.2f} us", ""))
        rows.append((f"{label}: client", f"{seen['client']:.2f} us", f"own {seen['client'] - seen['bare']:.2f} us a piece"))
    show(f"{spoken.provider}: streaming (CPU per piece)", rows)
