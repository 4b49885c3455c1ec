"""Reading the parts of an answer as this dialect tells them: how it ended, its thinking, its tool calls, its tokens."""

from typing import Final

from msgspec import Raw

from llm_manager.clients import endings
from llm_manager.clients.anthropic_messages.shapes import Block, StopDetails, Tokens
from llm_manager.clients.anthropic_messages.thinking import REDACTED, THINKING
from llm_manager.clients.anthropic_messages.thinking import kept as kept_thought
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
_NONE_YET: Final = Usage()


def finish_of(word: str | None) -> Finish | None:
    """Why the model ended, a pause among the other reasons; None while it has not, and for an answer that was withheld."""
    return None if word is None else _FINISHES.get(word, "other")


def withheld(word: str | None, details: StopDetails | None, who: Who) -> str:
    """Why the answer was kept back, in safe words; nothing when it was not."""
    if word != REFUSED:
        return ""
    told = [] if details is None else [who.safe(text) for text in (details.category, details.explanation) if text]
    return ": ".join((endings.WITHHELD, *told))


def thought_of(block: Block) -> Thought | None:
    """Thinking as its model wants it back; None for what it would not take."""
    if block.type == REDACTED:
        return kept_thought(REDACTED, "", block.data or "")
    return kept_thought(THINKING, block.thinking or "", block.signature or "")


def arguments_of(given: Raw) -> str:
    """The arguments of a call that came whole, as they were written; nothing for none."""
    text = bytes(given).strip()
    return "" if text in _EMPTY else text.decode("utf-8", "replace")


def usage_of(tokens: Tokens | None) -> Usage | None:
    """The counts by bucket; what was thought is taken out of what was written."""
    if tokens is None or (tokens.input_tokens is None and tokens.output_tokens is None):
        return None
    return usage_after(_NONE_YET, tokens)


def usage_after(known: Usage | None, tokens: Tokens | None) -> Usage | None:
    """The counts at a later moment of the stream: each is a total so far, and one that is not told stays."""
    if tokens is None or known is None:
        return known if tokens is None else usage_of(tokens)
    details, kept = tokens.output_tokens_details, tokens.cache_creation
    written = _or(tokens.output_tokens, known.completion_tokens)
    thought = min(written, _or(None if details is None else details.thinking_tokens, known.reasoning_tokens))
    stored = _or(tokens.cache_creation_input_tokens, known.cache_write_tokens + known.cache_write_long_tokens)
    long = min(stored, _or(None if kept is None else kept.ephemeral_1h_input_tokens, known.cache_write_long_tokens))
    return Usage(
        input_tokens=_or(tokens.input_tokens, known.input_tokens),
        cache_read_tokens=_or(tokens.cache_read_input_tokens, known.cache_read_tokens),
        cache_write_tokens=stored - long,
        cache_write_long_tokens=long,
        output_tokens=written - thought,
        reasoning_tokens=thought,
    )


def _or(told: int | None, known: int) -> int:
    return known if told is None else told
