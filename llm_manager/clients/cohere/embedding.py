"""Texts as vectors."""

from typing import Any, Final

from msgspec import Struct
from returns.result import Failure, Result, Success

from llm_manager.clients import endings
from llm_manager.clients.cohere import errors
from llm_manager.clients.cohere.codec import usage_of
from llm_manager.clients.cohere.shapes import Tokens
from llm_manager.clients.fitting import ENCODER
from llm_manager.clients.loosely import reader
from llm_manager.clients.statuses import is_good
from llm_manager.clients.who import Who
from llm_manager.domain.embeddings import Embeddings, EmbedRequest, Vector
from llm_manager.domain.errors import InvalidRequest, LLMError
from llm_manager.domain.models import ModelProfile
from llm_manager.domain.wire_requests import WireReply, WireRequest
from llm_manager.outcomes import Settled

_PURPOSES: Final = {None: "search_document", "document": "search_document", "query": "search_query"}


class _Vectors(Struct, gc=False):
    float: tuple[Vector, ...] = ()


class _Answer(Struct, gc=False):
    embeddings: _Vectors | None = None
    meta: Tokens | None = None


_READ: Final = reader(_Answer)


def embedding(asked: EmbedRequest, model: ModelProfile) -> Result[WireRequest, LLMError]:
    """The request for the vectors of some texts; a text that is too long is an error, and is never cut in silence."""
    notices: list[str] = []
    body: dict[str, Any] = {
        "model": model.name,
        "texts": asked.texts,
        "input_type": _PURPOSES[asked.purpose],
        "embedding_types": ["float"],
        "truncate": "NONE",
    }
    if asked.dimensions is not None:
        if "dimensions" in model.unsupported:
            notices.append(f"{model.name} takes no dimensions: they were left out")
        else:
            body["output_dimension"] = asked.dimensions
    try:
        return Success(WireRequest(path="/embed", body=ENCODER.encode(body), notices=tuple(notices)))
    except ValueError:
        return Failure(InvalidRequest(message="a text holds something that JSON cannot say"))


def embedded(reply: WireReply, who: Who, texts: int, wall: float) -> Settled[Embeddings, LLMError]:
    """The vectors of an answer; as many as there were texts, or it is none."""
    if not is_good(reply.status):
        return Failure(errors.error_of(reply, who, wall=wall))
    answer = _READ(reply.body)
    vectors = () if answer is None or answer.embeddings is None else answer.embeddings.float
    if answer is None or len(vectors) != texts or not all(vectors):
        return Failure(endings.malformed(f"the answer does not hold {texts} vectors", who, raw=reply.body, reply=reply))
    usage = None if answer.meta is None else usage_of(answer.meta)
    return Success(Embeddings(vectors=vectors, model=who.model, provider=who.provider, usage=usage))
