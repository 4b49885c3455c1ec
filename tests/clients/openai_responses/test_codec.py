"""What `/v1/responses` answers, whole and as a stream."""

import json
from collections.abc import Sequence
from typing import Any

import pytest
from returns.result import Failure, Success

from llm_manager.clients.openai_responses.codec import decode
from llm_manager.clients.telling import Event
from llm_manager.domain.errors import ContentFiltered, LLMError, MalformedResponse, ModelUnavailable, StreamInterrupted
from llm_manager.domain.messages import Thought, ToolCall
from llm_manager.domain.responses import LLMResponse
from llm_manager.domain.streaming import ReasoningDelta, StreamFinished, TextDelta
from llm_manager.domain.usage import Usage
from llm_manager.domain.wire_requests import WireReply
from llm_manager.outcomes import Settled
from llm_manager.testing.laws import streams_lawfully
from tests.clients.openai_responses.bodies import (
    ANSWER,
    CALLING,
    CALLS,
    CUT,
    FAILED,
    FILTERED,
    LLAMACPP,
    MESSAGE,
    REFUSED,
    THINKING,
    WHO,
    WHOLE,
    split,
    sse,
    told,
)


def whole(answer: Any, status: int = 200) -> Settled[LLMResponse, LLMError]:
    body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
    return decode(WireReply(status=status, headers=(("x-request-id", "req_1"),), body=body), WHO, 0.0)


def error(answer: Any, status: int = 200) -> LLMError:
    outcome = whole(answer, status)
    assert isinstance(outcome, Failure), outcome
    return outcome.failure()


def text_in(events: Sequence[Event]) -> str:
    told = [event.unwrap() for event in events]
    return "".join(event.text for event in told if isinstance(event, TextDelta))


def finished(answer: dict[str, Any], *, indexed: bool = True) -> LLMResponse:
    events = told([sse(split(answer, indexed=indexed))])
    streams_lawfully(events)
    last = events[-1].unwrap()
    assert isinstance(last, StreamFinished)
    return last.response


def test_an_answer_with_its_thinking() -> None:
    """Text, summary, proof, model, usage in buckets that sum to the total."""
    response = whole(ANSWER).unwrap()
    assert (response.content, response.finish, response.model, response.request_id) == (
        "positive",
        "stop",
        "gpt-5.5-pro-2026-04-23",
        "req_1",
    )
    assert response.reasoning == "First this.\n\nThen that."
    (thought,) = response.thoughts
    assert json.loads(thought.signature) == {"id": "rs_68af", "encrypted_content": "gAAAA="}
    assert response.usage == Usage(input_tokens=93, cache_read_tokens=1024, output_tokens=14, reasoning_tokens=32)
    assert response.usage.total_tokens == 1163


def test_tool_calls() -> None:
    """Several at once, by the ids that their results must name."""
    response = whole(CALLING).unwrap()
    assert response.finish == "tool_calls"
    assert response.tool_calls == (
        ToolCall(id="call_0x", name="weather", arguments='{"city":"Oslo"}'),
        ToolCall(id="call_1x", name="time", arguments="{}"),
    )
    assert isinstance(response.thoughts[0], Thought)


def test_how_an_answer_ends() -> None:
    """By length, withheld, or refused."""
    assert whole(CUT).unwrap().finish == "length"
    assert whole({**CUT, "incomplete_details": {"reason": "steered"}}).unwrap().finish == "other"
    assert whole({**CUT, "incomplete_details": None}).unwrap().finish == "other"
    for answer, partial in ((FILTERED, "positive"), (REFUSED, "I cannot help with that.")):
        withheld = error(answer)
        assert isinstance(withheld, ContentFiltered)
        assert withheld.partial == partial


@pytest.mark.parametrize("status", ["incomplete", "expired", "cancelled?"])
def test_only_what_is_completed_is_taken_for_complete(status: str) -> None:
    """Whatever other word a server has for its end, and when only the name of the last event tells it."""
    assert not whole({**ANSWER, "status": status}).unwrap().complete
    assert whole({key: value for key, value in ANSWER.items() if key != "status"}).unwrap().complete
    last = {key: value for key, value in ANSWER.items() if key not in ("status", "incomplete_details")}
    for name, complete in (("response.completed", True), ("response.incomplete", False)):
        ending = told([sse([{"type": name, "response": last}])])[-1].unwrap()
        assert isinstance(ending, StreamFinished)
        assert ending.response.complete is complete


