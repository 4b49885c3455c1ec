"""The clients at work over a transport that plays recordings."""

import asyncio
import json
from collections.abc import Mapping
from typing import Any

import pytest
from attrs import evolve
from msgspec.structs import replace
from returns.result import Failure, Success

from llm_manager.clients.catalogue import build_client
from llm_manager.domain.attempts import Attempt, Limits
from llm_manager.domain.configuration import ProviderSettings
from llm_manager.domain.errors import (
    AuthenticationFailed,
    ConfigurationError,
    LLMError,
    MalformedResponse,
    ModelUnavailable,
    NetworkError,
    StreamInterrupted,
)
from llm_manager.domain.models import Health
from llm_manager.domain.requests import LLMRequest, Preferences
from llm_manager.domain.responses import LLMResponse
from llm_manager.domain.secrets import Secret
from llm_manager.domain.streaming import ReasoningDelta, StreamFinished, TextDelta, ToolCallDelta
from llm_manager.domain.wire_requests import WireReply, WireRequest
from llm_manager.effects import settle
from llm_manager.outcomes import Settled, sealed
from llm_manager.services.model_client import ClientParts, ModelClient
from llm_manager.services.transport import Envelope
from llm_manager.testing import fake_world, run_virtual
from llm_manager.testing.replaying import Replayed, replayed
from tests.clients.openai_chat.bodies import LLAMACPP, OPENAI, TOOLS, chunk, split, sse

KEY = Secret("sk-canary-0123456789")
CHAT = "/v1/chat/completions"
SSE = {"content-type": "text/event-stream; charset=utf-8", "x-request-id": "req_1"}


def playing(*exchanges: Mapping[str, Any]) -> Replayed:
    return replayed({"exchanges": [{"path": CHAT, **exchange} for exchange in exchanges]})


def client_of(played: Replayed, name: str = "openai", settings: ProviderSettings | None = None) -> ModelClient:
    parts = ClientParts(world=fake_world(), make_transport=lambda _: played.transport)
    built = sealed(build_client(name, settings or ProviderSettings(api_key=KEY), parts))
    assert isinstance(built, Success), built
    return built.unwrap()


async def asked(client: ModelClient, request: LLMRequest | None = None) -> Settled[LLMResponse, LLMError]:
    return await settle(client.generate(request or LLMRequest("Hi")))


async def heard(client: ModelClient) -> list[Settled[Any, LLMError]]:
    return [sealed(event) async for event in client.stream(LLMRequest("Hi"))]


async def test_an_answer() -> None:
    """The key goes in its header, the body is the encoded request, and the answer has price and times."""
    played = playing({"json": OPENAI, "headers": {"x-request-id": "req_1"}})
    outcome = await asked(client_of(played), LLMRequest("Hi", preferences=Preferences(max_tokens=3)))
    response = outcome.unwrap()
    assert (response.content, response.request_id, response.call_id) == ("positive", "req_1", "id-1")
    assert response.cost.tag == "Priced"
    assert response.latency_seconds >= 0.0
    (sent,) = played.sent
    assert sent.url == "https://api.openai.com/v1/chat/completions"
    assert (b"authorization", b"Bearer sk-canary-0123456789") in sent.headers
    assert (b"content-type", b"application/json") in sent.headers
    assert json.loads(sent.body)["max_tokens"] == 3
    assert not sent.local
    assert "canary" not in repr(sent)


async def test_the_default_model_unless_the_request_names_one() -> None:
    """Any name may be asked for."""
    played = playing({"json": OPENAI})
    await asked(client_of(played))
    await asked(client_of(played), LLMRequest("x", preferences=Preferences(model="gpt-6-luna")))
    assert [json.loads(sent.body)["model"] for sent in played.sent] == ["gpt-4o-mini", "gpt-6-luna"]


