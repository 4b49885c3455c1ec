"""The client at work through the SDK, over a transport that plays recordings."""

import asyncio
import json
import logging
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import anthropic
import pytest
from attrs import evolve
from returns.result import Failure, Success

from llm_manager.clients.anthropic_messages.transport import loading_sdk
from llm_manager.clients.catalogue import build_client
from llm_manager.clients.http import make_transport
from llm_manager.domain.attempts import Limits
from llm_manager.domain.configuration import ProviderSettings
from llm_manager.domain.errors import (
    AuthenticationFailed,
    ConfigurationError,
    InvalidRequest,
    LLMError,
    MalformedResponse,
    ModelUnavailable,
    NetworkError,
    RateLimitExceeded,
    RequestTimeout,
    StreamInterrupted,
)
from llm_manager.domain.requests import LLMRequest, Preferences
from llm_manager.domain.responses import LLMResponse
from llm_manager.domain.secrets import Secret
from llm_manager.domain.streaming import StreamFinished, TextDelta
from llm_manager.domain.usage import TokenCount
from llm_manager.effects import settle
from llm_manager.outcomes import Settled, sealed
from llm_manager.real_world import real_world
from llm_manager.services.model_client import ClientParts, ModelClient
from llm_manager.services.transport import Envelope, Transport
from llm_manager.testing import fake_world, run_virtual
from llm_manager.testing.replaying import Replayed, replayed
from tests.clients.anthropic_messages.bodies import PLAIN, PLAIN_STREAM, TOOLS
from tests.loopback import Chunked, Cut, Hang, Reset, fault_server, json_reply

KEY = Secret("sk-ant-canary-0123456789")
MESSAGES = "/v1/messages"
SSE = {"content-type": "text/event-stream; charset=utf-8", "request-id": "req_1"}
_Value = TypeVar("_Value")


def playing(*exchanges: Mapping[str, Any]) -> Replayed:
    return replayed({"exchanges": [{"path": MESSAGES, **exchange} for exchange in exchanges]})


def client_of(played: Replayed, settings: ProviderSettings | None = None) -> ModelClient:
    parts = ClientParts(world=fake_world(), make_transport=lambda _: played.transport)
    built = sealed(build_client("claude", settings or ProviderSettings(api_key=KEY), parts))
    assert isinstance(built, Success), built
    return built.unwrap()


async def asked(client: ModelClient, request: LLMRequest | None = None) -> Settled[LLMResponse, LLMError]:
    return await settle(client.generate(request or LLMRequest("Hi")))


async def heard(client: ModelClient, request: LLMRequest | None = None) -> list[Settled[Any, LLMError]]:
    return [sealed(event) async for event in client.stream(request or LLMRequest("Hi"))]


async def test_an_answer() -> None:
    """The key goes in its header, the body is the encoded request unchanged, and the answer has price and times."""
    played = playing({"json": PLAIN, "headers": {"request-id": "req_1"}})
    client = client_of(played)
    response = (await asked(client)).unwrap()
    assert (response.content, response.request_id, response.call_id) == ("Hello!", "req_1", "id-1")
    assert response.cost.tag == "Priced"
    (sent,) = played.sent
    fields = dict(sent.headers)
    assert (sent.method, sent.url) == ("POST", "https://api.anthropic.com/v1/messages")
    assert sent.body == client.encode(LLMRequest("Hi"), client.profiles[0]).unwrap().body
    assert type(sent.body) is bytes
    assert fields[b"authorization"] == b"Bearer sk-ant-canary-0123456789"
    assert fields[b"anthropic-version"] == b"2026-10-21"
    assert fields[b"user-agent"] == b"llm-manager"
    assert fields[b"X-Stainless-Package-Version"] == anthropic.__version__.encode()
    assert len(fields) == len(sent.headers)
    assert "canary" not in repr(sent)
    assert not sent.local


async def test_a_stream() -> None:
    """The same body, to be answered in pieces."""
    played = playing({"chunks": PLAIN_STREAM, "headers": SSE})
    told = [each.unwrap() for each in await heard(client_of(played))]
    assert [type(each) for each in told] == [TextDelta, TextDelta, StreamFinished]
    assert (told[-1].response.content, told[-1].response.request_id) == ("Hello!", "req_1")
    assert json.loads(played.sent[0].body)["stream"] is True


