"""The whole spine on a real model: in this process, and behind HTTP under the name of each provider that speaks so."""

import asyncio
import gc
import os
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from pathlib import Path
from typing import Annotated, Any

import pytest
from attrs import evolve, frozen
from msgspec import Meta
from returns.result import Failure, Success

from llm_manager.blocking import blocking
from llm_manager.domain.configuration import LLMConfig, ProviderSettings
from llm_manager.domain.errors import AuthenticationFailed, ModelUnavailable, PolicyBlocked, RequestTimeout
from llm_manager.domain.events import CacheHit, CallCancelled
from llm_manager.domain.requests import LLMRequest
from llm_manager.domain.responses import LLMResponse
from llm_manager.domain.secrets import Secret
from llm_manager.domain.streaming import StreamFinished, TextDelta
from llm_manager.effects import settle
from llm_manager.orchestration.collecting import collect
from llm_manager.outcomes import sealed
from llm_manager.services.manager import LLMManager
from tests.integration.managers import CAPITAL, COLD, MODEL, STORY, WORD, Told, config_of, manager_of, managing, served
from tests.integration.serving import EngineServer
from tests.loopback import refused_url

pytestmark = pytest.mark.embedded

KINDS = ("embedded", "llamacpp", "lmstudio", "vllm", "openai")
PRIVATE = evolve(CAPITAL, sensitivity="private")
CLOUD = ProviderSettings(base_url="https://api.cloud.invalid/v1", api_key=Secret("sk-canary-cloud"))
"""A cloud that must never be asked: the test would fail on looking up its name, since tests have no network."""

Spine = tuple[str, LLMManager, Told]


@frozen
class City:
    """A city and where it is."""

    name: Annotated[str, Meta(max_length=20)]
    country: Annotated[str, Meta(max_length=20)]


def config_for(kind: str, request: pytest.FixtureRequest) -> LLMConfig:
    if kind == "embedded":
        return config_of({}, weights=request.getfixturevalue("engine"))
    server: EngineServer = request.getfixturevalue("guarded_server" if kind == "openai" else "engine_server")
    return config_of({kind: served(server.base_url, server.key)})


@pytest.fixture(scope="session")
def engine(weights: Path) -> Iterator[Path]:
    """The weights, loaded once and held, since managers over equal settings share one engine."""
    with blocking(manager_of(config_of({}, weights=weights))) as manager:
        assert isinstance(manager.generate(WORD), Success)
        yield weights


@pytest.fixture(params=KINDS)
async def spine(request: pytest.FixtureRequest) -> AsyncIterator[Spine]:
    """A manager for every way to the model."""
    async with managing(config_for(request.param, request)) as (manager, told):
        yield request.param, manager, told


@pytest.fixture(params=("embedded", "llamacpp"))
async def either(request: pytest.FixtureRequest) -> AsyncIterator[Spine]:
    """A manager over the model in this process, and one over HTTP."""
    async with managing(config_for(request.param, request)) as (manager, told):
        yield request.param, manager, told


@pytest.fixture
def server(engine_server: EngineServer) -> LLMConfig:
    """Settings with one real server."""
    return config_of({"llamacpp": served(engine_server.base_url)})


async def until(holds: Callable[[], bool]) -> None:
    """Let the others work until something holds."""
    async with asyncio.timeout(5):
        while not holds():  # noqa: ASYNC110
            await asyncio.sleep(0.001)  # what is waited for is told by nobody


async def answer_of(manager: LLMManager, request: LLMRequest) -> LLMResponse:
    outcome = await settle(manager.generate(request))
    assert isinstance(outcome, Success), outcome
    return outcome.unwrap()


# Every method, every way


