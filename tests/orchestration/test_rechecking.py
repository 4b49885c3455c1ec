"""Looking after endpoints that are shut: when they are asked, what follows, and that no task is left behind."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest
from attrs import evolve, field, mutable
from returns.result import Failure, Success

from llm_manager.domain.configuration import BreakerSettings, CacheSettings, LLMConfig
from llm_manager.domain.errors import AuthenticationFailed, LLMError, NetworkError
from llm_manager.domain.events import BreakerChanged, Event
from llm_manager.domain.models import Health
from llm_manager.domain.plans import RoutingPolicy
from llm_manager.domain.requests import LLMRequest
from llm_manager.effects import publish, settle
from llm_manager.orchestration.rechecking import CHECK_SECONDS
from llm_manager.outcomes import Settled
from llm_manager.services.manager import LLMManager
from llm_manager.testing import Scripted, VirtualLoop, faults, run_virtual, scripted, scripted_manager

CONFIG = LLMConfig(
    cache=CacheSettings(enabled=False),
    routing=RoutingPolicy(fallback_order=("one", "two"), max_retries=0),
    breaker=BreakerSettings(check_in_background=True),
)
WELL = Success(Health(provider="one", healthy=True))
ILL = Success(Health(provider="one", healthy=False))
DOWN = Failure(NetworkError(model="m", message="refused"))


@mutable
class Server:
    """A primary that can be asked how it is, a backup, and a manager over both."""

    says: Settled[Health, LLMError] | None = DOWN
    config: LLMConfig = CONFIG
    locality: Any = "local"
    looks: list[float] = field(factory=list)
    told: list[Event] = field(factory=list)

    def made(self) -> tuple[LLMManager, Scripted]:
        async def health() -> Settled[Health, LLMError]:
            self.looks.append(asyncio.get_running_loop().time())
            if self.says is None:
                await asyncio.sleep(1000)
            return self.says or WELL

        primary = scripted(*[faults.refused()] * 5, "from one", provider="one", locality=self.locality)
        primary.client = evolve(primary.client, health=publish(health))
        backup = scripted("from two", provider="two", model="b")
        return scripted_manager(primary, backup, config=self.config, tell=self.told.append), primary

    @property
    def phases(self) -> list[str]:
        return [event.phase for event in self.told if isinstance(event, BreakerChanged)]


async def ask(manager: LLMManager) -> str:
    return (await settle(manager.generate(LLMRequest("hi")))).unwrap().provider


async def fail(manager: LLMManager) -> None:
    """Shut the primary, and let one more call find it shut."""
    assert [await ask(manager) for _ in range(6)] == ["two"] * 6


def others() -> set[asyncio.Task[Any]]:
    return {task for task in asyncio.all_tasks() if task is not asyncio.current_task()}


def virtual(work: Coroutine[Any, Any, None]) -> None:
    run_virtual(work)


def test_it_is_asked_when_it_is_due_and_again_until_it_is_well_and_no_call_tries_it_before() -> None:
    async def test() -> None:
        server = Server()
        manager, primary = server.made()
        await fail(manager)
        assert server.looks == []
        for _ in range(17):
            await asyncio.sleep(10)
            assert await ask(manager) == "two"
        assert (server.looks, primary.count) == ([60.0, 120.0], 5)
        server.says = WELL
        await asyncio.sleep(11)
        assert server.looks == [60.0, 120.0, 180.0]
        assert await ask(manager) == "one"
        assert manager.standing().breakers[0].failures == 0
        await asyncio.sleep(0)
        assert others() == set()
        assert server.phases == ["open", *["half_open", "open"] * 2, "half_open", "closed"]

    virtual(test())


@pytest.mark.parametrize("says", [DOWN, ILL, None], ids=["an error", "ill", "silence"])
def test_what_does_not_say_that_it_is_well_stays_shut(says: Settled[Health, LLMError] | None) -> None:
    async def test() -> None:
        server = Server(says=says)
        manager, _ = server.made()
        await fail(manager)
        await asyncio.sleep(60 + CHECK_SECONDS)
        await asyncio.sleep(0)
        assert server.phases == ["open", "half_open", "open"]
        assert (await ask(manager), len(server.looks)) == ("two", 1)
        await manager.close()

    virtual(test())


def test_an_error_that_is_not_the_endpoints_fault_leaves_the_verdict_to_a_call_in_time() -> None:
    async def test() -> None:
        server = Server(says=Failure(AuthenticationFailed(model="m", message="may not list models")))
        manager, _ = server.made()
        await fail(manager)
        await asyncio.sleep(119)
        assert await ask(manager) == "two"
        await asyncio.sleep(1)
        assert await ask(manager) == "one"
        assert len(server.looks) <= 2

    virtual(test())


def test_closing_the_manager_ends_the_task_even_while_it_asks() -> None:
    async def test() -> None:
        for seconds in (0, 30, 61):
            server = Server(says=None)
            manager, _ = server.made()
            await fail(manager)
            await asyncio.sleep(seconds)
            assert len(others()) >= 1
            await manager.close()
            assert others() == set()
            assert all(standing.probes == 0 for standing in manager.standing().breakers)

    virtual(test())


def test_one_task_for_each_loop_and_a_loop_that_has_ended_is_forgotten() -> None:
    server = Server()
    clock = VirtualLoop()
    manager, _ = server.made()
    clock.run_until_complete(fail(manager))
    clock.run_until_complete(fail_again(manager))
    for task in asyncio.all_tasks(clock):
        task.cancel()
    clock.run_until_complete(asyncio.sleep(0))
    clock.close()
    run_virtual(found_shut(manager))


async def fail_again(manager: LLMManager) -> None:
    assert [await ask(manager) for _ in range(3)] == ["two"] * 3
    assert len(others()) == 1


async def found_shut(manager: LLMManager) -> None:
    assert await ask(manager) == "two"
    assert len(others()) == 1
    await manager.close()
    assert others() == set()


def test_a_loop_that_was_closed_with_its_task_is_passed_over() -> None:
    server = Server()
    manager, _ = server.made()
    left = VirtualLoop()
    left.run_until_complete(fail(manager))
    tasks = asyncio.all_tasks(left)
    left.close()
    run_virtual(found_shut(manager))
    for task in tasks:
        task.get_coro().close()


def test_other_loops_are_told_to_end_theirs() -> None:
    server = Server()
    manager, _ = server.made()
    there, here = VirtualLoop(), VirtualLoop()
    there.run_until_complete(fail(manager))
    here.run_until_complete(manager.close())
    there.run_until_complete(asyncio.sleep(0))
    there.run_until_complete(asyncio.sleep(0))
    assert asyncio.all_tasks(there) == set()
    there.close()
    here.close()


def test_nobody_is_asked_whom_the_airgap_forbids() -> None:
    async def test() -> None:
        server = Server(says=WELL)
        manager, primary = server.made()
        deps_airgap = evolve(CONFIG, routing=evolve(CONFIG.routing, airgap=True))
        closed = Server(says=WELL, config=deps_airgap, locality="cloud")
        forbidden, cloud = closed.made()
        for _ in range(8):
            assert await ask(forbidden) == "two"
        await asyncio.sleep(600)
        assert (cloud.count, closed.looks) == (0, [])
        await fail(manager)
        await asyncio.sleep(61)
        assert len(server.looks) == 1
        assert primary.count == 5

    virtual(test())


def test_it_is_off_unless_it_is_wanted() -> None:
    async def test() -> None:
        server = Server(config=evolve(CONFIG, breaker=BreakerSettings()))
        manager, _ = server.made()
        await fail(manager)
        assert others() == set()
        await asyncio.sleep(60)
        assert await ask(manager) == "one"
        assert server.looks == []

    virtual(test())