async def test_settings_are_obeyed() -> None:
    """Address, account headers, headers of one's own, limits."""
    played = playing({"json": OPENAI})
    settings = ProviderSettings(
        api_key=KEY,
        base_url="https://proxy.example/v1/",
        organization="org-1",
        project="proj-1",
        custom_headers={"X-Team": "blue", "User-Agent": "mine"},
        timeout_ms=7000,
        max_tokens=11,
        default_model="my-tune",
    )
    client = client_of(played, settings=settings)
    await asked(client)
    (sent,) = played.sent
    assert sent.url == "https://proxy.example/v1/chat/completions"
    fields = dict(sent.headers)
    assert (fields[b"OpenAI-Organization"], fields[b"OpenAI-Project"]) == (b"org-1", b"proj-1")
    assert (fields[b"X-Team"], fields[b"User-Agent"]) == (b"blue", b"mine")
    assert b"user-agent" not in fields
    assert sent.limits == Limits(connect_seconds=5.0, silence_seconds=7.0, attempt_seconds=7.0)
    assert json.loads(sent.body) == {"model": "my-tune", "messages": [{"role": "user", "content": "Hi"}], "max_tokens": 11}
    assert client.endpoint.account.startswith("org-1 proj-1 ")
    other = client_of(played, settings=evolve(settings, custom_headers={"X-Team": "red"}))
    assert other.endpoint.identity != client.endpoint.identity
    assert "red" not in other.endpoint.identity


async def test_openrouter_is_told_which_app_asks() -> None:
    """By the headers it knows."""
    played = replayed({"exchanges": [{"path": "/api/v1/chat/completions", "json": OPENAI}]})
    settings = ProviderSettings(api_key=KEY, app_name="app", app_url="https://app.example")
    await asked(client_of(played, "openrouter", settings))
    fields = dict(played.sent[0].headers)
    assert (fields[b"X-Title"], fields[b"HTTP-Referer"]) == (b"app", b"https://app.example")


async def test_a_header_of_ones_own_may_take_the_keys_place() -> None:
    """Then ours is not sent beside it."""
    played = playing({"json": OPENAI})
    settings = ProviderSettings(custom_headers={"Authorization": "Bearer other"})
    await asked(client_of(played, settings=settings))
    assert [value for name, value in played.sent[0].headers if name.lower() == b"authorization"] == [b"Bearer other"]


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("openai", ProviderSettings()),
        ("openai", ProviderSettings(api_key=Secret("a\r\nX-Evil: 1"))),
        ("openai", ProviderSettings(api_key=KEY, base_url="http://api.openai.com/v1")),
        ("lmstudio", ProviderSettings(base_url="ftp://x")),
        ("lmstudio", ProviderSettings(custom_headers={"X": "a\r\nb"})),
        ("anthropic", ProviderSettings(api_key=KEY, api_version="2023-06-01\r\nX-Evil: 1")),
    ],
    ids=range(6),
)
def test_settings_that_cannot_work_are_refused_when_the_client_is_built(name: str, settings: ProviderSettings) -> None:
    """A missing or broken key, a bad address, a bad header, a version that would begin another one."""
    parts = ClientParts(world=fake_world(), make_transport=lambda _: playing().transport)
    built = build_client(name, settings, parts)
    assert isinstance(built, Failure)
    assert isinstance(built.failure(), ConfigurationError)
    assert "Evil" not in repr(built)


async def test_a_local_server_needs_no_key() -> None:
    """And its answers cost nothing."""
    played = playing({"json": LLAMACPP})
    outcome = await asked(client_of(played, "llamacpp", ProviderSettings()))
    assert outcome.unwrap().cost.tag == "Priced"
    (sent,) = played.sent
    assert sent.local
    assert sent.url == "http://localhost:8080/v1/chat/completions"
    assert all(name != b"authorization" for name, _ in sent.headers)


