"""Reading answers and streams: equal, however they are cut, and complete with their last event only."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from returns.result import Failure

from llm_manager.clients.cohere.codec import decode
from llm_manager.clients.telling import Event
from llm_manager.domain.errors import LLMError, MalformedResponse, ModelUnavailable, RequestTimeout, StreamInterrupted
from llm_manager.domain.messages import Thought, ToolCall
from llm_manager.domain.responses import LLMResponse
from llm_manager.domain.streaming import StreamFinished, TextDelta, ToolCallDelta
from llm_manager.domain.usage import Usage
from llm_manager.domain.wire_requests import WireReply
from llm_manager.testing.laws import codecs
from tests.clients.cohere.bodies import TEXT, THOUGHTS, TOOLS, WHO, WHOLE, end, split, sse, text, told


def whole(answer: object) -> LLMResponse:
    return decode(WireReply(status=200, body=json.dumps(answer).encode()), WHO, wall=0.0).unwrap()


def finished(events: list[Event]) -> LLMResponse:
    last = events[-1].unwrap()
    assert isinstance(last, StreamFinished)
    return last.response


def failed(events: list[Event]) -> LLMError:
    assert isinstance(events[-1], Failure)
    return events[-1].failure()


@pytest.mark.parametrize("answer", WHOLE.values(), ids=list(WHOLE))
def test_a_stream_collected_equals_the_whole_answer(answer: dict[str, Any]) -> None:
    """Text, thoughts, calls, usage, finish and id are the same, whichever way they came."""
    assert finished(told([sse(*split(answer))])) == whole(answer)


def test_what_an_answer_says() -> None:
    """What is billed counts, and what was cached of it; thoughts apart from text; the plan before its calls."""
    plain, thinking, calling = (whole(WHOLE[name]) for name in ("text", "thoughts", "tools"))
    assert (plain.content, plain.finish, plain.request_id) == ("LLMs stand for Large Language Models.", "stop", TEXT["id"])
    assert plain.usage == Usage(input_tokens=8, cache_read_tokens=4, output_tokens=9)
    assert (thinking.content, thinking.reasoning) == ("Three sisters.", "Three brothers, so ")
    assert thinking.thoughts == (Thought(text="Three brothers, so "),)
    assert thinking.thoughts[0].signed_by == "cohere command-a-03-2025"
    assert calling.content.startswith("I will look up")
    assert calling.tool_calls == (
        ToolCall(id="query_daily_sales_report_hgxxmkby3wta", name="query_daily_sales_report", arguments='{"day":"2023-09-29"}'),
        ToolCall(id="now_nsz5zm3w56q3", name="now", arguments="{}"),
    )
    assert (calling.finish, calling.usage) == ("tool_calls", Usage(input_tokens=1028, output_tokens=63))


@settings(max_examples=60, deadline=None)
@given(
    answer=st.sampled_from(list(WHOLE.values())),
    line_end=st.sampled_from([b"\n", b"\r\n"]),
    cuts=st.lists(st.integers(0, 10_000), max_size=12),
)
def test_however_a_stream_is_cut_into_chunks_its_events_are_the_same(answer: dict[str, Any], line_end: bytes, cuts: list[int]) -> None:
    """At any byte, with any line ends."""
    body = sse(*split(answer), end=line_end)
    codecs.reads_any_cut(lambda chunks: told(list(chunks)), body, cuts)
    assert told([body]) == told([sse(*split(answer))])


def test_calls_told_in_pieces() -> None:
    """Each piece with its place; a call that nobody began begins with its first piece, and one that has no place is the last one's."""
    events = [event.unwrap() for event in told([sse(*split(TOOLS))])]
    deltas = [event for event in events if isinstance(event, ToolCallDelta)]
    assert [(delta.index, delta.name, delta.arguments) for delta in deltas[:3]] == [
        (0, "query_daily_sales_report", ""),
        (0, "", '{"da'),
        (0, "", 'y":"2023-09-29"}'),
    ]
    piece = {"type": "tool-call-delta", "delta": {"message": {"tool_calls": {"id": "a", "function": {"name": "now", "arguments": "{"}}}}}
    more = {"type": "tool-call-delta", "delta": {"message": {"tool_calls": {"function": {"arguments": "}"}}}}}
    bare = {"type": "tool-call-start", "index": 7, "delta": {"message": {"tool_calls": {"id": "b"}}}}
    answer = finished(told([sse(piece, more, bare, end("TOOL_CALL"))]))
    assert answer.tool_calls == (ToolCall(id="a", name="now"), ToolCall(id="b", name=""))


