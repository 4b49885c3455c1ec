"""What all budgets hold: one value, with a purse for each budget, or for each name in it."""

from collections.abc import Mapping
from math import inf
from typing import TypeAlias

import msgspec

from llm_manager.policies.budget_rules import Key, Need, Rule
from llm_manager.policies.shelves import Shelf


class Purse(msgspec.Struct, frozen=True):
    """What one purse holds in the period it is in, in smallest parts; ``unknown`` is a part of ``spent``.

    Each has a ``number`` of its own: what was set aside in one that is gone is never given back to another, whatever the clock does.
    ``told`` counts the alerts given, ``above`` the calls that took more than was reserved for them. ``queue`` are those who wait
    for this purse, the oldest first, and no one of them wants more than ``largest``.
    """

    number: int
    ends: float
    spent: int = 0
    unknown: int = 0
    reserved: int = 0
    told: int = 0
    above: int = 0
    queue: tuple[int, ...] = ()
    largest: int = 0


class Recalled(msgspec.Struct, frozen=True):
    """What others have spent, as far as it is in ``spent`` and ``unknown`` of the purse with this ``number``."""

    number: int
    spent: int
    unknown: int


class Line(msgspec.Struct, frozen=True):
    """What is set aside in one purse, the one with this ``number``."""

    key: Key
    number: int
    amount: int


class Waiting(msgspec.Struct, frozen=True):
    """Who waits in the queue of the purse ``at``, and what it needs."""

    needs: tuple[Need, ...]
    at: Key


class Book(msgspec.Struct, frozen=True):
    """All purses, what is held for requests under way, and who waits; ``named`` counts the purses of each budget.

    No purse ends before ``turns_at``, in seconds since 1970.
    """

    rules: tuple[Rule, ...]
    most_names: int
    """How many purses a budget that has one for each name may have."""
    purses: Shelf[Key, Purse] = {}
    named: tuple[int, ...] = ()
    held: Shelf[int, tuple[Line, ...]] = {}
    waiting: Shelf[int, Waiting] = {}
    next_id: int = 1
    turns_at: float = inf
    next_purse: int = 1
    recalled: Mapping[Key, Recalled] = {}


class Reserved(msgspec.Struct, frozen=True):
    """Set aside for a request, until it has ended."""

    id: int


class Wait(msgspec.Struct, frozen=True):
    """Others have set aside what this request needs; it is told when they have ended."""

    id: int


class Exceeded(msgspec.Struct, frozen=True):
    """What a purse has spent and what a request may take are more than its limit; ``waited`` when only others' reservations were."""

    key: Key
    amount: int
    spent: int
    reserved: int
    ends: float
    waited: bool = False


class Decided(msgspec.Struct, frozen=True):
    """What became of one who waited."""

    id: int
    outcome: Reserved | Exceeded


class Alert(msgspec.Struct, frozen=True):
    """A purse has come to the alert of this place among those of its budget; one past the last is more than its limit."""

    key: Key
    place: int
    spent: int


class Real(msgspec.Struct, frozen=True):
    """What a request took, in smallest parts; None for what nobody told."""

    usd: int | None
    tokens: int | None
    requests: int | None


UNKNOWN = Real(None, None, None)
"""It may have been billed: what was set aside for it counts as spent."""
NOTHING = Real(0, 0, 0)
"""It was not billed, or never sent."""

Decisions: TypeAlias = tuple[Decided, ...]