async def test_it_answers_streams_and_remembers(spine: Spine) -> None:
    """A stream collects to what a whole answer says, and what was said once is not asked again."""
    kind, manager, told = spine
    whole = await answer_of(manager, CAPITAL)
    assert "Paris" in whole.content
    assert (whole.provider, whole.model, whole.finish, whole.cached) == (kind, MODEL, "stop", False)
    assert whole.usage is not None
    assert [(record.provider, record.error) for record in whole.attempts] == [(kind, None)]

    events = [event.unwrap() async for event in manager.stream(evolve(CAPITAL, cache="off"))]
    last = events[-1]
    assert isinstance(last, StreamFinished)
    assert "".join(event.text for event in events if isinstance(event, TextDelta)) == last.response.content == whole.content
    assert last.response.usage is not None
    assert last.response.usage.completion_tokens == whole.usage.completion_tokens
    assert last.response.time_to_first_token_seconds is not None

    again = await answer_of(manager, CAPITAL)
    assert (again.content, again.cached) == (whole.content, True)
    replayed = (await collect(manager.stream(CAPITAL))).unwrap()
    assert (replayed.content, replayed.cached) == (whole.content, True)
    assert told.asked == [kind, kind]
    assert len(told.of(CacheHit)) == 2


async def test_it_plans_lists_checks_and_counts(spine: Spine) -> None:
    kind, manager, _ = spine
    plan = manager.plan(CAPITAL).unwrap()
    assert [(step.profile.provider, step.endpoint.locality) for step in plan.steps] == [(kind, "local")]
    assert MODEL in [profile.name for profile in (await settle(manager.models())).unwrap() if profile.provider == kind]
    (health,) = [each for each in (await settle(manager.health())).unwrap() if each.provider == kind]
    assert health.healthy, health.error_message
    await answer_of(manager, WORD)
    stats = manager.stats()
    assert (stats.calls, stats.answered, stats.failed) == (1, 1, 0)
    seen = stats.models[f"{kind}/{MODEL}"]
    assert (seen.attempts, seen.successes) == (1, 1)
    assert seen.usage.completion_tokens > 0
    assert seen.latency_seconds is not None


async def test_a_class_comes_back_as_a_value(spine: Spine) -> None:
    _, manager, _ = spine
    request = LLMRequest("Where is Rome?", system="You are a helpful assistant.", preferences=evolve(COLD, max_tokens=60))
    outcome = (await settle(manager.generate_as(City, request))).unwrap()
    assert outcome.value == City("Rome", "Italy")
    assert outcome.response.complete


async def test_twenty_rows_come_back_in_their_order(either: Spine) -> None:
    kind, manager, told = either
    rows = [LLMRequest(f"Count from {number}.", preferences=evolve(COLD, max_tokens=3)) for number in range(20)]
    async with aclosing(manager.generate_all(iter(rows), concurrency=4, in_order=True)) as answers:
        came = [(position, outcome.unwrap()) async for position, outcome in answers]
    assert [position for position, _ in came] == list(range(20))
    assert all(answer.content for _, answer in came)
    assert told.asked == [kind] * 20
    assert came[3][1].content == (await answer_of(manager, evolve(rows[3], cache="off"))).content


async def test_a_conversation_brings_back_what_was_said(either: Spine) -> None:
    _, manager, _ = either
    short = evolve(COLD, max_tokens=10)
    first = (await settle(manager.converse("c", LLMRequest("The secret word is banana.", preferences=short)))).unwrap()
    second = (await settle(manager.converse("c", LLMRequest("What is the secret word?", preferences=short)))).unwrap()
    alone = (await settle(manager.converse("d", LLMRequest("What is the secret word?", preferences=short)))).unwrap()
    assert "banana" in second.content
    assert "banana" not in alone.content
    assert first.usage is not None
    assert second.usage is not None
    assert second.usage.prompt_tokens > first.usage.prompt_tokens + first.usage.completion_tokens


async def test_equal_calls_at_once_share_one_flight(either: Spine) -> None:
    kind, manager, told = either
    answers = await asyncio.gather(*(answer_of(manager, CAPITAL) for _ in range(5)))
    assert len({answer.content for answer in answers}) == 1
    assert sorted(answer.shared for answer in answers) == [False, True, True, True, True]
    assert told.asked == [kind]


# Time


