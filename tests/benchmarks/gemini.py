"""What Gemini's client costs by itself: encoding, asking and decoding against the bare transport with the same bytes."""

import asyncio
import json
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from functools import lru_cache, partial

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
USAGE = {"promptTokenCount": 12, "candidatesTokenCount": 40, "totalTokenCount": 52, "promptTokensDetails": [{"modality": "TEXT"}]}
KEY = Secret("AIza-bench-0123456789")


def _reply(text: str, *, finish: str | None) -> dict[str, object]:
    ending = {} if finish is None else {"finishReason": finish}
    candidate = {"content": {"parts": [{"text": text}], "role": "model"}, "index": 0, **ending}
    return {"candidates": [candidate], "usageMetadata": USAGE, "modelVersion": "gemini-3.8-flash", "responseId": "kLcYabWvN9Cl1PIPlrzAyAg"}


def whole_body() -> bytes:
    """A whole answer."""
    return json.dumps(_reply(WORDS, finish="STOP")).encode()


@lru_cache(maxsize=1)
def events() -> tuple[bytes, ...]:
    """A stream, each piece with what it took so far."""
    texts = [*([("Paris, the capital. ", None)] * (CHUNKS - 1)), ("", "STOP")]
    return tuple(b"data: %b\r\n\r\n" % json.dumps(_reply(text, finish=finish)).encode() for text, finish in texts)


def canned(gap_us: int = 0) -> Canned:
    """A server that answers as Gemini does."""
    return Canned(whole_body(), events(), gap_us=gap_us)


def client_of(url: str, transport: Transport) -> ModelClient:
    """Gemini's client at the server."""
    parts = ClientParts(world=real_world({}), make_transport=lambda _: transport)
    return build_client("gemini", ProviderSettings(base_url=f"{url}/v1beta", api_key=KEY), parts).unwrap()


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
        limits=Limits(attempt_seconds=60.0),
        deadline=now + 60.0,
        call_deadline=now + 300.0,
        total_seconds=300.0,
    )


def envelope(client: ModelClient, path: str) -> Envelope:
    """The same request as the bare transport gets it."""
    wire = attempt(client).wire
    return Envelope(
        method="POST",
        url=client.endpoint.base_url + path,
        headers=((b"content-type", b"application/json"), (b"user-agent", b"llm-manager"), (b"x-goog-api-key", KEY.reveal().encode())),
        body=wire.body,
        limits=Limits(attempt_seconds=60.0),
        local=True,
        provider="gemini",
        model=client.profiles[0].name,
    )


async def measure(rounds: int = 5) -> None:
    """Print the client's own CPU per call and per streamed piece."""
    await _alone()
    await _calls(rounds)
    await _streams(rounds)


async def _alone(batches: int = 120) -> None:
    """The client over a transport that costs nothing: the best of many small batches, which a busy machine disturbs least."""
    whole = Success(WireReply(status=200, headers=(("content-type", "application/json"),) * 12, body=whole_body()))

    async def send(_: Envelope) -> Success[WireReply]:
        return whole

    async def pieces() -> AsyncGenerator[Success[bytes], None]:
        for event in events():
            yield Success(event)

    async def opened(_: Envelope) -> Success[WireStream]:
        return Success(WireStream(status=200, headers=(("content-type", "text/event-stream"),), chunks=pieces()))

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

    call, piece = await best(calls, 60), await best(stream, CHUNKS) - await best(bare, CHUNKS)
    show("gemini: the client alone", [("a call", f"{call:.1f} us", "at most 40"), ("a streamed piece", f"{piece:.1f} us", "at most 12")])


async def _calls(rounds: int) -> None:
    rows = []
    with canned() as server:
        for concurrency, calls in ((1, 1500), (64, 3000)):
            transport = make_transport()
            client = client_of(server.url, transport)
            plain = envelope(client, "/models/gemini-3.8-flash:generateContent")

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
            rows.append((f"concurrency {concurrency}: gemini client", f"{seen['client']:.0f} us", f"own {own:.1f} us"))
    show("gemini: CPU per call", rows)


async def _streams(rounds: int) -> None:
    rows = []
    for gap, label in ((0, "all pieces in one write"), (200, "200 us between pieces")):
        with canned(gap) as server:
            transport = make_transport()
            client = client_of(server.url, transport)
            plain = envelope(client, "/models/gemini-3.8-flash:streamGenerateContent?alt=sse")

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
        rows.append((f"{label}: gemini client", f"{seen['client']:.2f} us", f"own {seen['client'] - seen['bare']:.2f} us a piece"))
    show("gemini: streaming (CPU per piece)", rows)


if __name__ == "__main__":
    asyncio.run(measure())
