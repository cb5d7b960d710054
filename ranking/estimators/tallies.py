"""Wins, losses and ties of each pair: all that Bradley-Terry needs to know of the votes."""

from dataclasses import dataclass, replace
from functools import cached_property
from math import isqrt
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from .arrays import FloatArray, IntArray, Label, is_ones
from .comparisons import Comparisons
from .pair_sums import laplacian, parts, side_matrix

# Up to this many cells (three for each ordered pair) are counted in one dense array.
_DENSE_CELLS = 1 << 23


@dataclass(frozen=True, eq=False)
class PairTallies:
    """One entry for each pair that was compared, `first < second`; all arrays (P,).

    wins, losses and ties are weighted counts from `first`'s point of view.
    """

    size: int
    first: IntArray
    second: IntArray
    wins: FloatArray
    losses: FloatArray
    ties: FloatArray

    @classmethod
    def of(cls, comparisons: Comparisons) -> Self:
        size = len(comparisons.labels)
        if 3 * size * size <= _DENSE_CELLS:
            return cls._from_cells(size, _count_cells(comparisons))
        return cls._from_rows(comparisons)

    @classmethod
    def _from_cells(cls, size: int, cells: FloatArray) -> Self:
        """`cells` (K, K, 3): weight of left losing, tying, winning."""
        both = cells + cells.transpose(1, 0, 2)[:, :, ::-1]
        first, second = np.nonzero(np.triu(both.sum(axis=2), 1))
        losses, ties, wins = both[first, second].T
        return cls(size, first.astype(np.int32), second.astype(np.int32), wins, losses, ties)

    @classmethod
    def _from_rows(cls, comparisons: Comparisons) -> Self:
        size = len(comparisons.labels)
        low = np.minimum(comparisons.left, comparisons.right).astype(np.int64)
        high = np.maximum(comparisons.left, comparisons.right)
        mirrored = comparisons.left > comparisons.right
        outcome = np.where(mirrored, 1.0 - comparisons.outcome, comparisons.outcome)
        weight = np.asarray(comparisons.weight)
        keys, pair = np.unique((low * size + high)[weight > 0], return_inverse=True)
        cell = 3 * pair + (2.0 * outcome[weight > 0]).astype(np.int64)
        counts: FloatArray = np.zeros((keys.size, 3))
        counts += np.bincount(cell, weight[weight > 0], counts.size).reshape(-1, 3)
        first, second = (keys // size).astype(np.int32), (keys % size).astype(np.int32)
        return cls(size, first, second, counts[:, 2], counts[:, 0], counts[:, 1])

    @cached_property
    def total(self) -> FloatArray:
        """(P,) weight of all comparisons of the pair."""
        return self.wins + self.losses + self.ties

    @cached_property
    def score(self) -> FloatArray:
        """(P,) wins of `first`, a tie counting one half."""
        return self.wins + 0.5 * self.ties

    def per_contender(self) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Wins, losses and ties of each contender, each (K,)."""
        wins = self._sum(self.wins, self.losses)
        losses = self._sum(self.losses, self.wins)
        return wins, losses, self._sum(self.ties, self.ties)

    def comparisons(self, labels: tuple[Label, ...]) -> Comparisons:
        """The same votes as at most three weighted rows for each pair."""
        weight = np.concatenate([self.wins, self.ties, self.losses])
        kept = weight > 0
        first, second = (np.tile(side, 3)[kept] for side in (self.first, self.second))
        outcome = np.repeat([1.0, 0.5, 0.0], self.first.size)[kept]
        return Comparisons(labels, first, second, outcome, weight[kept])

    def index(self, left: IntArray, right: IntArray) -> NDArray[np.intp]:
        """The entry of each pair of contenders, given in either order; each pair has one."""
        low, high = np.minimum(left, right), np.maximum(left, right)
        return np.searchsorted(self._cells, low * np.intp(self.size) + high)

    def outcome_cells(self, comparisons: Comparisons) -> NDArray[np.intp]:
        """(n,) of each row: its pair, plus P if it is a tie, plus 2 P if `second` won."""
        first = np.where(
            comparisons.left < comparisons.right, comparisons.outcome, 1.0 - comparisons.outcome
        )
        pair = self.index(comparisons.left, comparisons.right)
        return np.asarray((2.0 - 2.0 * first).astype(np.intp) * self.first.size + pair)

    def weighted(self, weight: FloatArray) -> Self:
        """The same pairs with other counts, from the weights (3 P,) of `outcome_cells`."""
        wins, ties, losses = weight.reshape(3, -1)
        return replace(self, wins=wins, losses=losses, ties=ties)

    @cached_property
    def sides(self) -> csr_array:
        """(K, P) 1 at a pair's first contender, −1 at its second."""
        return side_matrix(self.first, self.second, self.size)

    def laplacian(self, values: FloatArray) -> FloatArray:
        """(K, K) sum over the pairs of value · (e_first − e_second)(e_first − e_second)ᵀ."""
        upper = np.zeros(self.size * self.size)
        upper[self._cells] = values
        return laplacian(upper, self.size)

    def differences(self, values: FloatArray) -> FloatArray:
        """(K,) sum over the pairs of value · (e_first − e_second)."""
        return self._sum(values, -values)

    @cached_property
    def _cells(self) -> NDArray[np.intp]:
        return self.first * np.intp(self.size) + self.second

    def _sum(self, of_first: FloatArray, of_second: FloatArray) -> FloatArray:
        return np.asarray(
            np.bincount(self.first, of_first, self.size)
            + np.bincount(self.second, of_second, self.size)
        )


def _count_cells(comparisons: Comparisons) -> FloatArray:
    size = len(comparisons.labels)
    cells: FloatArray = np.zeros(3 * size * size)
    weighted = not is_ones(comparisons.weight)
    for rows in parts(comparisons):
        code = comparisons.left[rows] * np.intp(3 * size)
        code += comparisons.right[rows] * np.int32(3)
        code += (2.0 * comparisons.outcome[rows]).astype(np.int32)
        np.add.at(cells, code, comparisons.weight[rows] if weighted else 1.0)
    return cells.reshape(size, size, 3)


def votes_per_contender(comparisons: Comparisons, tallies: PairTallies) -> FloatArray:
    """(K,) weight of the votes that each contender took part in; a vote of three counts once."""
    rows = comparisons.rows_per_vote()
    if rows is not None:
        # Each of k contenders is in k − 1 of the k·(k − 1)/2 rows of a vote.
        opponents = (isqrt(1 + 8 * rows) - 1) // 2
        return sum(tallies.per_contender(), np.zeros(tallies.size)) / opponents
    share = comparisons.weight / comparisons.opponents()
    votes = np.bincount(comparisons.left, share, tallies.size)
    return np.asarray(votes + np.bincount(comparisons.right, share, tallies.size))