async def test_a_deadline_ends_the_call_and_frees_the_slot(either: Spine) -> None:
    """Four long answers fill every slot of the model; after their deadline four short ones do not wait."""
    _, manager, _ = either
    await answer_of(manager, WORD)
    late = await asyncio.gather(*(settle(manager.generate(evolve(STORY, deadline_ms=150))) for _ in range(4)))
    for outcome in late:
        assert isinstance(outcome, Failure)
        error = outcome.failure()
        assert isinstance(error, RequestTimeout)
        assert (error.phase, error.timeout_ms) == ("total", 150)
    async with asyncio.timeout(5):
        await asyncio.gather(*(answer_of(manager, WORD) for _ in range(4)))


async def test_a_cancelled_call_frees_the_slot(either: Spine) -> None:
    """Cancellation passes through as it is, and the journal tells of it."""
    _, manager, told = either
    await answer_of(manager, WORD)
    tasks = [asyncio.ensure_future(settle(manager.generate(STORY))) for _ in range(4)]
    await until(lambda: len(told.asked) == 5)
    for task in tasks:
        task.cancel()
    assert all(isinstance(outcome, asyncio.CancelledError) for outcome in await asyncio.gather(*tasks, return_exceptions=True))
    assert len(told.of(CallCancelled)) == 4
    async with asyncio.timeout(5):
        await asyncio.gather(*(answer_of(manager, WORD) for _ in range(4)))


async def test_a_stream_left_early_frees_the_slot(either: Spine) -> None:
    _, manager, told = either
    for _ in range(6):
        async with aclosing(manager.stream(STORY)) as events:
            async for event in events:
                assert isinstance(event, Success)
                break
    assert len(told.of(CallCancelled)) == 6
    async with asyncio.timeout(5):
        await answer_of(manager, WORD)


# Keys, privacy, airgap, fallback


async def test_a_wrong_key_is_told_and_never_shown(guarded_server: EngineServer) -> None:
    async with managing(config_of({"openai": served(guarded_server.base_url, "sk-canary-wrong")})) as (manager, told):
        outcome = await settle(manager.generate(CAPITAL))
        streamed = await collect(manager.stream(CAPITAL))
    assert isinstance(outcome, Failure)
    assert isinstance(outcome.failure(), AuthenticationFailed)
    assert isinstance(streamed.failure(), AuthenticationFailed)
    assert told.asked == ["openai", "openai"]
    assert "canary" not in repr((outcome, streamed, told.events))


async def test_a_private_prompt_stays_here_on_every_path(engine_server: EngineServer) -> None:
    """With a cloud first in the order: whole, streamed, in a batch, as a class, in a conversation."""
    providers = {"llamacpp": served(engine_server.base_url), "openrouter": CLOUD}
    async with managing(config_of(providers, fallback_order=("openrouter", "llamacpp"))) as (manager, told):
        assert (await answer_of(manager, PRIVATE)).provider == "llamacpp"
        assert (await collect(manager.stream(evolve(PRIVATE, cache="off")))).unwrap().provider == "llamacpp"
        async with aclosing(manager.generate_all([evolve(WORD, prompt=f"Say {n}.", sensitivity="private") for n in range(3)])) as rows:
            assert [outcome.unwrap().provider async for _, outcome in rows] == ["llamacpp"] * 3
        assert isinstance(
            await settle(manager.generate_as(City, evolve(PRIVATE, prompt="Where is Rome?", preferences=evolve(COLD, max_tokens=60)))),
            Success,
        )
        assert isinstance(await settle(manager.converse("c", evolve(WORD, sensitivity="private"))), Success)
        spoken = LLMRequest("A patient has a cough. What is it?", preferences=evolve(COLD, max_tokens=8))
        assert (await answer_of(manager, spoken)).provider == "llamacpp"
    assert set(told.asked) == {"llamacpp"}


async def test_a_private_prompt_goes_nowhere_else_when_the_local_server_is_down() -> None:
    with refused_url() as gone:
        providers = {"llamacpp": served(f"{gone}/v1"), "openrouter": CLOUD}
        async with managing(config_of(providers, max_retries=1)) as (manager, told):
            outcome = await settle(manager.generate(PRIVATE))
            streamed = await collect(manager.stream(PRIVATE))
    for failed in (outcome, streamed):
        error = failed.failure()
        assert isinstance(error, ModelUnavailable)
        assert error.reason == "not_running"
    assert set(told.asked) == {"llamacpp"}


