"""Under which key an answer is remembered: a digest of everything that could change it."""

import hashlib

from llm_manager.domain.attempts import Attempt

_VERSION = b"1"


def cache_key(attempt: Attempt) -> str:
    """Digest tenant, endpoint and the request's own bytes, each with its length, so that no two requests share a key.

    The bytes are those of the request encoded as not streamed: a field that is sent is in the key by construction.
    """
    wire = attempt.wire
    parts = (
        _VERSION,
        (attempt.request.metadata.tenant or "").encode("utf-8", "surrogatepass"),
        attempt.endpoint.identity.encode("utf-8", "surrogatepass"),
        attempt.model.name.encode("utf-8", "surrogatepass"),
        wire.path.encode("utf-8", "surrogatepass"),
        repr(wire.headers).encode("utf-8", "surrogatepass") if wire.headers else b"",
        wire.body,
    )
    return hashlib.sha256(b"".join([b"%d:%b" % (len(part), part) for part in parts])).hexdigest()
