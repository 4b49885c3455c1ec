"""Conversations as one JSON document, and read again: nothing is lost."""

import json
from collections.abc import Iterable
from typing import Any, Final

from returns.result import Failure, Result, Success

from llm_manager.domain.conversations import Conversation
from llm_manager.domain.errors import InvalidRequest, LLMError
from llm_manager.domain.wire import CONVERSATION, from_plain, to_plain
from llm_manager.outcomes import sealed

FORMAT: Final = "llm-manager conversations"
_VERSION: Final = 1


def conversation_document(conversation: Conversation) -> dict[str, Any]:
    """A conversation as plain data."""
    document: dict[str, Any] = to_plain(conversation)
    return document


def conversations_to_json(conversations: Iterable[Conversation]) -> str:
    """One document of conversations, in ASCII, a line each."""
    lines = ",\n".join(json.dumps(conversation_document(each), separators=(",", ":"), allow_nan=False) for each in conversations)
    return f'{{"format":"{FORMAT}","version":{_VERSION},"conversations":[\n{lines}\n]}}\n'


def conversations_from_json(text: str) -> Result[tuple[Conversation, ...], LLMError]:
    """Read a document again; any text gets a result, and a failure says where it does not fit."""
    try:
        data: Any = json.loads(text)
    except json.JSONDecodeError as fault:
        return _unfit(f"it is not one JSON document: {fault.msg} in line {fault.lineno}, column {fault.colno}")
    except (ValueError, RecursionError):
        return _unfit("it is no JSON that can be read: a number is too long, or it is nested too deeply")
    if not isinstance(data, dict) or data.get("format") != FORMAT or not isinstance(data.get("conversations"), list):
        return _unfit(f'it has no "format": "{FORMAT}" with a list of "conversations"')
    if data.get("version") != _VERSION:
        return _unfit(f"it is of version {str(data.get('version'))[:20]}; this one reads version {_VERSION}")
    read: list[Conversation] = []
    for place, each in enumerate(data["conversations"]):
        found = sealed(from_plain(CONVERSATION, each))
        if isinstance(found, Failure):
            return _unfit(f"conversations[{place}]: {found.failure()}")
        read.append(found.unwrap())
    return Success(tuple(read))


def _unfit(problem: str) -> Failure[LLMError]:
    return Failure(InvalidRequest(message=f"conversations cannot be read: {problem}"))