async def test_errors_are_values() -> None:
    """By status, and with the key's fingerprint but not the key."""
    played = playing({"status": 401, "json": {"error": {"message": "Incorrect API key provided: sk-canary-0123456789"}}})
    outcome = await asked(client_of(played))
    assert isinstance(outcome, Failure)
    error = outcome.failure()
    assert isinstance(error, AuthenticationFailed)
    assert "canary" not in repr(error)
    assert error.origin is not None
    assert error.origin.key_fingerprint == KEY.fingerprint


async def test_the_transports_own_faults_pass() -> None:
    """A broken way is the transport's to name."""
    client = client_of(replayed({"exchanges": []}))
    assert isinstance((await asked(client)).failure(), NetworkError)
    assert isinstance((await heard(client))[-1].failure(), NetworkError)


async def test_a_stream() -> None:
    """Asked for with usage, told piece by piece, ending in the whole answer."""
    played = playing({"chunks": [sse(*split(OPENAI)).decode()], "headers": SSE})
    events = [event.unwrap() for event in await heard(client_of(played))]
    assert "".join(event.text for event in events if isinstance(event, TextDelta)) == "positive"
    last = events[-1]
    assert isinstance(last, StreamFinished)
    assert (last.response.request_id, last.response.call_id) == ("req_1", "id-1")
    assert last.response.cost.tag == "Priced"
    assert last.response.time_to_first_token_seconds is not None
    assert json.loads(played.sent[0].body)["stream"] is True


async def test_a_stream_that_is_cut() -> None:
    """Broken by the way, or just ended: what was told is kept."""
    text = sse(chunk({"content": "half"}), done=False).decode()
    for exchange in ({"chunks": [text], "cut": True}, {"chunks": [text]}):
        events = await heard(client_of(playing({**exchange, "headers": SSE})))
        error = events[-1].failure()
        assert isinstance(error, StreamInterrupted)
        assert error.partial == "half"


async def test_a_stream_that_breaks_before_its_first_event() -> None:
    """Nothing was delivered: the fault is told as it is."""
    (only,) = await heard(client_of(playing({"chunks": [": hello\n\n"], "cut": True, "headers": SSE})))
    assert isinstance(only.failure(), NetworkError)


async def test_the_last_event_needs_no_blank_line() -> None:
    """Some servers leave it out."""
    body = sse(chunk({"content": "a"}, finish="stop")).decode().rstrip("\n") + "\n"
    events = await heard(client_of(playing({"chunks": [body], "headers": SSE})))
    assert isinstance(events[-1].unwrap(), StreamFinished)


async def test_an_event_without_end() -> None:
    """Is refused instead of kept."""
    chunks = [sse(chunk({"content": "a"}), done=False).decode(), "data: " + "x" * 2_000_000]
    error = (await heard(client_of(playing({"chunks": chunks, "headers": SSE}))))[-1].failure()
    assert isinstance(error, StreamInterrupted)
    assert error.partial == "a"


@pytest.mark.parametrize(
    ("exchange", "error"),
    [
        ({"status": 503, "json": {"error": {"message": "down"}}}, ModelUnavailable),
        ({"status": 200, "text": "<html></html>", "headers": {"content-type": "text/html"}}, MalformedResponse),
        ({"status": 200, "text": "<html></html>", "cut": True, "headers": {"content-type": "text/html"}}, NetworkError),
    ],
    ids=["status", "html", "cut"],
)
async def test_a_stream_that_never_begins(exchange: dict[str, Any], error: type) -> None:
    """The answer is read whole and judged as any other."""
    (only,) = await heard(client_of(playing(exchange)))
    assert isinstance(only.failure(), error)


@pytest.mark.parametrize("answer", [OPENAI, LLAMACPP, TOOLS], ids=["openai", "llamacpp", "tools"])
async def test_a_server_that_does_not_stream(answer: dict[str, Any]) -> None:
    """A whole answer where a stream was asked for becomes its events."""
    played = playing({"json": answer, "headers": {"content-type": "application/json"}})
    events = [event.unwrap() for event in await heard(client_of(played))]
    response = events[-1].response
    assert "".join(event.text for event in events if isinstance(event, TextDelta)) == response.content
    assert "".join(event.text for event in events if isinstance(event, ReasoningDelta)) == response.reasoning
    assert [event.id for event in events if isinstance(event, ToolCallDelta)] == [call.id for call in response.tool_calls]


