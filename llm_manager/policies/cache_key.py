"""Under which key an answer is remembered: a digest of everything that could change it."""

import hashlib
from functools import lru_cache

from llm_manager.domain.attempts import Attempt

_VERSION = b"1"


def cache_key(attempt: Attempt) -> str:
    """Digest tenant, endpoint and the request's own bytes, each with its length, so that no two requests share a key.

    The bytes are those of the request encoded as not streamed: a field that is sent is in the key by construction.
    """
    wire, endpoint = attempt.wire, attempt.endpoint
    whose = _whose(attempt.request.metadata.tenant, endpoint.identity, attempt.model.name, wire.path, wire.headers)
    return hashlib.sha256(b"%b%d:%b" % (whose, len(wire.body), wire.body)).hexdigest()


@lru_cache(maxsize=1024)
def _whose(*parts: object) -> bytes:
    """What a key begins with; few differ, and this runs on every call."""
    texts = [_VERSION, *(("" if part is None else str(part)).encode("utf-8", "surrogatepass") for part in parts)]
    return b"".join(b"%d:%b" % (len(text), text) for text in texts)
