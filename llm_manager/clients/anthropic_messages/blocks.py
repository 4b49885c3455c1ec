"""Putting blocks together as a stream tells them: text, thinking, and calls of tools, piece by piece."""

from typing import Final

from msgspec.structs import replace
from returns.result import Success

from llm_manager.clients.anthropic_messages.answers import arguments_of, thought_of
from llm_manager.clients.anthropic_messages.shapes import Block, Delta
from llm_manager.clients.anthropic_messages.thinking import REDACTED, THINKING
from llm_manager.clients.telling import Calling, Chain, Next, Told, joined
from llm_manager.domain.streaming import ReasoningDelta, TextDelta, ToolCallDelta

CALL: Final = "tool_use"


def started(told: Told, block: Block | None, index: int | None) -> Next:
    """The beginning of a block; ``index`` is its place in the answer."""
    if block is None:
        return told, ()
    if block.type == CALL:
        given = arguments_of(block.input)
        calling = Calling(
            index=len(told.calls) if index is None else index,
            id=block.id or "",
            name=block.name or "",
            arguments=(None, given) if given else None,
        )
        delta = ToolCallDelta(index=len(told.calls), id=calling.id, name=calling.name, arguments=given)
        return replace(told, calls=(*told.calls, calling), delivered=True, chosen=True), (Success(delta),)
    if block.type == REDACTED:
        thought = thought_of(block)
        return (told if thought is None else replace(told, thoughts=(*told.thoughts, thought))), ()
    return added(told, Delta(text=block.text, thinking=block.thinking, signature=block.signature), index)


def added(told: Told, delta: Delta, index: int | None) -> Next:
    """More of a block."""
    text, thinking = delta.text, delta.thinking
    if text:
        return replace(told, text=(told.text, text), delivered=True, chosen=True), (Success(TextDelta(text=text)),)
    if delta.partial_json:
        return _argued(told, delta.partial_json, index)
    if delta.signature:
        told = replace(told, signature=told.signature + delta.signature)
    if thinking:
        more: Chain = (told.thought, thinking)
        told = replace(told, reasoning=(told.reasoning, thinking), thought=more, delivered=True, chosen=True)
        return told, (Success(ReasoningDelta(text=thinking)),)
    return told, ()


def _argued(told: Told, piece: str, index: int | None) -> Next:
    """More of a call's arguments; those of a tool that the provider calls itself belong to no call of ours."""
    place = next((at for at in reversed(range(len(told.calls))) if index in (None, told.calls[at].index)), None)
    if place is None:
        return told, ()
    known = told.calls[place]
    grown = Calling(index=known.index, id=known.id, name=known.name, arguments=(known.arguments, piece))
    calls = (*told.calls[:place], grown, *told.calls[place + 1 :])
    return replace(told, calls=calls), (Success(ToolCallDelta(index=place, arguments=piece)),)


def stopped(told: Told) -> Told:
    """The end of a block: a thought is whole now."""
    if told.thought is None and not told.signature:
        return told
    thought = thought_of(Block(type=THINKING, thinking=joined(told.thought), signature=told.signature))
    thoughts = told.thoughts if thought is None else (*told.thoughts, thought)
    return replace(told, thoughts=thoughts, thought=None, signature="")