async def test_settings_are_obeyed() -> None:
    """Address with or without the version, the API's version, headers of one's own, limits, bounds."""
    played = playing({"json": PLAIN})
    settings = ProviderSettings(
        api_key=KEY,
        base_url="https://proxy.example/v1/",
        api_version="2023-06-01",
        custom_headers={"anthropic-beta": "context-1m-2025-08-07", "User-Agent": "mine"},
        timeout_ms=7000,
        max_tokens=11,
        temperature=0.5,
        prompt_cache="short",
        default_model="claude-haiku-4-5",
    )
    client = client_of(played, settings)
    response = (await asked(client)).unwrap()
    (sent,) = played.sent
    fields = dict(sent.headers)
    assert sent.url == "https://proxy.example/v1/messages"
    assert fields[b"anthropic-version"] == b"2023-06-01"
    assert (fields[b"anthropic-beta"], fields[b"User-Agent"]) == (b"context-1m-2025-08-07", b"mine")
    assert fields[b"x-stainless-timeout"] == b"7.0"
    assert sent.limits == Limits(connect_seconds=5.0, silence_seconds=7.0, attempt_seconds=7.0)
    told = json.loads(sent.body)
    assert (told["model"], told["max_tokens"], told["temperature"]) == ("claude-haiku-4-5", 11, 0.5)
    assert told["messages"][-1]["content"][-1]["cache_control"] == {"type": "ephemeral"}
    assert response.notices == ()
    bare = client_of(played, evolve(settings, base_url="https://proxy.example"))
    assert bare.endpoint.base_url == client.endpoint.base_url == "https://proxy.example"


async def test_what_a_model_no_longer_takes_is_told_or_refused() -> None:
    """By the version of the API in use."""
    played = playing({"json": PLAIN})
    warm = LLMRequest("Hi", preferences=Preferences(temperature=0.5))
    assert "takes no temperature" in (await asked(client_of(played), warm)).unwrap().notices[0]
    strict = await asked(client_of(played, ProviderSettings(api_key=KEY, strict_parameters=True)), warm)
    assert isinstance(strict, Failure)
    assert isinstance(strict.failure(), InvalidRequest)
    assert len(played.sent) == 1


async def test_a_token_takes_the_place_of_a_key() -> None:
    """Asked for with each request."""

    async def tokens() -> Secret:
        return Secret("oauth-token-1")

    played = playing({"json": PLAIN})
    await asked(client_of(played, ProviderSettings(token_source=tokens)))
    assert dict(played.sent[0].headers)[b"authorization"] == b"Bearer oauth-token-1"


def test_without_a_key() -> None:
    """Nothing is built that could not be asked, unless the address is one's own."""
    parts = ClientParts(world=fake_world(), make_transport=lambda _: playing().transport)
    refused = sealed(build_client("anthropic", ProviderSettings(), parts))
    assert isinstance(refused, Failure)
    error = refused.failure()
    assert isinstance(error, ConfigurationError)
    assert "ANTHROPIC_API_KEY" in error.message
    assert isinstance(sealed(build_client("anthropic", ProviderSettings(base_url="http://localhost:8080"), parts)), Success)


async def test_a_server_of_ones_own_gets_no_key() -> None:
    """Neither ours nor the SDK's stand-in for one."""
    played = playing({"json": PLAIN})
    await asked(client_of(played, ProviderSettings(base_url="http://localhost:8080/v1")))
    assert b"authorization" not in {name.lower() for name, _ in played.sent[0].headers}
    assert played.sent[0].local


@pytest.mark.parametrize(
    ("exchange", "error"),
    [
        ({"status": 401, "json": {"type": "error", "error": {"type": "authentication_error", "message": "no"}}}, AuthenticationFailed),
        ({"status": 429, "headers": {"retry-after": "3"}, "text": "{}"}, RateLimitExceeded),
        ({"status": 529, "json": {"error": {"type": "overloaded_error", "message": "busy"}}}, ModelUnavailable),
        ({"status": 504, "text": ""}, RequestTimeout),
        ({"status": 302, "text": ""}, ConfigurationError),
        ({"status": 200, "text": "<html>"}, MalformedResponse),
        ({"status": 200, "text": "x", "cut": True}, NetworkError),
    ],
)
async def test_what_goes_wrong_comes_through_unharmed(exchange: Mapping[str, Any], error: type) -> None:
    """Asked for whole or in pieces, once: the SDK re-sends nothing."""
    played = playing(exchange)
    outcome = await asked(client_of(played))
    assert isinstance(outcome, Failure)
    assert type(outcome.failure()) is error
    (failure,) = await heard(client_of(played))
    assert type(failure.failure()) in (error, StreamInterrupted)
    assert len(played.sent) == 2