async def test_a_private_prompt_without_a_local_model_is_refused() -> None:
    async with managing(config_of({"openrouter": CLOUD})) as (manager, told):
        error = (await settle(manager.generate(PRIVATE))).failure()
    assert isinstance(error, PolicyBlocked)
    assert error.policy == "private"
    assert told.asked == []


AIRGAPPED = """
import asyncio, ipaddress, sys

touched, looked_up = [], []

def hear(event, args):
    if event in ("socket.connect", "socket.sendto", "socket.sendmsg"):
        touched.append(args[1])
    elif event in ("socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr", "socket.getnameinfo"):
        looked_up.append(args[0])

sys.addaudithook(hear)

from contextlib import aclosing

from llm_manager.domain.errors import PolicyBlocked
from llm_manager.domain.configuration import ProviderSettings
from llm_manager.domain.requests import LLMRequest, Preferences
from llm_manager.domain.secrets import Secret
from llm_manager.effects import settle
from llm_manager.orchestration.collecting import collect
from tests.integration.managers import CAPITAL, WORD, config_of, managing, served

CLOUDS = {name: ProviderSettings(api_key=Secret("sk-canary")) for name in ("openai", "groq", "openrouter", "together")}

async def main():
    providers = {**CLOUDS, "llamacpp": served(sys.argv[1])}
    config = config_of(providers, airgap=True, fallback_order=("openai", "groq", "llamacpp"))
    async with managing(config) as (manager, told):
        print((await settle(manager.generate(CAPITAL))).unwrap().provider)
        print((await collect(manager.stream(WORD))).unwrap().provider)
        async with aclosing(manager.generate_all([WORD, WORD])) as rows:
            print([outcome.unwrap().provider async for _, outcome in rows])
        named = LLMRequest("Hello?", preferences=Preferences(provider="openai", max_tokens=2))
        print((await settle(manager.generate(named))).unwrap().provider)
        print([health.provider for health in (await settle(manager.health())).unwrap() if health.healthy and health.provider in providers])
        print(len((await settle(manager.models())).unwrap()) > 4)
    async with managing(config_of(CLOUDS, airgap=True)) as (manager, told):
        print(isinstance((await settle(manager.generate(CAPITAL))).failure(), PolicyBlocked), told.asked)

asyncio.run(main())
hosts = {str(place[0]) for place in touched if isinstance(place, tuple)}
print(sorted(host for host in hosts if not ipaddress.ip_address(host).is_loopback), bool(hosts))
print(sorted({str(name) for name in looked_up} - {"127.0.0.1", "localhost"}))
"""


def test_airgap_touches_nothing_but_loopback(engine_server: EngineServer) -> None:
    """Four clouds are configured and asked for; a hook of the interpreter hears every connection and every lookup."""
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", AIRGAPPED, engine_server.base_url],
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stdout.splitlines() == [
        "llamacpp",
        "llamacpp",
        "['llamacpp', 'llamacpp']",
        "llamacpp",
        "['llamacpp']",
        "True",
        "True []",
        "[] True",
        "[]",
    ], done.stderr


async def test_a_dead_server_is_left_for_a_live_one_and_the_answer_tells(engine_server: EngineServer) -> None:
    with refused_url() as gone:
        providers = {"lmstudio": served(f"{gone}/v1"), "llamacpp": served(engine_server.base_url)}
        async with managing(config_of(providers, fallback_order=("lmstudio", "llamacpp"))) as (manager, told):
            whole = await answer_of(manager, CAPITAL)
            streamed = (await collect(manager.stream(evolve(CAPITAL, cache="off")))).unwrap()
            healthy = {health.provider: health.healthy for health in (await settle(manager.health())).unwrap()}
            after = manager.plan(CAPITAL).unwrap()
    for answer in (whole, streamed):
        assert "Paris" in answer.content
        first, second = answer.attempts
        assert isinstance(first.error, ModelUnavailable)
        assert first.error.reason == "not_running"
        assert (first.provider, second.provider, second.error) == ("lmstudio", "llamacpp", None)
    assert told.asked == ["lmstudio", "llamacpp"] * 2
    assert (healthy["lmstudio"], healthy["llamacpp"]) == (False, True)
    assert [step.profile.provider for step in after.steps] == ["llamacpp", "lmstudio"]


