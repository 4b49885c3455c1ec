"""Reading the parts of an answer as this dialect tells them: how it ended, its thinking, its tool calls, its tokens."""

from typing import Final

from msgspec import Raw

from llm_manager.clients import endings
from llm_manager.clients.anthropic_messages.shapes import Block, StopDetails, Tokens
from llm_manager.clients.anthropic_messages.thinking import REDACTED, THINKING, kept
from llm_manager.clients.who import Who
from llm_manager.domain.messages import Thought
from llm_manager.domain.responses import Finish
from llm_manager.domain.usage import Usage

REFUSED: Final = "refusal"
_FINISHES: Final[dict[str, Finish]] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
}
_EMPTY: Final = (b"", b"{}", b"null")


def finish_of(word: str | None) -> Finish | None:
    """Why the model ended, a pause among the other reasons; None while it has not, and for an answer that was withheld."""
    return None if word is None else _FINISHES.get(word, "other")


def withheld(word: str | None, details: StopDetails | None, who: Who) -> str:
    """Why the answer was kept back, in safe words; nothing when it was not."""
    if word != REFUSED:
        return ""
    told = [] if details is None else [who.safe(text) for text in (details.category, details.explanation) if text]
    return ": ".join((endings.WITHHELD, *told))


def thought_of(block: Block, who: Who) -> Thought | None:
    """Thinking as its model wants it back; None for what it would not take."""
    if block.type == REDACTED:
        return kept(REDACTED, "", block.data or "", who.model)
    return kept(THINKING, block.thinking or "", block.signature or "", who.model)


def arguments_of(given: Raw) -> str:
    """The arguments of a call that came whole, as they were written; nothing for none."""
    text = bytes(given).strip()
    return "" if text in _EMPTY else text.decode("utf-8", "replace")


def usage_of(tokens: Tokens | None) -> Usage | None:
    """The counts by bucket; what was thought is taken out of what was written."""
    if tokens is None or (tokens.input_tokens is None and tokens.output_tokens is None):
        return None
    written = tokens.output_tokens or 0
    details = tokens.output_tokens_details
    thought = 0 if details is None else min(details.thinking_tokens or 0, written)
    return Usage(
        input_tokens=tokens.input_tokens or 0,
        cache_read_tokens=tokens.cache_read_input_tokens or 0,
        cache_write_tokens=tokens.cache_creation_input_tokens or 0,
        output_tokens=written - thought,
        reasoning_tokens=thought,
    )


def usage_after(known: Usage | None, tokens: Tokens | None) -> Usage | None:
    """The counts at a later moment of the stream: each is a total so far, and one that is not told stays."""
    if tokens is None or known is None:
        return known if tokens is None else usage_of(tokens)
    details = tokens.output_tokens_details
    written = known.completion_tokens if tokens.output_tokens is None else tokens.output_tokens
    thought = known.reasoning_tokens if details is None or details.thinking_tokens is None else details.thinking_tokens
    thought = min(thought, written)
    read, stored = tokens.cache_read_input_tokens, tokens.cache_creation_input_tokens
    return Usage(
        input_tokens=known.input_tokens if tokens.input_tokens is None else tokens.input_tokens,
        cache_read_tokens=known.cache_read_tokens if read is None else read,
        cache_write_tokens=known.cache_write_tokens if stored is None else stored,
        output_tokens=written - thought,
        reasoning_tokens=thought,
    )
