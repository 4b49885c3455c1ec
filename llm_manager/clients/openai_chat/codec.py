"""The dialect of chat completions, without any I/O: requests into bytes, bytes into answers and events.

    encode          request -> WireRequest, as not streamed; `streamed` makes its body ask for a stream
    decode          WireReply -> the answer, or the error it means
    decode_event    state, payload -> state, events; begin with `begun`, and ask `cut` when a stream just ends

Any bytes give a `Result`. A stream and a whole answer are put together by the same function, so they cannot differ.
"""

from collections.abc import Sequence
from typing import Final, TypeAlias

from msgspec import Struct
from msgspec.structs import replace
from returns.result import Failure, Success

from llm_manager.clients.openai_chat import errors
from llm_manager.clients.openai_chat.encoding import Defaults, encode, streamed
from llm_manager.clients.openai_chat.shapes import Answer, Call, Choice, Said, Tokens, plain, read
from llm_manager.clients.openai_chat.signals import Who
from llm_manager.domain.errors import LLMError
from llm_manager.domain.messages import ToolCall
from llm_manager.domain.responses import Finish, LLMResponse
from llm_manager.domain.streaming import ReasoningDelta, StreamEvent, StreamFinished, TextDelta, ToolCallDelta
from llm_manager.domain.usage import Usage
from llm_manager.domain.wire_requests import WireReply
from llm_manager.outcomes import Settled

__all__ = ["Defaults", "Told", "Who", "begun", "cut", "decode", "decode_event", "encode", "streamed"]

_FINISHES: Final[dict[str, Finish]] = {
    "stop": "stop",
    "eos": "stop",
    "eos_token": "stop",
    "end_turn": "stop",
    "stop_sequence": "stop",
    "length": "length",
    "max_tokens": "length",
    "model_length": "length",
    "tool_calls": "tool_calls",
    "function_call": "tool_calls",
    "tool_use": "tool_calls",
}
_DONE: Final = b"[DONE]"

_Chain: TypeAlias = "tuple[_Chain, str] | None"
"""Pieces of text, the last one outermost, so that adding one never copies the others."""
Event: TypeAlias = Settled[StreamEvent, LLMError]


class _Calling(Struct, frozen=True):
    """A tool call so far."""

    index: int
    id: str
    name: str
    arguments: _Chain = None


class Told(Struct, frozen=True):
    """What a stream has told so far; ``over`` once it has ended, well or not."""

    wall: float
    request_id: str | None = None
    delivered: bool = False
    text: _Chain = None
    reasoning: _Chain = None
    refusal: _Chain = None
    calls: tuple[_Calling, ...] = ()
    finish: str | None = None
    usage: Tokens | None = None
    model: str | None = None
    id: str | None = None
    chosen: bool = False
    over: bool = False

    def partial(self) -> str:
        """The text so far."""
        return _joined(self.text)


def decode(reply: WireReply, who: Who, *, wall: float) -> Settled[LLMResponse, LLMError]:
    """Read a whole answer; ``wall`` is now, in seconds since 1970. Times and price are for those to add who know them."""
    if not errors.is_good(reply.status):
        return Failure(errors.error_of(reply, who, wall=wall))
    answer = read(reply.body)
    if answer is None:
        return Failure(errors.malformed("the answer is not a JSON object", who, raw=reply.body, reply=reply))
    problem = _error_in(answer)
    if problem is not None:
        raw = reply.body[:4096].decode("utf-8", "replace")
        return Failure(errors.error_inside(problem, who, wall=wall, raw=raw, reply=reply))
    if not answer.choices:
        return Failure(errors.malformed("the answer holds no choice", who, raw=reply.body, reply=reply))
    choice = answer.choices[0]
    said = choice.message or choice.delta or _SILENT
    told = Told(
        wall=wall,
        request_id=errors.request_id(reply.headers) if reply.headers else None,
        text=None if not said.content else (None, said.content),
        reasoning=None if not (thought := said.reasoning_content or said.reasoning) else (None, thought),
        refusal=None if not said.refusal else (None, said.refusal),
        calls=() if not said.tool_calls else _called((), said.tool_calls)[0],
        finish=choice.finish_reason,
        usage=answer.usage,
        model=answer.model,
        id=answer.id,
        chosen=True,
    )
    return _settled(told, who)


def begun(*, wall: float, request_id: str | None = None) -> Told:
    """A stream of which nothing has been told yet."""
    return Told(wall=wall, request_id=request_id)


def decode_event(told: Told, payload: bytes, who: Who, *, name: bytes = b"") -> tuple[Told, Sequence[Event]]:
    """Read one event of a stream; after the last one, well or not, nothing more comes out."""
    if told.over:
        return told, ()
    if payload[:1] != b"{":
        payload = payload.strip()
        if payload == _DONE:
            return _finished(told, who)
        if not payload:
            return told, ()
    chunk = read(payload)
    if chunk is None:
        return _failed(told, who, "a piece of the stream is not a JSON object", payload)
    problem = plain(chunk.error) if name == b"error" else _error_in(chunk)
    if problem is not None or name == b"error":
        return _told_error(told, who, problem if problem is not None else _whole(payload), payload)
    usage = chunk.usage if chunk.x_groq is None else chunk.usage or chunk.x_groq.usage
    if usage is not None or told.id is None:
        told = replace(
            told,
            usage=usage or told.usage,
            model=told.model or chunk.model,
            id=told.id or chunk.id,
        )
    if not chunk.choices:
        return told, ()
    choice = chunk.choices[0]
    if choice.index != 0:
        return told, ()
    return _added(told, choice)


