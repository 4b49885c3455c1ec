"""Whatever a client is asked goes out with the key chosen for it, and no key reaches another provider."""

from collections.abc import Callable, Coroutine
from contextlib import aclosing
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st
from returns.result import Failure, Success

from llm_manager import LLMConfig, LLMRequest, ProviderSettings, default_deps, describe, make_llm_manager, make_model_client, settle
from llm_manager.clients.catalogue import build_client
from llm_manager.domain.embeddings import EmbedRequest
from llm_manager.domain.errors import AuthenticationFailed, ConfigurationError, LLMError
from llm_manager.domain.events import AttemptStarted, Event, KeyChanged
from llm_manager.domain.images import ImageRequest
from llm_manager.domain.models import Endpoint
from llm_manager.domain.moderation import ModerationRequest
from llm_manager.domain.plans import RoutingPolicy
from llm_manager.domain.requests import Preferences
from llm_manager.domain.secrets import Secret
from llm_manager.domain.wire_requests import WireReply
from llm_manager.layers.leasing import leasing
from llm_manager.outcomes import Settled
from llm_manager.services.guards import Keys
from llm_manager.services.journal import Journal
from llm_manager.services.key_at_hand import key_at_hand, sending
from llm_manager.services.model_client import ClientParts, ModelClient
from llm_manager.services.transport import Envelope, Transport
from llm_manager.settings.key_files import read_keys
from llm_manager.testing import fake_world, run_virtual
from llm_manager.testing.replaying import Replayed, replayed

A, B, C = Secret("sk-canary-aaaaaaaaaaaa"), Secret("sk-canary-bbbbbbbbbbbb"), Secret("sk-canary-cccccccccccc")
CHAT = {"choices": [{"message": {"content": "hi"}, "finish_reason": "stop"}]}
VECTORS = {"data": [{"index": 0, "embedding": [0.5]}], "usage": {"prompt_tokens": 1}}
EXCHANGES = [
    {"path": "/v1/embeddings", "json": VECTORS},
    {"path": "/api/embed", "json": {"embeddings": [[0.5]]}},
    {"method": "GET", "path": "*", "json": {"data": [{"id": "m"}]}},
    {"path": "*", "json": CHAT},
]


def playing() -> Replayed:
    return replayed({"exchanges": EXCHANGES})


def keys_sent(played: Replayed) -> list[str]:
    """The key on each request, oldest first."""
    found = []
    for envelope in played.sent:
        fields = dict(envelope.headers)
        found.append((fields.get(b"authorization") or fields.get(b"x-api-key") or b"").decode().removeprefix("Bearer "))
    return found


def built(played: Replayed, name: str = "openai", **own: Any) -> ModelClient:
    mine = ProviderSettings(**own)
    keys = leasing({name: mine}, fake_world(), read_keys)
    parts = ClientParts(world=fake_world(), keys=keys, make_transport=lambda _: played.transport)
    return build_client(name, mine, parts).unwrap()


Asking: TypeAlias = Callable[[ModelClient], Coroutine[Any, Any, object]]


async def streamed(client: ModelClient) -> object:
    async with aclosing(client.stream(LLMRequest("hello"))) as events:
        return [event async for event in events]


EVERYTHING: dict[str, Asking] = {
    "generate": lambda client: settle(client.generate(LLMRequest("hello"))),
    "stream": streamed,
    "embed": lambda client: settle(client.embed(EmbedRequest(texts=("a",)))),
    "moderate": lambda client: settle(client.moderate(ModerationRequest(texts=("a",)))),
    "create_image": lambda client: settle(client.create_image(ImageRequest(prompt="a heron"))),
    "health": lambda client: settle(client.health()),
    "list_models": lambda client: settle(client.list_models()),
}


@pytest.mark.parametrize("asking", EVERYTHING)
async def test_everything_a_client_is_asked_takes_its_turn_of_the_keys(asking: str) -> None:
    played = playing()
    client = built(played, api_key=A, api_keys=(B,), key_rotation="spread")
    for _ in range(3):
        await EVERYTHING[asking](client)
    assert keys_sent(played) == [A.reveal(), B.reveal(), A.reveal()]


@pytest.mark.parametrize("asking", EVERYTHING)
async def test_keys_are_fetched_for_whatever_is_asked_first(asking: str, tmp_path: Path) -> None:
    file = tmp_path / "keys"
    file.write_text(C.reveal() + "\n", "utf-8")
    played = playing()
    await EVERYTHING[asking](built(played, api_key_file=str(file)))
    assert keys_sent(played) == [C.reveal()]


@pytest.mark.parametrize("asking", EVERYTHING)
async def test_without_any_key_nothing_is_sent(asking: str, tmp_path: Path) -> None:
    played = playing()
    told = await EVERYTHING[asking](built(played, api_key_file=str(tmp_path / "absent.keys")))
    assert played.sent == []
    assert "absent.keys does not exist" in repr(told)
    assert str(tmp_path) not in repr(told)


