"""Reading whole answers: usage, finishes, filters, and any bytes at all."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from returns.result import Failure, Success

from llm_manager.clients.openai_chat.codec import decode
from llm_manager.domain.errors import ConfigurationError, ContentFiltered, LLMError, MalformedResponse, ModelUnavailable, RateLimitExceeded
from llm_manager.domain.messages import ToolCall
from llm_manager.domain.responses import LLMResponse
from llm_manager.domain.usage import Usage
from llm_manager.domain.wire_requests import WireReply
from llm_manager.outcomes import Settled
from llm_manager.testing.laws import codecs
from tests.clients.openai_chat.bodies import LLAMACPP, OPENAI, TOOLS, WHO


def read(body: object, status: int = 200, headers: tuple[tuple[str, str], ...] = ()) -> Settled[LLMResponse, LLMError]:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return decode(WireReply(status=status, headers=headers, body=raw), WHO, wall=0.0)


def answer(body: object, **kwargs: Any) -> LLMResponse:
    outcome = read(body, **kwargs)
    assert isinstance(outcome, Success), outcome
    return outcome.unwrap()


def error(body: object, **kwargs: Any) -> LLMError:
    outcome = read(body, **kwargs)
    assert isinstance(outcome, Failure), outcome
    return outcome.failure()


def with_choice(**fields: object) -> dict[str, object]:
    return {**OPENAI, "choices": [{"index": 0, "message": {"content": "x"}, "finish_reason": "stop", **fields}]}


def test_an_answer_of_openai() -> None:
    """Cached and reasoning tokens are taken out of the buckets that OpenAI counts them in."""
    response = answer(OPENAI, headers=(("x-request-id", "req_9"),))
    assert response.content == "positive"
    assert (response.model, response.provider, response.request_id) == ("gpt-4o-mini-2024-07-18", "openai", "req_9")
    assert response.finish == "stop"
    assert response.usage == Usage(input_tokens=93, cache_read_tokens=1024, output_tokens=14, reasoning_tokens=32)
    assert response.usage.total_tokens == 1163


def test_an_answer_of_llama_cpp() -> None:
    """Reasoning stands apart from the answer, and an id in the body names the call."""
    response = answer(LLAMACPP)
    assert (response.content, response.reasoning, response.request_id) == ("Paris.", "France", "chatcmpl-x")


def test_tool_calls() -> None:
    """Calls are kept as they were written, unchecked."""
    response = answer(TOOLS)
    assert response.finish == "tool_calls"
    assert response.tool_calls == (
        ToolCall(id="call_1", name="weather", arguments='{"city":"Oslo"}'),
        ToolCall(id="call_2", name="time", arguments="{}"),
    )


@pytest.mark.parametrize(
    ("word", "finish"),
    [
        ("stop", "stop"),
        ("eos", "stop"),
        ("length", "length"),
        ("tool_calls", "tool_calls"),
        ("function_call", "tool_calls"),
        ("brand_new", "other"),
        (None, "other"),
    ],
)
def test_finishes(word: str | None, finish: str) -> None:
    """A word that is not known is never taken for a good ending."""
    assert answer(with_choice(finish_reason=word)).finish == finish


def test_stop_with_tool_calls_is_a_finish_for_tools() -> None:
    """Some local servers say stop when they mean tool calls."""
    call = {"id": "c", "function": {"name": "f", "arguments": {"a": 1}}}
    response = answer(with_choice(message={"content": "", "tool_calls": [call]}))
    assert response.finish == "tool_calls"
    assert response.tool_calls == (ToolCall(id="c", name="f", arguments='{"a":1}'),)


@pytest.mark.parametrize(
    "body",
    [with_choice(finish_reason="content_filter"), with_choice(message={"content": None, "refusal": "I cannot help with that"})],
    ids=["filtered", "refused"],
)
def test_refusals_are_failures(body: dict[str, object]) -> None:
    """An answer that was withheld is no answer; what there is of it is not shown."""
    refused = error(body)
    assert isinstance(refused, ContentFiltered)
    assert refused.partial
    assert refused.partial not in repr(refused)


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        (None, None),
        ({}, None),
        ({"prompt_tokens": 4}, Usage(input_tokens=4)),
        ({"prompt_tokens": 4.0, "completion_tokens": 2}, Usage(input_tokens=4, output_tokens=2)),
        ({"prompt_tokens": True, "completion_tokens": 2}, Usage(output_tokens=2)),
        ({"prompt_tokens": -4, "completion_tokens": 10**400}, None),
        (
            {"prompt_tokens": 3, "completion_tokens": 1, "prompt_tokens_details": {"cached_tokens": 9}},
            Usage(cache_read_tokens=3, output_tokens=1),
        ),
        (
            {"prompt_tokens": 10, "completion_tokens": 1, "prompt_tokens_details": {"cached_tokens": 2, "cache_write_tokens": 5}},
            Usage(input_tokens=3, cache_read_tokens=2, cache_write_tokens=5, output_tokens=1),
        ),
        (
            {"prompt_tokens": 10, "completion_tokens": 4, "total_tokens": 20, "completion_tokens_details": {"reasoning_tokens": 6}},
            Usage(input_tokens=10, output_tokens=4, reasoning_tokens=6),
        ),
        ("nonsense", None),
    ],
)
def test_usage_in_buckets_that_do_not_overlap(usage: object, expected: Usage | None) -> None:
    """Providers count some tokens twice, or apart; what is no count is not told."""
    assert answer({**OPENAI, "usage": usage}).usage == expected


@given(prompt=st.integers(0, 10**6), cached=st.integers(0, 10**6), written=st.integers(0, 10**6), reasoned=st.integers(0, 10**6))
def test_buckets_sum_to_the_providers_total(prompt: int, cached: int, written: int, reasoned: int) -> None:
    """However the details are split, nothing is counted twice and nothing is lost."""
    cached, reasoned = min(cached, prompt), min(reasoned, written)
    usage = answer(
        {
            **OPENAI,
            "usage": {
                "prompt_tokens": prompt,
                "completion_tokens": written,
                "total_tokens": prompt + written,
                "prompt_tokens_details": {"cached_tokens": cached},
                "completion_tokens_details": {"reasoning_tokens": reasoned},
            },
        }
    ).usage
    assert usage is not None
    assert usage.total_tokens == prompt + written


def test_an_error_in_a_good_answer_is_an_error() -> None:
    """OpenRouter answers 200 and says in the body what failed, for the whole or for the choice."""
    assert isinstance(error({"error": {"code": 429, "message": "slow"}}), RateLimitExceeded)
    assert isinstance(error({**OPENAI, "error": {"code": 502, "message": "down"}}), ModelUnavailable)
    assert isinstance(error(with_choice(error={"code": 503, "message": "down"}, finish_reason="error")), ModelUnavailable)
    assert isinstance(error(with_choice(finish_reason="error")), ModelUnavailable)
    assert answer({**OPENAI, "error": None}).content == "positive"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<!doctype html><html></html>",
        b"[]",
        b"null",
        b"3",
        b'"text"',
        b"{}",
        b'{"choices":[]}',
        b'{"choices":null}',
        b'{"choices":NaN}',
        b'{"choices":[{"message":{"content":"\\ud800"}}]}',
        b'{"choices":[{"message":{"content":"\xff"}}]}',
        b'{"id":"\xff","choices":[]}',
        b'{"choices":[' + b"[" * 100_000 + b"]}",
        b'{"a":' * 100_000,
        b'{"choices":1e999}',
        b'{"choices":["x", 3]}',
    ],
)
def test_what_is_no_answer_is_a_value(body: bytes) -> None:
    """Depth, surrogates, infinities and pages of HTML are failures, never exceptions."""
    assert isinstance(error(body), MalformedResponse)


def test_an_error_that_cannot_be_read_is_still_an_error() -> None:
    """Its bytes are shown as far as they are text."""
    unreadable = error(b'{"choices":[],"error":"\xff\xfe"}')
    assert isinstance(unreadable, ModelUnavailable)


def test_a_redirect_is_a_configuration_error() -> None:
    """The address is wrong, and following would give the prompt away."""
    assert isinstance(error(b"", status=308), ConfigurationError)


@pytest.mark.parametrize(
    ("body", "content"),
    [
        (with_choice(message=None), ""),
        (with_choice(message={"content": [{"type": "text", "text": "a"}, {"type": "image"}, {"type": "text", "text": "b"}]}), "ab"),
        (with_choice(message={"content": 3}), ""),
        (with_choice(index="0"), "x"),
        ({**OPENAI, "id": 7, "model": None, "x_groq": {"id": "req"}}, "positive"),
        (b"\xef\xbb\xbf" + json.dumps(OPENAI).encode(), "positive"),
        ({**OPENAI, "x_groq": {"usage": "?"}, "id": 3}, "positive"),
        (with_choice(message={"content": "x", "tool_calls": "none"}), "x"),
        ({**OPENAI, "usage": {"prompt_tokens": 1, "prompt_tokens_details": 3, "completion_tokens_details": "?"}}, "positive"),
    ],
)
def test_odd_shapes_are_understood(body: object, content: str) -> None:
    """What can be made out is taken; a server that is merely unusual is not refused."""
    assert answer(body).content == content


KEYS = [
    "choices",
    "message",
    "delta",
    "content",
    "tool_calls",
    "function",
    "name",
    "arguments",
    "index",
    "id",
    "finish_reason",
    "usage",
    "prompt_tokens",
    "error",
    "code",
    "type",
    "metadata",
    "message",
    "raw",
    "prompt_tokens_details",
    "cached_tokens",
    "x_groq",
    "refusal",
    "reasoning",
    "detail",
    "innererror",
    "headers",
]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=400, deadline=None)
@given(told=JSON, status=st.sampled_from([200, 201, 400, 402, 403, 404, 413, 422, 429, 498, 500, 503]))
def test_any_json_is_an_answer_or_an_error(told: object, status: int) -> None:
    """Whatever the fields hold."""
    body = json.dumps(told).encode("utf-8", "surrogatepass")
    codecs.decodes(lambda raw: decode(WireReply(status=status, body=raw), WHO, wall=0.0), body)


@settings(max_examples=300, deadline=None)
@given(
    status=st.integers(100, 599),
    body=st.binary(max_size=60) | st.text(alphabet='{}[]":,0eE-nulchoies', max_size=40).map(str.encode),
    headers=st.lists(st.tuples(st.sampled_from(["retry-after", "x-should-retry", "retry-after-ms"]), st.text(max_size=8)), max_size=2),
)
def test_any_bytes_are_an_answer_or_an_error(status: int, body: bytes, headers: list[tuple[str, str]]) -> None:
    """Whatever the status, the headers and the body are."""
    codecs.decodes(lambda raw: decode(WireReply(status=status, headers=tuple(headers), body=raw), WHO, wall=0.0), body)


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_a_damaged_answer_is_a_value(data: st.DataObject) -> None:
    """A real answer with a byte changed, taken out or cut off."""
    body = bytearray(json.dumps(data.draw(st.sampled_from([OPENAI, LLAMACPP, TOOLS]))).encode())
    place = data.draw(st.integers(0, len(body) - 1))
    body[place] = data.draw(st.integers(0, 255))
    damaged = bytes(body[: data.draw(st.integers(0, len(body)))]) if data.draw(st.booleans()) else bytes(body)
    codecs.decodes(lambda raw: decode(WireReply(status=200, body=raw), WHO, wall=0.0), damaged)
