"""Every client keeps the laws of codecs, from its encoding to what it makes of any bytes; a new one joins by a line in a table."""

import json
from collections.abc import Sequence
from contextlib import aclosing
from typing import Any

import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st
from returns.result import Failure, Success

from llm_manager.clients.catalogue import build_client
from llm_manager.domain.attempts import Attempt
from llm_manager.domain.configuration import EmbeddedSettings, ProviderSettings
from llm_manager.domain.errors import LLMError
from llm_manager.domain.models import ModelProfile
from llm_manager.domain.requests import LLMRequest, Preferences
from llm_manager.domain.responses import LLMResponse
from llm_manager.domain.secrets import Secret
from llm_manager.domain.streaming import StreamEvent
from llm_manager.outcomes import Settled, sealed
from llm_manager.services.model_client import ClientParts, ModelClient
from llm_manager.testing import attempt_for, fake_world, replayed, run_virtual, scripted
from llm_manager.testing import strategies as some
from llm_manager.testing.laws import decodes, encodes, reads_any_cut, streams_lawfully

CHATTING = ("lmstudio", "llamacpp", "vllm", "openai", "groq", "together", "openrouter")
"""Clients that read chat completions; what a good stream is in other dialects is in `dialects`."""

TALKING = (*CHATTING, "anthropic", "gemini", "cohere", "ollama")
"""Clients that read what a server says over HTTP."""

ENCODING = ("scripted", "embedded", "llama_cpp_cli", *TALKING)
"""Clients that write requests."""


def client(name: str, **exchange: Any) -> ModelClient:
    """The client of a provider, whose server says what the exchange does."""
    if name == "scripted":
        return scripted("x").client
    plain = {"exchanges": [{"path": "*", **(exchange or {"text": ""})}]}
    parts = ClientParts(
        world=fake_world(),
        embedded=EmbeddedSettings(enabled=True),
        make_transport=lambda _: replayed(plain).transport,
    )
    return build_client(name, ProviderSettings(api_key=Secret("sk-test")), parts).unwrap()


def attempt(asked: ModelClient) -> Attempt:
    """One try of its default model."""
    made = attempt_for(LLMRequest("hello"), model=asked.profiles[0], endpoint=asked.endpoint, key=asked.key)
    return made.unwrap()


def answered(name: str, status: int, body: bytes) -> Settled[LLMResponse, LLMError]:
    """What the client makes of a whole body."""
    asked = client(name, status=status, headers={"content-type": "application/json"}, chunks=[body])
    return run_virtual(asked.answer(attempt(asked)))


def streamed(name: str, status: int, chunks: Sequence[bytes]) -> list[Settled[StreamEvent, LLMError]]:
    """What the client makes of a body in chunks."""
    asked = client(name, status=status, headers={"content-type": "text/event-stream"}, chunks=list(chunks))

    async def listen() -> list[Settled[StreamEvent, LLMError]]:
        opened = await asked.open(attempt(asked))
        if isinstance(opened, Failure):
            return [opened]
        async with aclosing(opened.unwrap().rest) as rest:
            return [Success(opened.unwrap().first), *[event async for event in rest]]

    return run_virtual(listen())


@pytest.mark.parametrize("name", ENCODING)
def test_any_request_is_written_or_refused(name: str) -> None:
    """As JSON, the same bytes each time, with no newline in a header."""
    encode = client(name).encode

    @settings(max_examples=30, deadline=None)
    @given(some.requests(), some.profiles())
    def check(request: LLMRequest, profile: ModelProfile) -> None:
        encodes(encode, request, profile)

    check()


@pytest.mark.parametrize("name", [name for name in ENCODING if name != "scripted"])
@pytest.mark.parametrize("wanted", [Preferences(reasoning="high"), Preferences(reasoning="off"), Preferences(prompt_cache="long")], ids=str)
def test_under_strict_parameters_nothing_gives_way(name: str, wanted: Preferences) -> None:
    """What would be left out or changed with a notice is refused; what is heeded is written with none."""
    asked = client(name)
    for profile in (asked.profile(each) for each in {asked.profiles[0].name, *asked.known}):
        request, strictly = (LLMRequest("x", preferences=evolve(wanted, strict_parameters=strict)) for strict in (False, True))
        told, held = (sealed(asked.encode(each, profile)) for each in (request, strictly))
        if isinstance(told, Failure):
            assert isinstance(held, Failure)
            continue
        given_way = bool(told.unwrap().notices)
        assert isinstance(held, Failure) is given_way, (profile.name, told.unwrap().notices)
        silently = wanted.prompt_cache is not None and told.unwrap().body == asked.encode(LLMRequest("x"), profile).unwrap().body
        assert given_way or not silently, f"{profile.name}: prompt_cache was dropped without a word"


