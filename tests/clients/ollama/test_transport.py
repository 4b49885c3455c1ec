"""The client at work with a small Ollama: a model is made ready, asked, and watched."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest
from attrs import evolve
from msgspec.structs import replace
from returns.result import Failure, Success

from llm_manager.clients.catalogue import build_client
from llm_manager.clients.ollama.readied import _within, loaded_limits
from llm_manager.domain.attempts import Limits
from llm_manager.domain.configuration import ProviderSettings
from llm_manager.domain.errors import ContextTooLarge, LLMError, ModelUnavailable, NetworkError, PolicyBlocked, RequestTimeout
from llm_manager.domain.models import ModelProfile, UnknownPrice
from llm_manager.domain.plans import RoutingPolicy
from llm_manager.domain.requests import LLMRequest, Preferences
from llm_manager.domain.responses import LLMResponse
from llm_manager.domain.secrets import Secret
from llm_manager.domain.streaming import StreamFinished, TextDelta
from llm_manager.effects import settle
from llm_manager.outcomes import Settled, sealed
from llm_manager.services.model_client import ClientParts, ModelClient
from llm_manager.services.transport import Envelope, Transport
from llm_manager.testing import attempt_for, fake_world, run_virtual
from tests.loopback import Received, Respond, Script, json_reply
from tests.ollama_server import Kept, State, carried, ollama

LLAMA = Kept("llama3.2:3b")
HI = LLMRequest("Hi")
PRIVATE = LLMRequest("Hi", sensitivity="private")


def client(
    script: Script | Transport, settings: ProviderSettings | None = None, sent: list[Envelope] | None = None, **parts: Any
) -> ModelClient:
    transport = script if isinstance(script, Transport) else carried(script, sent)
    made = ClientParts(world=fake_world(), make_transport=lambda _: transport, **parts)
    return build_client("ollama", settings or ProviderSettings(), made).unwrap()


def asked(made: ModelClient, *requests: LLMRequest, pause: float = 0.0) -> list[Settled[LLMResponse, LLMError]]:
    async def ask() -> list[Settled[LLMResponse, LLMError]]:
        told = []
        for request in requests or (HI,):
            told.append(await settle(made.generate(request)))
            await asyncio.sleep(pause)
        return told

    return run_virtual(ask())


def heard(made: ModelClient, request: LLMRequest = HI) -> list[Settled[Any, LLMError]]:
    async def listen() -> list[Settled[Any, LLMError]]:
        return [sealed(event) async for event in made.stream(request)]

    return run_virtual(listen())


def failing(path: str, status: int, script: Script, error: str = "no") -> Script:
    """The same server, but for one path."""

    def answer(received: Received) -> Any:
        return json_reply({"error": error}, status) if received.path == path else script(received)

    return answer


def test_a_model_is_made_ready_and_asked() -> None:
    """Once a minute it is looked whether it is there, here and loaded; in between it is only asked."""
    state = State(models={})
    sent: list[Envelope] = []
    made = client(ollama(LLAMA, state=state), sent=sent)
    first, second = asked(made, HI, evolve(HI, prompt="Ho"))
    assert first.unwrap().content == second.unwrap().content == "Paris it is."
    assert first.unwrap().tokens_per_second == pytest.approx(2.0)
    assert first.unwrap().cost.tag == "Priced"
    assert state.asked == ["/api/show", "/api/ps", "/api/generate", "/api/chat", "/api/chat"]
    load = json.loads(sent[2].body)
    assert load == {"model": "llama3.2:3b", "options": {"num_ctx": 8192}, "stream": False}
    assert sent[2].limits.attempt_seconds == 600.0
    assert sent[3].limits.attempt_seconds == 60.0
    assert (sent[0].url, sent[0].local) == ("http://localhost:11434/api/show", True)


def test_what_is_loaded_already_is_not_loaded_again() -> None:
    """Unless another window is wanted; after a minute it is looked at anew."""
    state = State(models={}, running={"llama3.2:3b": 8192})
    made = client(ollama(LLAMA, state=state))
    asked(made, HI, evolve(HI, prompt="word " * 9000), pause=61.0)
    assert state.asked == ["/api/show", "/api/ps", "/api/chat", "/api/show", "/api/ps", "/api/generate", "/api/chat"]


def test_a_stream() -> None:
    *texts, last = heard(client(ollama(LLAMA)))
    assert [event.unwrap() for event in texts] == [TextDelta(text="Paris"), TextDelta(text=" it"), TextDelta(text=" is.")]
    assert isinstance(last.unwrap(), StreamFinished)
    assert last.unwrap().response.content == "Paris it is."


def test_a_model_that_only_continues() -> None:
    state = State(models={})
    base = Kept("codellama:7b-code", capabilities=("completion", "insert"))
    made = client(ollama(base, state=state), ProviderSettings(default_model="codellama:7b-code"))
    assert asked(made)[0].unwrap().content == "Paris it is."
    assert state.asked[-1] == "/api/generate"
    assert heard(made)[-1].unwrap().response.content == "Paris it is."


def test_a_model_that_is_not_there() -> None:
    """Is told with the command that fetches it, and no prompt is sent."""
    state = State(models={})
    error = asked(client(ollama(state=state)))[0].failure()
    assert isinstance(error, ModelUnavailable)
    assert (error.reason, "llm-manager models pull llama3.2:3b" in error.message) == ("permanent", True)
    assert state.asked == ["/api/show"]


def test_a_required_model_is_fetched_first_when_settings_let() -> None:
    """Once, and the answer says so, whole or streamed."""
    for ask in (lambda made: asked(made)[0].unwrap(), lambda made: heard(made)[-1].unwrap().response):
        state = State(models={})
        answer = ask(client(ollama(state=state), ProviderSettings(auto_pull=True)))
        assert answer.notices == ("llama3.2:3b was not there and was fetched first (auto_pull)",)
        assert state.asked == ["/api/show", "/api/pull", "/api/show", "/api/ps", "/api/generate", "/api/chat"]


def test_what_cannot_be_fetched_is_told() -> None:
    settings = ProviderSettings(auto_pull=True, default_model="nobodys")
    state = State(models={})
    error = asked(client(ollama(state=state), settings))[0].failure()
    assert isinstance(error, ModelUnavailable)
    assert error.reason == "permanent"
    assert state.asked == ["/api/show", "/api/pull"]
    airgapped = asked(client(ollama(), settings, routing=RoutingPolicy(airgap=True)))[0].failure()
    assert isinstance(airgapped, PolicyBlocked)
    assert "nothing is fetched" in airgapped.message


def test_a_model_above_the_memory_limit_is_not_loaded() -> None:
    """Its size and the limit are named; one that is loaded already, or fits, is asked."""
    limited = ProviderSettings(memory_limit_gb=1.5)
    state = State(models={})
    error = asked(client(ollama(LLAMA, state=state), limited))[0].failure()
    assert isinstance(error, ModelUnavailable)
    assert error.message == "llama3.2:3b takes 2.0 GB, more than memory_limit_gb (1.5) lets be loaded"
    assert "/api/generate" not in state.asked
    assert "/api/chat" not in state.asked
    assert isinstance(asked(client(ollama(LLAMA), ProviderSettings(memory_limit_gb=2.0)))[0], Success)
    running = State(models={}, running={"llama3.2:3b": 8192})
    assert isinstance(asked(client(ollama(LLAMA, state=running), limited))[0], Success)
    unlisted = failing("/api/tags", 500, ollama(LLAMA))
    assert isinstance(asked(client(unlisted, limited))[0], Failure)


def test_a_model_that_does_not_load_is_told_before_the_prompt_is_sent() -> None:
    state = State(models={})
    words = "model requires more system memory (9.9 GiB) than is available (7.6 GiB)"
    error = asked(client(failing("/api/generate", 500, ollama(LLAMA, state=state), words)))[0].failure()
    assert isinstance(error, ModelUnavailable)
    assert (error.reason, error.message) == ("busy", words)
    assert "/api/chat" not in state.asked


@pytest.mark.parametrize("path", ["/api/show", "/api/ps"])
def test_what_an_older_server_does_not_tell_stops_nothing(path: str) -> None:
    """Unless the request may not leave this machine and nobody says where the model is answered."""
    older = failing(path, 500, ollama(LLAMA))
    assert isinstance(asked(client(older))[0], Success)
    private = asked(client(older), PRIVATE)[0]
    if path == "/api/show":
        error = private.failure()
        assert isinstance(error, PolicyBlocked)
        assert "does not tell where" in error.message
        again = asked(client(older), HI, PRIVATE)
        assert isinstance(again[0], Success)
        assert isinstance(again[1].failure(), PolicyBlocked)
    else:
        assert isinstance(private, Success)


CLOUD = "gpt-oss:120b-cloud"
HIDDEN = Kept("mine", remote="https://ollama.com")


@pytest.mark.parametrize(
    ("request_", "policy"),
    [
        (PRIVATE, RoutingPolicy()),
        (HI, RoutingPolicy(airgap=True)),
        (HI, RoutingPolicy(default_sensitivity="private")),
        (LLMRequest("The patient has a cold."), RoutingPolicy()),
    ],
)
def test_what_may_not_leave_is_never_sent_to_a_model_of_a_cloud(request_: LLMRequest, policy: RoutingPolicy) -> None:
    """By its name nothing at all is asked; a name that hides it is found out before the prompt is sent."""
    state = State(models={})
    named = client(ollama(Kept(CLOUD), state=state), ProviderSettings(default_model=CLOUD), routing=policy)
    assert named.profiles[0].offloaded
    assert isinstance(named.profiles[0].price, UnknownPrice)
    assert isinstance(asked(named, request_)[0].failure(), PolicyBlocked)
    assert isinstance(heard(named, request_)[0].failure(), PolicyBlocked)
    assert state.asked == []
    hidden = client(ollama(HIDDEN, state=state), ProviderSettings(default_model="mine"), routing=policy)
    errors = [outcome.failure() for outcome in asked(hidden, request_, request_)]
    assert all(isinstance(error, PolicyBlocked) for error in errors)
    assert set(state.asked) == {"/api/show"}
    assert hidden.profile("mine").offloaded


def test_a_cloud_is_asked_when_the_request_may_leave() -> None:
    """A model of a cloud is not loaded; what is learnt of one is remembered for the next private request."""
    state = State(models={})
    made = client(ollama(Kept(CLOUD), HIDDEN, state=state), ProviderSettings(default_model=CLOUD))
    assert isinstance(asked(made)[0], Success)
    assert state.asked == ["/api/chat"]
    mine = evolve(HI, preferences=Preferences(model="mine"))
    outcomes = asked(made, mine, mine, evolve(mine, sensitivity="private"))
    assert [isinstance(outcome, Failure) for outcome in outcomes] == [False, False, True]
    assert "/api/generate" not in state.asked


def test_a_prompt_that_was_cut_in_silence_is_an_error() -> None:
    """The server read exactly what it was asked with."""

    def cutting(received: Received) -> Any:
        answer = ollama(LLAMA)(received)
        if received.path == "/api/chat" and isinstance(answer, Respond):
            return json_reply({**json.loads(answer.body), "prompt_eval_count": 4096})
        return answer

    made = client(cutting, ProviderSettings(context_length=4096))
    error = asked(made, LLMRequest("word " * 4000))[0].failure()
    assert isinstance(error, ContextTooLarge)
    assert error.limit == 4096


def test_nobody_there_is_told_at_once() -> None:
    """By one question; a slow connection is not waited for twice."""
    sent: list[Envelope] = []

    def lost(error: LLMError) -> Transport:
        async def fail(envelope: Envelope) -> Any:
            sent.append(envelope)
            return Failure(error)

        async def close() -> None:
            """There is nothing to close."""

        return Transport(send=fail, open=fail, close=close)

    refused = lost(NetworkError(model="m", message="connection refused"))
    for outcome in (asked(client(refused))[0], heard(client(refused))[0]):
        error = outcome.failure()
        assert isinstance(error, ModelUnavailable)
        assert (error.reason, error.message.startswith("Ollama connection failed")) == ("not_running", True)
    assert len(sent) == 2
    slow = lost(RequestTimeout(model="m", timeout_ms=5000, phase="connect"))
    assert isinstance(asked(client(slow))[0].failure(), RequestTimeout)
    assert len(sent) == 3


def test_a_server_that_dies_after_it_was_ready_is_told_the_same_way() -> None:
    alive = True
    server = carried(ollama(LLAMA))

    def dying(carry: Callable[[Envelope], Any]) -> Callable[[Envelope], Any]:
        async def send(envelope: Envelope) -> Any:
            return await carry(envelope) if alive else Failure(NetworkError(model="m", message="refused"))

        return send

    made = client(Transport(send=dying(server.send), open=dying(server.open), close=server.close))

    async def ask() -> list[LLMError]:
        nonlocal alive
        assert isinstance(await settle(made.generate(HI)), Success)
        alive = False
        whole = (await settle(made.generate(HI))).failure()
        return [whole, *[sealed(event).failure() async for event in made.stream(HI)]]

    for error in run_virtual(ask()):
        assert isinstance(error, ModelUnavailable)
        assert error.reason == "not_running"


def test_health_is_the_list_of_models() -> None:
    """Of a server of this kind only."""

    async def look(made: ModelClient) -> tuple[bool, tuple[str, ...], str | None]:
        health = (await settle(made.health())).unwrap()
        return health.healthy, health.models, health.error_message

    assert run_virtual(look(client(ollama(LLAMA, Kept("mistral"))))) == (True, ("llama3.2:3b", "mistral"), None)
    placed = client(ollama(LLAMA, HIDDEN))
    assert run_virtual(look(placed)) == run_virtual(look(placed)) == (True, ("llama3.2:3b", "mine"), None)
    assert [placed.profile(name).offloaded for name in ("llama3.2:3b", "mine")] == [False, True]
    other = run_virtual(look(client(lambda _: json_reply({"object": "list", "data": []}))))
    assert (other[0], other[2] is not None) == (False, True)


def test_models_are_listed_as_the_server_describes_them() -> None:
    """Their windows and abilities, which hold from then on; those of a cloud are not asked about."""
    state = State(models={})
    seeing = Kept("new-one:9b", window=40_960, capabilities=("completion", "vision", "thinking"))
    vectors = Kept("some-vectors", window=512, capabilities=("embedding",))
    made = client(ollama(LLAMA, seeing, vectors, Kept(CLOUD), HIDDEN, state=state))

    async def look() -> tuple[ModelProfile, ...]:
        listed = (await settle(made.list_models())).unwrap()
        assert (await settle(made.list_models())).unwrap() == listed
        return listed

    listed = {profile.name: profile for profile in run_virtual(look())}
    assert list(listed) == ["llama3.2:3b", "new-one:9b", "some-vectors", CLOUD, "mine"]
    assert (listed["new-one:9b"].context_window, listed["new-one:9b"].vision, listed["new-one:9b"].reasoning) == (40_960, True, True)
    assert not listed["new-one:9b"].tools
    assert listed["some-vectors"].kind == "embedding"
    assert listed[CLOUD].offloaded
    assert listed["mine"].offloaded
    assert made.profile("new-one:9b") == listed["new-one:9b"]
    assert state.asked.count("/api/show") == 3
    assert isinstance(run_virtual(settled(client(failing("/api/tags", 500, ollama())))), Failure)


async def settled(made: ModelClient) -> Settled[tuple[ModelProfile, ...], LLMError]:
    return await settle(made.list_models())


def test_descriptions_of_ones_own_and_of_the_data() -> None:
    own = ModelProfile(name="mine:7b-cloud", provider="ollama", locality="local", context_window=1000, load_seconds=5.0)
    made = client(ollama(Kept("mine:7b-cloud")), profiles=(own,))
    assert (made.profile("mine:7b-cloud").context_window, made.profile("mine:7b-cloud").offloaded) == (1000, True)
    run_virtual(settled(made))
    assert made.profile("mine:7b-cloud").context_window == 1000
    assert [profile.name for profile in made.profiles] == ["llama3.2:3b", "llama3.2:1b", "deepseek-r1:1.5b", "mistral"]
    assert [profile.tier for profile in made.profiles] == ["default", "fast", "reasoning", "tool"]
    assert made.profile("llama3.2").context_window == made.profile("llama3.2:latest").context_window == 131_072
    assert made.profile("mistral").quality == made.profile("mistral:7b").quality
    assert made.profile("deepseek-r1:70b").reasoning
    assert made.profile("snowflake-arctic-embed").kind == "embedding"
    assert client(ollama(), ProviderSettings(context_length=999)).profile("what").context_window == 999
    assert client(ollama(), ProviderSettings(default_model="llama3.2")).profiles[0].quality == made.profiles[0].quality


def test_a_key_goes_to_servers_that_want_one() -> None:
    sent: list[Envelope] = []
    settings = ProviderSettings(base_url="https://ollama.example.com", api_key=Secret("sk-canary-0123"), default_model="llama3.2:3b")
    assert isinstance(asked(client(ollama(LLAMA), settings, sent))[0], Success)
    assert all((b"authorization", b"Bearer sk-canary-0123") in envelope.headers for envelope in sent)
    assert not any(envelope.local for envelope in sent)
    assert "canary" not in repr(sent)


@pytest.mark.parametrize(("silence", "attempt", "load", "left"), [(30, 660, 600, 60), (30, 630, 600, 30), (60, 5, 600, 5), (30, 60, 0, 60)])
def test_loading_has_its_own_time(silence: float, attempt: float, load: float, left: float) -> None:
    limits = Limits(silence_seconds=silence, attempt_seconds=attempt)
    assert loaded_limits(limits, load) == evolve(limits, attempt_seconds=left)


def test_an_attempt_with_other_limits_is_the_same_otherwise() -> None:
    made = client(ollama())
    attempt = attempt_for(HI, model=made.profiles[0], endpoint=made.endpoint, key=Secret("sk-x")).unwrap()
    assert _within(attempt, Limits()) == replace(attempt, limits=Limits())


def test_closing_closes_what_was_opened() -> None:
    closed: list[str] = []

    def transport(bundle: str | None) -> Transport:
        async def close() -> None:
            closed.append(str(bundle))

        return evolve(carried(ollama()), close=close)

    parts = ClientParts(world=fake_world(), make_transport=transport)
    for settings in (ProviderSettings(ca_bundle="own.pem"), ProviderSettings(ca_bundle="own.pem", check_updates=True)):
        run_virtual(build_client("ollama", settings, parts).unwrap().close())
    assert closed == ["own.pem", "own.pem", "None"]
