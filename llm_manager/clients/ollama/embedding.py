"""Texts as vectors: a request in Ollama's words, and the vectors in its answer."""

from collections.abc import Mapping
from math import isfinite
from typing import Any, Final

import msgspec
from msgspec import Struct
from returns.result import Failure, Result, Success

from llm_manager.clients import endings
from llm_manager.clients.fitting import ENCODER
from llm_manager.clients.ollama import errors
from llm_manager.clients.statuses import is_good
from llm_manager.clients.who import Who
from llm_manager.domain.embeddings import Embeddings, EmbedRequest
from llm_manager.domain.errors import InvalidRequest, LLMError
from llm_manager.domain.models import ModelProfile
from llm_manager.domain.usage import Usage
from llm_manager.domain.wire_requests import WireReply, WireRequest
from llm_manager.outcomes import Settled

PATH: Final = "/api/embed"
TEXTS_PER_CALL: Final = 64
"""How many texts go in one request: the server works on all of them at once."""


class _Told(Struct, gc=False):
    embeddings: list[list[float]]
    model: str | None = None
    prompt_eval_count: int | None = None
    remote_host: str | None = None
    remote_model: str | None = None


_DECODER: Final = msgspec.json.Decoder(_Told)


def encode_texts(
    request: EmbedRequest, profile: ModelProfile, machine: Mapping[str, int], keep_alive: str | float | None
) -> Result[WireRequest, LLMError]:
    """Say which texts; one that is longer than the model's window is refused by the server, never shortened."""
    if not request.texts:
        return Failure(InvalidRequest(message="there is nothing to embed: give at least one text"))
    if any(not text for text in request.texts):
        return Failure(InvalidRequest(message="an empty text has no vector: leave it out"))
    body: dict[str, Any] = {"model": profile.name, "input": request.texts, "truncate": False}
    if request.dimensions is not None:
        body["dimensions"] = request.dimensions
    if machine:
        body["options"] = dict(machine)
    if keep_alive is not None:
        body["keep_alive"] = keep_alive
    notices = () if request.purpose is None else (f"{profile.name} takes no purpose: it was left out",)
    return Success(WireRequest(path=PATH, body=ENCODER.encode(body), notices=notices))


def read_vectors(reply: WireReply, who: Who, request: EmbedRequest, *, wall: float) -> Settled[tuple[Embeddings, str | None], LLMError]:
    """One vector for each text, in their order, and where they were really made, when that was elsewhere."""
    if not is_good(reply.status):
        return Failure(errors.error_of(reply, who, wall=wall))
    try:
        told = _DECODER.decode(reply.body)
    except (ValueError, RecursionError):
        return Failure(endings.malformed("the answer holds no vectors", who, raw=reply.body, reply=reply))
    lengths = {len(vector) for vector in told.embeddings}
    whole = all(isfinite(number) for vector in told.embeddings for number in vector)
    if len(told.embeddings) != len(request.texts) or len(lengths) != 1 or 0 in lengths or not whole:
        return Failure(endings.malformed("the answer does not hold one vector for each text", who, raw=reply.body[:200], reply=reply))
    if request.dimensions is not None and lengths != {request.dimensions}:
        shown = f"{who.model} makes vectors of {lengths.pop()} numbers, not of {request.dimensions}"
        return Failure(InvalidRequest(message=shown, origin=who.origin(status=reply.status, charge="certain")))
    read = told.prompt_eval_count
    return Success(
        (
            Embeddings(
                vectors=tuple(tuple(vector) for vector in told.embeddings),
                model=told.model or who.model,
                provider=who.provider,
                usage=None if read is None else Usage(input_tokens=max(0, read)),
            ),
            told.remote_host or told.remote_model,
        )
    )
