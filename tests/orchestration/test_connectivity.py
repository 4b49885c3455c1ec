"""Without a network: clouds stand behind what is local, who asks is told, and all is as before once one answers."""

import asyncio

from attrs import evolve
from returns.result import Failure

from llm_manager.domain.configuration import CacheSettings, LLMConfig
from llm_manager.domain.errors import LLMError, NetworkError
from llm_manager.domain.models import Health
from llm_manager.domain.plans import RoutingPolicy
from llm_manager.domain.requests import LLMRequest
from llm_manager.domain.responses import LLMResponse
from llm_manager.effects import publish, settle
from llm_manager.outcomes import Settled
from llm_manager.services.manager import LLMManager
from llm_manager.testing import run_virtual, scripted, scripted_manager

NO_NAME = NetworkError(model="m", message="nobody knows the name", resend_once=True)
OFFLINE = "offline: no provider elsewhere could be reached just now; llama of ollama, which is local, is asked first"


def test_offline_work_goes_on_with_local_models_and_comes_back_by_itself() -> None:
    """While it lasts the cloud is tried now and then; who is answered in between hears why another one answered."""
    cloud = scripted(*[NO_NAME] * 4, "from the cloud", provider="openai", model="gpt", locality="cloud")
    local = scripted("from here", provider="ollama", model="llama")
    first = LLMConfig(routing=RoutingPolicy(fallback_order=("openai", "ollama")), cache=CacheSettings(enabled=False))

    async def work() -> tuple[LLMManager, list[tuple[LLMResponse, bool | None]]]:
        manager, seen = scripted_manager(cloud, local, config=first), []
        for number in range(20):
            answer = (await settle(manager.generate(LLMRequest(f"hi {number}")))).unwrap()
            seen.append((answer, manager.standing().online))
            if number == 2:
                planned = manager.plan(LLMRequest("hi")).unwrap()
                assert [step.profile.name for step in planned.steps] == ["llama", "gpt"]
                assert planned.notices == (OFFLINE,)
            await asyncio.sleep(20.0)
        return manager, seen

    manager, seen = run_virtual(work())
    assert [online for _, online in seen[:3]] == [None, False, False]
    assert {answer.content for answer, _ in seen[:3]} == {"from here"}
    assert OFFLINE in seen[2][0].notices
    assert (seen[-1][0].content, seen[-1][1]) == ("from the cloud", True)
    assert manager.plan(LLMRequest("hi")).unwrap().notices == ()


def test_a_look_at_all_endpoints_tells_it_at_once() -> None:
    async def look() -> bool | None:
        cloud = scripted(provider="openai", locality="cloud")

        async def gone() -> Settled[Health, LLMError]:
            return Failure(NO_NAME)

        cloud.client = evolve(cloud.client, health=publish(gone))
        manager = scripted_manager(cloud, scripted(provider="ollama"))
        assert manager.standing().online is None
        await settle(manager.health())
        return manager.standing().online

    assert run_virtual(look()) is False
