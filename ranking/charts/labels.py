"""Which labels of a plot can stand without covering one another."""

from collections.abc import Sequence
from typing import NamedTuple


class Box(NamedTuple):
    """Where a label would stand, in pixels."""

    left: float
    top: float
    right: float
    bottom: float

    def covers(self, other: "Box") -> bool:
        across = self.left < other.right and other.left < self.right
        return across and self.top < other.bottom and other.top < self.bottom


def without_overlap(boxes: Sequence[Box]) -> list[bool]:
    """For each label, the most important first, whether it may stand."""
    standing: list[Box] = []
    allowed = []
    for box in boxes:
        fits = not any(box.covers(other) for other in standing)
        allowed.append(fits)
        if fits:
            standing.append(box)
    return allowed
