"""Reading streams: equal to the whole answer, however they are cut, and complete only when the model said so and the body ended."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from returns.result import Failure

from llm_manager.clients.gemini.codec import Event, begun, decode, decode_event, ended
from llm_manager.domain.errors import ContentFiltered, LLMError, MalformedResponse, ModelUnavailable, RateLimitExceeded, StreamInterrupted
from llm_manager.domain.messages import Thought, ToolCall
from llm_manager.domain.responses import LLMResponse
from llm_manager.domain.streaming import ReasoningDelta, StreamFinished, TextDelta, ToolCallDelta
from llm_manager.domain.usage import Usage
from llm_manager.domain.wire_requests import WireReply
from llm_manager.testing.laws import codecs
from tests.clients.gemini.bodies import PROMPT_BLOCKED, TEXT, THOUGHTS, TOOLS, WHO, WHOLE, chunk, split, sse, told


def finished(events: list[Event]) -> LLMResponse:
    last = events[-1].unwrap()
    assert isinstance(last, StreamFinished)
    return last.response


def failed(events: list[Event]) -> LLMError:
    assert isinstance(events[-1], Failure)
    return events[-1].failure()


@pytest.mark.parametrize("answer", WHOLE.values(), ids=list(WHOLE))
def test_a_stream_collected_equals_the_whole_answer(answer: dict[str, Any]) -> None:
    """Text, thoughts, calls, usage, finish, model and id are the same, whichever way they came."""
    streamed = finished(told([sse(*split(answer))]))
    whole = decode(WireReply(status=200, body=json.dumps(answer).encode()), WHO, wall=0.0).unwrap()
    assert streamed == whole


@settings(max_examples=80, deadline=None)
@given(
    answer=st.sampled_from(list(WHOLE.values())),
    end=st.sampled_from([b"\n", b"\r\n", b"\r"]),
    cuts=st.lists(st.integers(0, 10_000), max_size=12),
)
def test_however_a_stream_is_cut_into_chunks_its_events_are_the_same(answer: dict[str, Any], end: bytes, cuts: list[int]) -> None:
    """At any byte, with any line ends."""
    body = sse(*split(answer), end=end)
    codecs.reads_any_cut(lambda chunks: told(list(chunks)), body, cuts)
    assert told([body]) == told([sse(*split(answer))])


def test_events_of_a_stream() -> None:
    """Thoughts apart from text, calls whole, each with its id."""
    events = [event.unwrap() for event in told([sse(*split(TOOLS))])]
    assert events[:-1] == [
        ToolCallDelta(index=0, id="fc_8a1", name="weather", arguments='{"city": "Oslo", "days": 2}'),
        ToolCallDelta(index=1, id="tools1_1", name="time", arguments="{}"),
        ToolCallDelta(index=2, id="tools1_2", name="now", arguments="{}"),
    ]
    thinking = [event.unwrap() for event in told([sse(*split(THOUGHTS))])]
    assert "".join(event.text for event in thinking if isinstance(event, ReasoningDelta)) == "**Weighing it**\n\nFrance, so Paris."
    assert "".join(event.text for event in thinking if isinstance(event, TextDelta)) == "Paris."
    answer = finished(told([sse(*split(THOUGHTS))]))
    assert answer.thoughts == (Thought(signature="EtcBCtQBAXLI2nwF"),)
    assert answer.thoughts[0].signed_by == "gemini gemini-3.8-flash"
    assert answer.usage == Usage(input_tokens=9, output_tokens=2, reasoning_tokens=60)


def test_signatures_stay_with_their_calls() -> None:
    """The first of calls made together is signed, and so it is kept."""
    calls = finished(told([sse(*split(TOOLS))])).tool_calls
    assert calls[0] == ToolCall(id="fc_8a1", name="weather", arguments='{"city": "Oslo", "days": 2}', signature="CiQBcsjafP8=")
    assert [(call.signature != "", call.signed_by) for call in calls] == [(True, "gemini gemini-3.8-flash"), (False, ""), (False, "")]


@pytest.mark.parametrize(
    "pieces",
    [
        (chunk({"text": "Hi"}, finish="STOP"),),
        (chunk({"text": "Hi"}), chunk(finish="STOP", usageMetadata=TEXT["usageMetadata"])),
        (chunk({"text": "Hi"}, finish="STOP"), {"usageMetadata": TEXT["usageMetadata"], "responseId": "s1"}),
        (chunk(finish="STOP"), chunk({"text": "H"}, finish="STOP"), chunk({"text": "i"}, finish="STOP")),
        (chunk({"text": "H"}, finish="STOP"), chunk({"text": "i"})),
        (chunk({"text": "Hi"}), chunk({"text": ""}, finish="STOP"), "[DONE]"),
        (chunk({"text": "Hi"}), {**chunk({"text": "other"}), "candidates": [{"index": 1, "finishReason": "STOP"}]}, chunk(finish="STOP")),
        (chunk({"text": "Hi"}), " ", chunk(finish="STOP")),
        (chunk({"text": "Hi"}), {}, {"promptFeedback": {}}, chunk(finish="STOP")),
    ],
    ids=range(9),
)
def test_ways_in_which_a_stream_ends(pieces: tuple[Any, ...]) -> None:
    """The reason may come with the last text or alone, with each chunk, or before what it took; the body's end ends it."""
    answer = finished(told([sse(*pieces)]))
    assert (answer.content, answer.finish) == ("Hi", "stop")


