"""Whether the registry has a newer version of a model: its manifest's digest against that of the model on disk."""

import hashlib
from typing import Final

import msgspec

from llm_manager.domain.local_models import LocalModel, ModelUpdate
from llm_manager.domain.wire_requests import WireReply

_DIGESTS: Final = ("ollama-content-digest", "docker-content-digest")
_LARGEST: Final = 10_000_000
_DIGEST: Final = "sha256:"


def update_of(model: LocalModel, reply: WireReply) -> ModelUpdate:
    """Compare; a registry that does not know the model, or a server that told no digest, leaves it open.

    The digest is of the manifest as the server keeps it, which is as it came or, from some versions, written anew.
    """
    local = model.digest.removeprefix(_DIGEST)
    if not local or reply.status != 200 or len(reply.body) > _LARGEST:
        return ModelUpdate(name=model.name, newer=None)
    try:
        told = msgspec.json.decode(reply.body)
    except (ValueError, RecursionError):
        told = None
    if not isinstance(told, dict) or not isinstance(told.get("layers"), list):
        return ModelUpdate(name=model.name, newer=None)
    offered = {(reply.header(name) or "").removeprefix(_DIGEST) for name in _DIGESTS}
    offered |= {_sha256(reply.body), _sha256(msgspec.json.encode(told))}
    return ModelUpdate(name=model.name, newer=local not in offered)


def _sha256(text: bytes) -> str:
    return hashlib.sha256(text).hexdigest()
