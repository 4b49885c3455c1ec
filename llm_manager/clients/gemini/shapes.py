"""What an answer and a chunk of a stream look like: the same shape, whole or in part."""

from typing import Final

from msgspec import Raw, Struct

from llm_manager.clients.loosely import NOTHING, Count, reader


class Call(Struct, gc=False):
    """A function that the model wants called; ``args`` is the JSON object it wrote, as it came."""

    name: str | None = None
    args: Raw = NOTHING
    id: str | None = None


class Part(Struct, gc=False, rename="camel"):
    """A piece of what is said: text, thought or spoken, or a call. Other kinds are not asked for, and passed over."""

    text: str | None = None
    thought: bool | None = None
    thought_signature: str | None = None
    function_call: Call | None = None


class Content(Struct, gc=False):
    """What the model says, piece by piece."""

    parts: list[Part] | None = None


class Candidate(Struct, gc=False, rename="camel"):
    """One of the answers; only the first is asked for."""

    content: Content | None = None
    finish_reason: str | None = None
    index: int | None = None


class Tokens(Struct, gc=False, rename="camel"):
    """Usage as Gemini counts it: of the prompt some may be cached; thoughts and results of tools are counted beside it."""

    prompt_token_count: Count | None = None
    cached_content_token_count: Count | None = None
    candidates_token_count: Count | None = None
    thoughts_token_count: Count | None = None
    tool_use_prompt_token_count: Count | None = None
    total_token_count: Count | None = None


class Feedback(Struct, gc=False, rename="camel"):
    """What is said of the prompt; with a reason, it was blocked."""

    block_reason: str | None = None


class Answer(Struct, gc=False, rename="camel"):
    """An answer, or a chunk of a stream."""

    candidates: list[Candidate] | None = None
    usage_metadata: Tokens | None = None
    prompt_feedback: Feedback | None = None
    model_version: str | None = None
    response_id: str | None = None
    error: Raw = NOTHING


read: Final = reader(Answer)
"""Reads an answer or a chunk; gives None for what is not a JSON object."""
