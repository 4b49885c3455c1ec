"""Which request a row is: a digest of all that decides its answer, and of nothing else (not of its place in the file)."""

from collections.abc import Callable
from hashlib import sha256
from typing import Any, Final

import msgspec
from attrs import Attribute, asdict, evolve, fields

from llm_manager.domain.requests import JsonSchema, LLMRequest, Preferences

_VERSION: Final = 1
_ABOUT_OTHERS: Final = fields(Preferences).exact
_ALWAYS: Final = frozenset({"max_tokens", "temperature", "top_p", "stop", "seed", "model", "provider"})
"""What keys have told from the beginning; what came later is told only when it says something, so that older keys stay."""


def keying(request: LLMRequest) -> Callable[[str], str]:
    """How prompts become keys when the rest of their request is this one's.

    Whether others may stand in for whom it names is no part of it, nor how long it may take: what is asked is the same.
    Nor is how long the answer may be: one that is whole is whole under any limit, and one that was cut counts as failed.
    """
    rest = msgspec.json.encode({"version": _VERSION, **deciding(request)})
    begun = sha256(len(rest).to_bytes(8, "big") + rest)

    def key(prompt: str) -> str:
        digest = begun.copy()
        digest.update(prompt.encode("utf-8", "surrogatepass"))
        return digest.hexdigest()

    return key


def deciding(request: LLMRequest) -> dict[str, Any]:
    """All of a request that decides its answer, but for the prompt."""
    output: dict[str, Any] = {"tag": request.output.tag}
    if isinstance(request.output, JsonSchema):
        output["schema"] = request.output.schema
    return {
        "system": request.system,
        "task_type": request.task_type,
        "preferences": asdict(evolve(request.preferences, max_tokens=None), filter=_decides),
        "output": output,
    }


def _decides(attribute: "Attribute[Any]", value: object) -> bool:
    return attribute != _ABOUT_OTHERS and (attribute.name in _ALWAYS or value != attribute.default)
