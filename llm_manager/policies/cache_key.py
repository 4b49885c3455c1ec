"""Under which key an answer or a vector is remembered: a digest of everything that could change it."""

import hashlib
from collections.abc import Callable
from functools import lru_cache

from llm_manager.domain.attempts import Attempt
from llm_manager.domain.embeddings import EmbedRequest
from llm_manager.domain.models import Endpoint
from llm_manager.domain.wire_requests import WireRequest

_VERSION = b"1"


def cache_key(attempt: Attempt) -> str:
    """Digest tenant, endpoint and the request's own bytes, each with its length, so that no two requests share a key.

    The bytes are those of the request encoded as not streamed: a field that is sent is in the key by construction.
    """
    return answer_key(attempt.wire, attempt.endpoint, attempt.model.name, attempt.request.metadata.tenant)


def answer_key(wire: WireRequest, endpoint: Endpoint, model: str, tenant: str | None) -> str:
    """The same before there is an attempt."""
    whose = _whose(tenant, endpoint.identity, model, wire.path, wire.headers)
    return hashlib.sha256(b"%b%d:%b" % (whose, len(wire.body), wire.body)).hexdigest()


def vector_keys(asked: EmbedRequest, endpoint: Endpoint, model: str) -> Callable[[str], str]:
    """The keys of single texts: a digest of tenant, endpoint, model, dimensions, purpose and text, each with its length."""
    whose = _whose("vector", asked.metadata.tenant, endpoint.identity, model, asked.dimensions, asked.purpose)
    begun = hashlib.sha256(whose)

    def key(text: str) -> str:
        digest, encoded = begun.copy(), text.encode("utf-8", "surrogatepass")
        digest.update(b"%d:%b" % (len(encoded), encoded))
        return digest.hexdigest()

    return key


@lru_cache(maxsize=1024)
def _whose(*parts: object) -> bytes:
    """What a key begins with; few differ, and this runs on every call."""
    texts = [_VERSION, *(("" if part is None else str(part)).encode("utf-8", "surrogatepass") for part in parts)]
    return b"".join(b"%d:%b" % (len(text), text) for text in texts)
