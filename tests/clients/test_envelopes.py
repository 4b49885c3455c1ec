"""What goes onto the wire around a request: a signature by the user's own function, and who hears which key was used."""

import hashlib
import hmac
from collections.abc import Mapping
from contextlib import aclosing

import pytest
from attrs import evolve
from returns.result import Failure, Success

from llm_manager import LLMConfig, LLMRequest, ProviderSettings, default_deps, make_llm_manager, settle
from llm_manager.clients.catalogue import build_client
from llm_manager.domain.configuration import Sign
from llm_manager.domain.errors import AuthenticationFailed, ConfigurationError
from llm_manager.domain.events import AttemptStarted, Event
from llm_manager.domain.secrets import Secret
from llm_manager.domain.wire_requests import WireRequest
from llm_manager.services.journal import Journal
from llm_manager.services.model_client import ClientParts, ModelClient
from llm_manager.telemetry.logging import _told
from llm_manager.testing import fake_world
from llm_manager.testing.replaying import Replayed, replayed

KEY = Secret("sk-canary-0123456789")
ANSWER = {"choices": [{"message": {"content": "hi"}, "finish_reason": "stop"}]}


def playing() -> Replayed:
    """A server that answers anything in the same words."""
    return replayed({"exchanges": [{"path": "*", "json": ANSWER}, {"method": "GET", "path": "*", "json": {"data": [{"id": "m"}]}}]})


def client_of(played: Replayed, sign: Sign) -> ModelClient:
    """OpenAI's client with a signer."""
    parts = ClientParts(world=fake_world(), make_transport=lambda _: played.transport)
    return build_client("openai", ProviderSettings(api_key=KEY, sign=sign), parts).unwrap()


def digest(wire: WireRequest) -> str:
    """What a gateway would check."""
    return hmac.new(b"shared", b"%b %b\n%b" % (wire.method.encode(), wire.path.encode(), wire.body), hashlib.sha256).hexdigest()


def signer(wire: WireRequest) -> Mapping[str, str]:
    """Signs method, path and body."""
    return {"x-signature": digest(wire)}


async def test_every_request_is_signed_as_it_goes_out() -> None:
    """Whole answers, streams and small questions, each over its own bytes; the signer sees no key."""
    played, seen = playing(), list[WireRequest]()

    def watching(wire: WireRequest) -> Mapping[str, str]:
        seen.append(wire)
        return signer(wire)

    client = client_of(played, watching)
    assert isinstance(await settle(client.generate(LLMRequest("hello"))), Success)
    async with aclosing(client.stream(LLMRequest("hello"))) as events:
        assert [isinstance(event, Success) async for event in events]
    assert isinstance(await settle(client.list_models()), Success)
    assert len(played.sent) == len(seen) == 3
    for envelope, wire in zip(played.sent, seen, strict=True):
        assert envelope.body == wire.body
        assert envelope.url.endswith(wire.path)
        assert dict(envelope.headers)[b"x-signature"].decode() == digest(wire)
        assert KEY.reveal() not in repr(wire) + str(wire.headers)
    assert b'"stream":true' in seen[1].body


async def test_a_signer_that_raises_signs_nothing_and_its_words_are_not_told() -> None:
    """Nothing is sent."""
    played = playing()

    def failing(wire: WireRequest) -> Mapping[str, str]:
        raise ValueError("the secret is swordfish")

    client = client_of(played, failing)
    for outcome in (await settle(client.generate(LLMRequest("hello"))), await settle(client.list_models())):
        error = outcome.failure()
        assert isinstance(error, AuthenticationFailed)
        assert "ValueError" in error.message
        assert "swordfish" not in repr(error)
    assert played.sent == []


@pytest.mark.parametrize("fields", [{"x-a": "b\r\nx-evil: 1"}, {"bad name": "x"}])
async def test_a_signature_that_is_no_header_is_refused(fields: Mapping[str, str]) -> None:
    """As any other header would be."""
    played = playing()
    outcome = await settle(client_of(played, lambda _: fields).generate(LLMRequest("hello")))
    assert isinstance(outcome, Failure)
    assert isinstance(outcome.failure(), ConfigurationError)
    assert played.sent == []


async def test_the_journal_hears_which_key_was_used_and_never_the_key() -> None:
    """By its fingerprint, in the event and in the log's line."""
    heard: list[Event] = []
    config = LLMConfig(providers={"openai": ProviderSettings(api_key=KEY)})
    deps = default_deps(config, fake_world(), transport=playing().transport).unwrap()

    async with make_llm_manager(config, evolve(deps, journal=Journal(emit=heard.append))).unwrap() as manager:
        assert isinstance(await settle(manager.generate(LLMRequest("hello"))), Success)
    (started,) = [event for event in heard if isinstance(event, AttemptStarted)]
    assert started.key_fingerprint == KEY.fingerprint
    assert KEY.fingerprint in _told(started)
    assert KEY.reveal() not in repr(heard) + "".join(map(_told, heard))


def test_another_version_of_an_api_is_another_endpoint() -> None:
    """What it answers is remembered apart."""
    parts = ClientParts(world=fake_world(), make_transport=lambda _: playing().transport)
    old, new = (
        build_client("anthropic", ProviderSettings(api_key=KEY, api_version=version), parts).unwrap() for version in ("2023-06-01", None)
    )
    assert old.endpoint.base_url == new.endpoint.base_url
    assert old.endpoint.identity != new.endpoint.identity
