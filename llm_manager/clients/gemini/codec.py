"""Gemini's dialect, without any I/O: requests into bytes, bytes into answers and events.

    encode          request -> WireRequest, as not streamed; `streamed` is the path that answers it piece by piece
    decode          WireReply -> the answer, or the error it means
    decode_event    state, payload -> state, events; ask `ended` when the body has come to its proper end

A stream of Gemini has no terminator. It is complete when a chunk has said why the model ended (``finishReason``) and the body
has come to its proper end: what it took, and more text where a server says STOP in every chunk, may come with that chunk or
after it. A body that ends before any such chunk, or that breaks at any time, was interrupted.
"""

from typing import Final

from msgspec.structs import replace
from returns.result import Failure, Success

from llm_manager.clients import endings
from llm_manager.clients.fitting import Defaults
from llm_manager.clients.gemini import errors
from llm_manager.clients.gemini.answers import finish_of, said, usage_of
from llm_manager.clients.gemini.encoding import encode, streamed
from llm_manager.clients.gemini.shapes import Answer, Candidate, Part, read
from llm_manager.clients.loosely import plain
from llm_manager.clients.statuses import is_good
from llm_manager.clients.telling import Event, Next, Told, begun, cut, failed, finished, settled
from llm_manager.clients.who import Who, request_id
from llm_manager.domain.errors import ContentFiltered, LLMError
from llm_manager.domain.responses import LLMResponse
from llm_manager.domain.streaming import TextDelta
from llm_manager.domain.wire_requests import WireReply
from llm_manager.outcomes import Settled

__all__ = ["Defaults", "Event", "Told", "Who", "begun", "cut", "decode", "decode_event", "encode", "ended", "streamed"]

_DONE: Final = b"[DONE]"


def decode(reply: WireReply, who: Who, wall: float) -> Settled[LLMResponse, LLMError]:
    """Read a whole answer; ``wall`` is now, in seconds since 1970. Times and price are for those to add who know them."""
    if not is_good(reply.status):
        return Failure(errors.error_of(reply, who, wall=wall))
    answer = read(reply.body)
    if answer is None:
        return Failure(endings.malformed("the answer is not a JSON object", who, raw=reply.body, reply=reply))
    told = _named(Told(wall=wall, request_id=request_id(reply.headers) if reply.headers else None), answer)
    problem = plain(answer.error)
    if problem is not None:
        return Failure(errors.error_inside(problem, who, wall=wall, raw=endings.beginning(reply.body), reply=reply))
    error = _blocked(answer, told, who)
    if error is not None:
        return Failure(error)
    if not answer.candidates:
        return Failure(endings.malformed("the answer holds no candidate", who, raw=reply.body, reply=reply))
    candidate = answer.candidates[0]
    told, _ = said(told, _parts(candidate))
    error = errors.bad_ending(candidate.finish_reason, who, partial=told.partial(), request_id=told.request_id or told.id)
    if error is not None:
        return Failure(error)
    usage = None if answer.usage_metadata is None else usage_of(answer.usage_metadata)
    return settled(replace(told, finish=finish_of(candidate.finish_reason), usage=usage, chosen=True), who)


def decode_event(told: Told, payload: bytes, who: Who, _: bytes = b"") -> Next:
    """Read one event of a stream; after the last one, well or not, nothing more comes out."""
    if told.over:
        return told, ()
    if payload[:1] != b"{":
        payload = payload.strip()
        if not payload:
            return told, ()
        if payload == _DONE:
            return ended(told, who)
    chunk = read(payload)
    if chunk is None:
        return _failed(told, who, endings.malformed("a piece of the stream is not a JSON object", who, raw=payload))
    if told.id is None:
        told = _named(told, chunk)
    problem = plain(chunk.error)
    if problem is not None:
        return _failed(told, who, errors.error_inside(problem, who, wall=told.wall, raw=endings.beginning(payload)))
    if chunk.candidates and not chunk.candidates[0].index:
        return _added(told, chunk, chunk.candidates[0], who)
    error = _blocked(chunk, told, who)
    return (_counted(told, chunk), ()) if error is None else _failed(told, who, error)


def ended(told: Told, who: Who) -> Next:
    """The end of a stream's body: of the answer, when the model said that it had ended; else nothing, and it was cut off."""
    return (told, ()) if told.over or told.finish is None else finished(told, who)


def _added(told: Told, chunk: Answer, candidate: Candidate, who: Who) -> Next:
    parts = _parts(candidate)
    if candidate.finish_reason is None and told.delivered and told.finish is None and len(parts) == 1:
        part = parts[0]
        words = part.text
        if words and not part.thought and part.function_call is None and part.thought_signature is None:
            return replace(told, text=(told.text, words)), (Success(TextDelta(text=words)),)
    told, events = said(told, parts)
    problem = errors.bad_ending(candidate.finish_reason, who, partial=told.partial(), request_id=told.request_id or told.id)
    if problem is not None:
        over, failure = _failed(told, who, problem)
        return over, [*events, *failure]
    if candidate.finish_reason is not None:
        told = replace(told, finish=finish_of(candidate.finish_reason), chosen=True)
    return (told if told.finish is None else _counted(told, chunk)), events


_SILENT: Final[list[Part]] = []


def _parts(candidate: Candidate) -> list[Part]:
    return _SILENT if candidate.content is None else candidate.content.parts or _SILENT


def _named(told: Told, answer: Answer) -> Told:
    """What an answer says of itself: its id, and the model that gave it."""
    model = answer.model_version
    return replace(told, id=answer.response_id, model=told.model if model is None else model.removeprefix("models/"))


def _counted(told: Told, chunk: Answer) -> Told:
    """With the tokens that a chunk tells; they grow from chunk to chunk, and the last word counts."""
    usage = None if chunk.usage_metadata is None else usage_of(chunk.usage_metadata)
    return told if usage is None else replace(told, usage=usage)


def _blocked(answer: Answer, told: Told, who: Who) -> LLMError | None:
    feedback = answer.prompt_feedback
    if feedback is None or feedback.block_reason is None:
        return None
    return errors.blocked(feedback.block_reason, who, request_id=told.request_id or told.id)


def _failed(told: Told, who: Who, error: LLMError) -> Next:
    """A stream that ends badly; of one that is kept back nothing was interrupted."""
    return (replace(told, over=True), (Failure(error),)) if isinstance(error, ContentFiltered) else failed(told, who, error)
