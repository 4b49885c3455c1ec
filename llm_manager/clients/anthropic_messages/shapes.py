"""What an answer and an event of a stream look like."""

from typing import Final

from msgspec import Raw, Struct

from llm_manager.clients.loosely import NOTHING, Count, reader


class Block(Struct, gc=False):
    """A piece of an answer: text, thinking, or a wish to call a tool; other kinds are read past."""

    type: str = ""
    text: str | None = None
    thinking: str | None = None
    signature: str | None = None
    data: str | None = None
    id: str | None = None
    name: str | None = None
    input: Raw = NOTHING


class OutputDetails(Struct, gc=False):
    """What written tokens were for."""

    thinking_tokens: Count | None = None


class CacheCreation(Struct, gc=False):
    """How long what was written to the cache is kept."""

    ephemeral_1h_input_tokens: Count | None = None


class Tokens(Struct, gc=False):
    """Usage as Anthropic counts it: the three kinds of input do not overlap, and output includes thinking."""

    input_tokens: Count | None = None
    cache_read_input_tokens: Count | None = None
    cache_creation_input_tokens: Count | None = None
    cache_creation: CacheCreation | None = None
    output_tokens: Count | None = None
    output_tokens_details: OutputDetails | None = None


class StopDetails(Struct, gc=False):
    """Why an answer was refused."""

    category: str | None = None
    explanation: str | None = None


class Message(Struct, gc=False):
    """An answer, whole or as it begins."""

    id: str | None = None
    model: str | None = None
    content: list[Block] | None = None
    stop_reason: str | None = None
    stop_details: StopDetails | None = None
    usage: Tokens | None = None
    error: Raw = NOTHING


class Delta(Struct, gc=False):
    """What an event adds to a block, or says of the answer's ending."""

    type: str = ""
    text: str | None = None
    thinking: str | None = None
    signature: str | None = None
    partial_json: str | None = None
    stop_reason: str | None = None
    stop_details: StopDetails | None = None


class Event(Struct, gc=False):
    """One event of a stream."""

    type: str = ""
    index: int | None = None
    delta: Delta | None = None
    content_block: Block | None = None
    message: Message | None = None
    usage: Tokens | None = None
    error: Raw = NOTHING


read_message: Final = reader(Message)
"""Reads a whole answer; gives None for what is not a JSON object."""
read_event: Final = reader(Event)
"""Reads one event's data; gives None for what is not a JSON object."""
