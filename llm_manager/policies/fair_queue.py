"""Who is next: by priority first, then every tenant in turn, then every user of the tenant in turn, oldest first.

Priorities share by weight (4, 2, 1), so the lowest is slowed down and never starved. Whoever joins anew stands at the end of
the round, so nothing is remembered of those who do not wait: the queue is as large as its waiters and no larger.
"""

from math import inf
from typing import Any, Final, TypeAlias

from msgspec import Struct

from llm_manager.domain.requests import Priority
from llm_manager.policies.ordered import Tree, get, least, put, take, values, weight_of, weight_of_name

_CLASSES: Final[tuple[Priority, ...]] = ("high", "normal", "low")
_STRIDES: Final = (0.25, 0.5, 1.0)
"""How far a turn takes each priority: the one that it takes least far is next."""
_INDEX: Final = {name: index for index, name in enumerate(_CLASSES)}


class Waiter(Struct, frozen=True):
    """One that waits: its number, when it gives up, what and on whose behalf it asks, its size, how long a pause it bears."""

    number: int
    until: float
    model: str = ""
    priority: Priority = "normal"
    tenant: str = ""
    user: str = ""
    tokens: int = 0
    patience: float = inf


class Ring(Struct, frozen=True):
    """Names that take turns: ``turns`` by number to a name and what waits under it, ``names`` to their number."""

    turns: Tree
    names: Tree
    following: int


_Line: TypeAlias = tuple[int, Tree]
"""How many wait under one name, by number."""


class Queue(Struct, frozen=True):
    """All that wait. ``far`` is how far each priority has come, ``here`` how far the one served last had."""

    size: int = 0
    rings: tuple[Ring | None, Ring | None, Ring | None] = (None, None, None)
    far: tuple[float, float, float] = (0.0, 0.0, 0.0)
    here: float = 0.0
    expiring: Tree = None
    """By the moment at which each gives up."""


EMPTY: Final = Queue()


def joined(queue: Queue, waiter: Waiter) -> Queue:
    """The queue with one more at its place."""
    index = _INDEX[waiter.priority]
    ring = queue.rings[index]
    far = queue.far
    if ring is None:  # a priority that nobody waited in has saved nothing up
        far = _replaced(far, index, max(far[index], queue.here))
    joined_ring = _pushed(ring, (waiter.tenant, waiter.user), waiter)
    return Queue(
        queue.size + 1,
        _replaced(queue.rings, index, joined_ring),
        far,
        queue.here,
        put(queue.expiring, (waiter.until, waiter.number), waiter, weight_of(waiter.number)),
    )


def first(queue: Queue) -> Waiter | None:
    """Who is next."""
    index = _turn(queue)
    if index is None:
        return None
    found: Any = queue.rings[index]
    while isinstance(found, Ring):
        found = least(found.turns)[1][1]  # type: ignore[index]  # a ring in which nobody waits is not kept
    return least(found[1])[1]  # type: ignore[index, no-any-return]  # nor is such a line


def without_first(queue: Queue) -> Queue:
    """The queue after its next one was let through."""
    index, waiter = _turn(queue), first(queue)
    if index is None or waiter is None:
        return queue
    here = queue.far[index]
    far = _replaced(queue.far, index, here + _STRIDES[index])
    ring = _popped(queue.rings[index])
    return Queue(queue.size - 1, _replaced(queue.rings, index, ring), far, here, _forgotten(queue, waiter))


def without(queue: Queue, waiter: Waiter) -> Queue:
    """The queue after somebody in it went away; the same one when it is not there."""
    if get(queue.expiring, (waiter.until, waiter.number)) is None:
        return queue
    index = _INDEX[waiter.priority]
    ring = _removed(queue.rings[index], (waiter.tenant, waiter.user), waiter.number)
    return Queue(queue.size - 1, _replaced(queue.rings, index, ring), queue.far, queue.here, _forgotten(queue, waiter))


def first_to_give_up(queue: Queue) -> Waiter | None:
    """Who gives up before all others."""
    found = least(queue.expiring)
    return None if found is None else found[1]


def everybody(queue: Queue) -> list[Waiter]:
    """All that wait, by when they give up."""
    return values(queue.expiring)


def ahead_of(queue: Queue, waiter: Waiter) -> int:
    """How many will surely be let through before one who joins now: those of the same priority, tenant and user."""
    ring: Any = queue.rings[_INDEX[waiter.priority]]
    for name in (waiter.tenant, waiter.user):
        turn = None if ring is None else get(ring.names, name)
        if ring is None or turn is None:
            return 0
        ring = get(ring.turns, turn)[1]
    count: int = ring[0]  # two names down is a line
    return count


def _turn(queue: Queue) -> int | None:
    """The priority that a turn takes least far, among those in which somebody waits."""
    waiting = [(queue.far[index] + _STRIDES[index], index) for index, ring in enumerate(queue.rings) if ring is not None]
    return min(waiting)[1] if waiting else None


def _forgotten(queue: Queue, waiter: Waiter) -> Tree:
    return take(queue.expiring, (waiter.until, waiter.number))


def _replaced(all_of_them: tuple[Any, Any, Any], index: int, one: Any) -> tuple[Any, Any, Any]:
    high, normal, low = all_of_them
    return (one, normal, low) if index == 0 else (high, one, low) if index == 1 else (high, normal, one)


def _pushed(found: Any, path: tuple[str, ...], waiter: Waiter) -> Any:
    if not path:
        count, line = found or (0, None)
        return (count + 1, put(line, waiter.number, waiter, weight_of(waiter.number)))
    ring = found or Ring(None, None, 0)
    name, deeper = path[0], path[1:]
    turn = get(ring.names, name)
    if turn is not None:
        below = _pushed(get(ring.turns, turn)[1], deeper, waiter)
        return Ring(put(ring.turns, turn, (name, below), 0), ring.names, ring.following)
    return _last(ring, name, _pushed(None, deeper, waiter))


def _last(ring: Ring, name: str, below: Any) -> Ring:
    """The ring with a name at the end of its round."""
    turn = ring.following
    turns = put(ring.turns, turn, (name, below), weight_of(turn))
    return Ring(turns, put(ring.names, name, turn, weight_of_name(name)), turn + 1)


def _popped(found: Any) -> Any:
    """What is left when the first is gone, None for nothing; the name that had its turn goes to the end."""
    if not isinstance(found, Ring):
        count, line = found
        return (count - 1, take(line, least(line)[0])) if count > 1 else None  # type: ignore[index]  # it has one
    turn, (name, below) = least(found.turns)  # type: ignore[misc]  # nor is an empty ring kept
    left = _popped(below)
    rest = take(found.turns, turn)
    if left is not None:
        return _last(Ring(rest, found.names, found.following), name, left)
    return None if rest is None else Ring(rest, take(found.names, name), found.following)


def _removed(found: Any, path: tuple[str, ...], number: int) -> Any:
    if not path:
        count, line = found
        return (count - 1, take(line, number)) if count > 1 else None
    name, deeper = path[0], path[1:]
    turn = get(found.names, name)
    left = _removed(get(found.turns, turn)[1], deeper, number)
    if left is not None:
        return Ring(put(found.turns, turn, (name, left), 0), found.names, found.following)
    rest = take(found.turns, turn)
    return None if rest is None else Ring(rest, take(found.names, name), found.following)
