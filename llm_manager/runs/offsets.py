"""Numbers by digest in flat arrays: 24 bytes a slot, so that a run of a million rows knows them all in tens of megabytes."""

from array import array
from hashlib import blake2b
from typing import Final

_FIRST_SLOTS: Final = 1024
_FIELDS: Final = 3


class Offsets:
    """A table from texts to whole numbers that keeps 128 bits of each text's digest and no text."""

    __slots__ = ("_count", "_slots")

    def __init__(self) -> None:
        self._count = 0
        self._slots = _empty(_FIRST_SLOTS)

    def __len__(self) -> int:
        return self._count

    def get(self, text: str) -> int | None:
        """The number put under this text."""
        slots = self._slots
        held = slots[_place(slots, *_digest(text)) + 2]
        return held - 1 if held else None

    def put(self, text: str, number: int) -> None:
        """Put a number, not below zero, under this text in place of any other."""
        high, low = _digest(text)
        place = _place(self._slots, high, low)
        self._count += self._slots[place + 2] == 0
        self._slots[place : place + _FIELDS] = array("Q", (high, low, number + 1))
        if self._count * _FIELDS * 3 > len(self._slots) * 2:
            self._slots = _grown(self._slots)


def _digest(text: str) -> tuple[int, int]:
    digest = blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()
    return int.from_bytes(digest[:8], "big"), int.from_bytes(digest[8:], "big")


def _place(slots: "array[int]", high: int, low: int) -> int:
    """Where the digest is, or the free slot where it would be."""
    mask = len(slots) // _FIELDS - 1
    slot = low & mask
    while slots[slot * _FIELDS + 2] and (slots[slot * _FIELDS], slots[slot * _FIELDS + 1]) != (high, low):
        slot = (slot + 1) & mask
    return slot * _FIELDS


def _grown(slots: "array[int]") -> "array[int]":
    grown = _empty(2 * len(slots) // _FIELDS)
    for place in range(0, len(slots), _FIELDS):
        if slots[place + 2]:
            new = _place(grown, slots[place], slots[place + 1])
            grown[new : new + _FIELDS] = slots[place : place + _FIELDS]
    return grown


def _empty(slots: int) -> "array[int]":
    return array("Q", bytes(8 * _FIELDS * slots))
