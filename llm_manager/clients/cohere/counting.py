"""How many tokens a request is, by the model's own tokenizer: of its texts, without what Cohere puts around them."""

from typing import Final

import msgspec
from msgspec import Raw, Struct
from returns.result import Failure, Result, Success

from llm_manager.clients import endings
from llm_manager.clients.cohere import errors
from llm_manager.clients.data.cohere import LONGEST_TOKENIZED
from llm_manager.clients.fitting import ENCODER, written
from llm_manager.clients.statuses import is_good
from llm_manager.clients.who import Who
from llm_manager.domain.errors import LLMError
from llm_manager.domain.models import ModelProfile
from llm_manager.domain.requests import LLMRequest
from llm_manager.domain.usage import TokenCount
from llm_manager.domain.wire_requests import WireReply, WireRequest
from llm_manager.outcomes import Settled
from llm_manager.policies.tokens import estimate_request_tokens

TOKENIZE: Final = "/v1/tokenize"
"""Above the base: the second version has no tokenizer."""


class _Tokenized(Struct, gc=False):
    tokens: list[Raw]


_READER: Final = msgspec.json.Decoder(_Tokenized)


def counting(request: LLMRequest, model: ModelProfile) -> Result[WireRequest, LLMError]:
    """The question how long the texts of a request are, its tools among them."""
    return written(request, TOKENIZE, lambda _: {"model": model.name, "text": _text(request)})


def estimated(request: LLMRequest, model: ModelProfile) -> TokenCount | None:
    """A count without asking, for more text than the tokenizer takes at once, or none at all; None for what can be asked."""
    try:
        if 0 < len(_text(request)) <= LONGEST_TOKENIZED:
            return None
    except (TypeError, ValueError, RecursionError):
        return None
    return TokenCount(tokens=estimate_request_tokens(request), model=model.name, provider=model.provider, exact=False)


def _text(request: LLMRequest) -> str:
    tools = [ENCODER.encode([tool.name, tool.description, dict(tool.input_schema)]).decode() for tool in request.tools]
    return "\n".join((*request.texts(), *tools))


def counted(reply: WireReply, who: Who, wall: float) -> Settled[TokenCount, LLMError]:
    """The answer to that question; an estimate, since Cohere adds to what it is sent."""
    if not is_good(reply.status):
        return Failure(errors.error_of(reply, who, wall=wall))
    try:
        tokens = len(_READER.decode(reply.body).tokens)
    except (ValueError, RecursionError):
        return Failure(endings.malformed("the answer holds no tokens", who, raw=reply.body, reply=reply))
    return Success(TokenCount(tokens=tokens, model=who.model, provider=who.provider, exact=False))
