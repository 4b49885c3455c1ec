"""Reading what an error answer says, as far as dialects say it alike: its JSON, its sentence, and how long a prompt is that is too long."""

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final, TypeAlias

import msgspec

from llm_manager.clients.who import Who

LARGEST_ERROR_BYTES: Final = 1_000_000
_LARGEST_COUNT: Final = 2**53
Lengths: TypeAlias = tuple[int | None, int | None]
"""The tokens of a prompt and of a window, where they are told."""


def told_in(body: bytes | str) -> object:
    """The JSON of an error answer; None for what is none, or is too long to be one."""
    try:
        return msgspec.json.decode(body) if len(body) <= LARGEST_ERROR_BYTES else None
    except (ValueError, RecursionError):
        return None


def text_in(body: bytes) -> str:
    """An error answer as it came."""
    return body[:LARGEST_ERROR_BYTES].decode("utf-8", "replace")


def sentence(said: str, status: int, who: Who) -> str:
    """The provider's sentence, safe to show; the status where it has none."""
    return who.safe(said.strip()) or f"answered with status {status}"


def lengths_in(said: str, sentences: Iterable[re.Pattern[str]]) -> Lengths | None:
    """What one of a provider's ``sentences`` about prompts that are too long tells; None when it is none of them."""
    found = next(filter(None, (each.match(said) for each in sentences)), None)
    if found is None:
        return None
    told = found.groupdict()
    count, limit = told.get("count"), told.get("limit")
    return int(count) if count else None, int(limit) if limit else None


def lengths_told(error: Mapping[str, Any]) -> Lengths:
    """The same as llama.cpp tells it, in fields of their own."""
    return _count(error.get("n_prompt_tokens")), _count(error.get("n_ctx"))


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _LARGEST_COUNT else None
