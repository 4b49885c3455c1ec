"""Ollama's dialect without any I/O: requests into bytes, bytes into answers and events.

    encode          request -> WireRequest, as not streamed; `streamed` makes its body ask for a stream
    decode          WireReply -> the answer, or the error it means
    decode_event    state, line -> state, events; begin with `begun`, and ask `cut` when a stream just ends

Any bytes give a `Result`. A stream and a whole answer are put together by the same function, so they cannot differ. What
both are held to is a `Watch`: that a private prompt was not passed on, and that all of the prompt was read.
"""

from collections.abc import Callable

from attrs import frozen
from msgspec.structs import replace
from returns.result import Failure, Success

from llm_manager.clients import endings
from llm_manager.clients.fitting import Defaults
from llm_manager.clients.loosely import plain
from llm_manager.clients.ollama import errors
from llm_manager.clients.ollama.answers import called, finish_of, speed_of, usage_of
from llm_manager.clients.ollama.context import Context, checked
from llm_manager.clients.ollama.encoding import encode, streamed
from llm_manager.clients.ollama.shapes import Answer, Call, read
from llm_manager.clients.statuses import is_good
from llm_manager.clients.telling import Event, Next, Told, begun, cut, failed, joined, settled
from llm_manager.clients.who import Who, request_id
from llm_manager.domain.errors import LLMError, PolicyBlocked
from llm_manager.domain.messages import Thought
from llm_manager.domain.requests import LLMRequest
from llm_manager.domain.responses import LLMResponse
from llm_manager.domain.streaming import ReasoningDelta, StreamFinished, TextDelta
from llm_manager.domain.wire_requests import WireReply
from llm_manager.outcomes import Settled

__all__ = ["Defaults", "Event", "Told", "Watch", "Who", "begun", "cut", "decode", "decode_event", "encode", "leaves", "streamed"]


@frozen(kw_only=True)
class Watch:
    """What answers are held to: ``stays`` says whether a request may not leave this machine, ``context`` what it was asked with."""

    stays: Callable[[LLMRequest], bool]
    context: Callable[[Who], Context | None]


def decode(reply: WireReply, who: Who, wall: float, watch: Watch) -> Settled[LLMResponse, LLMError]:
    """Read a whole answer; ``wall`` is now, in seconds since 1970. Times and price are for those to add who know them."""
    if not is_good(reply.status):
        return Failure(errors.error_of(reply, who, wall=wall))
    answer = read(reply.body)
    if answer is None:
        return Failure(endings.malformed("the answer is not a JSON object", who, raw=reply.body, reply=reply))
    problem = plain(answer.error)
    if problem is not None:
        return Failure(errors.error_inside(problem, who, wall=wall))
    if not answer.done or (answer.message is None and answer.response is None):
        return Failure(endings.malformed("the answer is not one, or has no end", who, raw=reply.body, reply=reply))
    told = Told(wall=wall, request_id=request_id(reply.headers) if reply.headers else None)
    if answer.remote_host or answer.remote_model:
        noted = _noted(told, answer, who, watch)
        if isinstance(noted, Failure):
            return noted
        told = noted.unwrap()
    text, thought, calls = _parts(answer)
    told = replace(
        told,
        text=(None, text) if text else None,
        reasoning=(None, thought) if thought else None,
        calls=called((), calls)[0] if calls else (),
    )
    return _answered(told, answer, who, watch)


def decode_event(told: Told, payload: bytes, who: Who, watch: Watch) -> Next:
    """Read one line of a stream; after the last one, well or not, nothing more comes out."""
    if told.over:
        return told, ()
    line = read(payload)
    if line is None:
        return _failed(told, who, payload)
    problem = plain(line.error)
    if problem is not None:
        return failed(told, who, errors.error_inside(problem, who, wall=told.wall))
    if (line.remote_host or line.remote_model) and not told.chosen:
        noted = _noted(told, line, who, watch)
        if isinstance(noted, Failure):
            return replace(told, over=True), (noted,)
        told = noted.unwrap()
    text, thought, calls = _parts(line)
    if text and told.delivered and not (thought or calls or line.done):
        return replace(told, text=(told.text, text)), (Success(TextDelta(text=text)),)
    events: list[Event] = []
    if thought:
        events.append(Success(ReasoningDelta(text=thought)))
    if text:
        events.append(Success(TextDelta(text=text)))
    made = told.calls
    if calls:
        made, deltas = called(made, calls)
        events.extend(Success(delta) for delta in deltas)
    told = replace(
        told,
        delivered=told.delivered or bool(events),
        text=(told.text, text) if text else told.text,
        reasoning=(told.reasoning, thought) if thought else told.reasoning,
        calls=made,
        chosen=told.chosen or line.message is not None or line.response is not None,
    )
    if not line.done:
        return told, events
    if not told.chosen:
        return replace(told, over=True), (Failure(endings.malformed("the stream ended without an answer", who)),)
    ended = _answered(told, line, who, watch)
    events.append(ended if isinstance(ended, Failure) else Success(StreamFinished(response=ended.unwrap())))
    return replace(told, over=True), events


def leaves(model: str, host: str) -> PolicyBlocked:
    """A prompt that must stay on this machine, and a model that is answered elsewhere."""
    where = host or "a cloud"
    return PolicyBlocked(message=f"{model} is answered by {where}, not by its local server: no private or airgapped request goes there")


def _answered(told: Told, last: Answer, who: Who, watch: Watch) -> Settled[LLMResponse, LLMError]:
    """The answer when its last line has come."""
    thinking = joined(told.reasoning)
    whole = settled(
        replace(
            told,
            thoughts=(Thought(text=thinking),) if thinking else (),
            finish=finish_of(last.done_reason),
            usage=usage_of(last),
            model=last.model or told.model,
            tokens_per_second=speed_of(last),
        ),
        who,
    )
    context = watch.context(who)
    if context is None or isinstance(whole, Failure):
        return whole
    return checked(whole.unwrap(), context, who)


def _parts(line: Answer) -> tuple[str | None, str | None, list[Call] | None]:
    said = line.message
    return (line.response, line.thinking, None) if said is None else (said.content, said.thinking, said.tool_calls)


def _noted(told: Told, answer: Answer, who: Who, watch: Watch) -> Settled[Told, LLMError]:
    """Refuse what has left this machine and should not have, else say where it was answered."""
    host = who.safe(answer.remote_host or "")
    if who.request is not None and watch.stays(who.request):
        return Failure(leaves(who.model, host))
    return Success(replace(told, notices=(*told.notices, f"{who.model} was answered by {host or 'a cloud'}, not by its local server")))


def _failed(told: Told, who: Who, payload: bytes) -> Next:
    """A line that is none: one that begins well was cut, another was never of this dialect."""
    error: LLMError = cut(told, who)
    if not told.delivered and payload[:1] != b"{":
        error = endings.malformed("a line of the stream is not a JSON object", who, raw=payload)
    return replace(told, over=True), (Failure(error),)
