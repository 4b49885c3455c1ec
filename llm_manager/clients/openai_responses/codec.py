"""The dialect of responses, without any I/O: requests into bytes, bytes into answers and events.

    encode          request -> WireRequest, as not streamed; `streamed` makes its body ask for a stream
    decode          WireReply -> the answer, or the error it means
    decode_event    state, payload -> state, events

Any bytes give a `Result`. A stream is complete with ``response.completed`` or ``response.incomplete``, and with nothing else.
"""

from typing import Final

from msgspec.structs import replace
from returns.result import Failure, Success

from llm_manager.clients import endings
from llm_manager.clients.loosely import plain
from llm_manager.clients.openai_responses import errors
from llm_manager.clients.openai_responses.answers import BETWEEN_SUMMARIES, called, ended, place_of, thoughts_of, whole
from llm_manager.clients.openai_responses.encoding import encode, streamed
from llm_manager.clients.openai_responses.shapes import Happening, Item, Response, read_event, read_response
from llm_manager.clients.statuses import is_good
from llm_manager.clients.telling import Event, Next, Told, begun, failed, joined, settled, unread
from llm_manager.clients.who import Who, request_id
from llm_manager.domain.errors import LLMError
from llm_manager.domain.responses import LLMResponse
from llm_manager.domain.streaming import ReasoningDelta, StreamFinished, TextDelta, ToolCallDelta
from llm_manager.domain.wire_requests import WireReply
from llm_manager.outcomes import Settled

__all__ = ["decode", "decode_event", "encode", "streamed"]

_CUT_SHORT: Final = "response.incomplete"
_ENDINGS: Final = ("response.completed", _CUT_SHORT)
_FAILURES: Final = ("response.failed", "error")
_THINKING: Final = ("response.reasoning_summary_text.delta", "response.reasoning_text.delta")
_UNFINISHED: Final = ("in_progress", "queued")


def decode(reply: WireReply, who: Who, wall: float) -> Settled[LLMResponse, LLMError]:
    """Read a whole answer; ``wall`` is now, in seconds since 1970. Times and price are for those to add who know them."""
    if not is_good(reply.status):
        return Failure(errors.error_of(reply, who, wall=wall))
    response = read_response(reply.body)
    if response is None:
        return Failure(endings.malformed("the answer is not a JSON object", who, raw=reply.body, reply=reply))
    problem = errors.problem_in(response)
    if problem is not None:
        return Failure(errors.error_inside(problem, who, wall=wall, raw=endings.beginning(reply.body), reply=reply))
    if response.output is None:
        return Failure(endings.malformed("the answer holds no output", who, raw=reply.body, reply=reply))
    if response.status in _UNFINISHED:
        return Failure(endings.malformed("the answer is not finished", who, raw=reply.body, reply=reply))
    return settled(whole(begun(wall=wall, request_id=request_id(reply.headers)), response), who)


def decode_event(told: Told, payload: bytes, who: Who, name: bytes = b"") -> Next:
    """Read one event of a stream; after the last one, well or not, nothing more comes out."""
    if told.over:
        return told, ()
    if payload[:1] != b"{":
        payload = payload.strip()
        if not payload or payload == b"[DONE]":
            return told, ()
    event = read_event(payload)
    if event is None:
        return unread(told, who, payload)
    kind = event.type or name.decode("latin-1")
    if kind == "response.output_text.delta":
        return _texted(told, event.delta or "")
    if kind in _THINKING:
        return _thought(told, event)
    if kind == "response.function_call_arguments.delta":
        return _argued(told, event)
    if kind in ("response.output_item.added", "response.output_item.done") and event.item is not None:
        return _made(told, event.item, event.output_index, done=kind == "response.output_item.done")
    if kind == "response.refusal.delta":
        return replace(told, refusal=(told.refusal, event.delta or "")), ()
    if kind in _FAILURES or plain(event.error) is not None:
        problem = errors.problem_told(event, payload)
        return failed(told, who, errors.error_inside(problem, who, wall=told.wall, raw=endings.beginning(payload)))
    if event.response is None:
        return told, ()
    if kind in _ENDINGS:
        untold = kind == _CUT_SHORT and event.response.status is None
        return _ended(told, replace(event.response, status="incomplete") if untold else event.response, who)
    return replace(told, id=told.id or event.response.id, model=told.model or event.response.model), ()


def _texted(told: Told, text: str) -> Next:
    if not text:
        return told, ()
    return replace(told, delivered=True, text=(told.text, text)), (Success(TextDelta(text=text)),)


def _thought(told: Told, event: Happening) -> Next:
    """More thinking; where another summary begins, there is a break, as in the whole answer."""
    text = event.delta or ""
    if not text:
        return told, ()
    place = (event.output_index or 0, event.summary_index or 0)
    if told.reasoning is not None and told.place not in (None, place):
        text = BETWEEN_SUMMARIES + text
    return replace(told, delivered=True, reasoning=(told.reasoning, text), place=place), (Success(ReasoningDelta(text=text)),)


def _argued(told: Told, event: Happening) -> Next:
    at = place_of(told.calls, event.output_index)
    if at is None or not event.delta:
        return told, ()
    known = told.calls[at]
    grown = replace(known, arguments=(known.arguments, event.delta))
    delta = ToolCallDelta(index=at, arguments=event.delta)
    return replace(told, delivered=True, calls=(*told.calls[:at], grown, *told.calls[at + 1 :])), (Success(delta),)


def _made(told: Told, item: Item, index: int | None, *, done: bool) -> Next:
    """An item that begins or is done: a call begins with its name, thinking is done with its proof."""
    if done and item.type == "reasoning":
        return replace(told, thoughts=(*told.thoughts, *thoughts_of((item,)))), ()
    if item.type != "function_call":
        return told, ()
    at = place_of(told.calls, index) if index is not None or done else None
    if at is None:
        call = called(item, max((each.index for each in told.calls), default=-1) + 1 if index is None else index)
        delta = ToolCallDelta(index=len(told.calls), id=call.id, name=call.name, arguments=item.arguments or "")
        return replace(told, delivered=True, calls=(*told.calls, call)), (Success(delta),)
    known = told.calls[at]
    if joined(known.arguments) or not item.arguments:
        return told, ()
    grown = replace(known, arguments=(None, item.arguments))
    delta = ToolCallDelta(index=at, arguments=item.arguments)
    return replace(told, calls=(*told.calls[:at], grown, *told.calls[at + 1 :])), (Success(delta),)


def _ended(told: Told, response: Response, who: Who) -> Next:
    """The ending; what it holds and no event told is told now."""
    problem = errors.problem_in(response)
    if problem is not None:
        return failed(told, who, errors.error_inside(problem, who, wall=told.wall))
    last = whole(told, response)
    events: list[Event] = []
    if told.reasoning is None and last.reasoning is not None:
        events.append(Success(ReasoningDelta(text=joined(last.reasoning))))
    if told.text is None and last.text is not None:
        events.append(Success(TextDelta(text=joined(last.text))))
    if not told.calls:
        events.extend(
            Success(ToolCallDelta(index=place, id=call.id, name=call.name, arguments=joined(call.arguments)))
            for place, call in enumerate(last.calls)
        )
    over = replace(
        ended(told, response),
        text=told.text or last.text,
        reasoning=told.reasoning or last.reasoning,
        refusal=told.refusal or last.refusal,
        calls=told.calls or last.calls,
        over=True,
    )
    outcome = settled(over, who)
    if isinstance(outcome, Failure):
        return over, (outcome,)
    return over, (*events, Success(StreamFinished(response=outcome.unwrap())))