async def test_a_body_that_breaks_is_an_interrupted_stream() -> None:
    """With what was said."""
    *_, last = await heard(client_of(playing({"chunks": PLAIN_STREAM[:4], "headers": SSE, "cut": True})))
    error = last.failure()
    assert isinstance(error, StreamInterrupted)
    assert error.partial == "Hel"


def carrying(outcome: Settled[Any, LLMError]) -> Transport:
    """A carrier that always comes back with this."""

    async def carry(_: Envelope) -> Settled[Any, LLMError]:
        return outcome

    async def close() -> None:
        return None

    return Transport(send=carry, open=carry, close=close)


ENVELOPE = Envelope(
    method="POST",
    url="https://api.anthropic.com/v1/messages",
    headers=(),
    body=b"{}",
    limits=Limits(),
    local=False,
    provider="anthropic",
    model="m",
)
LOST = RequestTimeout(model="m", timeout_ms=5, phase="connect")


async def test_an_error_of_the_carrier_is_the_very_same() -> None:
    """Whichever way it was met."""
    through = loading_sdk(carrying(Failure(LOST)), fake_world().run_blocking)
    for outcome in (await through.send(ENVELOPE), await through.open(ENVELOPE), await through.send(evolve(ENVELOPE, method="GET"))):
        assert isinstance(outcome, Failure)
        assert outcome.failure() is LOST


async def test_a_bug_of_the_carrier_is_no_error_of_the_network() -> None:
    """It crashes, as bugs do."""

    async def broken(_: Envelope) -> Any:
        raise LookupError("a bug")

    through = loading_sdk(evolve(carrying(Failure(LOST)), send=broken), fake_world().run_blocking)
    with pytest.raises(LookupError, match="a bug"):
        await through.send(ENVELOPE)


async def test_cancelling_passes_through() -> None:
    """To whoever waits for the answer, and back."""
    cancelled = asyncio.Event()

    async def endless(_: Envelope) -> Any:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.set()
            raise

    through = loading_sdk(evolve(carrying(Failure(LOST)), send=endless), fake_world().run_blocking)
    task = asyncio.create_task(through.send(ENVELOPE))
    await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert cancelled.is_set()


async def test_calls_at_once_keep_to_themselves() -> None:
    """Each gets its own answer, and each envelope leaves as it was."""

    async def echo(envelope: Envelope) -> Any:
        await asyncio.sleep(0)
        return Failure(evolve(LOST, model=f"{envelope.model} {envelope.body!r}"))

    through = loading_sdk(evolve(carrying(Failure(LOST)), send=echo), fake_world().run_blocking)

    async def one(number: int) -> str:
        error = (await through.send(evolve(ENVELOPE, body=b"%d" % number, model=str(number)))).failure()
        assert isinstance(error, RequestTimeout)
        return error.model

    assert await asyncio.gather(*(one(number) for number in range(20))) == [f"{number} b'{number}'" for number in range(20)]


def test_a_deadline_bounds_a_call() -> None:
    """In virtual time, through the SDK too."""

    async def endless(_: Envelope) -> Any:
        await asyncio.sleep(10_000)

    transport = evolve(carrying(Failure(LOST)), send=endless)
    parts = ClientParts(world=fake_world(), make_transport=lambda _: transport)
    client = build_client("claude", ProviderSettings(api_key=KEY, timeout_ms=2000), parts).unwrap()
    outcome = run_virtual(asked(client))
    assert isinstance(outcome, Failure)
    assert outcome.failure().tag == "TimeoutError"


async def test_the_sdk_is_loaded_off_the_loop() -> None:
    """Once, in a thread, by whichever call comes first; the loop turns meanwhile."""
    threads: list[threading.Thread] = []
    world = real_world({})

    async def watched(work: Callable[[], _Value], /) -> _Value:
        def told() -> _Value:
            threads.append(threading.current_thread())
            return work()

        return await world.run_blocking(told)

    for first in ("send", "open"):
        threads.clear()
        through = loading_sdk(carrying(Failure(LOST)), watched)
        await getattr(through, first)(ENVELOPE)
        assert [thread is threading.main_thread() for thread in threads] == [False]
        await through.send(ENVELOPE)
        await through.open(ENVELOPE)
        assert len(threads) == 1


