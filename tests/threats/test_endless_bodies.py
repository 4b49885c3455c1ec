"""Bodies that are huge, slow or without end, plain and packed: each ends in bounded time and memory, in every dialect."""

import gzip
import sys
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from returns.result import Failure

from llm_manager import LLMRequest, ProviderSettings, make_model_client, settle
from llm_manager.clients.catalogue import CATALOGUE
from llm_manager.domain.errors import LLMError
from llm_manager.services.model_client import ModelClient
from tests.loopback import Answer, Chunked, Endless, Respond, fault_server

DIALECTS = ["openai", "anthropic", "gemini", "cohere", "ollama"]
MOST_GROWTH = 64 * 1024 * 1024
ZEROS = b"\0" * (1 << 20)
EVENT = (("Content-Type", "text/event-stream"),)
LINES = (("Content-Type", "application/x-ndjson"),)


def resident_bytes() -> int:
    """The most memory that this process has held at once since `fresh_mark`."""
    status = Path("/proc/self/status").read_text("ascii")
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM"))) * 1024


@contextmanager
def bounded_memory(most: int = MOST_GROWTH) -> Iterator[None]:
    """What is done within takes no more than 64 MB, at its highest, beyond what was held before."""
    try:
        Path("/proc/self/clear_refs").write_text("5", "ascii")
    except OSError:  # not Linux, or not allowed: the time is bounded all the same
        yield
        return
    before = resident_bytes()
    yield
    assert resident_bytes() - before < most


def packed(encoding: str) -> bytes:
    """Two hundred megabytes of nothing in two hundred kilobytes."""
    if encoding == "deflate":
        packer = zlib.compressobj(9)
    elif encoding == "raw deflate":
        packer = zlib.compressobj(9, wbits=-15)
    else:
        packer = zlib.compressobj(9, wbits=31)
    body = b"".join(packer.compress(ZEROS) for _ in range(200)) + packer.flush()
    return gzip.compress(body) if encoding == "gzip within gzip" else body


def bomb(encoding: str) -> Respond:
    named = {"raw deflate": "deflate", "gzip within gzip": "gzip", "gzip twice": "gzip, gzip"}.get(encoding, encoding)
    return Respond(200, (("Content-Encoding", named), ("Content-Type", "application/json")), packed(encoding))


PACKINGS = ("gzip", "deflate", "raw deflate", "gzip within gzip", "gzip twice", "br", "zstd")

ENDLESS: dict[str, Answer] = {
    "an endless body": Endless(),
    "one endless line": Endless(piece=b"x" * 65_536),
    "an endless event": Endless(piece=b"data: " + b"x" * 65_000),
    "endless events": Endless(piece=b'data: {"choices": [{"delta": {"content": "%b"}}]}\n\n' % (b"x" * 5000) * 12),
    "endless lines": Endless(piece=b'{"message": {"content": "x"}}\n' * 2000, headers=LINES),
    "endless comments": Endless(piece=b": still here\n" * 5000),
    "endless nesting": Endless(piece=b"[" * 65_536, headers=(("Content-Type", "application/json"),)),
    **{
        f"a bomb of {encoding}": bomb(encoding)
        for encoding in ("gzip", "deflate", "raw deflate", "gzip within gzip", "gzip twice", "br", "zstd")
    },
}


def client_at(name: str, url: str) -> ModelClient:
    return make_model_client(name, ProviderSettings(base_url=url)).unwrap()


async def met_by(client: ModelClient, *, streamed: bool, timeout_ms: int = 20_000) -> LLMError | None:
    """The failure that a request ends with."""
    request = LLMRequest("hello", timeout_ms=timeout_ms)
    try:
        if not streamed:
            outcome = await settle(client.generate(request))
            return outcome.failure() if isinstance(outcome, Failure) else None
        failures = [event.failure() async for event in client.stream(request) if isinstance(event, Failure)]
        return failures[-1] if failures else None
    finally:
        await client.close()


@pytest.mark.skipif(sys.platform != "linux", reason="memory is read as Linux tells it")
@pytest.mark.parametrize("what", ENDLESS)
@pytest.mark.parametrize("streamed", [False, True])
async def test_what_has_no_end_or_bursts_is_refused(what: str, streamed: bool) -> None:
    """OpenAI's dialect, over the transport that all of them share. An answer that is kept, 32 MB of it, is held twice at its end."""
    with fault_server(ENDLESS[what]) as server, bounded_memory(MOST_GROWTH * 2 if what == "endless events" else MOST_GROWTH):
        began = time.monotonic()
        error = await met_by(client_at("openai", server.url), streamed=streamed)
        assert time.monotonic() - began < 20.0
    assert error is not None
    assert len(repr(error)) < 10_000


@pytest.mark.parametrize("name", [name for name in DIALECTS if name in CATALOGUE])
@pytest.mark.parametrize("what", ["one endless line", "endless comments", "a bomb of gzip"])
async def test_so_it_is_in_every_dialect(name: str, what: str) -> None:
    with fault_server(ENDLESS[what]) as server, bounded_memory():
        error = await met_by(client_at(name, server.url), streamed=True)
    assert error is not None


@pytest.mark.parametrize("name", DIALECTS)
async def test_a_drip_of_bytes_ends_with_the_patience_of_the_call(name: str) -> None:
    """A byte at a time, each within the limit of silence: the deadline of the whole ends it."""
    drip = Chunked([b":"] * 10_000, gap_seconds=0.02, headers=EVENT)
    client = None
    with fault_server(drip) as server:
        client = client_at(name, server.url)
        began = time.monotonic()
        events = [event async for event in client.stream(LLMRequest("hello", timeout_ms=300, deadline_ms=500))]
        await client.close()
    assert isinstance(events[-1], Failure)
    assert time.monotonic() - began < 5.0
