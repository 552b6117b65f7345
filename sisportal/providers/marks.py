"""Which texts came before, in eight bytes each: a set of a district's enrollments would take ninety for each."""

from array import array

_SMALLEST = 1 << 10


class Marks:
    """A growing set of texts that remembers their hashes alone, in an array with open addressing.

    Two texts are taken for one where their hashes (64 bits, salted by Python) agree: once in some ten million districts.
    """

    def __init__(self) -> None:
        self._slots = array("q", [0]) * _SMALLEST
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def add(self, text: str) -> bool:
        """Whether it is new."""
        mark = hash(text) or 1  # 0 is an empty slot
        slots = self._slots
        mask = len(slots) - 1
        place = mark & mask
        while held := slots[place]:
            if held == mark:
                return False
            place = (place + 1) & mask
        slots[place] = mark
        self._count += 1
        if self._count * 3 > mask * 2:
            self._grow()
        return True

    def _grow(self) -> None:
        mask = len(self._slots) * 2 - 1
        slots = array("q", [0]) * (mask + 1)
        for mark in self._slots:
            if mark:
                place = mark & mask
                while slots[place]:
                    place = (place + 1) & mask
                slots[place] = mark
        self._slots = slots