@pytest.mark.parametrize(
    ("reason", "finish"),
    [("COMPLETE", "stop"), ("STOP_SEQUENCE", "stop"), ("MAX_TOKENS", "length"), ("A_NEW_WORD", "other"), (None, "other")],
)
def test_how_an_answer_ended(reason: str | None, finish: str) -> None:
    """In the same words, whole and streamed; what it took may not be told."""
    streamed = finished(told([sse({"type": "message-start", "id": "x"}, "", text("Hi"), end(reason))]))
    answered = whole({"id": "x", "message": {"content": [{"type": "text", "text": "Hi"}]}, "finish_reason": reason, "usage": {}})
    assert streamed == answered
    assert (streamed.content, streamed.finish, streamed.usage) == ("Hi", finish, None)


def test_a_strange_field_costs_itself_only() -> None:
    """Types that do not fit are left out, the rest is read."""
    strange = {
        "id": 3,
        "message": {"content": [7, {"text": "Hi"}, {"text": 9}], "tool_plan": 1, "tool_calls": {"id": "x"}},
        "finish_reason": "COMPLETE",
        "usage": {"billed_units": {"input_tokens": "many"}, "tokens": {"input_tokens": 3, "output_tokens": -1}},
    }
    answer = whole(strange)
    assert (answer.content, answer.finish, answer.usage) == ("Hi", "stop", Usage(input_tokens=3))


@pytest.mark.parametrize(
    ("pieces", "partial"),
    [((), ""), ((text("half"),), "half"), ((text("half"), "[DONE]"), "half"), (({"type": "content-end", "index": 0},), "")],
    ids=range(4),
)
def test_a_body_that_ends_before_the_model_did_was_interrupted(pieces: tuple[Any, ...], partial: str) -> None:
    """With what was said so far."""
    error = failed(told([sse(*pieces)]))
    assert isinstance(error, StreamInterrupted)
    assert error.partial == partial


@pytest.mark.parametrize(
    ("pieces", "error"),
    [
        (("not json",), MalformedResponse),
        ((end("ERROR"),), ModelUnavailable),
        ((end("ERROR", error="it broke"),), ModelUnavailable),
        ((end("TIMEOUT"),), RequestTimeout),
        (({"message": "internal server error", "id": "x"},), ModelUnavailable),
        (({"type": "debug", "delta": {"error": "it broke"}},), ModelUnavailable),
        ((text("so far"), "not json"), StreamInterrupted),
        ((text("so far"), end("ERROR")), StreamInterrupted),
        ((text("so far"), {"message": "internal server error"}), StreamInterrupted),
    ],
    ids=range(9),
)
def test_ways_in_which_a_stream_fails(pieces: tuple[Any, ...], error: type) -> None:
    """Before anything was delivered as what it is, later as an interruption; nothing comes after it."""
    events = told([sse(*pieces, text("late"), end())])
    codecs.streams_lawfully(events)
    cause = failed(events)
    assert type(cause) is error
    if isinstance(cause, StreamInterrupted):
        happened = [event.unwrap() for event in events[:-1]]
        assert cause.partial == "".join(event.text for event in happened if isinstance(event, TextDelta))


def test_what_is_not_known_is_passed_over() -> None:
    """Citations, ends of blocks, and whatever comes next."""
    odd = ({"type": "citation-start", "delta": {"message": {"citations": {"text": "x"}}}}, {"type": "tomorrow"}, {"type": "content-delta"})
    assert finished(told([sse(*odd, text("Hi"), *odd, end())])).content == "Hi"
    assert whole(THOUGHTS).complete
