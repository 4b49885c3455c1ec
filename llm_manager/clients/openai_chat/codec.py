"""The dialect of chat completions, without any I/O: requests into bytes, bytes into answers and events.

    encode          request -> WireRequest, as not streamed; `streamed` makes its body ask for a stream
    decode          WireReply -> the answer, or the error it means
    decode_event    state, payload -> state, events; begin with `begun`, and ask `cut` when a stream just ends

Any bytes give a `Result`. A stream and a whole answer are put together by the same function, so they cannot differ.
"""

from typing import Final

from msgspec.structs import replace
from returns.result import Failure, Success

from llm_manager.clients import endings
from llm_manager.clients.fitting import Defaults
from llm_manager.clients.loosely import plain
from llm_manager.clients.openai_chat import errors
from llm_manager.clients.openai_chat.answers import WITHHELD, called, calls_of, finish_of, usage_of
from llm_manager.clients.openai_chat.encoding import encode, streamed
from llm_manager.clients.openai_chat.shapes import Answer, Choice, Said, read
from llm_manager.clients.statuses import is_good
from llm_manager.clients.telling import Event, Next, Told, begun, cut, failed, finished, settled, unread
from llm_manager.clients.who import Who, request_id
from llm_manager.domain.errors import LLMError
from llm_manager.domain.responses import LLMResponse
from llm_manager.domain.streaming import ReasoningDelta, TextDelta
from llm_manager.domain.wire_requests import WireReply
from llm_manager.outcomes import Settled

__all__ = ["Defaults", "Event", "Told", "Who", "begun", "cut", "decode", "decode_event", "encode", "streamed"]

_DONE: Final = b"[DONE]"


def decode(reply: WireReply, who: Who, wall: float) -> Settled[LLMResponse, LLMError]:
    """Read a whole answer; ``wall`` is now, in seconds since 1970. Times and price are for those to add who know them."""
    if not is_good(reply.status):
        return Failure(errors.error_of(reply, who, wall=wall))
    answer = read(reply.body)
    if answer is None:
        return Failure(endings.malformed("the answer is not a JSON object", who, raw=reply.body, reply=reply))
    problem = _error_in(answer)
    if problem is not None:
        return Failure(errors.error_inside(problem, who, wall=wall, raw=endings.beginning(reply.body), reply=reply))
    if not answer.choices:
        return Failure(endings.malformed("the answer holds no choice", who, raw=reply.body, reply=reply))
    choice = answer.choices[0]
    said = choice.message or choice.delta or _SILENT
    told = Told(
        wall=wall,
        request_id=request_id(reply.headers) if reply.headers else None,
        text=None if not said.content else (None, said.content),
        reasoning=None if not (thought := said.reasoning_content or said.reasoning) else (None, thought),
        refusal=None if not said.refusal else (None, said.refusal),
        calls=calls_of(said.tool_calls) if said.tool_calls else (),
        finish=finish_of(choice.finish_reason),
        withheld=endings.WITHHELD if choice.finish_reason == WITHHELD else "",
        usage=None if answer.usage is None else usage_of(answer.usage),
        model=answer.model,
        id=answer.id,
        chosen=True,
    )
    return settled(told, who)


def decode_event(told: Told, payload: bytes, who: Who, name: bytes = b"") -> Next:
    """Read one event of a stream; after the last one, well or not, nothing more comes out."""
    if told.over:
        return told, ()
    if payload[:1] != b"{":
        payload = payload.strip()
        if payload == _DONE:
            return finished(told, who)
        if not payload:
            return told, ()
    chunk = read(payload)
    if chunk is None:
        return unread(told, who, payload)
    problem = plain(chunk.error) if name == b"error" else _error_in(chunk)
    if problem is not None or name == b"error":
        problem = problem if problem is not None else _whole(payload)
        return failed(told, who, errors.error_inside(problem, who, wall=told.wall, raw=endings.beginning(payload)))
    usage = chunk.usage if chunk.x_groq is None else chunk.usage or chunk.x_groq.usage
    if usage is not None or not told.id:
        told = replace(
            told,
            usage=(None if usage is None else usage_of(usage)) or told.usage,
            model=told.model or chunk.model,
            id=told.id or chunk.id,
        )
    if not chunk.choices:
        return told, ()
    choice = chunk.choices[0]
    if choice.index != 0:
        return told, ()
    return _added(told, choice)


_SILENT: Final = Said()


def _added(told: Told, choice: Choice) -> Next:
    said = choice.delta or choice.message or _SILENT
    content = said.content
    if (
        content
        and told.delivered
        and choice.finish_reason is None
        and said.tool_calls is None
        and not (said.reasoning_content or said.reasoning or said.refusal)
    ):
        return replace(told, text=(told.text, content)), (Success(TextDelta(text=content)),)
    events: list[Event] = []
    thought = said.reasoning_content or said.reasoning
    if thought:
        events.append(Success(ReasoningDelta(text=thought)))
    if content:
        events.append(Success(TextDelta(text=content)))
    calls = told.calls
    if said.tool_calls:
        calls, deltas = called(calls, said.tool_calls)
        events.extend(Success(delta) for delta in deltas)
    return (
        replace(
            told,
            delivered=told.delivered or bool(events),
            text=(told.text, content) if content else told.text,
            reasoning=(told.reasoning, thought) if thought else told.reasoning,
            refusal=(told.refusal, said.refusal) if said.refusal else told.refusal,
            calls=calls,
            finish=finish_of(choice.finish_reason) or told.finish,
            withheld=endings.WITHHELD if choice.finish_reason == WITHHELD else told.withheld,
            chosen=True,
        ),
        events,
    )


def _error_in(answer: Answer) -> object:
    """The error that an answer holds, as told; None when it holds none."""
    problem = plain(answer.error)
    if problem is None and answer.x_groq is not None:
        problem = plain(answer.x_groq.error)
    if problem is None and answer.choices:
        problem = plain(answer.choices[0].error)
        if problem is None and answer.choices[0].finish_reason == "error":
            problem = {"message": "the provider ended the answer with an error"}
    return None if problem is None else {"error": problem}


def _whole(payload: bytes) -> object:
    from msgspec import Raw

    return plain(Raw(payload))
