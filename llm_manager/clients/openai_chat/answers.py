"""Putting an answer together from what has been told of it, the same way for whole answers and for streams."""

from collections.abc import Sequence
from typing import Final, TypeAlias

from msgspec import Struct
from returns.result import Failure, Success

from llm_manager.clients.openai_chat import endings
from llm_manager.clients.openai_chat.shapes import Call, Tokens
from llm_manager.clients.openai_chat.signals import Who
from llm_manager.domain.errors import LLMError
from llm_manager.domain.messages import ToolCall
from llm_manager.domain.responses import Finish, LLMResponse
from llm_manager.domain.streaming import ToolCallDelta
from llm_manager.domain.usage import Usage
from llm_manager.outcomes import Settled

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

Chain: TypeAlias = "tuple[Chain, str] | None"
"""Pieces of text, the last one outermost, so that adding one never copies the others."""


class Calling(Struct, frozen=True):
    """A tool call so far."""

    index: int
    id: str
    name: str
    arguments: Chain = None


class Told(Struct, frozen=True):
    """What a stream has told so far; ``over`` once it has ended, well or not."""

    wall: float
    request_id: str | None = None
    delivered: bool = False
    text: Chain = None
    reasoning: Chain = None
    refusal: Chain = None
    calls: tuple[Calling, ...] = ()
    finish: str | None = None
    usage: Tokens | None = None
    model: str | None = None
    id: str | None = None
    chosen: bool = False
    over: bool = False

    def partial(self) -> str:
        """The text so far."""
        return _joined(self.text)


def called(calls: tuple[Calling, ...], pieces: Sequence[Call]) -> tuple[tuple[Calling, ...], list[ToolCallDelta]]:
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
            calls = (*calls, Calling(index=index, id=piece.id or "", name=name, arguments=(None, arguments)))
        else:
            known = calls[place]
            index = known.index
            grown = Calling(index=index, id=known.id or piece.id or "", name=known.name or name, arguments=(known.arguments, arguments))
            calls = (*calls[:place], grown, *calls[place + 1 :])
        deltas.append(ToolCallDelta(index=index, id=piece.id or "", name=name, arguments=arguments))
    return calls, deltas


def settled(told: Told, who: Who) -> Settled[LLMResponse, LLMError]:
    """The answer that has been told, whichever way it came."""
    text = _joined(told.text)
    request_id = told.request_id or told.id
    if told.refusal is not None or told.finish == "content_filter":
        partial = text or _joined(told.refusal)
        return Failure(endings.filtered(who, partial=partial, request_id=request_id))
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
            request_id=who.safe_id(request_id),
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


def _joined(chain: Chain) -> str:
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
