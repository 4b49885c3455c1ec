"""Numbers by digest in flat arrays: 12 bytes a slot, so that a run of a million rows knows them all in some sixteen megabytes."""

from array import array
from hashlib import blake2b
from typing import Final

_SPARE: Final = 1024


class Offsets:
    """A table from texts to whole numbers that holds no text: 64 bits of each one's digest, at a place that other bits of it decide.

    It has room for ``most`` texts. That any two of a million are taken for one happens once in some million million of such tables.
    """

    __slots__ = ("_count", "_numbers", "_slots", "_sums")

    def __init__(self, most: int) -> None:
        self._count = 0
        self._slots = most + most // 3 + _SPARE
        self._sums = array("Q", bytes(8 * self._slots))
        self._numbers = array("I", bytes(4 * self._slots))

    def __len__(self) -> int:
        return self._count

    def get(self, text: str) -> int | None:
        """The number put under this text."""
        held = self._numbers[self._place(*_digest(text))]
        return held - 1 if held else None

    def put(self, text: str, number: int) -> None:
        """Put a number, not below zero, under this text in place of any other."""
        where, sum_ = _digest(text)
        place = self._place(where, sum_)
        self._count += self._numbers[place] == 0
        self._sums[place], self._numbers[place] = sum_, number + 1

    def _place(self, where: int, sum_: int) -> int:
        """Where the digest is, or the free slot where it would be."""
        slots, sums, numbers = self._slots, self._sums, self._numbers
        slot = where % slots
        while numbers[slot] and sums[slot] != sum_:
            slot = slot + 1 if slot + 1 < slots else 0
        return slot


def _digest(text: str) -> tuple[int, int]:
    digest = blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()
    return int.from_bytes(digest[:8], "big"), int.from_bytes(digest[8:], "big")
