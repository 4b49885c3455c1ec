"""What is private, and everything under airgap, stays on local endpoints: on every path, in any order, whatever fails.

The label comes from the request, from a word in it, from a rule of one's own or from the default; paths are answers, streams,
batches, conversations, typed answers, tools, embeddings, moderation, pictures, counting, fallbacks, hedges and the cache.
"""

from collections.abc import Awaitable, Callable
from contextlib import aclosing
from typing import Any, TypeAlias

from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st
from returns.future import FutureResult
from returns.result import Failure, Success

from llm_manager import LLMConfig, LLMManager, LLMRequest, PolicyBlocked, describe, settle
from llm_manager.domain.configuration import HedgingSettings, NetworkSettings, PrivacySettings
from llm_manager.domain.embeddings import EmbedRequest
from llm_manager.domain.errors import LLMError
from llm_manager.domain.images import ImageRequest
from llm_manager.domain.messages import ImageUrl, Message
from llm_manager.domain.models import Endpoint, Locality
from llm_manager.domain.moderation import ModerationRequest
from llm_manager.domain.plans import RoutingPolicy
from llm_manager.domain.requests import Preferences, Sensitivity
from llm_manager.policies.abilities import Ability
from llm_manager.services.model_client import ModelClient
from llm_manager.testing import Scripted, run_virtual, scripted, scripted_manager
from llm_manager.testing.strategies import errors
from llm_manager.tools.from_function import tool_from_function

CLOUDS, LOCALS = ("openai", "anthropic", "groq"), ("ollama", "vllm")
ABLE: tuple[Ability, ...] = ("embed", "moderate", "create_image", "count_tokens")
SECRET = "the heron"
Asking: TypeAlias = Callable[[LLMManager, LLMRequest], Awaitable[object]]


async def _streamed(manager: LLMManager, request: LLMRequest) -> object:
    async with aclosing(manager.stream(request)) as events:
        return [event async for event in events]


async def _all(manager: LLMManager, request: LLMRequest) -> object:
    async with aclosing(manager.generate_all([request, evolve(request, system="again")])) as rows:
        return [row async for row in rows]


def weather(place: str) -> str:
    """The weather at a place.

    Args:
        place: Where.
    """
    return f"rain at {place}"


TOOL = tool_from_function(weather).unwrap()


async def _with_tools(manager: LLMManager, request: LLMRequest) -> object:
    return await settle(manager.call_tools(request, [TOOL], emulate=True))


def _said(request: LLMRequest) -> dict[str, Any]:
    preferred = request.preferences
    return {"sensitivity": request.sensitivity, "provider": preferred.provider}


PATHS: dict[str, Asking] = {
    "generate": lambda manager, request: settle(manager.generate(request)),
    "stream": _streamed,
    "generate_all": _all,
    "generate_as": lambda manager, request: settle(manager.generate_as(dict[str, int], request)),
    "converse": lambda manager, request: settle(manager.converse("conversation", request)),
    "call_tools": _with_tools,
    "count_tokens": lambda manager, request: settle(manager.count_tokens(request)),
    "embed": lambda manager, request: settle(manager.embed(EmbedRequest(texts=("a", request.prompt or ""), **_said(request)))),
    "moderate": lambda manager, request: settle(manager.moderate(ModerationRequest(texts=(request.prompt or "",), **_said(request)))),
    "create_image": lambda manager, request: settle(manager.create_image(ImageRequest(prompt=request.prompt or "", **_said(request)))),
}

LABELS: dict[str, tuple[Sensitivity | None, dict[str, Any], dict[str, Any]]] = {
    "labelled": ("private", {}, {}),
    "a built-in word": (None, {}, {}),
    "a word of one's own": (None, {"privacy": PrivacySettings(keywords=(SECRET,))}, {}),
    "a rule of one's own": (None, {}, {"private_rule": lambda text: "mine" if SECRET in text else None}),
    "the default": (None, {}, {"default_sensitivity": "private"}),
}
PROMPTS = {"labelled": "hello", "a built-in word": "of the patient", "the default": "hello"}


def prompt_for(label: str) -> str:
    return PROMPTS.get(label, f"of {SECRET}")


outcomes = st.lists(st.one_of(st.just("an answer"), st.just('{"a": 1}'), errors()), min_size=1, max_size=3)