def test_the_last_word_on_what_it_took_counts() -> None:
    """Counts grow from chunk to chunk."""
    more = {"promptTokenCount": 4, "candidatesTokenCount": 9, "totalTokenCount": 13}
    less = {"promptTokenCount": 4, "candidatesTokenCount": 1, "totalTokenCount": 5}
    pieces = (chunk({"text": "a"}, usageMetadata=less), chunk({"text": "b"}, finish="STOP", usageMetadata=less), {"usageMetadata": more})
    assert finished(told([sse(*pieces)])).usage == Usage(input_tokens=4, output_tokens=9)
    assert finished(told([sse(*pieces, {"usageMetadata": {}})])).usage == Usage(input_tokens=4, output_tokens=9)


@pytest.mark.parametrize(
    ("pieces", "partial"),
    [((), ""), ((chunk({"text": "half"}),), "half"), ((chunk({"text": "half"}), "[DONE]"), "half"), (({"responseId": "x"},), "")],
    ids=range(4),
)
def test_a_body_that_ends_before_the_model_did_was_interrupted(pieces: tuple[Any, ...], partial: str) -> None:
    """With what was said so far."""
    error = failed(told([sse(*pieces)]))
    assert isinstance(error, StreamInterrupted)
    assert error.partial == partial


def test_nothing_comes_after_the_end() -> None:
    """Neither after a good one nor after a failure."""
    state, _ = decode_event(begun(wall=0.0), json.dumps(chunk({"text": "Hi"}, finish="STOP")).encode(), WHO)
    over, events = ended(state, WHO)
    assert len(events) == 1
    assert decode_event(over, b'{"candidates": []}', WHO) == (over, ())
    assert ended(over, WHO) == (over, ())


@pytest.mark.parametrize(
    ("pieces", "error"),
    [
        (("not json",), MalformedResponse),
        (({"error": {"code": 503, "message": "overloaded", "status": "UNAVAILABLE"}},), ModelUnavailable),
        (({"error": {"code": 429, "message": "slow", "status": "RESOURCE_EXHAUSTED"}},), RateLimitExceeded),
        ((PROMPT_BLOCKED,), ContentFiltered),
        ((chunk(finish="SAFETY"),), ContentFiltered),
        ((chunk({"text": "so"}), chunk(finish="SAFETY")), ContentFiltered),
        ((chunk({"text": "so"}), chunk({"text": " far"}, finish="RECITATION")), ContentFiltered),
        ((chunk({"text": "so"}), "not json"), StreamInterrupted),
        ((chunk({"text": "so"}), {"error": {"code": 503}}), StreamInterrupted),
        ((chunk({"text": "so"}), chunk(finish="MALFORMED_FUNCTION_CALL")), StreamInterrupted),
    ],
    ids=range(10),
)
def test_ways_in_which_a_stream_fails(pieces: tuple[Any, ...], error: type) -> None:
    """Before anything was delivered as what it is, later as an interruption; withheld is withheld."""
    events = told([sse(*pieces, chunk({"text": "late"}, finish="STOP"))])
    codecs.streams_lawfully(events)
    cause = failed(events)
    assert type(cause) is error
    told_so_far = [event.unwrap() for event in events[:-1]]
    said = "".join(event.text for event in told_so_far if isinstance(event, TextDelta))
    if isinstance(cause, ContentFiltered | StreamInterrupted):
        assert cause.partial == said


def test_an_answer_cut_by_length() -> None:
    """It is told so; so is one whose ending is not known here."""
    assert finished(told([sse(chunk({"text": "a"}, finish="MAX_TOKENS"))])).finish == "length"
    assert finished(told([sse(chunk({"text": "a"}, finish="OTHER"))])).finish == "other"
    assert finished(told([sse(chunk({"text": "a"}, finish="A_NEW_WORD"))])).finish == "other"