async def test_another_key_for_one_attempt() -> None:
    """The attempt's key is sent, not the client's, after the same judgement."""
    played = playing({"json": OPENAI})
    client = client_of(played)
    request = LLMRequest("x")
    attempt = Attempt(
        call_id="c",
        number=1,
        request=request,
        model=client.profiles[0],
        endpoint=client.endpoint,
        wire=replace(client.encode(request, client.profiles[0]).unwrap(), headers=(("X-More", "1"),)),
        key=Secret("sk-other-key"),
        limits=Limits(),
        deadline=1.0,
        call_deadline=1.0,
        total_seconds=1.0,
    )
    await client.answer(attempt)
    await client.answer(replace(attempt, key=None))
    with_other, without = (dict(sent.headers) for sent in played.sent)
    assert with_other[b"authorization"] == b"Bearer sk-other-key"
    assert with_other[b"X-More"] == b"1"
    assert b"authorization" not in without
    for broken in (replace(attempt, key=Secret("a b")), replace(attempt, wire=WireRequest(path="/x", headers=(("a b", "c"),)))):
        assert isinstance((await client.answer(broken)).failure(), ConfigurationError)
        assert isinstance((await client.open(broken)).failure(), ConfigurationError)


MODELS = {
    "object": "list",
    "data": [
        {"id": "gpt-4o-mini", "object": "model", "shutdown_date": "2027-06-14"},
        {"id": "gpt-3.5-turbo", "object": "model"},
        {"id": "old-one", "object": "model", "shutdown_date": "2025-01-01"},
        {"id": "served", "max_model_len": 4096},
        {"id": "local", "meta": {"n_ctx": 2048, "n_ctx_train": 8192}},
        {"id": 7},
        "junk",
    ],
}


def listing(name: str, played: Replayed) -> ModelClient:
    return client_of(played, name, ProviderSettings() if name in ("vllm", "llamacpp", "lmstudio") else None)


async def test_the_list_of_models() -> None:
    """Described as far as is known, with the windows and shutdowns that the server tells."""
    played = replayed({"exchanges": [{"method": "GET", "path": "/v1/models", "json": MODELS}]})
    profiles = (await settle(listing("vllm", played).list_models())).unwrap()
    assert [profile.name for profile in profiles] == ["gpt-4o-mini", "gpt-3.5-turbo", "old-one", "served", "local"]
    assert [profile.context_window for profile in profiles][3:] == [4096, 2048]
    assert [profile.retired for profile in profiles] == [False, False, True, False, False]
    played = replayed({"exchanges": [{"method": "GET", "path": "/v1/models", "json": MODELS["data"]}]})
    assert len((await settle(listing("vllm", played).list_models())).unwrap()) == 5


@pytest.mark.parametrize(
    ("exchange", "error"),
    [
        ({"json": {"models": []}}, MalformedResponse),
        ({"text": "<html>"}, MalformedResponse),
        ({"status": 401, "text": ""}, AuthenticationFailed),
        ({"status": 200, "json": [], "path": "/elsewhere"}, NetworkError),
    ],
    ids=range(4),
)
async def test_a_list_of_models_that_is_none(exchange: dict[str, Any], error: type) -> None:
    """Another kind of server, a page, a refusal, nobody."""
    played = replayed({"exchanges": [{"method": "GET", "path": "/v1/models", **exchange}]})
    assert isinstance((await settle(listing("vllm", played).list_models())).failure(), error)
    health = (await settle(listing("vllm", played).health())).unwrap()
    assert not health.healthy
    assert health.error_message