@pytest.mark.parametrize("name", ["answer", "calling", "cut", "llamacpp"])
@pytest.mark.parametrize("indexed", [True, False])
def test_a_stream_says_what_the_whole_answer_says(name: str, indexed: bool) -> None:
    """Whether or not its items are numbered."""
    answer = WHOLE[name]
    response = decode(WireReply(status=200, body=json.dumps(answer).encode()), WHO, 0.0).unwrap()
    streamed = finished(answer, indexed=indexed)
    assert (streamed.request_id, streamed.tool_calls) == (answer["id"], response.tool_calls)
    assert streamed == response


def test_a_withheld_stream() -> None:
    """Its ending is the error, with what was said."""
    for answer, partial in ((FILTERED, "positive"), (REFUSED, "I cannot help with that.")):
        *said, last = told([sse(split(answer))])
        assert isinstance(last, Failure)
        withheld = last.failure()
        assert isinstance(withheld, ContentFiltered)
        assert withheld.partial == partial
        assert text_in(said) == ("positive" if said else "")


@pytest.mark.parametrize("answer", [ANSWER, CALLING, CUT])
def test_only_its_own_ending_completes_a_stream(answer: dict[str, Any]) -> None:
    """Neither its end nor the terminator of another dialect does."""
    for ending in (b"", b"data: [DONE]\n\n"):
        *said, last = told([sse(split(answer)[:-1]) + ending])
        assert isinstance(last, Failure)
        interrupted = last.failure()
        assert isinstance(interrupted, StreamInterrupted)
        assert interrupted.partial == text_in(said)


def test_what_only_the_ending_tells_is_told_with_it() -> None:
    """A server may send no pieces at all."""
    for answer in (ANSWER, CALLING):
        ending = split(answer)[-1]
        events = told([sse([ending])])
        streams_lawfully(events)
        last = events[-1].unwrap()
        assert isinstance(last, StreamFinished)
        response = whole(answer).unwrap()
        assert (last.response.content, last.response.tool_calls, last.response.reasoning) == (
            response.content,
            response.tool_calls,
            response.reasoning,
        )


def test_a_call_told_in_one_piece() -> None:
    """With its beginning, with its end, or with its end alone."""
    whole_call = CALLS[0]
    added = {"type": "response.output_item.added", "output_index": 0, "item": whole_call}
    empty = {"type": "response.output_item.added", "output_index": 0, "item": {**whole_call, "arguments": ""}}
    done = {"type": "response.output_item.done", "output_index": 0, "item": whole_call}
    stray = {"type": "response.function_call_arguments.delta", "output_index": 7, "delta": "x"}
    ending = {"type": "response.completed", "response": {"status": "completed", "output": []}}
    for events in ([added, done], [empty, done], [done], [stray, added]):
        heard = told([sse([*events, ending])])
        streams_lawfully(heard)
        last = heard[-1].unwrap()
        assert isinstance(last, StreamFinished)
        assert [call.arguments for call in last.response.tool_calls] == ['{"city":"Oslo"}']


def test_thinking_that_servers_show_as_it_is() -> None:
    """Open models have no summary."""
    item = {"type": "reasoning", "id": "rs_1", "summary": [], "content": [{"type": "reasoning_text", "text": "hm"}]}
    answer = {**ANSWER, "output": [item, MESSAGE]}
    response = whole(answer).unwrap()
    assert (response.reasoning, response.thoughts) == ("hm", ())
    pieces = [{"type": "response.reasoning_text.delta", "output_index": 0, "content_index": 0, "delta": letter} for letter in "hm"]
    heard = told([sse([*pieces, *split({**ANSWER, "output": [MESSAGE]})])])
    assert [event.unwrap() for event in heard[:2]] == [ReasoningDelta(text="h"), ReasoningDelta(text="m")]
    assert heard[-1].unwrap().response.reasoning == "hm"  # type: ignore[union-attr]  # a stream that is lawful ends so


