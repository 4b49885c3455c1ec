"""Whatever a key, a token, a header or a signature holds: it goes out byte for byte, or nothing does."""

import re
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from returns.result import Failure, Success

from llm_manager import LLMRequest, ProviderSettings, settle
from llm_manager.clients.catalogue import build_client
from llm_manager.domain.errors import AuthenticationFailed, ConfigurationError
from llm_manager.domain.secrets import Secret
from llm_manager.domain.wire_requests import WireRequest
from llm_manager.layers.leasing import leasing
from llm_manager.services.model_client import ClientParts
from llm_manager.settings.key_files import read_keys
from llm_manager.testing import fake_world, run_virtual
from llm_manager.testing.replaying import Replayed, replayed

NAME = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
VALUE = re.compile(rb"[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?")
DANGEROUS = ["a\r\nX-Evil: 1", "a\nX-Evil: 1", "a\rX", "a\x00b", "a\x0bb", "a\x85b", "a\u2028b", "a\u010ab", " a", "a ", "\ta", "", "a\n\n"]
text = st.text(max_size=30) | st.sampled_from(DANGEROUS) | st.text("abc-_.", min_size=1, max_size=20)


def asked(**own: Any) -> tuple[Replayed, object]:
    """A client of these settings, asked once if it can be built at all."""
    played = replayed({"exchanges": [{"path": "*", "json": {"choices": [{"message": {"content": "hi"}, "finish_reason": "stop"}]}}]})
    mine = ProviderSettings(**own)
    keys = leasing({"openai": mine}, fake_world(), read_keys)
    parts = ClientParts(world=fake_world(), keys=keys, make_transport=lambda _: played.transport)
    built = build_client("openai", mine, parts)
    if isinstance(built, Failure):
        return played, built.failure()
    outcome = run_virtual(settle(built.unwrap().generate(LLMRequest("hello"))))
    return played, None if isinstance(outcome, Success) else outcome.failure()


def check(played: Replayed, error: object, given_text: str, sent_as: bytes) -> None:
    """Refused with nothing sent and nothing repeated, or sent as it was given."""
    for envelope in played.sent:
        assert all(NAME.fullmatch(name) and VALUE.fullmatch(value) for name, value in envelope.headers)
    if error is not None:
        assert isinstance(error, ConfigurationError | AuthenticationFailed)
        assert played.sent == []
        assert len(given_text) < 8 or given_text not in repr(error)
    else:
        (envelope,) = played.sent
        assert sent_as in {value for _, value in envelope.headers}
        assert not any(name.lower() == b"x-evil" for name, _ in envelope.headers)


@settings(max_examples=150, deadline=None)
@given(text)
def test_a_key(key: str) -> None:
    """One line end is taken off, as files add it."""
    played, error = asked(api_key=Secret(key))
    check(played, error, key, b"Bearer " + key.removesuffix("\n").removesuffix("\r").encode("utf-8", "replace"))


@settings(max_examples=100, deadline=None)
@given(text, st.integers(0, 2))
def test_one_of_several_keys(key: str, place: int) -> None:
    keys = [Secret("sk-good-0"), Secret("sk-good-1"), Secret("sk-good-2")]
    keys[place] = Secret(key)
    played, error = asked(api_keys=tuple(keys))
    first = keys[0].reveal().removesuffix("\n").removesuffix("\r")
    check(played, error, key, b"Bearer " + first.encode("utf-8", "replace"))


@settings(max_examples=100, deadline=None)
@given(text, st.sampled_from(["key", "token"]))
def test_what_a_function_gives(secret: str, kind: str) -> None:
    async def keys() -> tuple[Secret, ...]:
        return (Secret(secret),)

    async def token() -> Secret:
        return Secret(secret)

    played, error = asked(key_source=keys) if kind == "key" else asked(token_source=token)
    check(played, error, secret, b"Bearer " + secret.removesuffix("\n").removesuffix("\r").encode("utf-8", "replace"))


@settings(max_examples=150, deadline=None)
@given(st.one_of(st.just("X-Own"), text), text, st.booleans())
def test_a_header_and_a_signature(name: str, value: str, signed: bool) -> None:
    def sign(_: WireRequest) -> Mapping[str, str]:
        return {name: value}

    own: dict[str, Any] = {"sign": sign} if signed else {"custom_headers": {name: value}}
    played, error = asked(api_key=Secret("sk-good"), **own)
    check(played, error, value, value.encode("utf-8", "replace"))


@pytest.mark.parametrize("value", DANGEROUS)
def test_each_known_trick_is_refused_or_trimmed(value: str) -> None:
    played, _ = asked(api_key=Secret(value))
    assert not [name for envelope in played.sent for name, _ in envelope.headers if name.lower() == b"x-evil"]
    assert not [each for envelope in played.sent for _, each in envelope.headers if set(each) & set(b"\r\n\x00")]
