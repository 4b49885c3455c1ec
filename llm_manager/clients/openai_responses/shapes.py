"""What an answer, its items and the events of a stream look like.

`read_response` and `read_event` take what can be understood: some servers give the content of a message as plain text, and
the arguments of a call as an object.
"""

from typing import Annotated, Final

import msgspec
from msgspec import Raw, Struct

from llm_manager.clients.loosely import NOTHING, Count, Mending, as_json, reader

_Index = Annotated[int, msgspec.Meta(ge=0, le=2**31)]


class Content(Struct, gc=False):
    """A piece of a message, of a summary or of thinking."""

    type: str | None = None
    text: str | None = None
    refusal: str | None = None


class Item(Struct, gc=False):
    """One thing that the model made: a message, some thinking, a call."""

    type: str | None = None
    id: str | None = None
    call_id: str | None = None
    name: str | None = None
    arguments: str | None = None
    content: list[Content] | None = None
    summary: list[Content] | None = None
    encrypted_content: str | None = None


class InputDetails(Struct, gc=False):
    """Where tokens that were read came from."""

    cached_tokens: Count | None = None
    cache_write_tokens: Count | None = None


class OutputDetails(Struct, gc=False):
    """What tokens that were written were for."""

    reasoning_tokens: Count | None = None


class Tokens(Struct, gc=False):
    """Usage as the provider counts it."""

    input_tokens: Count | None = None
    output_tokens: Count | None = None
    input_tokens_details: InputDetails | None = None
    output_tokens_details: OutputDetails | None = None


class Incomplete(Struct, gc=False):
    """Why an answer is not whole."""

    reason: str | None = None


class Response(Struct, gc=False):
    """A whole answer, or what is known of it so far."""

    id: str | None = None
    model: str | None = None
    status: str | None = None
    output: list[Item] | None = None
    usage: Tokens | None = None
    incomplete_details: Incomplete | None = None
    error: Raw = NOTHING


class Happening(Struct, gc=False):
    """One event of a stream."""

    type: str | None = None
    delta: str | None = None
    output_index: _Index | None = None
    summary_index: _Index | None = None
    item: Item | None = None
    response: Response | None = None
    error: Raw = NOTHING


def _parts(told: object) -> object:
    """The parts of a message, or the only one."""
    return [{"type": "output_text", "text": told}] if isinstance(told, str) else told


_MENDING: Final[Mending] = {(Item, "content"): _parts, (Item, "arguments"): as_json}

read_response: Final = reader(Response, _MENDING)
"""Reads a whole answer; gives None for what is not a JSON object."""
read_event: Final = reader(Happening, _MENDING)
"""Reads one event; gives None for what is not a JSON object."""
