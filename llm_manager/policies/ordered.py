"""A sorted mapping that is a value: to put or take gives another one, in logarithmic time, and shares the rest.

It is a treap of plain tuples, whose weights come from its keys, so that equal keys always make the same tree. None is the
empty one. Keys are numbers, texts, or tuples of them that begin with what tells them apart.
"""

from typing import Any, TypeAlias
from zlib import crc32

Tree: TypeAlias = tuple[Any, Any, Any, int, Any] | None
"""Left, key, value, weight, right: no child weighs more than its parent."""

_ODD = 2654435761
_BITS = 0xFFFFFFFF


def weight_of(number: int) -> int:
    """Spread numbers that follow each other over all weights."""
    mixed = (number * _ODD) & _BITS
    return ((mixed ^ (mixed >> 15)) * _ODD) & _BITS


def weight_of_name(name: str) -> int:
    """The weight of a name, the same in every process."""
    return weight_of(crc32(name.encode("utf-8", "surrogatepass")))


def put(tree: Tree, key: Any, value: Any, weight: int) -> Tree:
    """The mapping with ``value`` under ``key``."""
    if tree is None:
        return (None, key, value, weight, None)
    left, here, old, own, right = tree
    if key == here:
        return (left, here, value, own, right)
    if key < here:
        child = put(left, key, value, weight)
        if child is not None and child[3] > own:
            return (child[0], child[1], child[2], child[3], (child[4], here, old, own, right))
        return (child, here, old, own, right)
    child = put(right, key, value, weight)
    if child is not None and child[3] > own:
        return ((left, here, old, own, child[0]), child[1], child[2], child[3], child[4])
    return (left, here, old, own, child)


def get(tree: Tree, key: Any) -> Any:
    """The value under ``key``, or None."""
    while tree is not None:
        if key == tree[1]:
            return tree[2]
        tree = tree[0] if key < tree[1] else tree[4]
    return None


def take(tree: Tree, key: Any) -> Tree:
    """The mapping without ``key``."""
    if tree is None:
        return None
    left, here, value, own, right = tree
    if key == here:
        return _joined(left, right)
    if key < here:
        return (take(left, key), here, value, own, right)
    return (left, here, value, own, take(right, key))


def least(tree: Tree) -> tuple[Any, Any] | None:
    """The smallest key with its value."""
    if tree is None:
        return None
    while tree[0] is not None:
        tree = tree[0]
    return tree[1], tree[2]


def values(tree: Tree) -> list[Any]:
    """All values in the order of their keys."""
    found: list[Any] = []
    above: list[Any] = []
    while tree is not None or above:
        while tree is not None:
            above.append(tree)
            tree = tree[0]
        tree = above.pop()
        found.append(tree[2])
        tree = tree[4]
    return found


def _joined(left: Tree, right: Tree) -> Tree:
    if left is None:
        return right
    if right is None:
        return left
    if left[3] >= right[3]:
        return (left[0], left[1], left[2], left[3], _joined(left[4], right))
    return (_joined(left, right[0]), right[1], right[2], right[3], right[4])