def test_building_loads_no_sdk() -> None:
    """Nor anything else that is heavy; asking does."""
    code = (
        "import sys\n"
        "from llm_manager.clients.catalogue import build_client\n"
        "from llm_manager.domain.configuration import ProviderSettings\n"
        "from llm_manager.domain.secrets import Secret\n"
        "from llm_manager.clients.http import make_transport\n"
        "from llm_manager.real_world import real_world\n"
        "from llm_manager.services.model_client import ClientParts\n"
        "parts = ClientParts(world=real_world({}), make_transport=lambda _: make_transport())\n"
        "build_client('claude', ProviderSettings(api_key=Secret('k')), parts).unwrap()\n"
        "print([name for name in ('anthropic', 'httpx2', 'pydantic', 'genai_prices') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "[]"


async def test_logs_hold_neither_key_nor_words(caplog: pytest.LogCaptureFixture) -> None:
    """At the finest level of every library on the way."""
    caplog.set_level(logging.DEBUG)
    for name in ("anthropic", "httpx2", "httpcore2"):
        logging.getLogger(name).setLevel(logging.DEBUG)
    body = {"type": "error", "error": {"type": "authentication_error", "message": "invalid key sk-ant-canary-0123456789"}}
    played = playing({"json": PLAIN, "headers": {"x-echo": "sk-ant-canary-0123456789"}}, {"status": 401, "json": body})
    client = client_of(played)
    await asked(client, LLMRequest("the patient is Ada"))
    refused = await asked(client, LLMRequest("the patient is Ada"))
    assert "canary" not in repr(refused)
    assert "canary" not in repr(client)
    assert caplog.records
    assert "canary" not in caplog.text
    assert "Ada" not in caplog.text
    assert "Hello!" not in caplog.text


async def test_the_environment_does_not_reach_the_wire(monkeypatch: pytest.MonkeyPatch) -> None:
    """The SDK reads variables of its own; settings are ours alone."""
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-ant-of-another")
    monkeypatch.setenv("ANTHROPIC_AUTH_TOKEN", "token-of-another")
    monkeypatch.setenv("ANTHROPIC_BASE_URL", "https://elsewhere.example")
    monkeypatch.setenv("ANTHROPIC_CUSTOM_HEADERS", "x-planted: yes\nauthorization: Bearer planted")
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example:3128")
    played = playing({"json": PLAIN})
    await asked(client_of(played))
    (sent,) = played.sent
    assert sent.url.startswith("https://api.anthropic.com/")
    assert dict(sent.headers)[b"authorization"] == b"Bearer sk-ant-canary-0123456789"
    assert "planted" not in str(sent.headers)
    assert "another" not in str(sent.headers)


def page(*names: str, more: bool = False, **told: Any) -> dict[str, Any]:
    rows = [{"id": name, "type": "model", "display_name": name, "created_at": "2026-01-01T00:00:00Z", **told} for name in names]
    return {"data": rows, "has_more": more, "first_id": names[0] if names else None, "last_id": names[-1] if names else None}


async def test_the_models_of_every_page() -> None:
    """What the server tells of a model takes the place of what is known."""
    played = replayed(
        {
            "exchanges": [
                {"method": "GET", "path": "/v1/models", "json": page("claude-haiku-5-5", "claude-opus-4-8", more=True)},
                {
                    "method": "GET",
                    "path": "/v1/models",
                    "json": page(
                        "claude-next",
                        max_input_tokens=5000,
                        max_tokens=100,
                        lifecycle="retired",
                        capabilities={"image_input": {"supported": False}, "pdf_input": {"supported": True}, "thinking": "yes"},
                    ),
                },
            ]
        }
    )
    models = (await settle(client_of(played).list_models())).unwrap()
    assert [model.name for model in models] == ["claude-haiku-5-5", "claude-opus-4-8", "claude-next"]
    assert (models[0].context_window, models[0].retired) == (1_000_000, False)
    new = models[2]
    assert (new.context_window, new.max_output_tokens, new.vision, new.documents, new.retired) == (5000, 100, False, True, True)
    assert [sent.url.partition("?")[2] for sent in played.sent] == ["limit=1000", "limit=1000&after_id=claude-opus-4-8"]


@pytest.mark.parametrize(
    ("exchange", "error"),
    [
        ({"json": {"data": 3}}, MalformedResponse),
        ({"text": "<html>"}, MalformedResponse),
        ({"json": [1]}, MalformedResponse),
        ({"status": 401, "text": "{}"}, AuthenticationFailed),
        ({"text": "{}", "cut": True}, NetworkError),
    ],
)
async def test_no_list_and_no_count(exchange: Mapping[str, Any], error: type) -> None:
    """Are errors, and so the server is not well."""
    played = replayed({"exchanges": [{"method": method, "path": "*", **exchange} for method in ("GET", "POST")]})
    client = client_of(played)
    for outcome in (await settle(client.list_models()), await settle(client.count_tokens(LLMRequest("x")))):
        assert isinstance(outcome, Failure)
        assert type(outcome.failure()) is error
    health = (await settle(client.health())).unwrap()
    assert not health.healthy
    assert health.error_message


async def test_a_list_that_never_ends() -> None:
    """Is left after twenty pages; a name that cannot stand in an address ends it."""
    played = replayed({"exchanges": [{"method": "GET", "path": "/v1/models", "json": page("claude-haiku-5-5", more=True)}]})
    assert len((await settle(client_of(played).list_models())).unwrap()) == 20
    odd = replayed({"exchanges": [{"method": "GET", "path": "/v1/models", "json": page("a&b=c d", "", more=True)}]})
    assert len((await settle(client_of(odd).list_models())).unwrap()) == 1
    assert len(odd.sent) == 1


async def test_health() -> None:
    """The server answers with its models."""
    played = replayed({"exchanges": [{"method": "GET", "path": "/v1/models", "json": page("claude-haiku-5-5")}]})
    health = (await settle(client_of(played).health())).unwrap()
    assert (health.healthy, health.models) == (True, ("claude-haiku-5-5",))


async def test_tokens_are_counted_by_the_model() -> None:
    """As the request would be sent to the model that it names."""
    played = replayed({"exchanges": [{"path": "/v1/messages/count_tokens", "json": {"input_tokens": 14}}]})
    client = client_of(played)
    assert "count_tokens" in client.able
    request = LLMRequest("Hi", preferences=Preferences(model="claude-opus-5-5", max_tokens=5))
    counted = (await settle(client.count_tokens(request))).unwrap()
    assert counted == TokenCount(tokens=14, model="claude-opus-5-5", provider="anthropic", exact=True)
    assert set(json.loads(played.sent[0].body)) == {"model", "messages"}
    empty = await settle(client.count_tokens(LLMRequest("")))
    assert isinstance(empty, Failure)
    assert isinstance(empty.failure(), InvalidRequest)
    for odd in ({"input_tokens": "14"}, {"input_tokens": -1}, {"input_tokens": True}, {}):
        again = client_of(replayed({"exchanges": [{"path": "*", "json": odd}]}))
        assert isinstance((await settle(again.count_tokens(LLMRequest("x")))).failure(), MalformedResponse)


async def test_tools_over_a_stream_that_comes_whole() -> None:
    """A server that does not stream is understood too."""
    told = await heard(client_of(playing({"json": TOOLS, "headers": {"content-type": "application/json"}})))
    assert told[-1].unwrap().response.finish == "tool_calls"


def over_http(url: str, **settings: Any) -> ModelClient:
    """The client over our own pooled connections."""
    parts = ClientParts(world=real_world({}), make_transport=lambda _: make_transport())
    return build_client("claude", ProviderSettings(base_url=url, api_key=KEY, **settings), parts).unwrap()


def test_over_pooled_connections_from_loop_to_loop() -> None:
    """Whole and in pieces, with one client in several event loops."""
    streamed = Chunked(pieces=tuple(PLAIN_STREAM), headers=tuple(SSE.items()))
    with fault_server(json_reply(PLAIN), streamed, json_reply(PLAIN), streamed) as server:
        client = over_http(server.url)

        async def both() -> tuple[str, str]:
            answer = (await asked(client)).unwrap()
            told = await heard(client)
            await client.close()
            return answer.content, told[-1].unwrap().response.content

        assert [asyncio.run(both()) for _ in range(2)] == [("Hello!", "Hello!")] * 2
        first = server.requests[0]
    assert first.headers["authorization"] == "Bearer sk-ant-canary-0123456789"
    assert first.headers["accept-encoding"] == "identity"
    assert (first.path, first.headers["content-length"]) == ("/v1/messages", str(len(first.body)))


@pytest.mark.parametrize(
    ("answer", "error"),
    [(Reset("after_reading"), NetworkError), (Cut(b'{"id"', 500), NetworkError), (Hang(), RequestTimeout)],
    ids=["reset", "cut", "hang"],
)
async def test_a_broken_way_is_told_as_it_broke(answer: Any, error: type) -> None:
    """By our own transport's words; nothing is sent twice."""
    with fault_server(answer) as server:
        client = over_http(server.url, timeout_ms=300)
        outcome = await asked(client)
        await client.close()
        assert isinstance(outcome, Failure)
        assert type(outcome.failure()) is error
        assert len(server.requests) == 1
