"""Texts into vectors, without any I/O: what is sent, and any bytes into vectors or an error."""

from array import array
from base64 import b64decode
from collections.abc import Sequence
from math import isfinite
from sys import byteorder
from typing import Annotated, Any, Final

import msgspec
from msgspec import Struct
from returns.result import Failure, Success

from llm_manager.clients import endings
from llm_manager.clients.data.shapes import ProviderFacts
from llm_manager.clients.openai_chat import errors
from llm_manager.clients.statuses import is_good
from llm_manager.clients.who import Who
from llm_manager.domain.embeddings import Embeddings, EmbedRequest, Vector
from llm_manager.domain.errors import LLMError
from llm_manager.domain.models import ModelProfile
from llm_manager.domain.usage import Usage
from llm_manager.domain.wire_requests import WireReply
from llm_manager.outcomes import Settled

PATH: Final = "/embeddings"
_FLOAT_BYTES: Final = 4


class _Row(Struct, gc=False):
    embedding: str | list[float]
    index: int | None = None


class _Tokens(Struct, gc=False):
    prompt_tokens: Annotated[int, msgspec.Meta(ge=0, le=2**53)] | None = None


class _Answer(Struct, gc=False):
    data: list[_Row]
    model: str | None = None
    usage: _Tokens | None = None


_ANSWER: Final = msgspec.json.Decoder(_Answer)


def body_of(request: EmbedRequest, model: ModelProfile, facts: ProviderFacts, notices: list[str]) -> dict[str, Any]:
    """The request as it is sent; dimensions that the model cannot be asked for are left out with a notice."""
    body: dict[str, Any] = {"model": model.name, "input": request.texts}
    if request.dimensions is not None:
        if "dimensions" in model.unsupported:
            notices.append(f"{model.name} takes no dimensions: they were left out")
        else:
            body["dimensions"] = request.dimensions
    if facts.vectors_as_base64:
        body["encoding_format"] = "base64"
    return body


def decode(reply: WireReply, who: Who, wall: float, *, count: int) -> Settled[Embeddings, LLMError]:
    """Read ``count`` vectors, put into the order of their texts."""
    if not is_good(reply.status):
        return Failure(errors.error_of(reply, who, wall=wall))
    try:
        answer = _ANSWER.decode(reply.body)
        rows = _ordered(answer.data, count)
        vectors = tuple(map(_vector, rows))
    except (ValueError, RecursionError):
        return Failure(errors.error_in_body(reply, who, wall=wall) or _malformed(reply, who))
    if len({len(vector) for vector in vectors}) > 1:
        return Failure(_malformed(reply, who))
    tokens = answer.usage.prompt_tokens if answer.usage else None
    return Success(
        Embeddings(
            vectors=vectors,
            model=answer.model or who.model,
            provider=who.provider,
            usage=None if tokens is None else Usage(input_tokens=tokens),
        )
    )


def _ordered(rows: Sequence[_Row], count: int) -> Sequence[_Row]:
    places = [at if row.index is None else row.index for at, row in enumerate(rows)]
    if sorted(places) != list(range(count)):
        raise ValueError("there is not one vector for each text")
    return [row for _, row in sorted(zip(places, rows, strict=True), key=lambda placed: placed[0])]


def _vector(row: _Row) -> Vector:
    """Numbers as they are, or the 32-bit floats, the least byte first, of a text in base 64."""
    if isinstance(row.embedding, str):
        packed = b64decode(row.embedding, validate=True)
        if len(packed) % _FLOAT_BYTES:
            raise ValueError("the vector is cut")
        floats = array("f", packed)
        if byteorder == "big":
            floats.byteswap()
        vector = tuple(floats)
    else:
        vector = tuple(row.embedding)
    if not vector or not all(map(isfinite, vector)):
        raise ValueError("the vector is empty, or not made of numbers")
    return vector


def _malformed(reply: WireReply, who: Who) -> LLMError:
    return endings.malformed("the answer does not hold one vector for each text", who, raw=reply.body, reply=reply)
