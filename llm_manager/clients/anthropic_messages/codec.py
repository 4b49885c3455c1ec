"""The dialect of Claude's messages, without any I/O: requests into bytes, bytes into answers and events.

    encode          request -> WireRequest, as not streamed; `streamed` makes its body ask for a stream
    decode          WireReply -> the answer, or the error it means
    decode_event    state, data of an event -> state, events; begin with `begun`, and ask `cut` when a stream just ends

Any bytes give a `Result`. A stream and a whole answer are put together by the same function, so they cannot differ. What a
newer version of the API adds, kinds of events and of blocks, is read past.
"""

from typing import Final

from msgspec.structs import replace
from returns.result import Failure

from llm_manager.clients import endings
from llm_manager.clients.anthropic_messages import errors
from llm_manager.clients.anthropic_messages.answers import arguments_of, finish_of, thought_of, usage_after, usage_of, withheld
from llm_manager.clients.anthropic_messages.blocks import CALL, added, started, stopped
from llm_manager.clients.anthropic_messages.encoding import encode, encode_count, streamed
from llm_manager.clients.anthropic_messages.shapes import Block, Delta, Message, read_event, read_message
from llm_manager.clients.anthropic_messages.shapes import Event as Happening
from llm_manager.clients.anthropic_messages.thinking import REDACTED, THINKING
from llm_manager.clients.fitting import Defaults
from llm_manager.clients.loosely import plain
from llm_manager.clients.statuses import is_good
from llm_manager.clients.telling import Calling, Chain, Event, Next, Told, begun, cut, failed, finished, settled, unread
from llm_manager.clients.who import Who, request_id
from llm_manager.domain.errors import LLMError
from llm_manager.domain.messages import Thought
from llm_manager.domain.responses import LLMResponse
from llm_manager.domain.wire_requests import WireReply
from llm_manager.outcomes import Settled

__all__ = ["Defaults", "Event", "Told", "Who", "begun", "cut", "decode", "decode_event", "encode", "encode_count", "streamed"]

_SILENT: Final = Delta()


def decode(reply: WireReply, who: Who, wall: float) -> Settled[LLMResponse, LLMError]:
    """Read a whole answer; ``wall`` is now, in seconds since 1970. Times and price are for those to add who know them."""
    if not is_good(reply.status):
        return Failure(errors.error_of(reply, who, wall=wall))
    message = read_message(reply.body)
    if message is None:
        return Failure(endings.malformed("the answer is not a JSON object", who, raw=reply.body, reply=reply))
    problem = plain(message.error)
    if problem is not None:
        return Failure(errors.error_inside(problem, who, wall=wall, raw=endings.beginning(reply.body), reply=reply))
    if message.content is None:
        return Failure(endings.malformed("the answer holds no content", who, raw=reply.body, reply=reply))
    told = begun(wall=wall, request_id=request_id(reply.headers) if reply.headers else None)
    return settled(_whole(told, message, message.content, who), who)


def decode_event(told: Told, payload: bytes, who: Who, name: bytes = b"") -> Next:
    """Read one event of a stream; after the last one, well or not, nothing more comes out."""
    if told.over or not payload or payload.isspace():
        return told, ()
    event = read_event(payload)
    if event is None:
        return unread(told, who, payload)
    match event.type:
        case "content_block_delta":
            return added(told, event.delta or _SILENT, event.index)
        case "content_block_start":
            return started(told, event.content_block, event.index)
        case "content_block_stop":
            return stopped(told), ()
        case "message_start":
            return _beginning(told, event.message, who), ()
        case "message_delta":
            return _ending(told, event, who), ()
        case "message_stop":
            return finished(stopped(told), who)
        case "error":
            return _told_error(told, who, plain(event.error), payload)
        case _:
            problem = plain(event.error)
            return (told, ()) if problem is None and name != b"error" else _told_error(told, who, problem, payload)


def _whole(told: Told, message: Message, content: list[Block], who: Who) -> Told:
    text: Chain = None
    reasoning: Chain = None
    thoughts: list[Thought] = []
    calls: list[Calling] = []
    for index, block in enumerate(content):
        if block.type == CALL:
            given = arguments_of(block.input)
            calls.append(Calling(index=index, id=block.id or "", name=block.name or "", arguments=(None, given) if given else None))
        elif block.type in (THINKING, REDACTED):
            reasoning = (reasoning, block.thinking) if block.thinking else reasoning
            thought = thought_of(block)
            thoughts += [] if thought is None else [thought]
        elif block.type == "text":
            text = (text, block.text) if block.text else text
    return replace(
        told,
        text=text,
        reasoning=reasoning,
        thoughts=tuple(thoughts),
        calls=tuple(calls),
        finish=finish_of(message.stop_reason),
        withheld=withheld(message.stop_reason, message.stop_details, who),
        usage=usage_of(message.usage),
        model=message.model,
        id=message.id,
        chosen=True,
    )


def _beginning(told: Told, message: Message | None, who: Who) -> Told:
    """The head of an answer: who gives it, and what was read."""
    if message is None:
        return replace(told, chosen=True)
    return replace(
        told,
        model=message.model or told.model,
        id=message.id or told.id,
        usage=usage_of(message.usage) or told.usage,
        finish=finish_of(message.stop_reason),
        withheld=withheld(message.stop_reason, message.stop_details, who),
        chosen=True,
    )


def _ending(told: Told, event: Happening, who: Who) -> Told:
    """How the answer ended, and the last counts."""
    delta = event.delta or _SILENT
    return replace(
        told,
        finish=finish_of(delta.stop_reason) or told.finish,
        withheld=withheld(delta.stop_reason, delta.stop_details, who) or told.withheld,
        usage=usage_after(told.usage, event.usage),
        chosen=True,
    )


def _told_error(told: Told, who: Who, problem: object, payload: bytes) -> Next:
    whole = {"error": problem, "request_id": told.request_id}
    return failed(told, who, errors.error_inside(whole, who, wall=told.wall, raw=endings.beginning(payload)))