@pytest.mark.parametrize("name", ["anthropic", "gemini", "cohere", "ollama", "openrouter"])
async def test_every_dialect_sends_the_chosen_key(name: str) -> None:
    played = playing()
    client = built(played, name, api_keys=(A, B), key_rotation="spread", base_url="https://gateway.example")
    for _ in range(2):
        await settle(client.list_models())
        await settle(client.generate(LLMRequest("hello")))
        await settle(client.embed(EmbedRequest(texts=("a",))))
        await settle(client.health())
    sent = [dict(envelope.headers) for envelope in played.sent]
    by_key = [sum(key.reveal().encode() in value for fields in sent for value in fields.values()) for key in (A, B)]
    assert sum(by_key) == len(sent), "each request carries one of them"
    assert all(by_key)


async def test_models_on_a_server_behind_a_gateway_are_managed_with_the_chosen_key() -> None:
    played = playing()
    client = built(played, "ollama", api_keys=(A, B), base_url="http://127.0.0.1:11434")
    local = client.local_models
    assert local is not None
    told: list[object] = [
        await settle(local.stored()),
        await settle(local.running()),
        await settle(local.show("m")),
        await settle(local.delete("m")),
    ]
    async with aclosing(local.pull("m")) as events:
        told += [event async for event in events]
    assert len(told) >= 5
    assert set(keys_sent(played)) == {A.reveal()}


async def test_an_error_names_the_key_that_was_sent_and_hides_it() -> None:
    def echoing(envelope: Envelope) -> Settled[WireReply, LLMError]:
        said = dict(envelope.headers)[b"authorization"]
        return Success(WireReply(status=401, headers=(), body=b'{"error": {"message": "wrong: %b"}}' % said))

    async def send(envelope: Envelope) -> Settled[WireReply, LLMError]:
        return echoing(envelope)

    transport = evolve(playing().transport, send=send)
    mine = ProviderSettings(api_keys=(A, B), key_rotation="spread")
    parts = ClientParts(world=fake_world(), keys=leasing({"openai": mine}, fake_world(), read_keys), make_transport=lambda _: transport)
    client = build_client("openai", mine, parts).unwrap()
    for key in (A, B):
        outcome = await settle(client.embed(EmbedRequest(texts=("a",))))
        assert isinstance(outcome, Failure)
        error = outcome.failure()
        assert isinstance(error, AuthenticationFailed)
        assert error.origin is not None
        assert error.origin.key_fingerprint == key.fingerprint
        assert "canary" not in repr(error)


def test_one_static_key_leaves_the_client_as_it_is() -> None:
    played = playing()
    mine = ProviderSettings(api_key=A)
    parts = ClientParts(world=fake_world(), make_transport=lambda _: played.transport)
    assert build_client("openai", mine, parts).unwrap().key is A
    assert built(played, api_keys=(B,)).key is B


@pytest.mark.parametrize("name", ["openai", "anthropic", "gemini", "groq", "cohere"])
def test_a_provider_with_a_source_and_no_key_can_be_built(name: str) -> None:
    async def source() -> tuple[Secret, ...]:
        return (A,)

    for mine in (ProviderSettings(key_source=source), ProviderSettings(api_key_file="/run/secrets/keys"), ProviderSettings(api_keys=(A,))):
        assert isinstance(make_model_client(name, mine, fake_world()), Success)
        deps = default_deps(LLMConfig(providers={name: mine}), fake_world()).unwrap()
        assert name in deps.clients
    assert isinstance(make_model_client(name, ProviderSettings(), fake_world()), Failure)


def test_every_key_is_judged_when_the_client_is_built() -> None:
    outcome = make_model_client("openai", ProviderSettings(api_key=A, api_keys=(Secret("two words"),)), fake_world())
    assert isinstance(outcome, Failure)
    assert isinstance(outcome.failure(), ConfigurationError)
    assert "two words" not in describe(outcome.failure()) + repr(outcome.failure())


async def test_the_journal_and_the_gates_hear_of_the_key_that_is_sent_for_what_is_no_chat() -> None:
    played, told = playing(), list[Event]()
    config = LLMConfig(providers={"openai": ProviderSettings(api_key=A, api_keys=(B,), key_rotation="spread")})
    deps = default_deps(config, fake_world(), played.transport).unwrap()
    manager = make_llm_manager(config, evolve(deps, journal=Journal(emit=told.append))).unwrap()
    async with manager:
        for text in ("a", "b", "c"):
            assert isinstance(await settle(manager.embed(EmbedRequest(texts=(text,), provider="openai"))), Success)
        assert isinstance(await settle(manager.generate(LLMRequest("d", preferences=Preferences(provider="openai")))), Success)
        assert [each.uses for each in manager.standing().keys] == [2, 2]
    assert keys_sent(played) == [A.reveal(), B.reveal(), A.reveal(), B.reveal()]
    heard = [each.key_fingerprint for each in told if isinstance(each, AttemptStarted)]
    assert heard == [Secret(key).fingerprint for key in keys_sent(played)]
    assert "canary" not in repr(told)


