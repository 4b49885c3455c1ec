"""The way to Redis: told once when it is lost and once when it is back, from every loop and thread, and nothing left open or shown."""

import asyncio
import signal
import threading
import time
from decimal import Decimal
from typing import Any

import pytest
from attrs import evolve
from returns.result import Failure, Success

from llm_manager.domain.caching import Provenance, Remembered
from llm_manager.domain.configuration import Budget, CacheSettings, LLMConfig, ProviderSettings, StoreSettings
from llm_manager.domain.errors import ConfigurationError, StorageFailed
from llm_manager.domain.events import Event, SharingLost, SharingRegained
from llm_manager.domain.requests import LLMRequest, RequestMetadata
from llm_manager.domain.responses import LLMResponse
from llm_manager.domain.secrets import Secret
from llm_manager.effects import settle
from llm_manager.outcomes import sealed
from llm_manager.real_world import real_world
from llm_manager.services.sharing import Quota, Sharing
from llm_manager.stores.redis.opening import open_sharing
from llm_manager.telemetry.logging import log
from llm_manager.wiring import default_deps, make_guards, make_llm_manager
from tests.loopback import fault_server, json_reply
from tests.servers import Redis, running_redis
from tests.sharing import one_day, sharing_at

QUOTA = Quota("q", None, None, 1)
ANSWER = LLMResponse(content="hello", model="m", provider="p")


async def enter(sharing: Sharing, quota: Quota = QUOTA) -> Any:
    """Ask for a permit."""
    return await sharing.limits.enter(quota, 0)


async def test_it_is_told_when_it_is_lost_and_when_it_is_back(redis_program: str, caplog: pytest.LogCaptureFixture) -> None:
    """Once each, however many ask meanwhile, and they are not kept waiting."""
    told: list[Event] = []

    def tell(event: Event) -> None:
        told.append(event)
        log(event)

    with running_redis(redis_program) as server:
        sharing = sharing_at(server.url, tell)
        assert isinstance(await enter(sharing), Success)
        server.process.send_signal(signal.SIGSTOP)
        asked = [await asyncio.gather(*(enter(sharing) for _ in range(200))) for _ in range(2)]
        assert all(isinstance(each, Failure) and isinstance(each.failure(), StorageFailed) for each in asked[0] + asked[1])
        began = time.monotonic()
        await enter(sharing)
        assert time.monotonic() - began < 1.5, "it would wait for two seconds"
        server.process.send_signal(signal.SIGCONT)
        for _ in range(100):
            if sharing.standing().reached:
                break
            await asyncio.sleep(0.1)
        assert isinstance(await enter(sharing), Success)
        await sharing.close()
    assert [type(each) for each in told] == [SharingLost, SharingRegained]
    assert "cannot be reached" in caplog.text


