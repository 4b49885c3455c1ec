"""What an answer and an event of a stream look like."""

from typing import Final

from msgspec import Struct

from llm_manager.clients.loosely import Count, reader


class Block(Struct, gc=False):
    """Some of what is said, or of what is thought. Citations and other kinds are passed over."""

    text: str | None = None
    thinking: str | None = None


class Function(Struct, gc=False):
    """What is called, with the text of its arguments, whole or in part."""

    name: str | None = None
    arguments: str | None = None


class Call(Struct, gc=False):
    """A tool call, whole or in part."""

    id: str | None = None
    function: Function | None = None


class Message(Struct, gc=False):
    """A whole message; ``tool_plan`` is what the model says before it calls tools."""

    content: list[Block] | None = None
    tool_plan: str | None = None
    tool_calls: list[Call] | None = None


class Piece(Struct, gc=False):
    """A piece of a message, as an event holds it: one thing of each kind."""

    content: Block | None = None
    tool_plan: str | None = None
    tool_calls: Call | None = None


class Units(Struct, gc=False):
    """Tokens, read and written."""

    input_tokens: Count | None = None
    output_tokens: Count | None = None


class Tokens(Struct, gc=False):
    """What was billed, and what went through the model, which is more by what Cohere adds itself."""

    billed_units: Units | None = None
    tokens: Units | None = None
    cached_tokens: Count | None = None


class Answer(Struct, gc=False):
    """A whole answer."""

    id: str | None = None
    message: Message | None = None
    finish_reason: str | None = None
    usage: Tokens | None = None


class Delta(Struct, gc=False):
    """What an event adds."""

    message: Piece | None = None
    finish_reason: str | None = None
    usage: Tokens | None = None
    error: str | None = None


class Happening(Struct, gc=False):
    """One event of a stream; ``message`` is there in an error that came in its place."""

    type: str | None = None
    index: int | None = None
    id: str | None = None
    delta: Delta | None = None
    message: str | None = None


class Problem(Struct, gc=False):
    """An error."""

    message: str | None = None
    id: str | None = None


read_answer: Final = reader(Answer)
read_event: Final = reader(Happening)
read_problem: Final = reader(Problem)
