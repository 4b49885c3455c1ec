"""A whole manager over Ollama: a small one on loopback always, and a real one wherever it answers at its usual port.

Without a real one the tests of it are skipped and say so; with one they need any model that chats.
"""

import socket
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing
from typing import Any

import pytest
from attrs import evolve
from returns.result import Failure, Success

from llm_manager.domain.configuration import LLMConfig, ProviderSettings
from llm_manager.domain.embeddings import EmbedRequest
from llm_manager.domain.errors import ModelUnavailable, PolicyBlocked
from llm_manager.domain.plans import RoutingPolicy
from llm_manager.domain.requests import LLMRequest, Preferences
from llm_manager.effects import settle
from llm_manager.orchestration.collecting import collect
from llm_manager.outcomes import sealed
from llm_manager.real_world import real_world
from llm_manager.services.model_client import ModelClient
from llm_manager.telemetry.journal import journal_of
from llm_manager.wiring import default_deps, make_llm_manager, make_model_client
from tests.integration.managers import Told, config_of, managing
from tests.loopback import Answer, Chunked, FaultServer, Hang, Received, fault_server, json_reply, refused_url
from tests.ollama_server import NDJSON, Kept, State, lines, ollama

HI = LLMRequest("What is the capital of France?", cache="off")
PORT = 11434
CLOUD = "gpt-oss:120b-cloud"
ASKS_CLOUD = evolve(HI, preferences=Preferences(provider="ollama", model=CLOUD, exact=True))


@pytest.fixture
def server() -> Iterator[tuple[FaultServer, State]]:
    state = State(models={})
    script = ollama(Kept("llama3.2:3b"), Kept("nomic-embed-text", capabilities=("embedding",)), Kept(CLOUD), state=state)
    with fault_server(script) as running:
        yield running, state


def config(url: str, routing: RoutingPolicy | None = None, **settings: Any) -> LLMConfig:
    return LLMConfig(providers={"ollama": ProviderSettings(base_url=url, **settings)}, routing=routing or RoutingPolicy())


async def test_it_answers_whole_and_streamed(server: tuple[FaultServer, State]) -> None:
    """The tokens per second are told, nothing is charged, and the model is looked at once."""
    running, state = server
    async with managing(config(running.url, default_model="llama3.2:3b")) as (manager, told):
        answer = (await settle(manager.generate(HI))).unwrap()
        streamed = (await collect(manager.stream(evolve(HI, prompt="And of Italy?")))).unwrap()
    assert answer.content == streamed.content == "Paris it is."
    assert answer.provider == "ollama"
    assert answer.tokens_per_second == pytest.approx(2.0)
    assert answer.cost.tag == "Priced"
    assert told.asked == ["ollama", "ollama"]
    assert state.asked == ["/api/show", "/api/ps", "/api/generate", "/api/chat", "/api/chat"]


async def test_it_embeds(server: tuple[FaultServer, State]) -> None:
    running, _ = server
    async with managing(config(running.url)) as (manager, _told):
        made = (await settle(manager.embed(EmbedRequest(("a", "bc"), provider="ollama", model="nomic-embed-text")))).unwrap()
    assert made.vectors == ((1.0, 1.0), (2.0, 1.0))


@pytest.mark.parametrize(
    ("request_", "policy"), [(evolve(ASKS_CLOUD, sensitivity="private"), RoutingPolicy()), (ASKS_CLOUD, RoutingPolicy(airgap=True))]
)
async def test_a_private_or_airgapped_request_never_reaches_a_model_of_a_cloud(
    server: tuple[FaultServer, State], request_: LLMRequest, policy: RoutingPolicy
) -> None:
    """Named exactly, it is refused before anything is sent; with others at hand one of those answers."""
    running, state = server
    async with managing(config(running.url, policy, default_model="llama3.2:3b")) as (manager, told):
        refused = await settle(manager.generate(request_))
        assert isinstance(refused.failure(), PolicyBlocked)
        assert (told.asked, state.asked) == ([], [])
        free = evolve(request_, preferences=evolve(request_.preferences, exact=False))
        assert (await settle(manager.generate(free))).unwrap().model == "llama3.2:3b"
    async with managing(config(running.url)) as (manager, _):
        assert isinstance(await settle(manager.generate(ASKS_CLOUD)), Success)


async def test_airgap_reaches_nothing_but_loopback(server: tuple[FaultServer, State]) -> None:
    """Health, models, answers and refused fetching together: every connection goes to this machine."""
    running, _ = server
    seen: list[object] = []
    listening = True

    def hear(event: str, args: tuple[object, ...]) -> None:
        if listening and event in ("socket.connect", "socket.getaddrinfo"):
            address = args[1] if event == "socket.connect" else args[0]
            seen.append(address[0] if isinstance(address, tuple) else address)

    sys.addaudithook(hear)
    settings = config(running.url, RoutingPolicy(airgap=True), default_model="llama3.2:3b", auto_pull=True, check_updates=True)
    client = default_deps(settings, real_world({})).unwrap().clients["ollama"]
    async with managing(settings) as (manager, _told):
        assert isinstance(await settle(manager.generate(HI)), Success)
        assert isinstance(await settle(manager.generate(evolve(HI, preferences=Preferences(model="gone:1b", exact=True)))), Failure)
        assert [health.healthy for health in (await settle(manager.health())).unwrap() if health.provider == "ollama"] == [True]
        assert isinstance(await settle(manager.models()), Success)
    assert client.local_models is not None
    async with aclosing(client.local_models.pull("mistral")) as progress:
        assert [isinstance(sealed(each).failure(), PolicyBlocked) async for each in progress] == [True]
    assert isinstance((await settle(client.local_models.updates())).failure(), PolicyBlocked)
    await client.close()
    listening = False
    assert set(seen) == {"127.0.0.1"}


