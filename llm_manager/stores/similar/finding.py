"""The index of prompts by their vectors: in memory, made again from the store where there is one. Needs numpy (extra vectors)."""

import threading
from collections import OrderedDict
from typing import TYPE_CHECKING, Final

import numpy as np
from returns.result import Failure, Success

from llm_manager.domain.embeddings import Vector
from llm_manager.domain.errors import LLMError
from llm_manager.outcomes import Settled
from llm_manager.services.similar import Near, SimilarPrompts

if TYPE_CHECKING:
    from typing import TypeAlias

    from numpy.typing import NDArray

    from llm_manager.stores.similar.rows import KeptPrompts, Row

    _Numbers: TypeAlias = NDArray[np.float32]

_FIRST_ROOM: Final = 16


def similar_prompts(most: int, kept: "KeptPrompts | None" = None, *, keep_private: bool = False) -> SimilarPrompts:
    """Compare with up to ``most`` prompts; those ``kept`` outlive the process, private ones among them only with ``keep_private``."""
    index = _Index(most, kept, keep_private=keep_private)
    return SimilarPrompts(nearest=index.nearest, add=index.add, drop=index.drop, count=lambda: index.held)


class _Index:
    """Groups of vectors by their context; those that were used longest ago are let go, and stay in the store."""

    def __init__(self, most: int, kept: "KeptPrompts | None", *, keep_private: bool) -> None:
        self._most, self._kept, self._keep_private = most, kept, keep_private
        self._groups: OrderedDict[str, _Group] = OrderedDict()
        self._lock = threading.Lock()
        self.held = 0

    async def nearest(self, context: str, vector: Vector) -> Settled[Near | None, LLMError]:
        group, numbers = await self._group_of(context), _unit(vector)
        if isinstance(group, Failure):
            return group
        if numbers is None:
            return Success(None)
        with self._lock:
            return Success(group.unwrap().nearest(numbers))

    async def add(self, context: str, key: str, vector: Vector, private: bool) -> Settled[None, LLMError]:
        found, numbers = await self._group_of(context), _unit(vector)
        if isinstance(found, Failure):
            return found
        if numbers is None:
            return Success(None)
        with self._lock:
            group = found.unwrap()
            before = len(group)
            group.add(key, numbers)
            if self._groups.get(context) is group:
                self.held += len(group) - before
            self._make_room()
        if self._kept is not None and (self._keep_private or not private):
            self._kept.add(context, key, numbers.astype("<f4").tobytes())
        return Success(None)

    async def drop(self, context: str, key: str) -> Settled[None, LLMError]:
        with self._lock:
            group = self._groups.get(context)
            if group is not None:
                self.held -= group.drop(key)
        if self._kept is not None:
            self._kept.drop(context, key)
        return Success(None)

    async def _group_of(self, context: str) -> "Settled[_Group, LLMError]":
        with self._lock:
            found = self._groups.get(context)
            if found is not None:
                self._groups.move_to_end(context)
                return Success(found)
        rows: tuple[Row, ...] = ()
        if self._kept is not None:
            read = await self._kept.of(context)
            if isinstance(read, Failure):
                return read
            rows = read.unwrap()
        made = _Group(self._most)
        for key, vector in rows:
            made.add(key, np.frombuffer(vector, dtype="<f4"))
        with self._lock:
            found = self._groups.setdefault(context, made)
            self.held += len(made) if found is made else 0
            self._make_room()
        return Success(found)

    def _make_room(self) -> None:
        while len(self._groups) > 1 and (self.held > self._most or len(self._groups) > self._most):
            _, gone = self._groups.popitem(last=False)
            self.held -= len(gone)


def _unit(vector: Vector) -> "_Numbers | None":
    """The vector at length 1, so that a product is a cosine; None for one that points nowhere."""
    numbers = np.asarray(vector, dtype=np.float64)
    length = float(np.linalg.norm(numbers)) if numbers.size else 0.0
    return (numbers / length).astype(np.float32) if 0.0 < length < np.inf else None


class _Group:
    """Vectors of one length; beyond ``most`` the oldest make room."""

    def __init__(self, most: int) -> None:
        self._most, self._next = max(1, most), 0
        self._keys: list[str] = []
        self._places: dict[str, int] = {}
        self._rows: _Numbers = np.zeros((0, 0), dtype=np.float32)

    def __len__(self) -> int:
        return len(self._keys)

    def nearest(self, numbers: "_Numbers") -> Near | None:
        """The key of the most similar one."""
        count = len(self._keys)
        if not count or self._rows.shape[1] != numbers.size:
            return None
        scores = self._rows[:count] @ numbers
        best = int(np.argmax(scores))
        return Near(key=self._keys[best], score=float(min(1.0, max(-1.0, scores[best]))))

    def add(self, key: str, numbers: "_Numbers") -> None:
        """Enter a vector; one of another length than the rest begins the group anew."""
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

    def drop(self, key: str) -> int:
        """Take a vector out, if it is there; the last one takes its place."""
        place = self._places.pop(key, None)
        if place is None:
            return 0
        last = self._keys.pop()
        if last != key:
            self._keys[place], self._places[last] = last, place
            self._rows[place] = self._rows[len(self._keys)]
        self._next = min(self._next, max(0, len(self._keys) - 1))
        return 1
