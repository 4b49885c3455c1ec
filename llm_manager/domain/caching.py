"""What is remembered of what was paid for: values with where they came from, and what that saves."""

from decimal import Decimal
from typing import Generic, TypeVar

from attrs import frozen
from msgspec import Struct

Value = TypeVar("Value")


@frozen(kw_only=True)
class Provenance:
    """Where a remembered value came from, and on whose behalf; ``cost_usd`` is what it took, which every hit saves (None: not known).

    ``made_by`` is what the provider called the model that made it, where that is another name than it was asked by.
    """

    provider: str = ""
    model: str = ""
    tenant: str | None = None
    tags: tuple[str, ...] = ()
    private: bool = False
    cost_usd: Decimal | None = None
    made_by: str | None = None


NOWHERE = Provenance()


class Remembered(Struct, Generic[Value], frozen=True, kw_only=True):
    """A value with where it came from, and how long ago it was made."""

    value: Value
    provenance: Provenance = NOWHERE
    age_seconds: float = 0.0


@frozen(kw_only=True)
class Forgetting:
    """Which values are forgotten: those for which all that is said here holds, and all of them when nothing is said.

    ``model`` is a model's name, with or without ``provider/`` before it.
    """

    model: str | None = None
    tag: str | None = None
    tenant: str | None = None
    older_than_seconds: float | None = None


EVERYTHING = Forgetting()


@frozen(kw_only=True)
class CachedModel:
    """What is remembered of one model, and how often that served."""

    provider: str
    model: str
    rows: int
    bytes: int
    hits: int
    saved_usd: Decimal


@frozen(kw_only=True)
class CacheStatistics:
    """How much is remembered, and what it was good for; ``models`` tells of what is there now, the rest also of what is gone.

    ``unpriced`` hits saved money that nobody knows.
    """

    rows: int = 0
    bytes: int = 0
    hits: int = 0
    misses: int = 0
    saved_usd: Decimal = Decimal(0)
    unpriced: int = 0
    models: tuple[CachedModel, ...] = ()


@frozen(kw_only=True)
class SimilarStatistics:
    """How many prompts are at hand to be compared with, how often an answer to a similar one was found, and how often it was used.

    An answer that was found counts among the hits of the answers, used or not.
    """

    prompts: int
    found: int
    used: int


@frozen(kw_only=True)
class CacheReport:
    """The answers and the vectors that are remembered, and what similar prompts were good for, where they are compared."""

    answers: CacheStatistics
    vectors: CacheStatistics
    similar: SimilarStatistics | None = None
