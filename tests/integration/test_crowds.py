"""A thousand at once on real sockets: all are answered, all can be left, and nothing stays behind."""

import asyncio
import gc
from collections.abc import Iterator
from pathlib import Path

import pytest

from llm_manager.domain.configuration import LLMConfig, ProviderSettings
from llm_manager.domain.events import CallCancelled
from llm_manager.domain.requests import LLMRequest
from llm_manager.domain.secrets import Secret
from llm_manager.effects import settle
from llm_manager.orchestration.collecting import collect
from llm_manager.outcomes import sealed
from tests.integration.managers import config_of, managing
from tests.integration.test_faults import fitting, piece
from tests.loopback import Answer, Chunked, FaultServer, Hang, Received, fault_server, sse

CROWD = 1000
ASK = LLMRequest("hello", cache="off", timeout_ms=30_000, deadline_ms=60_000)


@pytest.fixture(autouse=True)
def _room_for_sockets() -> Iterator[None]:
    """Both ends of a thousand connections are in this process: more than some systems allow unless they are asked."""
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 3 * CROWD
    if hard != resource.RLIM_INFINITY and hard < wanted:
        pytest.skip(f"this system allows {hard} open files")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def pointed_at(*servers: FaultServer, concurrency: int | None = None) -> LLMConfig:
    """Managers that ask these servers in their order."""
    names = ("openai", "vllm")
    providers = {
        name: ProviderSettings(base_url=f"{server.url}/v1", api_key=Secret("sk-crowd"), default_model="m", concurrency=concurrency)
        for name, server in zip(names, servers, strict=False)
    }
    return config_of(providers, fallback_order=tuple(providers))


def descriptors() -> int:
    """How many files and sockets this process has open."""
    gc.collect()
    return len(list(Path("/proc/self/fd").iterdir())) if Path("/proc/self/fd").exists() else 0


def slow_stream(_: Received) -> Answer:
    """Three words, so far apart that a thousand of these are under way at once."""
    end = {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}], "model": "m"}
    return sse(piece("one "), piece("two "), piece("three"), end, gap_seconds=0.15)


async def test_a_thousand_streams_at_once_all_come_to_their_end() -> None:
    before = descriptors()
    with fault_server(slow_stream) as server:
        async with managing(pointed_at(server)) as (manager, _):
            answers = await asyncio.gather(*(collect(manager.stream(ASK)) for _ in range(CROWD)))
            assert len(asyncio.all_tasks()) == 1
        assert {sealed(answer).unwrap().content for answer in answers} == {"one two three"}
        assert await server.until(lambda known: known.left == known.connections)
    assert len(server.requests) == CROWD
    assert server.most_at_once > CROWD // 5  # how many overlap is the machine's matter; a cap of ours would be far below
    assert descriptors() <= before + 3


@pytest.mark.parametrize("phase", ["head", "body", "stream"])
async def test_a_thousand_calls_left_in_flight_leave_nothing_behind(phase: str) -> None:
    """Every connection of theirs is closed, and the next call is answered as if nothing had been."""
    left_hanging: dict[str, Answer] = {
        "head": Hang(),
        "body": Hang("amid_body"),
        "stream": Chunked([b"data: " + b'{"choices":[{"index":0,"delta":{"content":"la"}}]}' + b"\n\n"] * 1000, gap_seconds=3.0),
    }

    def script(received: Received) -> Answer:
        return left_hanging[phase] if received.number < CROWD else fitting(received)

    before = descriptors()
    with fault_server(script) as server:
        async with managing(pointed_at(server, concurrency=CROWD)) as (manager, told):
            ask = (lambda: collect(manager.stream(ASK))) if phase == "stream" else (lambda: settle(manager.generate(ASK)))
            calls = [asyncio.ensure_future(ask()) for _ in range(CROWD)]
            assert await server.until(lambda known: len(known.requests) == CROWD, 30.0)
            for call in calls:
                call.cancel()
            ended = await asyncio.gather(*calls, return_exceptions=True)
            assert all(isinstance(each, asyncio.CancelledError) for each in ended)
            assert await server.until(lambda known: known.left == known.connections, 10.0), (server.connections, server.left)
            assert server.hung_up == CROWD
            assert len(asyncio.all_tasks()) == 1
            assert len(told.of(CallCancelled)) == CROWD
            assert all(scope.under_way == scope.waiting == 0 for scope in manager.standing().scopes)
            assert (await settle(manager.generate(ASK))).unwrap().content == "fine"
    assert descriptors() <= before + 3
