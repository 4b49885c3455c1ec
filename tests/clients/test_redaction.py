"""What of a provider's words is kept."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_manager.clients.redaction import LONGEST, redacted

CANARIES = (
    "sk-proj-AbCdEf0123456789_-xyz",
    "sk-ant-api03-AbCdEf0123456789",
    "sk-or-v1-0123456789abcdef",
    "gsk_AbCdEf0123456789",
    "AIzaSyAbCdEf0123456789-_",
    "hf_AbCdEf0123456789",
    "AKIAIOSFODNN7EXAMPLE",
    "AQ.Ab8RN6AbCdEf0123456789-_xyz",
    "ya29.a0AbCdEf0123456789-_xyz",
    "ASIAIOSFODNN7EXAMPLE",
    "github_pat_11AbCdEf0123456789",
    "xai-AbCdEf0123456789",
    "sess-AbCdEf0123456789AbCdEf",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl",
)


@pytest.mark.parametrize("canary", CANARIES)
@pytest.mark.parametrize("around", ["{}", "key: {}.", '{{"key":"{}"}}', "Bearer {}", "x-api-key: {}", "?api_key={}&x=1"])
def test_what_looks_like_a_key_is_hidden(canary: str, around: str) -> None:
    """By its shape, wherever it stands."""
    assert canary not in redacted(around.format(canary))
    assert canary[8:] not in redacted(around.format(canary))


@pytest.mark.parametrize("text", ["Bearer abc123", "Authorization: bearer  s3cr3t/+=", "Basic dXNlcjpwYXNzd29yZA=="])
def test_authorization_is_hidden(text: str) -> None:
    """Whatever the scheme carries."""
    assert text.rsplit(maxsplit=1)[-1] not in redacted(text)


def test_known_secrets_are_hidden_in_every_spelling() -> None:
    """As they are, in JSON, in a URL."""
    secret = 'pa"ss word/é'
    shown = redacted('a pa"ss word/é b pa\\"ss word/é c pa%22ss%20word%2F%C3%A9', secrets=[secret])
    assert shown == "a [redacted] b [redacted] c [redacted]"
    assert redacted("nothing", secrets=["", "abc"]) == "nothing"


def test_echoes_of_the_prompt_are_hidden() -> None:
    """As text and as JSON; a prompt of a few letters would hide ordinary words."""
    prompt = 'my secret\nstory "x" of long ago'
    assert redacted(f'{prompt} | my secret\\nstory \\"x\\" of long ago', prompts=[prompt, "hi"]) == "[prompt] | [prompt]"


def test_ordinary_words_stay() -> None:
    """Messages remain readable."""
    text = "This model's maximum context length is 4097 tokens; task-based basic authentication-free key-value sk"
    assert redacted(text) == text


@given(st.text(max_size=100), st.integers(0, 5000))
def test_it_is_never_long(text: str, times: int) -> None:
    """At most 2048 characters."""
    assert len(redacted(text * times)) <= LONGEST


def test_a_key_at_the_edge_is_not_halved() -> None:
    """Cutting comes after hiding."""
    assert "sk-" not in redacted("x " * 1015 + "sk-abcdefghijklmnop" * 2)


def test_a_secret_at_the_edge_of_what_is_looked_at_is_not_halved() -> None:
    """Though all before it is an echo, and goes."""
    prompt = "a story of long ago, " * 780
    text = prompt[: 16_384 - 10] + "no-shape-known-0123456789"
    assert "no-shape" not in redacted(text, secrets=["no-shape-known-0123456789"], prompts=[prompt])


@pytest.mark.parametrize("hostile", ["bearer ", "sk-", "eyJ" + "a" * 10 + ".", "api_key=", "a", "Basic ", "x-api-key:\t"])
def test_hostile_texts_take_linear_time(hostile: str) -> None:
    """Ten times the text takes nothing like a hundred times the work."""

    def seconds(length: int) -> float:
        text = hostile * (length // len(hostile))
        took = []
        for _ in range(5):
            began = time.process_time()
            redacted(text, secrets=["sk-secret"], prompts=["b" * 50])
            took.append(time.process_time() - began)
        return min(took)

    assert seconds(100_000) < 30 * seconds(10_000) + 0.01
