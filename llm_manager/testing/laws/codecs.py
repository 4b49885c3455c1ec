"""Laws of codecs, to be driven by any source of values: `strategies` for requests, `hypothesis` for bytes."""

import json
from collections.abc import Callable, Sequence
from itertools import pairwise

from returns.result import Failure, Result, Success

from llm_manager.domain.errors import LLMError
from llm_manager.domain.models import ModelProfile
from llm_manager.domain.requests import LLMRequest
from llm_manager.domain.responses import LLMResponse
from llm_manager.domain.streaming import ReasoningDelta, StreamEvent, StreamFinished, TextDelta, ToolCallDelta
from llm_manager.outcomes import Settled, sealed
from llm_manager.services.model_client import Encode

_Told = Sequence[Settled[StreamEvent, LLMError]]


def encodes(encode: Encode, request: LLMRequest, profile: ModelProfile) -> None:
    """Any request is either refused as a value or written as JSON, the same bytes each time, with no newline in a header."""
    first = sealed(encode(request, profile))
    if isinstance(first, Failure):
        assert isinstance(first.failure(), LLMError)
        return
    wire = first.unwrap()
    assert encode(request, profile) == Success(wire), "the same request was written in two ways"
    json.loads(wire.body)
    assert not any(mark in text for header in wire.headers for text in header for mark in "\r\n")


def decodes(decode: Callable[[bytes], Result[LLMResponse, LLMError]], body: bytes) -> None:
    """Any bytes are an answer or an error, the same one each time."""
    decoded = sealed(decode(body))
    if isinstance(decoded, Failure):
        assert isinstance(decoded.failure(), LLMError)
    else:
        assert isinstance(decoded.unwrap(), LLMResponse)
    assert decode(body) == decoded


def streams_lawfully(told: _Told) -> None:
    """At most one failure, and nothing after it; else exactly one `StreamFinished`, the last event.

    The answer it ends with has the text that was told, and as many tool calls.
    """
    assert told, "a stream that tells nothing has no ending"
    for event, _ in pairwise(told):
        assert not isinstance(event, Failure), "an event after the failure"
        assert not isinstance(event.unwrap(), StreamFinished), "an event after the ending"
    last = told[-1]
    if isinstance(last, Failure):
        assert isinstance(last.failure(), LLMError)
        return
    ending = last.unwrap()
    assert isinstance(ending, StreamFinished), "no ending"
    events = [event.unwrap() for event in told[:-1] if not isinstance(event, Failure)]
    answer = ending.response
    assert "".join(event.text for event in events if isinstance(event, TextDelta)) == answer.content
    assert "".join(event.text for event in events if isinstance(event, ReasoningDelta)) in ("", answer.reasoning)
    assert len({event.index for event in events if isinstance(event, ToolCallDelta)}) == len(answer.tool_calls)


def reads_any_cut(read: Callable[[Sequence[bytes]], _Told], body: bytes, cuts: Sequence[int]) -> None:
    """A stream cut into chunks anywhere tells the same text and ends in the same way as the stream in one piece."""
    places = sorted({0, len(body), *(cut % (len(body) + 1) for cut in cuts)})
    whole, cut = read([body]), read([body[start:end] for start, end in pairwise(places)])
    streams_lawfully(whole)
    assert cut == whole
