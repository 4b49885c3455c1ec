"""Whole answers and streams, as Claude tells them."""

import json
from typing import Any

import pytest
from returns.result import Failure, Success

from llm_manager.clients.anthropic_messages.codec import begun, decode, decode_event
from llm_manager.clients.telling import Event
from llm_manager.domain.errors import ContentFiltered, LLMError, MalformedResponse, ModelUnavailable, RateLimitExceeded, StreamInterrupted
from llm_manager.domain.messages import Thought, ToolCall
from llm_manager.domain.responses import LLMResponse
from llm_manager.domain.streaming import ReasoningDelta, StreamFinished, TextDelta, ToolCallDelta
from llm_manager.domain.usage import Usage
from llm_manager.domain.wire_requests import WireReply
from llm_manager.outcomes import Settled
from tests.clients.anthropic_messages.bodies import (
    BEGIN,
    DONE,
    PING,
    PLAIN,
    PLAIN_STREAM,
    REDACTED,
    REFUSED,
    SIGNATURE,
    THINKING,
    THINKING_STREAM,
    TOOLS,
    TOOLS_STREAM,
    WHO,
    delta,
    ending,
    event,
    heard,
    start,
    stop,
    without,
)

USAGE = Usage(input_tokens=12, cache_read_tokens=1000, cache_write_tokens=100, output_tokens=14, reasoning_tokens=32)


def read(body: object, status: int = 200, **headers: str) -> Settled[LLMResponse, LLMError]:
    text = body if isinstance(body, bytes) else json.dumps(body).encode()
    return decode(WireReply(status=status, headers=tuple(headers.items()), body=text), WHO, 0.0)


def finished(events: list[Event]) -> LLMResponse:
    last = events[-1]
    assert isinstance(last, Success), last
    ended = last.unwrap()
    assert isinstance(ended, StreamFinished)
    return ended.response


def test_a_whole_answer() -> None:
    """Text, who gave it, and tokens in buckets that sum to the provider's."""
    answer = read(PLAIN).unwrap()
    assert (answer.content, answer.finish, answer.model, answer.provider) == ("Hello!", "stop", "claude-haiku-4-5-20251001", "anthropic")
    assert answer.request_id == "msg_01XFDUDYJgAACzvnptvVoYEL"
    assert answer.usage == USAGE
    assert answer.usage.total_tokens == 12 + 1000 + 100 + 46


def test_what_is_kept_for_an_hour_is_told_apart() -> None:
    """It costs more; whole and streamed."""
    kept = {"cache_creation": {"ephemeral_5m_input_tokens": 30, "ephemeral_1h_input_tokens": 70}}
    usage = read({**PLAIN, "usage": {**PLAIN["usage"], **kept}}).unwrap().usage
    assert usage is not None
    assert (usage.cache_write_tokens, usage.cache_write_long_tokens, usage.prompt_tokens) == (30, 70, 1112)
    begin = event("message_start", message={"id": "m", "usage": {**PLAIN["usage"], **kept}})
    for told, long in (({"output_tokens": 9}, 70), ({"output_tokens": 9, "cache_creation": {"ephemeral_1h_input_tokens": 500}}, 100)):
        later = finished(heard([begin, ending(usage=told), DONE])).usage
        assert later is not None
        assert (later.cache_write_tokens, later.cache_write_long_tokens) == (100 - long, long)


def test_the_header_names_the_request() -> None:
    """Before the answer's own id does."""
    reply = WireReply(status=200, headers=(("request-id", "req_1"),), body=json.dumps(PLAIN).encode())
    assert decode(reply, WHO, 0.0).unwrap().request_id == "req_1"


