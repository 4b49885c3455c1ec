"""A mapping that never changes and still grows in a microsecond: putting something in copies one small leaf of it, not all."""

from collections.abc import Hashable, Iterator
from typing import Final, Generic, TypeAlias, TypeVar

import msgspec

_Key = TypeVar("_Key", bound=Hashable)
_Value = TypeVar("_Value")

_MOST_IN_LEAF: Final = 32
_BITS: Final = 4
_BRANCHES: Final = 1 << _BITS
_DEEPEST: Final = 12
"""As many levels as hashes surely have bits for; a leaf below them grows instead."""


class Branch(msgspec.Struct, Generic[_Key, _Value], frozen=True):
    """Shelves by the next bits of the keys' hashes."""

    below: "tuple[Shelf[_Key, _Value], ...]"


Shelf: TypeAlias = dict[_Key, _Value] | Branch[_Key, _Value]
"""Read with `kept` and `items`, changed with `put` and `without`, which give another one; ``{}`` is an empty one."""


def kept(shelf: Shelf[_Key, _Value], key: _Key) -> _Value | None:
    """What is kept under a key."""
    if isinstance(shelf, dict):
        return shelf.get(key)
    rest = hash(key)
    while isinstance(shelf, Branch):
        shelf = shelf.below[rest & (_BRANCHES - 1)]
        rest >>= _BITS
    return shelf.get(key)


def put(shelf: Shelf[_Key, _Value], key: _Key, value: _Value) -> Shelf[_Key, _Value]:
    """The same with a value under a key."""
    if isinstance(shelf, dict) and len(shelf) < _MOST_IN_LEAF:
        grown = shelf.copy()
        grown[key] = value
        return grown
    return _put(shelf, key, value, hash(key), 0)


def without(shelf: Shelf[_Key, _Value], key: _Key) -> Shelf[_Key, _Value]:
    """The same without a key."""
    return _without(shelf, key, hash(key))


def items(shelf: Shelf[_Key, _Value]) -> Iterator[tuple[_Key, _Value]]:
    """Everything that is kept, in no order that means anything."""
    if isinstance(shelf, dict):
        yield from shelf.items()
    else:
        for each in shelf.below:
            yield from items(each)


def _put(shelf: Shelf[_Key, _Value], key: _Key, value: _Value, rest: int, depth: int) -> Shelf[_Key, _Value]:
    if isinstance(shelf, Branch):
        index = rest & (_BRANCHES - 1)
        below = list(shelf.below)
        below[index] = _put(below[index], key, value, rest >> _BITS, depth + 1)
        return Branch(tuple(below))
    grown = {**shelf, key: value}
    return grown if len(grown) <= _MOST_IN_LEAF or depth == _DEEPEST else _split(grown, depth)


def _split(shelf: dict[_Key, _Value], depth: int) -> Shelf[_Key, _Value]:
    below: list[dict[_Key, _Value]] = [{} for _ in range(_BRANCHES)]
    for key, value in shelf.items():
        below[hash(key) >> (_BITS * depth) & (_BRANCHES - 1)][key] = value
    return Branch(tuple(below))


def _without(shelf: Shelf[_Key, _Value], key: _Key, rest: int) -> Shelf[_Key, _Value]:
    if isinstance(shelf, Branch):
        index = rest & (_BRANCHES - 1)
        below = list(shelf.below)
        below[index] = _without(below[index], key, rest >> _BITS)
        return Branch(tuple(below))
    if key not in shelf:
        return shelf
    less = shelf.copy()
    del less[key]
    return less