def cut(told: Told, who: Who, message: str = "it ended without its terminator") -> LLMError:
    """What a stream means that ends before its terminator."""
    return errors.interrupted(message, who, partial=_joined(told.text), request_id=told.request_id or told.id)


_SILENT: Final = Said()


def _added(told: Told, choice: Choice) -> tuple[Told, Sequence[Event]]:
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
        calls, deltas = _called(calls, said.tool_calls)
        events.extend(Success(delta) for delta in deltas)
    return (
        replace(
            told,
            delivered=told.delivered or bool(events),
            text=(told.text, content) if content else told.text,
            reasoning=(told.reasoning, thought) if thought else told.reasoning,
            refusal=(told.refusal, said.refusal) if said.refusal else told.refusal,
            calls=calls,
            finish=choice.finish_reason or told.finish,
            chosen=True,
        ),
        events,
    )


def _called(calls: tuple[_Calling, ...], pieces: Sequence[Call]) -> tuple[tuple[_Calling, ...], list[ToolCallDelta]]:
    """Add pieces of tool calls. A server that gives no index, or the same one to several calls, is told by their ids."""
    deltas: list[ToolCallDelta] = []
    for piece in pieces:
        name = (piece.function.name if piece.function else None) or ""
        arguments = (piece.function.arguments if piece.function else None) or ""
        place = next((at for at, call in enumerate(calls) if call.index == piece.index), None)
        if piece.index is None:
            place = next((at for at, call in enumerate(calls) if call.id == piece.id), None) if piece.id else len(calls) - 1
        elif place is not None and piece.id and name and calls[place].id not in ("", piece.id):
            place = next((at for at, call in enumerate(calls) if call.id == piece.id), None)
        if place is None or place < 0:
            index = max((call.index for call in calls), default=-1) + 1
            calls = (*calls, _Calling(index=index, id=piece.id or "", name=name, arguments=(None, arguments)))
        else:
            known = calls[place]
            index = known.index
            grown = _Calling(index=index, id=known.id or piece.id or "", name=known.name or name, arguments=(known.arguments, arguments))
            calls = (*calls[:place], grown, *calls[place + 1 :])
        deltas.append(ToolCallDelta(index=index, id=piece.id or "", name=name, arguments=arguments))
    return calls, deltas


def _finished(told: Told, who: Who) -> tuple[Told, Sequence[Event]]:
    over = replace(told, over=True)
    if not told.chosen:
        return over, (Failure(errors.malformed("the stream ended without an answer", who)),)
    outcome = _settled(told, who)
    if isinstance(outcome, Failure):
        return over, (outcome,)
    return over, (Success(StreamFinished(response=outcome.unwrap())),)


def _failed(told: Told, who: Who, message: str, payload: bytes) -> tuple[Told, Sequence[Event]]:
    error = errors.malformed(message, who, raw=payload) if not told.delivered else cut(told, who, message)
    return replace(told, over=True), (Failure(error),)


def _told_error(told: Told, who: Who, problem: object, payload: bytes) -> tuple[Told, Sequence[Event]]:
    raw = payload[:4096].decode("utf-8", "replace")
    error = errors.error_inside(problem, who, wall=told.wall, raw=raw)
    if told.delivered:
        error = errors.interrupted_by(error, who, partial=_joined(told.text), request_id=told.request_id or told.id)
    return replace(told, over=True), (Failure(error),)


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


def _settled(told: Told, who: Who) -> Settled[LLMResponse, LLMError]:
    """The answer that has been told, whichever way it came."""
    text = _joined(told.text)
    request_id = told.request_id or told.id
    if told.refusal is not None or told.finish == "content_filter":
        partial = text or _joined(told.refusal)
        return Failure(errors.filtered(who, partial=partial, request_id=request_id))
    finish: Finish = _FINISHES.get(told.finish or "", "other")
    calls: tuple[ToolCall, ...] = ()
    if told.calls:
        calls = tuple(
            ToolCall(id=call.id or f"call_{call.index}", name=call.name, arguments=_joined(call.arguments) or "{}") for call in told.calls
        )
        if finish == "stop":
            finish = "tool_calls"
    return Success(
        LLMResponse(
            content=text,
            model=told.model or who.model,
            provider=who.provider,
            finish=finish,
            tool_calls=calls,
            reasoning=_joined(told.reasoning),
            usage=None if told.usage is None else _usage(told.usage),
            request_id=request_id,
        )
    )


def _usage(tokens: Tokens) -> Usage | None:
    """Sort the provider's counts, which overlap, into buckets that do not; their sum is the provider's total."""
    prompt, completion, total = tokens.prompt_tokens, tokens.completion_tokens, tokens.total_tokens
    if prompt is None and completion is None:
        return None
    read_in = prompt or 0
    written = completion or 0
    cached = stored = reasoned = 0
    details = tokens.prompt_tokens_details
    if details is not None:
        cached = min(details.cached_tokens or 0, read_in)
        stored = min(details.cache_write_tokens or 0, read_in - cached)
    if tokens.completion_tokens_details is not None:
        reasoned = tokens.completion_tokens_details.reasoning_tokens or 0
        if reasoned and total == read_in + written + reasoned:
            written += reasoned
        reasoned = min(reasoned, written)
    return Usage(
        input_tokens=read_in - cached - stored,
        cache_read_tokens=cached,
        cache_write_tokens=stored,
        output_tokens=written - reasoned,
        reasoning_tokens=reasoned,
    )


def _joined(chain: _Chain) -> str:
    if chain is None:
        return ""
    if chain[0] is None:
        return chain[1]
    pieces: list[str] = []
    while chain is not None:
        chain, piece = chain
        pieces.append(piece)
    pieces.reverse()
    return "".join(pieces)