def test_thinking_is_kept_apart() -> None:
    """As text to read, and in the pieces that its model wants back; what tools of the provider's did is read past."""
    answer = read(THINKING).unwrap()
    assert (answer.content, answer.reasoning, answer.tool_calls) == ("It is sunny.", "Let me see.", ())
    assert answer.thoughts == (
        Thought(text="Let me see.", signature=SIGNATURE),
        Thought(signature=f"redacted_thinking:{REDACTED}"),
    )
    assert {thought.signed_by for thought in answer.thoughts} == {"anthropic claude-haiku-4-5"}
    assert answer.message.thoughts == answer.thoughts
    assert SIGNATURE not in repr(answer)


def test_thinking_without_a_signature_is_read_and_not_kept() -> None:
    """Its model would refuse it."""
    answer = read({**PLAIN, "content": [{"type": "thinking", "thinking": "hm"}, {"type": "redacted_thinking"}]}).unwrap()
    assert (answer.reasoning, answer.thoughts, answer.content) == ("hm", (), "")


def test_tool_calls() -> None:
    """With the arguments as they were written."""
    answer = read(TOOLS).unwrap()
    assert (answer.content, answer.finish) == ("I will look.", "tool_calls")
    assert [(call.id, call.name, json.loads(call.arguments)) for call in answer.tool_calls] == [
        ("toolu_01D7FLrfh4GYq7yT1ULFeyMV", "weather", {"city": "Zürich", "days": 3}),
        ("toolu_02", "now", {}),
    ]
    assert answer.tool_calls[1].arguments == "{}"


@pytest.mark.parametrize(
    ("reason", "finish", "complete"),
    [
        ("end_turn", "stop", True),
        ("stop_sequence", "stop", True),
        ("tool_use", "tool_calls", True),
        ("max_tokens", "length", False),
        ("model_context_window_exceeded", "length", False),
        ("pause_turn", "other", False),
        ("compaction", "other", False),
        (None, "other", False),
    ],
)
def test_how_an_answer_ends(reason: str | None, finish: str, complete: bool) -> None:
    """Whole and streamed alike; what is cut or paused is not complete."""
    answer = read({**PLAIN, "stop_reason": reason}).unwrap()
    assert (answer.finish, answer.complete) == (finish, complete)
    streamed = finished(heard([BEGIN, start(type="text", text=""), delta("text_delta", text="Hello!"), stop(), ending(reason), DONE]))
    assert (streamed.finish, streamed.complete) == (finish, complete)


def test_an_answer_may_be_empty() -> None:
    """The model had nothing to add."""
    assert read({**PLAIN, "content": []}).unwrap().content == ""
    assert finished(heard([BEGIN, ending(), DONE])).content == ""


@pytest.mark.parametrize("streamed", [False, True])
def test_a_refusal(streamed: bool) -> None:
    """Is no answer, whichever way it comes."""
    if streamed:
        *_, last = heard([BEGIN, delta("text_delta", text="I"), ending("refusal", stop_details=REFUSED["stop_details"]), DONE])
        error = last.failure()
    else:
        error = read(REFUSED).failure()
    assert isinstance(error, ContentFiltered)
    assert (error.partial, error.message) == ("I", "the provider withheld the answer: cyber: This could harm.")
    assert read({**REFUSED, "stop_details": None}).failure().tag == "ContentFiltered"


@pytest.mark.parametrize(("frames", "whole"), [(PLAIN_STREAM, PLAIN), (THINKING_STREAM, THINKING), (TOOLS_STREAM, TOOLS)])
def test_a_stream_is_the_whole_answer_in_pieces(frames: list[bytes], whole: dict[str, Any]) -> None:
    """Put together by the same function."""
    streamed, answer = finished(heard(frames)), read(whole).unwrap()
    assert [json.loads(call.arguments) for call in streamed.tool_calls] == [json.loads(call.arguments) for call in answer.tool_calls]
    assert without_arguments(streamed) == without_arguments(answer)


def without_arguments(answer: LLMResponse) -> dict[str, Any]:
    return {
        "content": answer.content,
        "reasoning": answer.reasoning,
        "thoughts": answer.thoughts,
        "calls": [(call.id, call.name) for call in answer.tool_calls],
        "finish": answer.finish,
        "usage": answer.usage,
        "model": answer.model,
    }