async def test_a_model_that_takes_long_to_load_is_waited_for_and_a_silent_one_is_not() -> None:
    """Loading has its own time; the answer has that of the request."""

    def slow(received: Received) -> Answer:
        return Hang() if received.path == "/api/chat" else ollama(Kept("llama3.2:3b"))(received)

    with fault_server(slow) as running:
        async with managing(config(running.url, RoutingPolicy(max_retries=0), default_model="llama3.2:3b")) as (manager, _):
            error = (await settle(manager.generate(evolve(HI, timeout_ms=200)))).failure()
    assert error.tag == "TimeoutError"
    assert [each.path for each in running.requests][:4] == ["/api/show", "/api/ps", "/api/generate", "/api/chat"]


async def test_a_stream_that_is_cut_is_interrupted() -> None:
    piece = {"message": {"role": "assistant", "content": "Pa"}, "done": False}

    def cut(received: Received) -> Answer:
        if received.path != "/api/chat":
            return ollama(Kept("llama3.2:3b"))(received)
        return Chunked([lines(piece)], headers=NDJSON, cut=received.number % 2 == 0)

    with fault_server(cut) as running:
        async with managing(config(running.url, default_model="llama3.2:3b")) as (manager, _):
            for _ in range(2):
                error = (await collect(manager.stream(HI))).failure()
                assert error.tag == "StreamInterrupted"
                assert error.partial == "Pa"


async def test_nobody_there_gives_way_to_who_is(server: tuple[FaultServer, State]) -> None:
    """With the words of the specification in what became of the first."""
    reply = json_reply({"choices": [{"message": {"content": "hi"}, "finish_reason": "stop"}]})
    with refused_url() as gone, fault_server(reply) as other:
        providers = {
            "ollama": ProviderSettings(base_url=gone, default_model="llama3.2:3b"),
            "lmstudio": ProviderSettings(base_url=f"{other.url}/v1", default_model="tiny"),
        }
        async with managing(config_of(providers, fallback_order=("ollama", "lmstudio"))) as (manager, told):
            answer = (await settle(manager.generate(HI))).unwrap()
    assert (answer.provider, told.asked) == ("lmstudio", ["ollama", "lmstudio"])
    error = answer.attempts[0].error
    assert isinstance(error, ModelUnavailable)
    assert error.message.startswith("Ollama connection failed")


async def test_with_nothing_configured_what_is_found_answers(server: tuple[FaultServer, State]) -> None:
    """By the models that it has."""
    running, _ = server
    deps = default_deps(LLMConfig(), real_world({})).unwrap()
    found = default_deps(config(running.url), real_world({})).unwrap().clients["ollama"]
    told = Told()
    swapped = evolve(deps, servers={"ollama": found}, journal=journal_of(told.events.append))
    async with make_llm_manager(LLMConfig(), swapped).unwrap() as manager:
        answer = (await settle(manager.generate(HI))).unwrap()
        plan = manager.plan(HI).unwrap()
    assert (answer.provider, answer.model) == ("ollama", "llama3.2:3b")
    assert [step.profile.name for step in plan.steps] == ["llama3.2:3b"]


# A real one, where it runs


@pytest.fixture
async def real() -> AsyncIterator[ModelClient]:
    """A real Ollama's client, with a model of its own as the default."""
    try:
        socket.create_connection(("127.0.0.1", PORT), 0.2).close()
    except OSError:
        pytest.skip(f"Ollama does not answer at port {PORT}: start it to run this")
    first = make_model_client("ollama").unwrap()
    listed = (await settle(first.list_models())).unwrap()
    await first.close()
    able = [profile for profile in listed if profile.kind == "chat" and not profile.offloaded]
    if not able:
        pytest.skip("Ollama answers, and has no model to chat with: llm-manager models pull llama3.2:1b")
    client = make_model_client("ollama", ProviderSettings(default_model=able[0].name, timeout_ms=120_000)).unwrap()
    yield client
    await client.close()


async def test_a_real_ollama_answers_and_tells_its_speed(real: ModelClient) -> None:
    request = LLMRequest("Say hello.", preferences=Preferences(max_tokens=16, temperature=0.0))
    answer = (await settle(real.generate(request))).unwrap()
    assert answer.usage is not None
    assert answer.tokens_per_second is not None
    streamed = await collect(real.stream(request))
    assert isinstance(streamed, Success)


async def test_a_real_ollama_refuses_what_does_not_fit(real: ModelClient) -> None:
    """Never a shortened prompt that is answered all the same."""
    settings = ProviderSettings(default_model=real.profiles[0].name, context_length=512, timeout_ms=120_000)
    small = make_model_client("ollama", settings).unwrap()
    outcome = await settle(small.generate(LLMRequest("1 2 3 4 5 6 7 8 9 " * 150, preferences=Preferences(max_tokens=8))))
    await small.close()
    assert outcome.failure().tag == "ContextTooLarge"


async def test_a_real_ollama_tells_of_its_models(real: ModelClient) -> None:
    models = real.local_models
    assert models is not None
    stored = (await settle(models.stored())).unwrap()
    shown = (await settle(models.show(real.profiles[0].name))).unwrap()
    assert real.profiles[0].name in [model.name for model in stored]
    assert shown.context_window
    assert isinstance(await settle(models.running()), Success)
