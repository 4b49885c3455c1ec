"""What an answer and a chunk of a stream look like: the same shape, a choice holding a ``message`` or a ``delta``.

`read` takes what can be understood: some servers give a message in parts, and the arguments of a call as an object.
"""

from typing import Final

from msgspec import Raw, Struct

from llm_manager.clients.loosely import NOTHING, Count, as_json, reader


class Function(Struct, gc=False):
    """The function that a tool call names."""

    name: str | None = None
    arguments: str | None = None


class Call(Struct, gc=False):
    """A tool call, or a piece of one."""

    index: int | None = None
    id: str | None = None
    function: Function | None = None


class Said(Struct, gc=False):
    """What the model says: a whole message, or what a chunk adds to it."""

    content: str | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None
    refusal: str | None = None
    tool_calls: list[Call] | None = None


class Choice(Struct, gc=False):
    """One of the answers; only the first is asked for."""

    index: int = 0
    message: Said | None = None
    delta: Said | None = None
    finish_reason: str | None = None
    error: Raw = NOTHING


class PromptDetails(Struct, gc=False):
    """Where prompt tokens came from."""

    cached_tokens: Count | None = None
    cache_write_tokens: Count | None = None


class CompletionDetails(Struct, gc=False):
    """What written tokens were for."""

    reasoning_tokens: Count | None = None


class Tokens(Struct, gc=False):
    """Usage as the provider counts it."""

    prompt_tokens: Count | None = None
    completion_tokens: Count | None = None
    total_tokens: Count | None = None
    prompt_tokens_details: PromptDetails | None = None
    completion_tokens_details: CompletionDetails | None = None


class GroqExtra(Struct, gc=False):
    """Groq's own corner of a chunk."""

    usage: Tokens | None = None
    error: Raw = NOTHING


class Answer(Struct, gc=False):
    """An answer, or a chunk of a stream."""

    choices: list[Choice] | None = None
    usage: Tokens | None = None
    model: str | None = None
    id: str | None = None
    error: Raw = NOTHING
    x_groq: GroqExtra | None = None


def _joined(told: object) -> object:
    """Text, or the texts of a list of parts."""
    if isinstance(told, list):
        return "".join(part["text"] for part in told if isinstance(part, dict) and isinstance(part.get("text"), str))
    return told


read: Final = reader(Answer, {(Said, "content"): _joined, (Function, "arguments"): as_json})
"""Reads an answer or a chunk; gives None for what is not a JSON object."""
