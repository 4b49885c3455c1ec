"""Reading the parts of an answer as Gemini tells them: how it ended, its calls, its thoughts, its tokens."""

from collections.abc import Sequence
from typing import Final

from msgspec import Raw
from msgspec.structs import replace
from returns.result import Success

from llm_manager.clients.gemini.shapes import Call, Part, Tokens
from llm_manager.clients.telling import Calling, Event, Told
from llm_manager.domain.messages import Thought
from llm_manager.domain.responses import Finish
from llm_manager.domain.streaming import ReasoningDelta, TextDelta, ToolCallDelta
from llm_manager.domain.usage import Usage

_FINISHES: Final[dict[str, Finish]] = {"STOP": "stop", "MAX_TOKENS": "length", "CONTINUATION": "length"}


def finish_of(word: str | None) -> Finish | None:
    """Why the model ended; None while it has not."""
    return None if word is None else _FINISHES.get(word, "other")


def said(told: Told, parts: Sequence[Part]) -> tuple[Told, list[Event]]:
    """Add pieces of what the model says; a thought is never part of the text."""
    events: list[Event] = []
    text, reasoning = told.text, told.reasoning
    thoughts, calls = list[Thought](), list[Calling]()
    for part in parts:
        words, signature = part.text, part.thought_signature
        if part.function_call is not None:
            calling, delta = _called(len(told.calls) + len(calls), part.function_call, signature or "", told.id)
            calls.append(calling)
            events.append(Success(delta))
        elif part.thought:
            if words:
                reasoning = (reasoning, words)
                events.append(Success(ReasoningDelta(text=words)))
            if signature:
                thoughts.append(Thought(text=words or "", signature=signature))
        else:
            if words:
                text = (text, words)
                events.append(Success(TextDelta(text=words)))
            if signature:
                thoughts.append(Thought(signature=signature))
    if not events and not thoughts:
        return told, events
    return (
        replace(
            told,
            delivered=told.delivered or bool(events),
            text=text,
            reasoning=reasoning,
            thoughts=(*told.thoughts, *thoughts) if thoughts else told.thoughts,
            calls=(*told.calls, *calls) if calls else told.calls,
        ),
        events,
    )


def _called(index: int, call: Call, signature: str, answer: str | None) -> tuple[Calling, ToolCallDelta]:
    """A call, which comes whole; one without an id is named by its answer and its place in it, so that it always is the same."""
    known = call.id or (f"{answer}_{index}" if answer else f"call_{index}")
    arguments = _object(call.args)
    name = call.name or ""
    return (
        Calling(index=index, id=known, name=name, arguments=(None, arguments), signature=signature),
        ToolCallDelta(index=index, id=known, name=name, arguments=arguments),
    )


def _object(args: Raw) -> str:
    text = bytes(args).decode("utf-8", "replace")
    return "{}" if text in ("", "null") else text


def usage_of(tokens: Tokens) -> Usage | None:
    """Sort Gemini's counts into buckets that do not overlap; their sum is its total.

    What the total holds beyond the counts was thought. A server that counts thoughts among the answer's tokens is understood too.
    """
    prompt, total = tokens.prompt_token_count, tokens.total_token_count
    if prompt is None and tokens.candidates_token_count is None:
        return None
    read_in = prompt or 0
    cached = min(tokens.cached_content_token_count or 0, read_in)
    read_in += tokens.tool_use_prompt_token_count or 0
    written, thought = tokens.candidates_token_count or 0, tokens.thoughts_token_count or 0
    if total is not None:
        if total > read_in + written + thought:
            thought = total - read_in - written
        elif thought and total == read_in + written:
            thought = min(thought, written)
            written -= thought
    return Usage(input_tokens=read_in - cached, cache_read_tokens=cached, output_tokens=written, reasoning_tokens=thought)
