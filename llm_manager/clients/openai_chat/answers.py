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