def test_what_is_not_what_it_should_be_is_read_as_far_as_it_goes() -> None:
    """Fields of other types are left out; the rest stands."""
    odd = {
        **ANSWER,
        "id": 7,
        "usage": {"input_tokens": "many", "output_tokens": 3.0, "input_tokens_details": 1, "output_tokens_details": {}},
        "incomplete_details": "none",
        "output": [{**MESSAGE, "content": "plain text"}, 3, {**CALLS[0], "arguments": {"city": "Oslo"}}, {"type": "web_search_call"}],
    }
    response = whole(odd).unwrap()
    assert (response.content, response.finish) == ("plain text", "tool_calls")
    assert response.tool_calls[0].arguments == '{"city":"Oslo"}'
    assert response.usage == Usage(output_tokens=3)
    told_events = told(
        [sse([{"type": "response.output_text.delta", "delta": "a", "output_index": -1}, {"type": "response.completed", "response": odd}])]
    )
    assert isinstance(told_events[-1], Success)
    assert whole({**ANSWER, "usage": {}}).unwrap().usage is None
    assert whole({**ANSWER, "usage": {"input_tokens": True, "input_tokens_details": {"cached_tokens": -1}}}).unwrap().usage is None


@pytest.mark.parametrize(
    "body", [b"[]", b"no", b"{}", json.dumps({**ANSWER, "status": "queued"}).encode(), json.dumps({**ANSWER, "output": 3}).encode()]
)
def test_what_is_no_answer(body: bytes) -> None:
    """Whole, it is malformed."""
    assert isinstance(error(body), MalformedResponse)


def test_a_piece_that_is_no_json() -> None:
    """Malformed before anything was delivered, interrupted after."""
    first = told([b"data: no\n\n"])
    assert isinstance(first[-1].failure(), MalformedResponse)
    later = told([sse([{"type": "response.output_text.delta", "delta": "a"}]) + b"data: no\n\n" + sse(split(ANSWER))])
    assert isinstance(later[-1].failure(), StreamInterrupted)
    assert len(later) == 2


def test_events_are_known_by_their_names_too() -> None:
    """Where the data has no type; what is unknown, empty or blank says nothing."""
    body = b'event: response.output_text.delta\ndata: {"delta":"a"}\n\nevent: response.other\ndata: {"delta":""}\n\ndata:  \n\n'
    assert [event.unwrap() for event in told([body])[:-1]] == [TextDelta(text="a")]
    quiet = [{"type": kind, "delta": ""} for kind in ("response.output_text.delta", "response.reasoning_text.delta")]
    assert len(told([sse(quiet)])) == 1


def test_a_failed_answer() -> None:
    """Whole and streamed; after something was delivered the stream is interrupted."""
    assert isinstance(error(FAILED), ModelUnavailable)
    assert isinstance(error({**FAILED, "error": None}), ModelUnavailable)
    assert isinstance(told([sse(split(FAILED))])[-1].failure(), ModelUnavailable)
    odd_ending = {"type": "response.completed", "response": FAILED}
    assert isinstance(told([sse([odd_ending])])[-1].failure(), ModelUnavailable)
    late = [*split({**FAILED, "output": [MESSAGE]})]
    interrupted = told([sse(late)])[-1].failure()
    assert isinstance(interrupted, StreamInterrupted)
    assert interrupted.partial == "positive"


def test_a_real_server_of_another_maker() -> None:
    """It numbers no items, and sends no details of what was written."""
    response = whole(LLAMACPP).unwrap()
    assert (response.content, response.usage) == ("Paris.", Usage(input_tokens=25, output_tokens=12))
    assert finished(LLAMACPP, indexed=False).content == "Paris."


def test_thinking_without_a_proof_is_not_sent_back() -> None:
    """It would be refused."""
    bare = {**THINKING, "encrypted_content": None}
    assert whole({**ANSWER, "output": [bare, MESSAGE]}).unwrap().thoughts == ()
