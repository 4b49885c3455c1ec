"""Cohere's dialect, without any I/O: requests into bytes, bytes into answers and events.

    encode          request -> WireRequest, as not streamed; `streamed` makes its body ask for a stream
    decode          WireReply -> the answer, or the error it means
    decode_event    state, payload -> state, events

A stream is complete with its ``message-end``, which says why the model ended and what it took; a body that ends before it was
interrupted. What the model says before it calls tools (``tool_plan``) is its text, and goes back as such.
"""

from typing import Final

from msgspec.structs import replace
from returns.result import Failure, Success

from llm_manager.clients import endings
from llm_manager.clients.cohere import errors
from llm_manager.clients.cohere.encoding import encode, streamed
from llm_manager.clients.cohere.shapes import Call, Delta, Piece, Tokens, read_answer, read_event
from llm_manager.clients.statuses import is_good
from llm_manager.clients.telling import Calling, Next, Told, failed, joined, settled
from llm_manager.clients.who import Who, request_id
from llm_manager.domain.errors import LLMError
from llm_manager.domain.messages import Thought
from llm_manager.domain.responses import Finish, LLMResponse
from llm_manager.domain.streaming import ReasoningDelta, StreamFinished, TextDelta, ToolCallDelta
from llm_manager.domain.usage import Usage
from llm_manager.domain.wire_requests import WireReply
from llm_manager.outcomes import Settled

__all__ = ["decode", "decode_event", "encode", "streamed"]

_FINISHES: Final[dict[str, Finish]] = {"COMPLETE": "stop", "STOP_SEQUENCE": "stop", "MAX_TOKENS": "length", "TOOL_CALL": "tool_calls"}
_PIECES: Final = frozenset({"content-start", "content-delta", "tool-plan-delta", "tool-call-start", "tool-call-delta"})
_NO_DELTA: Final = Delta()


def decode(reply: WireReply, who: Who, wall: float) -> Settled[LLMResponse, LLMError]:
    """Read a whole answer; ``wall`` is now, in seconds since 1970. Times and price are for those to add who know them."""
    if not is_good(reply.status):
        return Failure(errors.error_of(reply, who, wall=wall))
    answer = read_answer(reply.body)
    if answer is None or answer.message is None:
        return Failure(endings.malformed("the answer holds no message", who, raw=reply.body, reply=reply))
    told, message = Told(wall=wall, request_id=request_id(reply.headers), id=answer.id), answer.message
    told, _ = _said(told, Piece(tool_plan=message.tool_plan), None)
    for block in message.content or ():
        told, _ = _said(told, Piece(content=block), None)
    for index, call in enumerate(message.tool_calls or ()):
        told, _ = _said(told, Piece(tool_calls=call), index, begins=True)
    return _ended(told, Delta(finish_reason=answer.finish_reason, usage=answer.usage), who)


def decode_event(told: Told, payload: bytes, who: Who, _: bytes = b"") -> Next:
    """Read one event of a stream; after the last one, well or not, nothing more comes out."""
    if told.over or not payload.strip():
        return told, ()
    event = read_event(payload)
    if event is None:
        return failed(told, who, endings.malformed("a piece of the stream is not a JSON object", who, raw=payload))
    kind, delta = event.type, event.delta or _NO_DELTA
    if kind in _PIECES:
        piece = delta.message
        return (told, ()) if piece is None else _said(told, piece, event.index, begins=kind == "tool-call-start")
    if kind == "message-start":
        return replace(told, id=event.id), ()
    if kind == "message-end":
        outcome = _ended(told, delta, who)
        if isinstance(outcome, Failure):
            return failed(told, who, outcome.failure())
        return replace(told, over=True), (Success(StreamFinished(response=outcome.unwrap())),)
    problem = errors.bad_ending(None, who, said=delta.error or (event.message if kind is None else None), request_id=told.request_id)
    return (told, ()) if problem is None else failed(told, who, problem)


def usage_of(tokens: Tokens) -> Usage | None:
    """What is billed, or, where that is not told, what went through the model; thoughts are counted with the answer."""
    for units in (tokens.billed_units, tokens.tokens):
        if units is not None and not (units.input_tokens is None and units.output_tokens is None):
            read_in = units.input_tokens or 0
            cached = min(tokens.cached_tokens or 0, read_in)
            return Usage(input_tokens=read_in - cached, cache_read_tokens=cached, output_tokens=units.output_tokens or 0)
    return None


def _said(told: Told, piece: Piece, index: int | None, *, begins: bool = False) -> Next:
    """Add a piece of what the model says; a thought is never part of the text."""
    block = piece.content
    words = piece.tool_plan if block is None else block.text
    if words:
        return replace(told, delivered=True, text=(told.text, words)), (Success(TextDelta(text=words)),)
    if block is not None and block.thinking:
        thought = block.thinking
        return replace(told, delivered=True, reasoning=(told.reasoning, thought)), (Success(ReasoningDelta(text=thought)),)
    return (told, ()) if piece.tool_calls is None else _called(told, piece.tool_calls, index, begins=begins)


def _called(told: Told, call: Call, index: int | None, *, begins: bool) -> Next:
    """Begin a call, or add to the latest of its index; one that nobody began begins with what is there."""
    calls, function = told.calls, call.function
    name, arguments = ("", "") if function is None else (function.name or "", function.arguments or "")
    places = [] if begins else [at for at, each in enumerate(calls) if index is None or each.index == index]
    if places:
        place = places[-1]
        grown = replace(calls[place], arguments=(calls[place].arguments, arguments))
        calls = (*calls[:place], grown, *calls[place + 1 :])
        delta = ToolCallDelta(index=place, arguments=arguments)
    else:
        place = len(calls)
        calls = (*calls, Calling(index=place if index is None else index, id=call.id or "", name=name, arguments=(None, arguments)))
        delta = ToolCallDelta(index=place, id=call.id or "", name=name, arguments=arguments)
    return replace(told, delivered=True, calls=calls), (Success(delta),)


def _ended(told: Told, delta: Delta, who: Who) -> Settled[LLMResponse, LLMError]:
    """What has been said, with why the model ended and what it took."""
    reason = delta.finish_reason
    problem = errors.bad_ending(reason, who, said=delta.error, request_id=told.request_id or told.id)
    if problem is not None:
        return Failure(problem)
    return settled(
        replace(
            told,
            finish=None if reason is None else _FINISHES.get(reason, "other"),
            usage=None if delta.usage is None else usage_of(delta.usage),
            thoughts=() if told.reasoning is None else (Thought(text=joined(told.reasoning)),),
            chosen=True,
        ),
        who,
    )