def refusing(*, accepted: Secret, seen: list[tuple[str, str]]) -> Callable[[str | None], Transport]:
    """A transport whose servers take one key and refuse the others, noting who was sent what."""
    good = playing().transport

    async def send(envelope: Envelope) -> Settled[WireReply, LLMError]:
        fields = dict(envelope.headers)
        key = (fields.get(b"authorization") or fields.get(b"x-api-key") or b"").decode().removeprefix("Bearer ")
        seen.append((envelope.provider, key))
        if key != accepted.reveal():
            return Success(WireReply(status=401, headers=(), body=b'{"error": {"message": "Incorrect API key provided"}}'))
        return await good.send(envelope)

    return lambda _: evolve(good, send=send)


def test_a_refused_key_gives_way_to_the_next_within_one_call_and_is_not_sent_again() -> None:
    async def scenario() -> None:
        seen, told = list[tuple[str, str]](), list[Event]()
        config = LLMConfig(providers={"openai": ProviderSettings(api_keys=(A, B))})
        transport = refusing(accepted=B, seen=seen)(None)
        deps = default_deps(config, fake_world(), transport).unwrap()
        async with make_llm_manager(config, evolve(deps, journal=Journal(emit=told.append))).unwrap() as manager:
            for text in ("one", "two"):
                assert isinstance(await settle(manager.generate(LLMRequest(text, preferences=Preferences(provider="openai")))), Success)
        assert [key for _, key in seen] == [A.reveal(), B.reveal(), B.reveal()]
        changes = [(each.key_fingerprint, each.change) for each in told if isinstance(each, KeyChanged)]
        assert changes == [(A.fingerprint, "refused"), (B.fingerprint, "preferred")]

    run_virtual(scenario())


@settings(max_examples=25, deadline=None)
@given(
    st.dictionaries(st.sampled_from(["openai", "anthropic", "groq", "cohere"]), st.integers(1, 3), min_size=2),
    st.lists(st.sampled_from(["generate", "embed", "health", "models"]), min_size=1, max_size=4),
    st.sampled_from(["failover", "spread"]),
)
def test_a_key_reaches_only_its_providers_transport(counts: dict[str, int], asked: list[str], rotation: Any) -> None:
    """Whoever is asked whatever, with every key refused so that each call goes through all providers and keys."""

    async def scenario() -> None:
        seen = list[tuple[str, str]]()
        own = {name: tuple(Secret(f"sk-canary-{name}-{n}") for n in range(count)) for name, count in counts.items()}
        providers = {name: ProviderSettings(api_keys=keys, key_rotation=rotation) for name, keys in own.items()}
        config = LLMConfig(providers=providers, routing=RoutingPolicy(fallback_order=tuple(counts)))
        transport = refusing(accepted=Secret("none"), seen=seen)(None)
        async with make_llm_manager(config, default_deps(config, fake_world(), transport).unwrap()).unwrap() as manager:
            for each in ("generate", *asked):
                match each:
                    case "generate":
                        assert isinstance(await settle(manager.generate(LLMRequest("hello"))), Failure)
                    case "embed":
                        await settle(manager.embed(EmbedRequest(texts=("a",))))
                    case "health":
                        await settle(manager.health())
                    case _:
                        await settle(manager.models())
        assert seen
        for provider, key in seen:
            assert key in {secret.reveal() for secret in own[provider]}

    run_virtual(scenario())


def test_a_key_at_hand_is_for_its_endpoint_alone() -> None:
    here, there = (Endpoint(provider=name, base_url=f"https://{name}.example/v1", locality="cloud") for name in ("one", "other"))
    with sending(here, A):
        assert key_at_hand(here, B) is A
        assert key_at_hand(there, B) is B
        with sending(there, C):
            assert key_at_hand(here, B) is B
        with sending(here, None):
            assert key_at_hand(here) is A
    assert key_at_hand(here) is None


def test_keys_that_managers_share_are_one_ring() -> None:
    config = LLMConfig(providers={"openai": ProviderSettings(api_keys=(A, B))})
    deps = default_deps(config, fake_world()).unwrap()
    assert isinstance(deps.keys, Keys)
    assert default_deps(LLMConfig(providers={"openai": ProviderSettings(api_key=A)}), fake_world()).unwrap().keys is None