@st.composite
def models(draw: st.DrawFn) -> list[Scripted]:
    """Clouds and local servers, answering and failing in any way, quick and slow, with models of the same name or not."""
    made = []
    for name in (*draw(st.permutations(CLOUDS)), *draw(st.lists(st.sampled_from(LOCALS), unique=True))):
        locality: Locality = "local" if name in LOCALS else "cloud"
        seconds = draw(st.sampled_from([0.0, 0.2, 40.0]))
        model = draw(st.sampled_from(["a", name]))
        made.append(scripted(*draw(outcomes), provider=name, model=model, locality=locality, seconds=seconds, able=ABLE))
    return made


policies = st.builds(
    RoutingPolicy,
    fallback_order=st.permutations([*CLOUDS, *LOCALS]).map(tuple),
    strategy=st.sampled_from(["cost", "performance", "balanced"]),
    local_first=st.booleans(),
    default_provider=st.sampled_from([None, *CLOUDS]),
    fallback_provider=st.sampled_from([None, *CLOUDS]),
    explore=st.sampled_from([0.0, 1.0]),
)
hedging = st.builds(HedgingSettings, enabled=st.booleans(), least_answers=st.just(1), least_seconds=st.just(0.01))
preferences = st.builds(Preferences, provider=st.sampled_from([None, *CLOUDS]), model=st.sampled_from([None, "a"]), exact=st.booleans())

several_paths = st.lists(st.sampled_from(sorted(PATHS)), min_size=1, max_size=3)


def clouds_of(made: list[Scripted]) -> list[Scripted]:
    return [model for model in made if model.client.endpoint.locality == "cloud"]


def asked_anything(model: Scripted) -> int:
    return model.count + len(model.besides)


@settings(max_examples=120, deadline=None)
@given(
    models(),
    policies,
    hedging,
    preferences,
    st.sampled_from(sorted(LABELS)),
    st.lists(st.sampled_from(sorted(PATHS)), min_size=1, max_size=3),
)
def test_private_means_that_only_local_endpoints_are_asked(
    made: list[Scripted], policy: RoutingPolicy, hedge: HedgingSettings, wish: Preferences, label: str, paths: list[str]
) -> None:
    sensitivity, config, routing = LABELS[label]
    manager = scripted_manager(*made, config=LLMConfig(hedging=hedge, routing=evolve(policy, **routing), **config))
    request = LLMRequest(prompt_for(label), sensitivity=sensitivity, preferences=wish, deadline_ms=60_000)

    async def scenario() -> None:
        for _ in range(2):  # the second time there are answers remembered, and times known
            for path in paths:
                await PATHS[path](manager, request)

    run_virtual(scenario())
    assert [asked_anything(model) for model in clouds_of(made)] == [0] * len(CLOUDS)


@settings(max_examples=60, deadline=None)
@given(models(), policies, hedging, preferences, st.sampled_from(sorted(PATHS)))
def test_under_airgap_nobody_else_is_asked_anything(
    made: list[Scripted], policy: RoutingPolicy, hedge: HedgingSettings, wish: Preferences, path: str
) -> None:
    looked = list[str]()
    told = {model.client.endpoint.provider: watched(model.client, looked) for model in made}
    manager = scripted_manager(*made, config=LLMConfig(hedging=hedge, routing=evolve(policy, airgap=True)), clients=told)

    async def scenario() -> None:
        await PATHS[path](manager, LLMRequest("hello", sensitivity="public", preferences=wish, deadline_ms=60_000))
        for look in (manager.health, manager.models, manager.credits, manager.discover):
            ask: Callable[[], FutureResult[Any, LLMError]] = look
            await settle(ask())

    run_virtual(scenario())
    assert [asked_anything(model) for model in clouds_of(made)] == [0] * len(CLOUDS)
    assert not set(looked) & set(CLOUDS)


def watched(client: ModelClient, looked: list[str]) -> ModelClient:
    """The same client, noting every small question."""
    provider = client.endpoint.provider

    def noting(ask: Callable[[], FutureResult[Any, LLMError]]) -> Callable[[], FutureResult[Any, LLMError]]:
        def asked() -> FutureResult[Any, LLMError]:
            looked.append(provider)
            return ask()

        return asked

    return evolve(client, health=noting(client.health), list_models=noting(client.list_models), credits=noting(client.list_models))