def test_the_events_of_a_stream() -> None:
    """As they come; pings and what is not known here are read past."""
    told = [each.unwrap() for each in heard([*TOOLS_STREAM[:4], event("new_kind", what=1), *TOOLS_STREAM[4:]])]
    assert told[:-1] == [
        TextDelta(text="I will look."),
        ToolCallDelta(index=0, id="toolu_01D7FLrfh4GYq7yT1ULFeyMV", name="weather"),
        ToolCallDelta(index=0, arguments='{"city": "Z\\u00fc'),
        ToolCallDelta(index=0, arguments='rich", "days": 3}'),
        ToolCallDelta(index=1, id="toolu_02", name="now"),
    ]
    thinking = [each.unwrap() for each in heard(THINKING_STREAM)]
    assert thinking[:2] == [ReasoningDelta(text="Let me "), ReasoningDelta(text="see.")]


def test_thinking_that_is_not_shown_is_still_kept() -> None:
    """Its proof is all that is told of it."""
    frames = [
        BEGIN,
        start(type="thinking", thinking=""),
        delta("signature_delta", signature="ab"),
        delta("signature_delta", signature="cd"),
    ]
    answer = finished(heard([*frames, stop(), start(1, type="text", text="Hi"), stop(1), ending(), DONE]))
    assert answer.thoughts == (Thought(signature="abcd"),)
    assert (answer.reasoning, answer.content) == ("", "Hi")
    unstopped = finished(heard([*frames, ending(), DONE]))
    assert unstopped.thoughts == answer.thoughts


def test_arguments_that_come_with_their_call() -> None:
    """As some servers send them."""
    answer = finished(heard([BEGIN, start(type="tool_use", id="a", name="now", input={"zone": "UTC"}), stop(), ending("tool_use"), DONE]))
    assert answer.tool_calls == (ToolCall(id="a", name="now", arguments='{"zone": "UTC"}'),)
    nameless = finished(heard([BEGIN, event("content_block_start", content_block={"type": "tool_use"}), ending("tool_use"), DONE]))
    assert nameless.tool_calls == (ToolCall(id="call_0", name=""),)


def test_counts_come_with_the_end() -> None:
    """Each is a total so far, and one that is not told stays."""
    told = {"output_tokens": 9, "input_tokens": 20, "cache_read_input_tokens": 5, "cache_creation_input_tokens": 7}
    assert finished(heard([BEGIN, ending(usage=told), DONE])).usage == Usage(
        input_tokens=20, cache_read_tokens=5, cache_write_tokens=7, output_tokens=9
    )
    assert finished(heard([BEGIN, ending(usage={}), DONE])).usage == Usage(
        input_tokens=12, cache_read_tokens=1000, cache_write_tokens=100, output_tokens=1
    )
    assert finished(heard([BEGIN, event("message_delta", delta={}), DONE])).usage is not None
    late = event("message_start", message={"id": "m"})
    assert finished(heard([late, ending(usage={"output_tokens": 9}), DONE])).usage == Usage(output_tokens=9)
    assert finished(heard([late, ending(usage={}), DONE])).usage is None


@pytest.mark.parametrize("frames", [PLAIN_STREAM, THINKING_STREAM, TOOLS_STREAM])
def test_a_stream_is_whole_with_its_last_event_only(frames: list[bytes]) -> None:
    """Cut anywhere before, it is interrupted, with the text so far."""
    for place in range(len(frames)):
        told = heard(frames[:place])
        error = told[-1].failure()
        assert isinstance(error, StreamInterrupted)
        assert error.partial == "".join(said.text for each in told[:-1] if isinstance(said := each.unwrap(), TextDelta))
    assert heard([*frames, delta("text_delta", text="more"), PING]) == heard(frames)


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (b"", MalformedResponse),
        (b"<html>", MalformedResponse),
        (b"[]", MalformedResponse),
        (b'{"id": "x"}', MalformedResponse),
        (b'{"content": "text"}', MalformedResponse),
        (b'{"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}', ModelUnavailable),
        (b'{"error": {"type": "rate_limit_error"}, "content": []}', RateLimitExceeded),
    ],
)
def test_a_good_status_without_an_answer(body: bytes, error: type) -> None:
    """Is what it is."""
    assert type(read(body).failure()) is error


