"""What an answer, or a line of a stream, looks like: of a chat with its ``message``, of a completion with its ``response``."""

from typing import Final

from msgspec import Raw, Struct

from llm_manager.clients.loosely import NOTHING, Count, plain, reader


class Function(Struct, gc=False):
    """The function that a tool call names; its arguments are an object, as it came."""

    name: str | None = None
    arguments: Raw = NOTHING


class Call(Struct, gc=False):
    """A tool call, always whole; older servers give it no id."""

    id: str | None = None
    function: Function | None = None


class Said(Struct, gc=False):
    """What the model says, or what a line adds to it."""

    content: str | None = None
    thinking: str | None = None
    tool_calls: list[Call] | None = None


class Answer(Struct, gc=False):
    """An answer, or a line of a stream; counts and durations (nanoseconds) come with the last one."""

    message: Said | None = None
    response: str | None = None
    thinking: str | None = None
    done: bool = False
    done_reason: str | None = None
    model: str | None = None
    remote_host: str | None = None
    remote_model: str | None = None
    prompt_eval_count: Count | None = None
    prompt_eval_cached_count: Count | None = None
    eval_count: Count | None = None
    eval_duration: Count | None = None
    error: Raw = NOTHING


read: Final = reader(Answer)
"""Reads an answer or a line; gives None for what is not a JSON object."""


def arguments_text(raw: Raw) -> str:
    """The arguments of a call as the text of a JSON object; a server that sends them as text is believed."""
    text = bytes(raw)
    if text[:1] == b'"':
        told = plain(raw)
        return told if isinstance(told, str) else "{}"
    return text.decode("utf-8", "replace") if text[:1] == b"{" else "{}"