@pytest.mark.parametrize(
    ("name", "path", "exchange", "healthy"),
    [
        ("lmstudio", "/v1/models", {"json": {"data": [{"id": "a"}]}}, True),
        ("llamacpp", "/health", {"json": {"status": "ok"}}, True),
        ("llamacpp", "/health", {"status": 503, "json": {"error": {"code": 503, "message": "Loading model"}}}, False),
        ("llamacpp", "/health", {"text": "<html>KoboldCpp</html>"}, False),
        ("llamacpp", "/health", {"json": {"status": "?"}}, False),
    ],
    ids=range(5),
)
async def test_health(name: str, path: str, exchange: dict[str, Any], healthy: bool) -> None:
    """A server is well when it answers in its own shape, not when it answers."""
    health: Health = (await settle(listing(name, replayed({"exchanges": [{"method": "GET", "path": path, **exchange}]})).health())).unwrap()
    assert health.healthy is healthy
    assert health.provider == name
    assert health.models == (("a",) if name == "lmstudio" else ())
    assert (health.error_message is None) is healthy


@pytest.mark.parametrize(
    ("name", "exchange", "models"),
    [
        ("llamacpp", {"json": {"data": [{"id": "q.gguf", "owned_by": "llamacpp"}], "models": []}}, ("q.gguf",)),
        ("vllm", {"json": {"data": [{"id": "m", "owned_by": "vllm"}, {"id": "lora", "owned_by": "vllm"}]}}, ("m", "lora")),
        ("vllm", {"json": {"data": [{"id": "q.gguf", "owned_by": "llamacpp"}]}}, None),
        ("llamacpp", {"json": {"data": [{"id": "a", "owned_by": "koboldcpp"}]}}, None),
        ("llamacpp", {"json": {"data": [{"id": "a"}]}}, None),
        ("llamacpp", {"json": {"data": []}}, None),
        ("llamacpp", {"json": {"status": "ok"}}, None),
        ("llamacpp", {"text": "<html>KoboldCpp</html>"}, None),
        ("vllm", {"status": 404, "json": {"detail": "Not Found"}}, None),
        ("vllm", {"status": 401, "json": {"error": "Unauthorized"}}, None),
    ],
    ids=range(10),
)
async def test_a_server_on_a_port_that_anybody_may_use_is_known_by_what_it_calls_its_models(
    name: str, exchange: dict[str, Any], models: tuple[str, ...] | None
) -> None:
    """Whatever else listens there is none of its kind, however well it is."""
    client = listing(name, replayed({"exchanges": [{"method": "GET", "path": "/v1/models", **exchange}]}))
    assert client.probe is not None
    health = (await settle(client.probe())).unwrap()
    assert (health.healthy, health.models) == (models is not None, models or ())


@pytest.mark.parametrize("own", [True, False], ids=["own deadline", "someone else's"])
def test_a_server_that_says_nothing_is_not_well(own: bool) -> None:
    """Ten seconds are enough to say so; the caller's own patience stays the caller's."""

    async def silent(_: Envelope) -> Settled[WireReply, LLMError]:
        await asyncio.sleep(1000.0)
        raise AssertionError

    played = playing({"json": OPENAI})
    parts = ClientParts(world=fake_world(), make_transport=lambda _: evolve(played.transport, send=silent))
    client = build_client("lmstudio", ProviderSettings(), parts).unwrap()

    async def asking() -> Health:
        async with asyncio.timeout(None if own else 1.0):
            return (await settle(client.health())).unwrap()

    if own:
        health = run_virtual(asking())
        assert (health.healthy, health.latency_seconds) == (False, 10.0)
        return
    with pytest.raises(TimeoutError):
        run_virtual(asking())


async def test_closing_closes_the_transport() -> None:
    """And nothing else."""
    closed: list[str] = []

    async def close() -> None:
        closed.append("closed")

    played = playing({"json": OPENAI})
    parts = ClientParts(world=fake_world(), make_transport=lambda _: evolve(played.transport, close=close))
    await build_client("lmstudio", ProviderSettings(), parts).unwrap().close()
    assert closed == ["closed"]
