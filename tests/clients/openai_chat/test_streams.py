"""Reading streams: the same however they are cut, equal to the whole answer, and never complete without their terminator."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from returns.result import Failure, Success

from llm_manager.clients.openai_chat.codec import Event, begun, decode, decode_event
from llm_manager.domain.errors import (
    ContentFiltered,
    LLMError,
    MalformedResponse,
    ModelUnavailable,
    RateLimitExceeded,
    StreamInterrupted,
)
from llm_manager.domain.messages import ToolCall
from llm_manager.domain.responses import LLMResponse
from llm_manager.domain.streaming import ReasoningDelta, StreamFinished, TextDelta, ToolCallDelta
from llm_manager.domain.usage import Usage
from llm_manager.domain.wire_requests import WireReply
from llm_manager.testing.laws import codecs
from tests.clients.openai_chat.bodies import LLAMACPP, OPENAI, TOOLS, WHO, chunk, split, sse, told

WHOLE = (OPENAI, LLAMACPP, TOOLS)


def finished(events: list[Event]) -> LLMResponse:
    last = events[-1].unwrap()
    assert isinstance(last, StreamFinished)
    return last.response


def failed(events: list[Event]) -> LLMError:
    assert isinstance(events[-1], Failure)
    return events[-1].failure()


@pytest.mark.parametrize("answer", WHOLE, ids=["openai", "llamacpp", "tools"])
def test_a_stream_collected_equals_the_whole_answer(answer: dict[str, Any]) -> None:
    """Text, reasoning, calls, usage, finish, model and id are the same, whichever way they came."""
    streamed = finished(told([sse(*split(answer))]))
    assert Success(streamed) == decode(WireReply(status=200, body=json.dumps(answer).encode()), WHO, wall=0.0)


def text() -> st.SearchStrategy[str]:
    return st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=12)


@settings(max_examples=150, deadline=None)
@given(
    content=text(),
    reasoning=text(),
    arguments=st.lists(text(), max_size=3),
    finish=st.sampled_from(["stop", "length", "tool_calls", "odd"]),
    usage=st.booleans(),
)
def test_any_answer_streamed_equals_itself(content: str, reasoning: str, arguments: list[str], finish: str, usage: bool) -> None:
    """The law, for made-up answers."""
    calls = [{"id": f"c{place}", "function": {"name": f"f{place}", "arguments": said}} for place, said in enumerate(arguments)]
    message = {"content": content, "reasoning_content": reasoning, "tool_calls": calls}
    answer: dict[str, Any] = {"id": "i", "model": "m", "choices": [{"message": message, "finish_reason": finish}]}
    if usage:
        answer["usage"] = {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7}
    streamed = finished(told([sse(*split(answer))]))
    assert Success(streamed) == decode(WireReply(status=200, body=json.dumps(answer).encode()), WHO, wall=0.0)


@settings(max_examples=80, deadline=None)
@given(answer=st.sampled_from(WHOLE), end=st.sampled_from([b"\n", b"\r\n", b"\r"]), cuts=st.lists(st.integers(0, 10_000), max_size=12))
def test_however_a_stream_is_cut_into_chunks_its_events_are_the_same(answer: dict[str, Any], end: bytes, cuts: list[int]) -> None:
    """At any byte, with any line ends."""
    body = sse(*split(answer), end=end)
    codecs.reads_any_cut(lambda chunks: told(list(chunks)), body, cuts)
    assert told([body]) == told([sse(*split(answer))])


def test_a_stream_byte_by_byte() -> None:
    """The hardest cut of all."""
    body = sse(*split(OPENAI), end=b"\r\n")
    assert told([bytes([byte]) for byte in body]) == told([body])


@settings(max_examples=80, deadline=None)
@given(answer=st.sampled_from(WHOLE), place=st.floats(0, 1, exclude_max=True))
def test_a_stream_that_ends_before_its_terminator_is_interrupted(answer: dict[str, Any], place: float) -> None:
    """Wherever it is cut, the failure carries the text told so far, and it is never a success."""
    body = sse(*split(answer), done=False)
    events = told([body[: int(len(body) * place)]])
    error = failed(events)
    assert isinstance(error, StreamInterrupted)
    so_far = [event.unwrap() for event in events[:-1]]
    assert error.partial == "".join(event.text for event in so_far if isinstance(event, TextDelta))
    assert error.origin is not None
    assert error.origin.charge == "certain"
    codecs.streams_lawfully(events)


def test_every_kind_of_event_in_order() -> None:
    """Reasoning, text and calls come as they are told."""
    body = sse(
        chunk({"role": "assistant", "reasoning": "hm"}),
        chunk({"content": "a"}),
        chunk({"content": "b", "tool_calls": [{"index": 0, "id": "c", "function": {"name": "f", "arguments": "{"}}]}),
        chunk({"tool_calls": [{"index": 0, "function": {"arguments": "}"}}]}, finish="tool_calls"),
        chunk(usage={"prompt_tokens": 1, "completion_tokens": 2}),
    )
    events = [event.unwrap() for event in told([body])]
    assert events[:-1] == [
        ReasoningDelta(text="hm"),
        TextDelta(text="a"),
        TextDelta(text="b"),
        ToolCallDelta(index=0, id="c", name="f", arguments="{"),
        ToolCallDelta(index=0, arguments="}"),
    ]
    response = finished(told([body]))
    assert response.tool_calls == (ToolCall(id="c", name="f", arguments="{}"),)
    assert response.usage == Usage(input_tokens=1, output_tokens=2)


def test_a_stream_without_usage() -> None:
    """Some local servers never tell it; Groq tells it in a corner of its own."""
    assert finished(told([sse(chunk({"content": "a"}, finish="stop"))])).usage is None
    groq = chunk({"content": "a"}, finish="stop", x_groq={"id": "r", "usage": {"prompt_tokens": 2, "completion_tokens": 1}})
    assert finished(told([sse(groq)])).usage == Usage(input_tokens=2, output_tokens=1)


def test_calls_of_servers_that_count_them_badly() -> None:
    """All with index 0, or with none: their ids tell them apart."""
    same = [{"index": 0, "id": name, "function": {"name": name, "arguments": "{}"}} for name in ("a", "b")]
    none = [{"id": name, "function": {"name": name, "arguments": ""}} for name in ("a", "b")]
    tail = [{"function": {"arguments": "{}"}}]
    for pieces in ([[same[0]], [same[1]]], [none[:1], tail, none[1:], [{"id": "b", "function": {"arguments": "{}"}}]]):
        response = finished(told([sse(*[chunk({"tool_calls": piece}) for piece in pieces], chunk({}, finish="stop"))]))
        assert [(call.name, call.arguments) for call in response.tool_calls] == [("a", "{}"), ("b", "{}")]


def piece(index: int | None = None, own_id: str | None = None, name: str | None = None, arguments: str = "") -> dict[str, Any]:
    """A piece of a call with only what is told."""
    given = {"index": index, "id": own_id, "function": {"name": name, "arguments": arguments}}
    return {key: value for key, value in given.items() if value is not None}


COUNTED_ODDLY = {
    "from one, as behind some routers": [piece(1, "a", "f"), piece(1, arguments="{}"), piece(2, "b", "g"), piece(2, arguments="{}")],
    "with gaps, mixed": [piece(3, "a", "f"), piece(7, "b", "g"), piece(3, arguments="{}"), piece(7, arguments="{}")],
    "always nought": [piece(0, "a", "f"), piece(0, arguments="{}"), piece(0, "b", "g"), piece(0, arguments="{}")],
    "not at all, and nameless ids": [piece(name="f"), piece(arguments="{}"), piece(name="g", arguments="{}")],
    "not at all, with ids": [piece(None, "a", "f", "{"), piece(None, "a", arguments="}"), piece(None, "b", "g", "{}")],
}


@pytest.mark.parametrize("together", [True, False])
@pytest.mark.parametrize("pieces", COUNTED_ODDLY.values(), ids=list(COUNTED_ODDLY))
def test_no_call_is_lost_or_split_however_a_server_counts(pieces: list[dict[str, Any]], together: bool) -> None:
    """In one event or several; events give the place that the call has in the answer."""
    events = [chunk({"tool_calls": part}) for part in ([pieces] if together else [[each] for each in pieces])]
    heard = told([sse(*events, chunk({}, finish="tool_calls"))])
    calls = finished(heard).tool_calls
    assert [(call.name, call.arguments) for call in calls] == [("f", "{}"), ("g", "{}")]
    assert len({call.id for call in calls}) == 2
    deltas = [each for event in heard if isinstance(each := event.unwrap(), ToolCallDelta)]
    assert ["".join(delta.arguments for delta in deltas if delta.index == place) for place in (0, 1)] == ["{}", "{}"]


@pytest.mark.parametrize("ids", [("", ""), (None, None), ("same", "same")])
def test_calls_of_a_whole_answer_are_never_one(ids: tuple[str | None, str | None]) -> None:
    """Each entry is a call, with an id of its own or without."""
    calls = [piece(None, own_id, name, "{}") for own_id, name in zip(ids, "fg", strict=True)]
    body = {"choices": [{"message": {"content": None, "tool_calls": calls}, "finish_reason": "tool_calls"}]}
    answer = decode(WireReply(status=200, body=json.dumps(body).encode()), WHO, wall=0.0).unwrap()
    assert [(call.name, call.arguments) for call in answer.tool_calls] == [("f", "{}"), ("g", "{}")]


def test_an_id_that_is_empty_at_first_is_taken_when_it_comes() -> None:
    """Azure opens its streams with a chunk that names nothing."""
    opening = {"id": "", "model": "", "choices": [], "prompt_filter_results": []}
    answer = finished(told([sse(opening, {**chunk({"content": "a"}, finish="stop"), "id": "c-9", "model": "gpt-x"})]))
    assert (answer.request_id, answer.model) == ("c-9", "gpt-x")


@pytest.mark.parametrize("wrapped", [True, False])
def test_an_error_before_anything_is_told_is_the_error_itself(wrapped: bool) -> None:
    """As if the status had been that of the error."""
    problem = {"code": 429, "message": "slow", "metadata": {"headers": {"Retry-After": "7"}}}
    body = sse({"error": problem}) if wrapped else b"event: error\ndata: " + json.dumps(problem).encode() + b"\n\n"
    error = failed(told([body]))
    assert isinstance(error, RateLimitExceeded)
    assert error.retry_after_seconds == 7.0


def test_an_error_after_something_was_told_interrupts() -> None:
    """What was told is kept with the failure, and so is the cause."""
    error = failed(told([sse(chunk({"content": "half"}), {"error": {"code": 502, "message": "provider gone"}})]))
    assert isinstance(error, StreamInterrupted)
    assert error.partial == "half"
    assert "provider gone" in error.message
    assert error.origin is not None
    assert error.origin.status == 502


def test_a_choice_that_ends_with_an_error() -> None:
    """OpenRouter marks the choice, with the error beside it."""
    marked = chunk({"content": ""}, finish="error", error={"code": "server_error", "message": "x"})
    assert isinstance(failed(told([sse(marked)])), ModelUnavailable)


def test_a_filtered_stream_fails_with_what_was_told() -> None:
    """At its end, when the provider says so."""
    error = failed(told([sse(chunk({"content": "so "}), chunk({}, finish="content_filter"))]))
    assert isinstance(error, ContentFiltered)
    assert error.partial == "so "
    refused = failed(told([sse(chunk({"refusal": "I "}), chunk({"refusal": "cannot"}), chunk({}, finish="stop"))]))
    assert isinstance(refused, ContentFiltered)
    assert refused.partial == "I cannot"


def test_rubbish_in_a_stream() -> None:
    """Before anything was told the answer is malformed, after it the stream is interrupted."""
    assert isinstance(failed(told([sse("<html>")])), MalformedResponse)
    assert isinstance(failed(told([sse(chunk({"content": "a"}), "{half")])), StreamInterrupted)
    assert isinstance(failed(told([sse()])), MalformedResponse)


def test_what_is_not_for_us_is_passed_over() -> None:
    """Blank events, other choices, chunks without a choice."""
    other = {"choices": [{"index": 1, "delta": {"content": "no"}}]}
    response = finished(told([sse(" ", {"choices": []}, other, chunk({"content": "yes"}), chunk({}, finish="stop"))]))
    assert response.content == "yes"


def test_nothing_comes_after_the_end() -> None:
    """The terminator is the last word."""
    state, events = decode_event(begun(wall=0.0), json.dumps(chunk({"content": "a"}, finish="stop")).encode(), WHO)
    state, events = decode_event(state, b" [DONE] ", WHO)
    assert len(events) == 1
    assert decode_event(state, b"[DONE]", WHO) == (state, ())


@settings(max_examples=300, deadline=None)
@given(
    payloads=st.lists(st.binary(max_size=20) | st.sampled_from([b"[DONE]", b"{}", b'{"choices":[{"delta":{"content":"a"}}]}']), max_size=6)
)
def test_any_events_keep_the_law(payloads: list[bytes]) -> None:
    """Whatever comes, at most one failure, nothing after it, else one ending."""
    codecs.streams_lawfully(told([b"".join(b"data: " + payload + b"\n\n" for payload in payloads)]))


@settings(max_examples=200, deadline=None)
@given(body=st.binary(max_size=200))
def test_any_bytes_keep_the_law(body: bytes) -> None:
    """Even what is no stream at all."""
    codecs.streams_lawfully(told([body]))
