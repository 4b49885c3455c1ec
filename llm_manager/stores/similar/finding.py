"""The index of prompts by their vectors: in memory, made again from the store where there is one. Needs numpy (extra vectors)."""

import threading
from collections import OrderedDict
from typing import TYPE_CHECKING, Final, TypeVar

import numpy as np
from returns.result import Failure, Success

from llm_manager.domain.embeddings import Vector
from llm_manager.domain.errors import LLMError
from llm_manager.outcomes import Settled
from llm_manager.services.similar import Near, SimilarPrompts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import TypeAlias

    from numpy.typing import NDArray

    from llm_manager.services.world import RunBlocking
    from llm_manager.stores.similar.rows import KeptPrompts, Row

    _Numbers: TypeAlias = NDArray[np.float32]

_Value = TypeVar("_Value")

_FIRST_ROOM: Final = 16
_MOMENT_BYTES: Final = 1_000_000
"""What is compared in a tenth of a millisecond or so."""


async def _at_once(work: "Callable[[], _Value]") -> "_Value":
    return work()


def similar_prompts(
    most: int, kept: "KeptPrompts | None" = None, *, keep_private: bool = False, aside: "RunBlocking" = _at_once
) -> SimilarPrompts:
    """Compare with up to ``most`` prompts; those ``kept`` outlive the process, private ones among them only with ``keep_private``.

    What takes more than a moment is done ``aside``, so that it holds up nobody else.
    """
    index = _Index(most, kept, aside, keep_private=keep_private)
    return SimilarPrompts(nearest=index.nearest, add=index.add, drop=index.drop, count=lambda: index.held)


class _Index:
    """Groups of vectors by their context; those that were used longest ago are let go, and stay in the store."""

    def __init__(self, most: int, kept: "KeptPrompts | None", aside: "RunBlocking", *, keep_private: bool) -> None:
        self._most, self._kept, self._aside, self._keep_private = most, kept, aside, keep_private
        self._groups: OrderedDict[str, _Group] = OrderedDict()
        self._lock = threading.Lock()
        self.held = 0

    async def nearest(self, context: str, vector: Vector) -> Settled[Near | None, LLMError]:
        found, numbers = await self._group_of(context), _unit(vector)
        if isinstance(found, Failure):
            return found
        if numbers is None:
            return Success(None)
        group, looked_for = found.unwrap(), numbers
        return Success(await self._done(group.size, lambda: group.nearest(looked_for)))

    async def add(self, context: str, key: str, vector: Vector, private: bool) -> Settled[None, LLMError]:
        found, numbers = await self._group_of(context), _unit(vector)
        if isinstance(found, Failure):
            return found
        if numbers is None:
            return Success(None)
        group, added = found.unwrap(), numbers
        await self._done(group.size, lambda: group.add(key, added))
        self._count(context, group)
        if self._kept is not None and (self._keep_private or not private):
            self._kept.add(context, key, added.astype("<f4").tobytes())
        return Success(None)

    async def drop(self, context: str, key: str) -> Settled[None, LLMError]:
        with self._lock:
            group = self._groups.get(context)
        if group is not None:
            gone = group
            await self._done(gone.size, lambda: gone.drop(key))
            self._count(context, gone)
        if self._kept is not None:
            self._kept.drop(context, key)
        return Success(None)

    async def _group_of(self, context: str) -> "Settled[_Group, LLMError]":
        with self._lock:
            found = self._groups.get(context)
            if found is not None:
                self._groups.move_to_end(context)
                return Success(found)
        made = _Group(self._most)
        if self._kept is not None:
            read = await self._kept.of(context)
            if isinstance(read, Failure):
                return read
            rows = read.unwrap()
            await self._done(sum(len(vector) for _, vector in rows), lambda: made.fill(rows))
        with self._lock:
            found = self._groups.setdefault(context, made)
        self._count(context, found)
        return Success(found)

    async def _done(self, size: int, work: "Callable[[], _Value]") -> "_Value":
        """What work says that touches so many bytes."""
        return await self._aside(work) if size > _MOMENT_BYTES else work()

    def _count(self, context: str, group: "_Group") -> None:
        """Count what is in a group now, and let others go where that is too much."""
        with self._lock:
            if self._groups.get(context) is group:
                self.held += len(group) - group.counted
                group.counted = len(group)
            while len(self._groups) > 1 and (self.held > self._most or len(self._groups) > self._most):
                _, gone = self._groups.popitem(last=False)
                self.held -= gone.counted


def _unit(vector: Vector) -> "_Numbers | None":
    """The vector at length 1, so that a product is a cosine; None for one that points nowhere."""
    numbers = np.asarray(vector, dtype=np.float64)
    length = float(np.linalg.norm(numbers)) if numbers.size else 0.0
    return (numbers / length).astype(np.float32) if 0.0 < length < np.inf else None


class _Group:
    """Vectors of one length; beyond ``most`` the oldest make room. Safe from threads."""

    def __init__(self, most: int) -> None:
        self._most, self._next = max(1, most), 0
        self._keys: list[str] = []
        self._places: dict[str, int] = {}
        self._rows: _Numbers = np.zeros((0, 0), dtype=np.float32)
        self._lock = threading.Lock()
        self.counted = 0
        """How many of these the index has counted."""

    def __len__(self) -> int:
        return len(self._keys)

    @property
    def size(self) -> int:
        """About how many bytes it has."""
        return self._rows.nbytes

    def nearest(self, numbers: "_Numbers") -> Near | None:
        """The key of the most similar one."""
        with self._lock:
            count = len(self._keys)
            if not count or self._rows.shape[1] != numbers.size:
                return None
            scores = self._rows[:count] @ numbers
            best = int(np.argmax(scores))
            return Near(key=self._keys[best], score=float(min(1.0, max(-1.0, scores[best]))))

    def fill(self, rows: "Iterable[Row]") -> None:
        """Enter what was kept."""
        for key, vector in rows:
            self.add(key, np.frombuffer(vector, dtype="<f4"))

    def add(self, key: str, numbers: "_Numbers") -> None:
        """Enter a vector; one of another length than the rest begins the group anew."""
        with self._lock:
            self._add(key, numbers)

    def _add(self, key: str, numbers: "_Numbers") -> None:
        if numbers.size != self._rows.shape[1]:
            self._keys, self._places, self._next = [], {}, 0
            self._rows = np.zeros((min(_FIRST_ROOM, self._most), numbers.size), dtype=np.float32)
        place = self._places.get(key)
        if place is None and len(self._keys) < self._most:
            place = len(self._keys)
            if place == len(self._rows):
                more = np.zeros((min(len(self._rows), self._most - place), numbers.size), dtype=np.float32)
                self._rows = np.concatenate((self._rows, more))
            self._keys.append(key)
        elif place is None:
            place, self._next = self._next, (self._next + 1) % self._most
            del self._places[self._keys[place]]
            self._keys[place] = key
        self._places[key] = place
        self._rows[place] = numbers

    def drop(self, key: str) -> None:
        """Take a vector out, if it is there; the last one takes its place."""
        with self._lock:
            place = self._places.pop(key, None)
            if place is None:
                return
            last = self._keys.pop()
            if last != key:
                self._keys[place], self._places[last] = last, place
                self._rows[place] = self._rows[len(self._keys)]
            self._next = min(self._next, max(0, len(self._keys) - 1))
