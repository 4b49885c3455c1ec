"""How many tokens a request is, by the server's own count, without any I/O."""

from typing import Annotated, Any, Final, assert_never

import msgspec
from msgspec import Struct
from returns.result import Failure, Success

from llm_manager.clients import endings
from llm_manager.clients.data.shapes import Counting
from llm_manager.clients.openai_chat import errors
from llm_manager.clients.statuses import is_good
from llm_manager.clients.who import Who
from llm_manager.domain.errors import LLMError
from llm_manager.domain.usage import TokenCount
from llm_manager.domain.wire_requests import WireReply
from llm_manager.outcomes import Settled

_COUNTED: Final = {
    "responses": frozenset({"model", "input", "instructions", "tools", "tool_choice", "text", "reasoning"}),
    "tokenize": frozenset({"model", "messages", "tools"}),
}


class _Answer(Struct, gc=False):
    input_tokens: Annotated[int, msgspec.Meta(ge=0, le=2**53)] | None = None
    count: Annotated[int, msgspec.Meta(ge=0, le=2**53)] | None = None


_ANSWER: Final = msgspec.json.Decoder(_Answer)


def path_of(counting: Counting) -> tuple[str, bool]:
    """Where a server counts, and whether that is above its base."""
    match counting:
        case "responses":
            return "/responses/input_tokens", False
        case "chat":
            return "/chat/completions/input_tokens", False
        case "tokenize":
            return "/tokenize", True
        case _:
            assert_never(counting)


def counted(body: dict[str, Any], counting: Counting) -> dict[str, Any]:
    """What of a request's body is counted."""
    kept = _COUNTED.get(counting)
    return body if kept is None else {key: value for key, value in body.items() if key in kept}


def decode(reply: WireReply, who: Who, wall: float) -> Settled[TokenCount, LLMError]:
    """Read the count."""
    if not is_good(reply.status):
        return Failure(errors.error_of(reply, who, wall=wall))
    try:
        answer = _ANSWER.decode(reply.body)
    except (ValueError, RecursionError):
        answer = _Answer()
    tokens = answer.count if answer.input_tokens is None else answer.input_tokens
    if tokens is None:
        malformed = endings.malformed("the answer holds no count", who, raw=reply.body, reply=reply)
        return Failure(errors.error_in_body(reply, who, wall=wall) or malformed)
    return Success(TokenCount(tokens=tokens, model=who.model, provider=who.provider, exact=True))
