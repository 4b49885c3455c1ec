"""Local servers are looked for once, for 200 ms, only when nothing is configured."""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from attrs import evolve
from returns.result import Failure, Success

from llm_manager.clients.catalogue import build_client
from llm_manager.clients.http import make_transport
from llm_manager.domain.configuration import LLMConfig, ProviderSettings
from llm_manager.domain.errors import LLMError
from llm_manager.domain.events import Event, ServersProbed
from llm_manager.domain.models import Health
from llm_manager.domain.plans import RoutingPolicy
from llm_manager.domain.requests import LLMRequest, Preferences
from llm_manager.effects import publish, settle
from llm_manager.orchestration.discovering import having
from llm_manager.outcomes import Settled
from llm_manager.real_world import real_world
from llm_manager.services.model_client import ClientParts, ModelClient
from llm_manager.testing import Scripted, fake_world, run_virtual, scripted, scripted_manager
from tests.loopback import Hang, Reset, fault_server, html_page, json_reply
from tests.ollama_server import Kept, State, carried, ollama

TOY = scripted("a toy's answer", provider="embedded", profile={"toy": True})


def server(*, seconds: float = 0.0, healthy: bool = True) -> Scripted:
    model = scripted("a server's answer", provider="lmstudio")
    asked = 0

    async def health() -> Settled[Health, LLMError]:
        nonlocal asked
        asked += 1
        assert asked == 1
        await asyncio.sleep(seconds)
        return Success(Health(provider="lmstudio", healthy=healthy))

    model.client = evolve(model.client, health=publish(health))
    return model


def answers(found: Scripted, *configured: Scripted) -> tuple[str, list[Event]]:
    told: list[Event] = []

    async def ask() -> str:
        manager = scripted_manager(*(configured or (TOY,)), tell=told.append, servers={"lmstudio": found.client})
        requests = [LLMRequest(f"hi {number}") for number in range(3)]
        outcomes = await asyncio.gather(*(settle(manager.generate(request)) for request in requests))
        return outcomes[0].unwrap().content

    return run_virtual(ask()), told


def test_a_server_that_answers_is_used_and_the_toy_steps_back() -> None:
    content, told = answers(server())
    assert content == "a server's answer"
    probes = [event for event in told if isinstance(event, ServersProbed)]
    assert [(probe.found, probe.absent) for probe in probes] == [(("lmstudio",), ())]


def test_a_server_that_is_slow_or_ill_is_taken_as_absent() -> None:
    for absent in (server(seconds=0.5), server(healthy=False)):
        content, told = answers(absent)
        assert content == "a toy's answer"
        assert [event.absent for event in told if isinstance(event, ServersProbed)] == [("lmstudio",)]


def test_nothing_is_looked_for_when_a_model_is_configured() -> None:
    content, told = answers(server(), scripted("mine", provider="openai"))
    assert content == "mine"
    assert not any(isinstance(event, ServersProbed) for event in told)


def test_under_airgap_no_server_elsewhere_is_looked_for() -> None:
    async def look() -> tuple[str, ...]:
        far = evolve(scripted("hi", provider="far", locality="cloud").client, health=publish(unheard))
        airgap = LLMConfig(routing=RoutingPolicy(airgap=True))
        return (await settle(scripted_manager(TOY, config=airgap, servers={"far": far, "lmstudio": server().client}).discover())).unwrap()

    async def unheard() -> Settled[Health, LLMError]:
        raise AssertionError("it was asked")

    assert sorted(run_virtual(look())) == ["embedded", "lmstudio"]


def test_discover_looks_at_once_and_the_plan_shows_what_was_found() -> None:
    async def look() -> tuple[list[str], list[str], tuple[str, ...]]:
        manager = scripted_manager(TOY, servers={"lmstudio": server().client})
        before = manager.plan(LLMRequest("hi")).unwrap()
        found = (await settle(manager.discover())).unwrap()
        after = manager.plan(LLMRequest("hi")).unwrap()
        return [s.profile.provider for s in before.steps], [s.profile.provider for s in after.steps], found

    before, after, found = run_virtual(look())
    assert (before, after, sorted(found)) == (["embedded"], ["lmstudio"], ["embedded", "lmstudio"])


def test_models_and_health_look_first() -> None:
    """What is asked for first makes no difference to what is found."""
    """What is asked for first makes no difference to what is found; beside a real server nobody minds how the toy is."""

    async def look() -> tuple[set[str], set[str]]:
        listed = scripted_manager(TOY, servers={"lmstudio": server().client})
        asked = scripted_manager(TOY, servers={"lmstudio": scripted("x", provider="lmstudio").client})
        return (
            {profile.provider for profile in (await settle(listed.models())).unwrap()},
            {health.provider for health in (await settle(asked.health())).unwrap()},
        )

    assert run_virtual(look()) == ({"embedded", "lmstudio"}, {"lmstudio"})


def test_a_toy_never_stands_in_for_a_model_that_was_named() -> None:
    async def ask() -> object:
        manager = scripted_manager(TOY)
        return await settle(manager.generate(LLMRequest("hi", preferences=Preferences(model="gpt-4o"))))

    assert isinstance(run_virtual(ask()), Failure)