CHUNK: dict[str, Any] = {"id": "c", "model": "m", "choices": [{"index": 0, "delta": {"content": "hi"}, "finish_reason": None}]}
SPOKEN: dict[str, Any] = {"candidates": [{"content": {"parts": [{"text": "hi"}], "role": "model"}}], "responseId": "r"}

json_like = st.recursive(
    st.sampled_from(["hi", "stop", "STOP", "SAFETY", "length", "", None, 0, 1, -1, 2.5, True, "error", "data", "m"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    *("id", "model", "choices", "delta", "message", "content", "finish_reason", "usage", "error", "code", "tool_calls"),
                    *("index", "candidates", "parts", "text", "thought", "thoughtSignature", "functionCall", "finishReason"),
                    *("usageMetadata", "type", "content_block", "stop_reason", "stop_details", "partial_json", "thinking", "signature"),
                    *("done", "done_reason", "response", "arguments", "function", "remote_host", "eval_count", "prompt_eval_count"),
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)
bodies = st.binary(max_size=40) | json_like.map(lambda value: json.dumps(value).encode())
events = st.lists(
    st.sampled_from([CHUNK, SPOKEN]).map(json.dumps)
    | json_like.map(json.dumps)
    | st.sampled_from(["[DONE]", json.dumps({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})])
    | st.sampled_from([json.dumps({"candidates": [{"finishReason": word}]}) for word in ("STOP", "SAFETY", "MALFORMED_FUNCTION_CALL")])
    | st.builds(
        lambda kind, more: json.dumps({"type": kind, "index": 0, **(more if isinstance(more, dict) else {})}),
        st.sampled_from(
            [
                *("message_start", "content_block_start", "content_block_delta", "content_block_stop", "message_delta", "message_stop"),
                *("message-start", "content-start", "content-delta", "tool-plan-delta", "tool-call-start", "tool-call-delta"),
                *("message-end", "citation-start"),
            ]
        ),
        json_like,
    ),
    max_size=5,
).map(lambda told: "".join(f"data: {one}\n\n" for one in told).encode())
lines = st.lists(
    st.sampled_from([{"message": {"content": "hi"}, "done": False}, {"message": {}, "done": True}]).map(json.dumps)
    | json_like.map(json.dumps),
    max_size=5,
).map(lambda told: "".join(f"{one}\n" for one in told).encode())
lines = st.lists(
    st.sampled_from([{"message": {"content": "hi"}, "done": False}, {"message": {}, "done": True}]).map(json.dumps)
    | json_like.map(json.dumps),
    max_size=5,
).map(lambda told: "".join(f"{one}\n" for one in told).encode())


@pytest.mark.parametrize("name", TALKING)
def test_any_whole_body_is_an_answer_or_an_error(name: str) -> None:
    """At any status, the same each time."""

    @settings(max_examples=30, deadline=None)
    @given(st.sampled_from([200, 400, 401, 404, 413, 429, 500, 503, 529]), bodies)
    def check(status: int, body: bytes) -> None:
        decodes(lambda told: answered(name, status, told), body)

    check()


@pytest.mark.parametrize("name", TALKING)
def test_any_stream_is_lawful_however_it_is_cut(name: str) -> None:
    """Text, rubbish and all between, in any chunks."""

    @settings(max_examples=30, deadline=None)
    @given(bodies | events | lines, st.lists(st.integers(0, 400), max_size=4))
    def check(body: bytes, cuts: list[int]) -> None:
        reads_any_cut(lambda chunks: streamed(name, 200, chunks), body, cuts)

    check()


@pytest.mark.parametrize("name", CHATTING)
def test_a_good_stream_is_read_whole(name: str) -> None:
    """The laws do not hold for want of anything to say."""
    ending = {"id": "c", "model": "m", "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
    told = [f"data: {json.dumps(one)}\n\n".encode() for one in (CHUNK, CHUNK, ending)]
    heard = streamed(name, 200, [*told, b"data: [DONE]\n\n"])
    streams_lawfully(heard)
    assert [type(event.unwrap()).__name__ for event in heard] == ["TextDelta", "TextDelta", "StreamFinished"]
