"""Texts as vectors: each text is a content of its own, so that every model gives a vector for each."""

from typing import Any, Final

import msgspec
from msgspec import Struct
from returns.result import Failure, Result, Success

from llm_manager.clients import endings
from llm_manager.clients.data.gemini_manners import TASK_TYPES, TASK_WORDS, TASKS_IN_WORDS
from llm_manager.clients.fitting import ENCODER
from llm_manager.clients.gemini import errors
from llm_manager.clients.gemini.encoding import resource_of
from llm_manager.clients.gemini.shapes import Tokens
from llm_manager.clients.statuses import is_good
from llm_manager.clients.who import Who
from llm_manager.domain.embeddings import Embeddings, EmbedRequest, Vector
from llm_manager.domain.errors import InvalidRequest, LLMError
from llm_manager.domain.models import ModelProfile
from llm_manager.domain.usage import Usage
from llm_manager.domain.wire_requests import WireReply, WireRequest
from llm_manager.outcomes import Settled


class _Embedded(Struct, gc=False):
    values: Vector


class _Answer(Struct, gc=False, rename="camel"):
    embeddings: list[_Embedded]
    usage_metadata: Tokens | None = None


_READER: Final = msgspec.json.Decoder(_Answer)


def embedding(asked: EmbedRequest, profile: ModelProfile) -> Result[WireRequest, LLMError]:
    """The request for the vectors of some texts."""
    resource = resource_of(profile.name)
    more: dict[str, Any] = {"model": resource}
    words = ""
    if asked.purpose is not None:
        if profile.name.startswith(TASKS_IN_WORDS):
            words = TASK_WORDS[asked.purpose]
        else:
            more["taskType"] = TASK_TYPES[asked.purpose]
    if asked.dimensions is not None:
        more["outputDimensionality"] = asked.dimensions
    try:
        body = ENCODER.encode({"requests": [{**more, "content": {"parts": [{"text": words + text}]}} for text in asked.texts]})
    except ValueError:
        return Failure(InvalidRequest(message="a text holds something that JSON cannot say"))
    return Success(WireRequest(path=f"/{resource}:batchEmbedContents", body=body))


def embedded(reply: WireReply, who: Who, texts: int, wall: float) -> Settled[Embeddings, LLMError]:
    """The vectors of an answer; as many as there were texts, or it is none."""
    if not is_good(reply.status):
        return Failure(errors.error_of(reply, who, wall=wall))
    try:
        answer = _READER.decode(reply.body)
    except (ValueError, RecursionError):
        return Failure(endings.malformed("the answer holds no vectors", who, raw=reply.body, reply=reply))
    vectors = tuple(each.values for each in answer.embeddings)
    if len(vectors) != texts or not all(vectors):
        return Failure(endings.malformed(f"the answer does not hold {texts} vectors", who, reply=reply))
    tokens = answer.usage_metadata
    read_in = None if tokens is None else tokens.prompt_token_count
    usage = None if read_in is None else Usage(input_tokens=read_in)
    return Success(Embeddings(vectors=vectors, model=who.model, provider=who.provider, usage=usage))