@given(st.sampled_from(sorted(LABELS)), st.sampled_from(sorted(set(PATHS) - {"generate_all", "stream", "count_tokens"})))
def test_what_is_blocked_says_why_and_how_to_have_a_local_model(label: str, path: str) -> None:
    sensitivity, config, routing = LABELS[label]
    cloud = scripted("hi", provider="openai", locality="cloud", able=ABLE)
    manager = scripted_manager(cloud, config=LLMConfig(routing=RoutingPolicy(**routing), **config))
    outcome = run_virtual(_awaited(PATHS[path](manager, LLMRequest(prompt_for(label), sensitivity=sensitivity))))
    assert isinstance(outcome, Failure)
    error = outcome.failure()
    assert isinstance(error, PolicyBlocked), error
    assert error.policy == "private"
    told = describe(error)
    assert "openai" in told
    assert "local" in told
    assert SECRET not in told
    if path in ("generate", "converse", "generate_as", "call_tools"):
        assert "start a local server (Ollama, LM Studio) or enable the embedded model" in told


async def _awaited(pending: Awaitable[object]) -> object:
    return await pending


def test_an_answer_of_a_cloud_is_not_remembered_for_a_private_request() -> None:
    """The same words, public first: the private request is answered here all the same."""
    here, there = scripted("from here", provider="ollama"), scripted("from there", provider="openai", locality="cloud")
    manager = scripted_manager(here, there, config=LLMConfig(routing=RoutingPolicy(local_first=False, fallback_order=("openai", "ollama"))))

    async def scenario() -> list[str]:
        requests = (LLMRequest("hello", sensitivity="public"), LLMRequest("hello", sensitivity="private"))
        return [(await settle(manager.generate(request))).unwrap().content for request in requests]

    assert run_virtual(scenario()) == ["from there", "from here"]


def test_what_a_tool_brings_may_make_the_rest_of_a_run_private() -> None:
    """The first turn may go to a cloud; a tool's result with a private word goes to nobody but local models."""

    def record() -> str:
        """The file."""
        return "of the patient"

    from llm_manager.domain.messages import ToolCall
    from llm_manager.domain.responses import LLMResponse

    calling = LLMResponse(
        content="", model="m", provider="openai", finish="tool_calls", tool_calls=(ToolCall(id="1", name="record", arguments="{}"),)
    )
    there = scripted(calling, provider="openai", locality="cloud", profile={"tools": True})
    here = scripted("it is here", provider="ollama", profile={"tools": True})
    routing = RoutingPolicy(local_first=False, fallback_order=("openai", "ollama"))
    manager = scripted_manager(there, here, config=LLMConfig(routing=routing))
    outcome = run_virtual(settle(manager.call_tools(LLMRequest("what is on file?"), [tool_from_function(record).unwrap()])))
    assert isinstance(outcome, Success)
    assert (there.count, here.count) == (1, 1)
    assert all("patient" not in text for attempt in there.calls for text in attempt.request.texts())


def test_an_endpoint_is_local_by_its_address_and_not_by_its_name() -> None:
    """A local server's provider at an address elsewhere is elsewhere."""
    far = scripted("hi", provider="ollama")
    elsewhere = evolve(far.client, endpoint=Endpoint(provider="ollama", base_url="https://ollama.example", locality="cloud"))
    manager = scripted_manager(far, clients={"ollama": elsewhere})
    outcome = run_virtual(settle(manager.generate(LLMRequest("hello", sensitivity="private"))))
    assert isinstance(outcome, Failure)
    assert isinstance(outcome.failure(), PolicyBlocked)
    assert far.count == 0


def test_a_local_server_fetches_nothing_from_elsewhere_for_a_private_request() -> None:
    """An address in a message would be fetched by the server that is asked; one of a listed host may be."""

    def asked(host: str) -> object:
        here = scripted("a heron", provider="vllm", profile={"vision": True})
        there = scripted("a heron", provider="openai", locality="cloud", profile={"vision": True})
        manager = scripted_manager(here, there, config=LLMConfig(network=NetworkSettings(local_hosts=("pictures.lan",))))
        picture = Message(role="user", content=(ImageUrl(url=f"https://{host}/heron.png?of={SECRET}"),))
        outcome = run_virtual(settle(manager.generate(LLMRequest(messages=(picture,), sensitivity="private"))))
        assert there.count == 0
        assert here.count == isinstance(outcome, Success)
        return outcome

    assert isinstance(asked("pictures.lan"), Success)
    refused = asked("pictures.example")
    assert isinstance(refused, Failure)
    error = refused.failure()
    assert isinstance(error, PolicyBlocked)
    assert "send the bytes" in error.message
    assert SECRET not in error.message
