"""What of a request may differ for an answer to stand in: the last words of the user, and nothing else."""

import hashlib
from typing import Final

from attrs import evolve, frozen

from llm_manager.domain.messages import TextPart
from llm_manager.domain.requests import LLMRequest

BLANK: Final = "\ufffc"
"""What stands for the words in the context: an object replacement character."""


@frozen(kw_only=True)
class Parted:
    """The last words of the user, and the same request without them."""

    words: str
    rest: LLMRequest


def parted(request: LLMRequest) -> Parted | None:
    """Take the last words out of a request; None when it does not end with words of the user alone.

    >>> parted(LLMRequest("Hello", system="Be kind")).words
    'Hello'
    """
    if request.prompt is not None:
        return Parted(words=request.prompt, rest=evolve(request, prompt=BLANK))
    last = request.messages[-1] if request.messages else None
    if last is None or last.role != "user" or not last.content or not all(isinstance(part, TextPart) for part in last.content):
        return None
    return Parted(words=last.text, rest=evolve(request, messages=(*request.messages[:-1], evolve(last, content=BLANK))))


def context_of(rest_key: str, provider: str, model: str) -> str:
    """Name what must be the same: the key of the rest, and which model makes the vectors, since those of two do not compare."""
    parts = [part.encode("utf-8", "surrogatepass") for part in ("similar", rest_key, provider, model)]
    return hashlib.sha256(b"".join(b"%d:%b" % (len(part), part) for part in parts)).hexdigest()