def test_every_loop_and_thread_has_its_own(redis_url: str) -> None:
    """One after the other, beside each other; a loop that just ends leaves nothing open and nothing unsaid."""
    sharing = sharing_at(redis_url)

    async def once() -> None:
        entered = (await enter(sharing)).unwrap()
        entered.leave(0, False)

    for _ in range(3):
        asyncio.run(once())

    async def many() -> None:
        for _ in range(20):
            entered: Any = None
            while not hasattr(entered, "leave"):
                entered = (await enter(sharing)).unwrap()
                await asyncio.sleep(0.001)
            entered.leave(0, False)
            entered.leave(0, False)
        await sharing.close()

    threads = [threading.Thread(target=asyncio.run, args=(many(),)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert not any(thread.is_alive() for thread in threads)


def test_what_ends_elsewhere_is_told(redis_url: str) -> None:
    """A permit that is given back from another thread, or after its loop has ended, harms nobody."""
    sharing = sharing_at(redis_url)

    async def story() -> None:
        entered = (await enter(sharing)).unwrap()
        await asyncio.to_thread(entered.leave, 0, False)
        await sharing.answers.flush()
        again = (await enter(sharing)).unwrap()
        assert hasattr(again, "leave")
        kept.append(again.leave)
        await sharing.close()

    kept: list[Any] = []
    asyncio.run(story())
    kept[0](0, False)


@pytest.mark.parametrize("url", ["http://host/", "redis", "redis://host:no/0", "unix:"])
def test_a_wrong_address_is_a_failure(url: str) -> None:
    """In words that show no password."""
    opened = sealed(open_sharing(url, real_world({}), CacheSettings(), lambda _: None))
    assert isinstance(opened, Failure) or url == "unix:"
    if isinstance(opened, Failure):
        assert isinstance(opened.failure(), ConfigurationError)


async def test_a_wrong_password_is_told_without_it(redis_program: str) -> None:
    """Where it is, and what to look at."""
    with running_redis(redis_program) as server:
        server.say("CONFIG", "SET", "requirepass", "right")
        for user in ("", ":wrong-4711@"):
            sharing = sharing_at(server.url.replace("//", f"//{user}"))
            error = (await enter(sharing)).failure()
            assert error.reason == "denied" and "4711" not in repr(error) + repr(sharing.standing())
            await sharing.close()


async def test_a_full_server_is_told(redis_program: str) -> None:
    """What is put there is not kept, and that is a failure of what is kept."""
    with running_redis(redis_program, "--maxmemory", "1mb") as server:
        sharing = sharing_at(server.url)
        error: Any = None
        for number in range(40):
            put = await sharing.answers.put(str(number), Remembered(value=evolve(ANSWER, content="x" * 100_000)))
            if isinstance(put, Failure):
                error = put.failure()
                break
        assert error.reason == "full"
        await sharing.close()


async def test_private_answers_are_never_put(redis_url: str) -> None:
    """Neither answers nor vectors."""
    sharing = sharing_at(redis_url)
    private = Provenance(private=True)
    await sharing.answers.put("a", Remembered(value=ANSWER, provenance=private))
    await sharing.vectors.put("v", Remembered(value=(1.0,), provenance=private))
    assert await sharing.answers.holds("a") == await sharing.vectors.holds("v") == Success(False)
    await sharing.close()


def test_a_manager_shares_and_shows_nothing(redis_server: Redis, redis_url: str) -> None:
    """By its settings alone; no name of a key holds a word of prompts, keys, users; guards may be made before."""
    reply = {
        "id": "1",
        "model": "m",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "yes"}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 2, "completion_tokens": 1, "total_tokens": 3},
    }

    async def story(url: str) -> None:
        settings = ProviderSettings(base_url=url, api_key=Secret("sk-secret-canary"), default_model="m", concurrency=3)
        budget = Budget(name="canary", limit=Decimal(100), unit="requests", period="day", each="user")
        config = LLMConfig(providers={"vllm": settings}, store=StoreSettings(redis_url=redis_url), budgets=(budget,))
        world = one_day()
        guards = make_guards(config, world)
        managers = [make_llm_manager(config, default_deps(config, world, guards=guards).unwrap()).unwrap() for _ in range(2)]
        request = LLMRequest("a canary prompt", metadata=RequestMetadata(user="canary user", tenant="canary tenant"))
        for manager in managers:
            async with manager:
                assert isinstance(sealed(await settle(manager.generate(request))), Success)
                standing = manager.standing()
                assert standing.sharing is not None and standing.sharing.reached
                assert [(each.of, int(each.spent)) for each in standing.budgets] == [("canary user", 1)]

    with fault_server(json_reply(reply)) as server:
        asyncio.run(story(f"{server.url}/v1"))
    assert len([each for each in server.requests if each.method == "POST"]) == 1
    names = redis_server.say("KEYS", "*")
    assert names.count(b"llm-manager") > 5 and b"canary" not in names


async def test_no_cancellation_is_lost(redis_url: str) -> None:
    """Wherever it comes: neither that of a question, nor that of what a loop does beside its calls."""
    sharing = sharing_at(redis_url, lease_seconds=0.03)
    quota = Quota("many", None, None, 1000)
    for turns in range(60):
        asking = asyncio.ensure_future(enter(sharing, quota))
        for _ in range(turns % 12):
            await asyncio.sleep(0)
        if asking.cancel():
            with pytest.raises(asyncio.CancelledError):
                await asking
        await enter(sharing, quota)
        await asyncio.sleep(0.0007 * turns)
        hearts = [task for task in asyncio.all_tasks() if "_live" in repr(task)]
        for heart in hearts:
            heart.cancel()
        async with asyncio.timeout(5.0):
            await asyncio.gather(*hearts, return_exceptions=True)
    await sharing.close()