# Loops, threads and what is left behind


def test_without_await(server: LLMConfig) -> None:
    with blocking(manager_of(server)) as manager:
        assert "Paris" in manager.generate(CAPITAL).unwrap().content
        assert manager.generate(CAPITAL).unwrap().cached
        assert manager.generate_as(City, LLMRequest("Where is Rome?", preferences=evolve(COLD, max_tokens=60))).unwrap().value.name
        assert isinstance([event.unwrap() for event in manager.stream(WORD)][-1], StreamFinished)
        assert [position for position, _ in manager.generate_all([WORD] * 3, concurrency=2, in_order=True)] == [0, 1, 2]
        assert [health.healthy for health in manager.health().unwrap() if health.provider == "llamacpp"] == [True]


@pytest.mark.parametrize("kind", ["embedded", "llamacpp"])
def test_one_manager_serves_loop_after_loop_and_threads_at_once(kind: str, request: pytest.FixtureRequest) -> None:
    manager = manager_of(config_for(kind, request))

    async def ask(number: int) -> str:
        return (await answer_of(manager, evolve(CAPITAL, cache="off", system=f"You are helpful assistant number {number}."))).content

    successive = [asyncio.run(ask(number)) for number in range(3)]
    with ThreadPoolExecutor(2) as pool:
        at_once = list(pool.map(lambda number: asyncio.run(ask(number)), range(3)))
    assert all("Paris" in content for content in successive)
    assert at_once == successive
    asyncio.run(manager.close())


def left_behind(work: Callable[[], Coroutine[Any, Any, None]]) -> tuple[int, int]:
    """Run something on a loop of its own, and see its tasks end; give the threads and the open files that are more than before."""
    gc.collect()
    threads, files = threading.active_count(), open_files()

    async def watched() -> None:
        before = len(asyncio.all_tasks())
        await work()
        await until(lambda: len(asyncio.all_tasks()) == before)

    asyncio.run(watched())
    gc.collect()
    return threading.active_count() - threads, open_files() - files


def open_files() -> int:
    folder = Path("/proc/self/fd")
    return len(list(folder.iterdir())) if folder.is_dir() else 0


@pytest.mark.parametrize("kind", ["embedded", "llamacpp"])
def test_nothing_is_left_behind(kind: str, request: pytest.FixtureRequest) -> None:
    """After answers, streams left, deadlines, cancellations, batches left and a flight whose leader went."""
    config = config_for(kind, request)
    own_engine = evolve(config, embedded=evolve(config.embedded, context_length=4096))

    async def everything() -> None:
        async with managing(own_engine) as (manager, _):
            await answer_of(manager, CAPITAL)
            async with aclosing(manager.stream(STORY)) as events:
                await anext(events)
            assert isinstance(await settle(manager.generate(evolve(STORY, deadline_ms=50))), Failure)
            leader = asyncio.ensure_future(settle(manager.generate(evolve(STORY, cache="use"))))
            follower = asyncio.ensure_future(settle(manager.generate(evolve(STORY, cache="use", deadline_ms=80))))
            await asyncio.sleep(0)
            leader.cancel()
            assert isinstance(sealed(await follower), Failure)
            async with aclosing(manager.generate_all([evolve(WORD, prompt=f"Say {n}.") for n in range(12)], concurrency=4)) as rows:
                await anext(rows)

    async def warmed() -> None:
        async with managing(own_engine) as (manager, _):
            await answer_of(manager, WORD)

    asyncio.run(warmed())
    assert left_behind(everything) == (0, 0)
