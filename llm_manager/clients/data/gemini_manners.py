"""How Gemini's models differ in what they are told: how much to think, what an embedding is for, what goes together.

Beginnings of model names, the most exact first; the first that fits is taken.
"""

from collections.abc import Mapping
from typing import Final, TypeAlias

from llm_manager.domain.embeddings import Purpose
from llm_manager.domain.requests import Reasoning

Efforts: TypeAlias = Mapping[Reasoning, str | int]
"""A level of thinking by its name, or the tokens that may be thought."""

_LEVELS: Final[Efforts] = {"off": "MINIMAL", "low": "LOW", "medium": "MEDIUM", "high": "HIGH"}
_NEVER_LESS_THAN_LOW: Final[Efforts] = {"off": "LOW", "low": "LOW", "medium": "MEDIUM", "high": "HIGH"}

THINKING: Final[tuple[tuple[str, Efforts | None], ...]] = (
    ("gemini-2.5-pro", {"off": 128, "low": 1024, "medium": 8192, "high": 32_768}),
    ("gemini-2.5", {"off": 0, "low": 1024, "medium": 8192, "high": 24_576}),
    ("gemini-2", None),
    ("gemini-1", None),
    ("gemma-", None),
    ("gemini-3.1-pro", _NEVER_LESS_THAN_LOW),
    ("gemini-3.7", _NEVER_LESS_THAN_LOW),
    ("gemini-3.8", _NEVER_LESS_THAN_LOW),
    ("gemini-3", _LEVELS),
    ("", _NEVER_LESS_THAN_LOW),
)
"""None for those that do not think; a name that is not known is taken for one of the newest."""

TOOLS_OR_JSON: Final = ("gemini-1", "gemini-2", "gemma-")
"""Those that take tools or a form of JSON, not both at once."""

UNSIGNED: Final = "skip_thought_signature_validator"
"""What stands for the signature of a call that Gemini did not make, where it wants one: its own documents name it."""

TASK_TYPES: Final[Mapping[Purpose, str]] = {"query": "RETRIEVAL_QUERY", "document": "RETRIEVAL_DOCUMENT"}
TASKS_IN_WORDS: Final = ("gemini-embedding-2",)
"""Embedding models that are told in the text itself what it is for."""
TASK_WORDS: Final[Mapping[Purpose, str]] = {"query": "task: search result | query: ", "document": "title: none | text: "}


def efforts_of(model: str) -> Efforts | None:
    """How much a model may be told to think; None for one that does not.

    >>> efforts_of("gemini-2.5-flash")["off"], efforts_of("gemini-2.0-flash")
    (0, None)
    """
    return next(efforts for start, efforts in THINKING if model.startswith(start))


def wants_signatures(model: str) -> bool:
    """Say whether a model refuses a call of its own that comes back unsigned: those do that think by level.

    >>> wants_signatures("gemini-3.8-flash"), wants_signatures("gemini-2.5-pro")
    (True, False)
    """
    efforts = efforts_of(model)
    return efforts is not None and isinstance(efforts["high"], str)
