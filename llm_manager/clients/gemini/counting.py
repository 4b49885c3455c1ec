"""How many tokens a request is, by the model's own counter."""

from typing import Final

import msgspec
from msgspec import Struct
from returns.result import Failure, Success

from llm_manager.clients import endings
from llm_manager.clients.gemini import errors
from llm_manager.clients.gemini.encoding import GENERATE, resource_of
from llm_manager.clients.statuses import is_good
from llm_manager.clients.who import Who
from llm_manager.domain.errors import LLMError
from llm_manager.domain.usage import TokenCount
from llm_manager.domain.wire_requests import WireReply, WireRequest
from llm_manager.outcomes import Settled


class _Counted(Struct, gc=False, rename="camel"):
    total_tokens: int


_READER: Final = msgspec.json.Decoder(_Counted)


def counting(wire: WireRequest, model: str) -> WireRequest:
    """The question how long an encoded request is: it is sent as it is, with its tools and instructions."""
    named = msgspec.json.encode(resource_of(model))
    body = b'{"generateContentRequest":{"model":%b,%b}' % (named, wire.body[1:])
    return WireRequest(path=wire.path.removesuffix(GENERATE) + ":countTokens", body=body)


def counted(reply: WireReply, who: Who, wall: float) -> Settled[TokenCount, LLMError]:
    """The answer to that question."""
    if not is_good(reply.status):
        return Failure(errors.error_of(reply, who, wall=wall))
    try:
        tokens = _READER.decode(reply.body).total_tokens
    except (ValueError, RecursionError):
        tokens = -1
    if tokens < 0:
        return Failure(endings.malformed("the answer holds no count of tokens", who, raw=reply.body, reply=reply))
    return Success(TokenCount(tokens=tokens, model=who.model, provider=who.provider, exact=True))
