"""What every storage of conversations says alike: where a page of a list ends, and that somebody else came first."""

import re
from typing import Final

from returns.result import Failure, Success

from llm_manager.domain.conversations import ConversationHead
from llm_manager.domain.errors import InvalidRequest, LLMError, StorageFailed
from llm_manager.outcomes import Settled

_CURSOR: Final = re.compile(r"([0-9.e+-]{1,40}) (.*)", re.DOTALL)


def cursor_of(last: ConversationHead) -> str:
    """Where the page after this conversation begins."""
    return f"{last.changed!r} {last.id}"


def read_cursor(after: str) -> Settled[tuple[float, str], LLMError]:
    """When the last conversation of a page was changed, and its id."""
    read = _CURSOR.fullmatch(after)
    try:
        if read is not None:
            return Success((float(read[1]), read[2]))
    except ValueError:
        pass
    return Failure(InvalidRequest(message="after: it is no end of a page; give what the page before said"))


def said_twice(message: str) -> Failure[LLMError]:
    """Somebody else came first."""
    return Failure(StorageFailed(message=message, reason="conflict"))
