"""Reading the parts of an answer as this dialect tells them: how it ended, its tool calls, its tokens."""

from collections.abc import Sequence
from typing import Final

from llm_manager.clients.openai_chat.shapes import Call, Tokens
from llm_manager.clients.telling import Calling
from llm_manager.domain.responses import Finish
from llm_manager.domain.streaming import ToolCallDelta
from llm_manager.domain.usage import Usage

WITHHELD: Final = "content_filter"
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


def finish_of(word: str | None) -> Finish | None:
    """Why the model ended; None while it has not, and for an answer that was withheld."""
    return None if word is None else _FINISHES.get(word, "other")


def calls_of(whole: Sequence[Call]) -> tuple[Calling, ...]:
    """The tool calls of a whole answer, each of them whole, whatever else they have in common."""
    return tuple(
        Calling(index=place, id=call.id or "", name=_name(call), arguments=(None, _arguments(call))) for place, call in enumerate(whole)
    )


def called(calls: tuple[Calling, ...], pieces: Sequence[Call]) -> tuple[tuple[Calling, ...], list[ToolCallDelta]]:
    """Add pieces of tool calls; a piece belongs to the last call of its index.

    A server that gives no index, or the same one to several calls, is told by their ids, and by the names with which calls begin.
    """
    made, deltas = list(calls), list[ToolCallDelta]()
    places = {call.index: place for place, call in enumerate(made)}
    by_id = {call.id: place for place, call in enumerate(made) if call.id}
    most = max(places, default=-1)
    for piece in pieces:
        name, arguments = _name(piece), _arguments(piece)
        place = (len(made) - 1 if made else None) if piece.index is None else places.get(piece.index)
        known = None if place is None else made[place]
        if piece.id and known is not None and known.id != piece.id and (piece.index is None or (name and known.id)):
            place = by_id.get(piece.id)
        elif piece.index is None and known is not None and not piece.id and name and known.name:
            place = None
        if place is None:
            place = len(made)
            index = most + 1 if piece.index is None else piece.index
            made.append(Calling(index=index, id=piece.id or "", name=name, arguments=(None, arguments)))
            places[index], most = place, max(most, index)
        else:
            known = made[place]
            grown = Calling(
                index=known.index, id=known.id or piece.id or "", name=known.name or name, arguments=(known.arguments, arguments)
            )
            made[place] = grown
        if piece.id:
            by_id[piece.id] = place
        deltas.append(ToolCallDelta(index=place, id=piece.id or "", name=name, arguments=arguments))
    return tuple(made), deltas


def _name(call: Call) -> str:
    return (call.function.name if call.function else None) or ""


def _arguments(call: Call) -> str:
    return (call.function.arguments if call.function else None) or ""


def usage_of(tokens: Tokens) -> Usage | None:
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