def test_what_sending_takes_to_load_is_not_taken_from_the_servers_time() -> None:
    """The HTTP library may take longer to import than a server has to answer."""
    loaded: list[str] = []

    async def slowly(work: Callable[[], Any], /) -> Any:
        await asyncio.sleep(5.0)
        loaded.append("loaded")
        return work()

    async def look() -> tuple[str, ...]:
        found = server(seconds=0.1)
        manager = scripted_manager(TOY, servers={"lmstudio": found.client}, world=evolve(fake_world(), run_blocking=slowly))
        return (await settle(manager.discover())).unwrap()

    assert sorted(run_virtual(look())) == ["embedded", "lmstudio"]
    assert loaded == ["loaded"]


def test_loops_of_two_threads_that_look_at_once_learn_once() -> None:
    """Each has probed before the other has told what it found."""
    told: list[Event] = []
    both_asked = threading.Barrier(2)
    model = scripted("a server's answer", provider="lmstudio")

    async def health() -> Settled[Health, LLMError]:
        both_asked.wait(10)
        return Success(Health(provider="lmstudio", healthy=False))

    model.client = evolve(model.client, health=publish(health))
    manager = scripted_manager(TOY, tell=told.append, servers={"lmstudio": model.client})

    async def look() -> tuple[str, ...]:
        return (await settle(manager.discover())).unwrap()

    with ThreadPoolExecutor(2) as threads:
        assert list(threads.map(lambda _: asyncio.run(look()), range(2))) == [("embedded",), ("embedded",)]
    assert len([event for event in told if isinstance(event, ServersProbed)]) == 1
    assert [gone.provider for gone in manager.plan(LLMRequest("hi")).unwrap().refused].count("lmstudio") == 1


def test_a_server_that_is_found_offers_what_it_has() -> None:
    """Its models to chat with, the default first; a cloud behind it is asked only by name."""
    model = scripted("x", provider="lmstudio", model="usual").client
    kinds: dict[str, dict[str, Any]] = {
        "vectors": {"kind": "embedding"},
        "fast": {"tier": "fast"},
        "far-cloud": {"offloaded": True},
    }
    client = evolve(model, profile=lambda name: evolve(model.profiles[0], name=name, **kinds.get(name, {})))
    found = having(client, ("vectors", "fast", "far-cloud", "mine"))
    assert isinstance(found, ModelClient)
    assert [profile.name for profile in found.profiles] == ["mine", "fast"]
    assert having(client, ("vectors",)) is client
    assert having(client, ()) is client
    many = having(client, [f"m{number}" for number in range(50)])
    assert isinstance(many, ModelClient)
    assert len(many.profiles) == 8


def test_a_server_that_keeps_models_and_has_none_is_not_asked() -> None:
    """It says how one is fetched."""
    state = State(models={})
    for kept in ((), (Kept("nomic-embed-text", capabilities=("embedding",)), Kept("gpt-oss:120b-cloud"))):
        parts = ClientParts(world=fake_world(), make_transport=lambda _, kept=kept: carried(ollama(*kept, state=state)))  # type: ignore[misc]  # bound early
        client = build_client("ollama", ProviderSettings(), parts).unwrap()
        told = having(client, [model.name for model in kept])
        assert isinstance(told, str)
        assert "llm-manager models pull llama3.2:3b" in told


def test_ollama_is_found_with_the_models_it_has() -> None:
    """And one of them answers."""
    state = State(models={})
    parts = ClientParts(world=fake_world(), make_transport=lambda _: carried(ollama(Kept("qwen3:8b"), Kept("tiny:1b"), state=state)))
    client = build_client("ollama", ProviderSettings(), parts).unwrap()

    async def ask() -> tuple[str, list[str]]:
        manager = scripted_manager(TOY, servers={"ollama": client})
        answer = (await settle(manager.generate(LLMRequest("hi")))).unwrap()
        plan = manager.plan(LLMRequest("hi")).unwrap()
        return answer.model, sorted(step.profile.name for step in plan.steps)

    model, planned = run_virtual(ask())
    assert model in planned == ["qwen3:8b", "tiny:1b"]


async def test_llama_cpp_and_vllm_are_told_from_any_other_program_on_their_ports() -> None:
    """A page, a health check in the same shape, a server of another kind, one that says nothing: none of them is asked more."""
    listed = {owner: json_reply({"data": [{"id": f"{owner}-model", "owned_by": owner}]}) for owner in ("llamacpp", "vllm", "sglang")}

    async def found(name: str, *answers: Any) -> tuple[str, ...]:
        with fault_server(*answers) as there:
            parts = ClientParts(world=real_world({}), make_transport=lambda _: make_transport())
            client = build_client(name, ProviderSettings(base_url=f"{there.url}/v1"), parts).unwrap()
            manager = scripted_manager(TOY, servers={name: client}, world=real_world({}))
            known = (await settle(manager.discover())).unwrap()
            plan = manager.plan(LLMRequest("hi")).unwrap()
            await manager.close()
            assert len(there.requests) <= 1
            assert not any("authorization" in request.headers for request in there.requests)
        assert known == (("embedded",) if len(known) == 1 else ("embedded", name))
        return tuple(step.profile.name for step in plan.steps if step.profile.provider == name)

    assert await found("llamacpp", listed["llamacpp"]) == ("llamacpp-model",)
    assert await found("vllm", listed["vllm"]) == ("vllm-model",)
    for other in (html_page(), json_reply({"status": "ok"}), listed["vllm"], Hang(), Reset()):
        assert await found("llamacpp", other) == ()
    assert await found("vllm", listed["sglang"]) == ()