def test_parts_of_a_wrong_shape_are_read_past() -> None:
    """What can be understood is told."""
    odd = {
        "id": 7,
        "model": "m",
        "content": [
            3,
            {"type": "text", "text": "Hi"},
            {"type": "text", "text": 5},
            {"type": ["x"], "text": "lost"},
            {"type": "tool_use", "id": "a", "name": "now", "input": "x"},
        ],
        "stop_reason": ["end_turn"],
        "stop_details": "none",
        "usage": {"input_tokens": -1, "output_tokens": 3, "output_tokens_details": 4, "cache_read_input_tokens": True},
    }
    answer = read(odd).unwrap()
    assert (answer.content, answer.model, answer.finish) == ("Hi", "m", "other")
    assert answer.usage == Usage(output_tokens=3)
    assert answer.tool_calls[0].arguments == '"x"'
    assert read(b"\xef\xbb\xbf" + json.dumps(PLAIN).encode()).unwrap().content == "Hello!"


@pytest.mark.parametrize("data", [b"nonsense", b"[1]", b'{"type": "content_block_delta", "delta": '])
def test_a_piece_that_is_no_event(data: bytes) -> None:
    """Ends the stream: as no answer before anything was said, as a broken one after."""
    (before,) = heard([BEGIN, b"data: " + data + b"\n\n"])
    assert isinstance(before.failure(), MalformedResponse)
    *_, after = heard([BEGIN, delta("text_delta", text="Hi"), b"data: " + data + b"\n\n"])
    assert isinstance(after.failure(), StreamInterrupted)


def test_events_of_a_wrong_shape_are_read_past() -> None:
    """A stream that says nothing of use is no answer."""
    odd = [
        event("content_block_start", index="a"),
        event("content_block_delta"),
        event("content_block_delta", delta={"type": "text_delta", "text": 4}, index={}),
        event("content_block_delta", index=9, delta={"type": "input_json_delta", "partial_json": "{"}),
        event("content_block_delta", delta={"type": "input_json_delta", "partial_json": "{"}),
        event("content_block_stop"),
        b'data: {"no": "type"}\n\n',
        b"data:  \n\n",
    ]
    (nothing,) = heard([*odd, DONE])
    assert isinstance(nothing.failure(), MalformedResponse)
    assert finished(heard([event("message_start"), *odd, DONE])).finish == "other"


def test_an_error_event_by_its_name_alone() -> None:
    """Whatever its data say."""
    (failure,) = heard([BEGIN, b'event: error\ndata: {"odd": 1}\n\n'])
    assert isinstance(failure.failure(), ModelUnavailable)
    (unnamed,) = heard([BEGIN, b'data: {"error": {"type": "overloaded_error"}}\n\n'])
    assert isinstance(unnamed.failure(), ModelUnavailable)


def test_nothing_comes_after_the_end() -> None:
    """Not even by asking again."""
    told, events = decode_event(begun(wall=0.0), b'{"type": "message_start"}', WHO)
    told, events = decode_event(told, b'{"type": "message_stop"}', WHO)
    assert len(events) == 1
    assert decode_event(told, b'{"type": "message_stop"}', WHO) == (told, ())
    assert isinstance(events[0], Success | Failure)


def test_without_usage() -> None:
    """Nothing is invented."""
    assert read(without(PLAIN, "usage")).unwrap().usage is None
