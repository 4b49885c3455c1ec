"""Answers and streams, read."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from returns.result import Failure, Success

from llm_manager.clients.ollama.codec import Watch, begun, cut, decode, decode_event
from llm_manager.clients.ollama.context import Context
from llm_manager.clients.who import Who
from llm_manager.domain.errors import ContextTooLarge, LLMError, MalformedResponse, ModelUnavailable, PolicyBlocked, StreamInterrupted
from llm_manager.domain.messages import Thought, ToolCall
from llm_manager.domain.requests import LLMRequest
from llm_manager.domain.responses import LLMResponse
from llm_manager.domain.streaming import ReasoningDelta, StreamEvent, StreamFinished, TextDelta, ToolCallDelta
from llm_manager.domain.usage import Usage
from llm_manager.domain.wire_requests import WireReply
from llm_manager.outcomes import Settled
from tests.ollama_server import ended

WALL = 1_792_000_000.0
WHO = Who(provider="ollama", model="llama3.2:3b", endpoint="http://localhost:11434", request=LLMRequest("Hi"))
ANYWHERE = Watch(stays=lambda _: False, context=lambda _: None)
HERE = Watch(stays=lambda _: True, context=lambda _: None)
CALLS = [{"function": {"name": "weather", "arguments": {"city": "Paris"}}}, {"function": {"name": "weather", "arguments": {"city": "Rom"}}}]


def whole(told: Any, watch: Watch = ANYWHERE, status: int = 200) -> Settled[LLMResponse, LLMError]:
    body = told if isinstance(told, bytes) else json.dumps(told).encode()
    return decode(WireReply(status=status, body=body), WHO, WALL, watch)


def heard(*lines: Any, watch: Watch = ANYWHERE) -> list[Settled[StreamEvent, LLMError]]:
    told = begun(wall=WALL)
    events: list[Settled[StreamEvent, LLMError]] = []
    for line in lines:
        told, happened = decode_event(told, line if isinstance(line, bytes) else json.dumps(line).encode(), WHO, watch)
        events.extend(happened)
    return [*events, *([] if told.over else [Failure(cut(told, WHO))])]


def said(content: str = "", **more: Any) -> dict[str, Any]:
    return {"model": "llama3.2:3b", "message": {"role": "assistant", "content": content, **more}, "done": False}


def message(content: str = "", **more: Any) -> dict[str, Any]:
    return {**said(content, **more), **ended()}


def test_an_answer() -> None:
    """With its tokens and how fast they were written."""
    answer = whole(message("Paris.")).unwrap()
    assert (answer.content, answer.finish, answer.model, answer.provider) == ("Paris.", "stop", "llama3.2:3b", "ollama")
    assert answer.usage == Usage(input_tokens=11, output_tokens=4)
    assert answer.tokens_per_second == pytest.approx(2.0)


def test_a_completion() -> None:
    answer = whole({"model": "m", "response": "return a", "thinking": "hm", "context": [1, 2], **ended()}).unwrap()
    assert (answer.content, answer.reasoning) == ("return a", "hm")


@pytest.mark.parametrize(
    ("word", "finish"), [("stop", "stop"), ("length", "length"), ("load", "other"), ("unload", "other"), ("new", "other"), (None, "stop")]
)
def test_how_it_ended(word: str | None, finish: str) -> None:
    assert whole({**message("x"), "done_reason": word}).unwrap().finish == finish


def test_thinking_is_kept_apart() -> None:
    """And goes back with the next turn."""
    answer = whole(message("4", thinking="2 and 2")).unwrap()
    assert (answer.content, answer.reasoning, answer.thoughts) == ("4", "2 and 2", (Thought(text="2 and 2"),))


def test_tool_calls_without_ids_get_stable_ones() -> None:
    answer = whole(message(tool_calls=CALLS)).unwrap()
    assert answer.finish == "tool_calls"
    assert answer.tool_calls == (
        ToolCall(id="call_0", name="weather", arguments='{"city": "Paris"}'),
        ToolCall(id="call_1", name="weather", arguments='{"city": "Rom"}'),
    )
    assert whole(message(tool_calls=CALLS)) == whole(message(tool_calls=CALLS))


def test_ids_that_are_given_are_kept_unless_two_are_the_same() -> None:
    calls = [{"id": "call_x", **CALLS[0]}, {"id": "call_x", **CALLS[1]}, {"id": "", "function": {"name": "n", "arguments": "{}"}}, {}]
    told = whole(message(tool_calls=calls)).unwrap().tool_calls
    assert [call.id for call in told] == ["call_x", "call_1", "call_2", "call_3"]
    assert [call.arguments for call in told[2:]] == ["{}", "{}"]


def test_the_cache_is_a_part_of_what_was_read() -> None:
    answer = whole({**message("x"), "prompt_eval_cached_count": 8}).unwrap()
    assert answer.usage == Usage(input_tokens=3, cache_read_tokens=8, output_tokens=4)
    bare = {key: value for key, value in message("x").items() if "count" not in key}
    assert whole(bare).unwrap().usage is None
    assert whole({**bare, "eval_count": 4}).unwrap().usage == Usage(output_tokens=4)
    assert whole(bare).unwrap().tokens_per_second is None


@pytest.mark.parametrize(
    "body",
    [b"<html>", b"[]", b"{}", {"done": True}, said("cut"), {"message": None, "done": True}],
)
def test_what_is_no_answer_is_malformed(body: Any) -> None:
    assert isinstance(whole(body).failure(), MalformedResponse)


def test_an_error_inside_a_good_answer() -> None:
    error = whole({"error": "llama runner process has terminated: exit status 2"}).failure()
    assert isinstance(error, ModelUnavailable)
    assert error.reason == "server"
    assert isinstance(whole({"error": "gone"}, status=500).failure(), ModelUnavailable)


def test_fields_of_the_wrong_kind_are_passed_over() -> None:
    told = {**message("x"), "prompt_eval_count": "many", "eval_count": 2.0, "model": 3, "message": {"content": "x", "tool_calls": 3}}
    answer = whole(told).unwrap()
    assert (answer.content, answer.model, answer.usage) == ("x", "llama3.2:3b", Usage(output_tokens=2))
    odd = {
        **message("x"),
        "eval_count": True,
        "message": {"content": "x", "tool_calls": [{"function": 1}, {"function": {"name": 1, "arguments": [1]}}, 2]},
    }
    assert [call.arguments for call in whole(odd).unwrap().tool_calls] == ["{}", "{}"]


REMOTE = {"remote_host": "https://ollama.com", "remote_model": "gpt-oss:120b"}


def test_what_was_answered_elsewhere_is_told() -> None:
    """And refused when it should not have left this machine, whole or streamed, before any of it is shown."""
    answer = whole({**message("x"), **REMOTE}).unwrap()
    assert answer.notices == ("llama3.2:3b was answered by https://ollama.com, not by its local server",)
    assert isinstance(whole({**message("x"), **REMOTE}, HERE).failure(), PolicyBlocked)
    (only,) = heard({**said("x"), **REMOTE}, {**message(), **REMOTE}, watch=HERE)
    assert isinstance(only.failure(), PolicyBlocked)
    last = heard({**said("x"), **REMOTE}, {**message(), **REMOTE})[-1].unwrap()
    assert isinstance(last, StreamFinished)
    assert last.response == answer


def test_a_stream() -> None:
    events = heard(said(thinking="hm"), said("Pa"), said("ris"), said(tool_calls=CALLS[:1]), said(tool_calls=CALLS[1:]), message("!"))
    assert [event.unwrap() for event in events[:-1]] == [
        ReasoningDelta(text="hm"),
        TextDelta(text="Pa"),
        TextDelta(text="ris"),
        ToolCallDelta(index=0, id="call_0", name="weather", arguments='{"city": "Paris"}'),
        ToolCallDelta(index=1, id="call_1", name="weather", arguments='{"city": "Rom"}'),
        TextDelta(text="!"),
    ]
    last = events[-1].unwrap()
    assert isinstance(last, StreamFinished)
    assert last.response == whole(message("Paris!", thinking="hm", tool_calls=CALLS)).unwrap()


def test_a_stream_without_its_terminator_is_interrupted() -> None:
    *_, last = heard(said("Pa"), said("ris"))
    error = last.failure()
    assert isinstance(error, StreamInterrupted)
    assert error.partial == "Paris"


def test_an_error_line_ends_a_stream() -> None:
    """As itself when nothing was delivered, else as an interruption that names it."""
    (only,) = heard({"error": "llama runner process no longer running: -1"})
    assert isinstance(only.failure(), ModelUnavailable)
    *_, last = heard(said("Pa"), {"error": "llama runner process no longer running: -1"}, said("never"))
    error = last.failure()
    assert isinstance(error, StreamInterrupted)
    assert error.partial == "Pa"
    assert "no longer running" in error.message


def test_a_line_that_is_none() -> None:
    """What began well was cut; what never was of this dialect is malformed."""
    assert isinstance(heard(b'{"model": "m"')[-1].failure(), StreamInterrupted)
    assert isinstance(heard(b"<html>")[-1].failure(), MalformedResponse)
    assert isinstance(heard(said("x"), b"<html>")[-1].failure(), StreamInterrupted)
    assert isinstance(heard({"done": True})[-1].failure(), MalformedResponse)


def test_a_prompt_that_was_cut_is_told_either_way() -> None:
    watch = Watch(stays=lambda _: False, context=lambda _: Context(11, 20))
    for error in (whole(message("x"), watch).failure(), heard(said("x"), message(), watch=watch)[-1].failure()):
        assert isinstance(error, ContextTooLarge)


pieces = st.sampled_from(["x", "", None, 1, -1, 2.5, True, "stop", {"error": "no"}])
lines = st.dictionaries(
    st.sampled_from(["message", "response", "done", "error", "model", "eval_count", "remote_host", "content", "tool_calls", "thinking"]),
    pieces
    | st.dictionaries(st.sampled_from(["content", "thinking", "tool_calls", "function", "name"]), pieces | st.lists(pieces, max_size=2)),
    max_size=4,
)


@settings(max_examples=150, deadline=None)
@given(st.lists(lines | st.binary(max_size=30), max_size=5))
def test_any_lines_are_events_with_at_most_one_ending(told: list[Any]) -> None:
    for watch in (ANYWHERE, HERE):
        events = heard(*told, watch=watch)
        endings = [event for event in events if isinstance(event, Failure) or isinstance(event.unwrap(), StreamFinished)]
        assert endings == events[-1:]


@settings(max_examples=150, deadline=None)
@given(lines | st.binary(max_size=30), st.sampled_from([200, 201, 400, 404, 500, 503]))
def test_any_body_is_an_answer_or_an_error(told: Any, status: int) -> None:
    assert isinstance(whole(told, status=status), Success | Failure)
