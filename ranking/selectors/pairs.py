"""Who beat whom how often."""

from typing import NamedTuple

from ranking.counting import SliceCounts


class Pair(NamedTuple):
    """Comparisons of two contenders, from the first one's point of view."""

    wins: int
    losses: int
    ties: int

    @property
    def total(self) -> int:
        return self.wins + self.losses + self.ties

    @property
    def win_rate(self) -> float:
        """Share won, a tie counting one half; between 0 and 1."""
        return (self.wins + 0.5 * self.ties) / self.total


def pairs(counts: SliceCounts) -> dict[tuple[int, int], Pair]:
    """By (contender, opponent), in both orders; pairs that never met are left out."""
    found: dict[tuple[int, int], list[int]] = {}
    for (lineup, ranks), count in counts.tallies.items():
        for one, rank in zip(lineup, ranks, strict=True):
            for other, others in zip(lineup, ranks, strict=True):
                if one != other:
                    cell = found.setdefault((one, other), [0, 0, 0])
                    cell[0 if rank < others else 1 if rank > others else 2] += count
    return {key: Pair(*cell) for key, cell in found.items() if any(cell)}
