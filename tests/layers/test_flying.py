"""One call for equal questions of several managers at a real Redis, whatever becomes of the one that leads."""

import asyncio
from collections.abc import Callable
from typing import Any

from attrs import evolve
from returns.result import Failure, Success

from llm_manager.domain.attempts import Attempt
from llm_manager.domain.configuration import CacheSettings, LLMConfig
from llm_manager.domain.errors import InvalidRequest, LLMError
from llm_manager.domain.events import CacheHit, Event
from llm_manager.domain.requests import LLMRequest, RequestMetadata
from llm_manager.domain.responses import LLMResponse
from llm_manager.effects import settle
from llm_manager.outcomes import Settled, sealed
from llm_manager.real_world import real_world
from llm_manager.services.manager import LLMManager
from llm_manager.services.sharing import Sharing
from llm_manager.stores.layering import layered
from llm_manager.stores.memory.cache import memory_cache
from llm_manager.testing import Scripted, scripted, scripted_manager
from tests.servers import running_redis
from tests.sharing import die, sharing_at

WORLD = real_world({})


def model(*outcomes: Any, seconds: float = 0.2) -> Scripted:
    """A model that takes a while."""
    return scripted(*(outcomes or ("answer",)), seconds=seconds)


def slow_model(said: Any, seconds: float) -> tuple[Scripted, asyncio.Event]:
    """A model that takes a while, and tells when it is asked."""
    asked = asyncio.Event()

    async def answer(_: Attempt) -> Any:
        asked.set()
        await asyncio.sleep(seconds)
        return said

    return scripted(answer), asked


def manager_of(asked: Scripted, sharing: Sharing, tell: Callable[[Event], Any] | None = None) -> LLMManager:
    """The manager of one of several processes."""
    config = LLMConfig(cache=CacheSettings())
    cache = layered(memory_cache(config.cache, WORLD.now), sharing.answers)
    return scripted_manager(asked, config=config, world=WORLD, tell=tell, sharing=sharing, cache=cache)


async def ask(manager: LLMManager, request: LLMRequest | str = "question") -> Settled[LLMResponse, LLMError]:
    """Ask one."""
    asked = LLMRequest(request) if isinstance(request, str) else request
    return sealed(await settle(manager.generate(asked)))


async def test_equal_questions_are_asked_once(redis_url: str) -> None:
    """Of four managers with fifty callers each; the others get the answer for nothing, and are told so."""
    asked = model()
    every = [sharing_at(redis_url) for _ in range(4)]
    told: list[Event] = []
    managers = [manager_of(asked, sharing, told.append) for sharing in every]
    answers = [each.unwrap() for each in await asyncio.gather(*(ask(manager) for manager in managers for _ in range(50)))]
    assert asked.count == 1
    assert {each.content for each in answers} == {"answer"}
    assert sum(not (each.shared or each.cached) for each in answers) == 1
    assert sum(isinstance(each, CacheHit) for each in told) == 199
    assert (await ask(manager_of(asked, sharing_at(redis_url)))).unwrap().cached
    assert asked.count == 1
    for manager in managers:
        await manager.close()


async def test_different_questions_and_tenants_are_asked_each(redis_url: str) -> None:
    """What is not equal is not shared, and what is private or not to be cached is never told of."""
    asked = model(seconds=0.05)
    sharing = sharing_at(redis_url)
    managers = [manager_of(asked, sharing) for _ in range(2)]
    requests = [
        LLMRequest("a"),
        LLMRequest("b"),
        LLMRequest("a", metadata=RequestMetadata(tenant="t")),
    ]
    await asyncio.gather(*(ask(manager, request) for manager in managers for request in requests))
    assert asked.count == 3
    alone = [LLMRequest("a", cache="off"), LLMRequest("mine", sensitivity="private")]
    await asyncio.gather(*(ask(manager, request) for manager in managers for request in alone))
    assert asked.count == 7
    await sharing.close()


async def test_who_leads_and_fails_leaves_it_to_the_others(redis_url: str) -> None:
    """Each asks for itself then; nobody gets another's failure."""
    (failing, asked), well = slow_model(InvalidRequest(message="no"), 0.2), model()
    first, second = manager_of(failing, sharing_at(redis_url)), manager_of(well, sharing_at(redis_url))
    leading = asyncio.ensure_future(ask(first))
    await asked.wait()
    assert (await ask(second)).unwrap().content == "answer"
    assert isinstance(await leading, Failure)
    await first.close()
    await second.close()


async def test_who_leads_and_leaves_is_followed_by_another(redis_url: str) -> None:
    """A leader that is cancelled makes room at once, one that is dead when its lease is over."""
    (slow, asked), quick = slow_model("answer", 60.0), model()
    ours, theirs = sharing_at(redis_url, lease_seconds=0.5), sharing_at(redis_url)
    first, second = manager_of(slow, ours), manager_of(quick, theirs)
    leading = asyncio.ensure_future(ask(first))
    await asked.wait()
    following = asyncio.ensure_future(ask(second))
    await asyncio.sleep(0.05)
    leading.cancel()
    assert not (await following).unwrap().shared
    assert (slow.count, quick.count) == (1, 1)
    boarded = await ours.flights.board("dead", True)
    assert isinstance(boarded, Success)
    await die()
    await asyncio.sleep(0.7)
    taken_over = await theirs.flights.board("dead", True)
    lead: Any = taken_over.unwrap()
    late: Any = boarded.unwrap()
    await late.land(LLMResponse(content="late", model="m", provider="p"))
    assert isinstance(await ours.flights.board("dead", True), Success)
    await lead.land(LLMResponse(content="in time", model="m", provider="p"))
    found: Any = (await ours.flights.board("dead", True)).unwrap()
    assert found.content == "in time", "what a stale leader brings counts for nothing"
    again: Any = (await ours.flights.board("dead", False)).unwrap()
    assert not isinstance(again, LLMResponse), "who wants a new answer is not given the last one"
    await first.close()
    await second.close()


async def test_no_answer_is_lost_with_redis(redis_program: str) -> None:
    """It goes away while one asks and another waits: both get their answer."""
    asked = model(seconds=0.4)
    with running_redis(redis_program) as server:
        managers = [manager_of(asked, sharing_at(server.url)) for _ in range(3)]
        asking = [asyncio.ensure_future(ask(manager)) for manager in managers]
        await asyncio.sleep(0.1)
        server.process.kill()
        server.process.wait()
        assert [(await each).unwrap().content for each in asking] == ["answer"] * 3
        assert asked.count <= 3
        assert (await ask(managers[0], evolve(LLMRequest("another")))).unwrap().content == "answer"
        for manager in managers:
            await manager.close()
