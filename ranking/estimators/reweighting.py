"""Random weights for votes: Rubin's Bayesian bootstrap.

Rubin (1981), The Bayesian bootstrap: each vote, or each cluster of votes, gets a random weight
from the exponential distribution. So a resample never loses a contender's only win, and n
identical votes together draw one weight from a gamma distribution: the cost of counted votes
does not grow with their number.
"""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from .arrays import FloatArray
from .comparisons import Comparisons
from .rankings import kinds

Weights = NDArray[np.float32]
"""Half the memory and time of double precision, and as exact as a random draw needs."""


@dataclass(frozen=True, eq=False)
class Units:
    """What is drawn together: all votes of a cluster, or equal votes.

    shapes   (U,) how many independent votes each unit stands for
    entries  (C, U) what a unit adds to each cell of the likelihood; None if unit u is cell u
    """

    shapes: FloatArray
    entries: csr_array | None

    @classmethod
    def of(cls, data: Comparisons, cells: int, cell: NDArray[Any], rows: Any) -> Self:
        """Of votes that add to cells: the row `rows` (E,) of a vote to the cell `cell` (E,).

        Independent votes that add to the same cells are one unit.
        """
        units = data.units()[rows]
        if data.cluster is not None:
            count = data.n_clusters or 0
            entries = csr_array((_single(data.weight[rows]), (cell, units)), (cells, count))
            return cls(np.ones(count), entries)
        starts = data.vote_starts()
        weight = data.weight if starts is None else data.weight[starts]
        first, kind = kinds(_cells_of_votes(units, cell, weight.size))
        shapes = np.zeros(first.size)
        shapes += np.bincount(kind, weight, first.size)
        merged = np.full(weight.size, -1)
        merged[first] = np.arange(first.size)
        kept = merged[units] >= 0
        where = cell[kept], merged[units[kept]]
        return cls(shapes, csr_array((_single(np.ones(kept.sum())), where), (cells, first.size)))

    @classmethod
    def of_rows(cls, data: Comparisons) -> Self:
        """Each row has a cell of its own, so that no votes are equal."""
        if data.cluster is None and data.vote is None:
            return cls(data.weight, None)
        starts, units = data.vote_starts(), data.units()
        if data.cluster is not None or starts is None:
            shapes, weight = np.ones(data.n_clusters or 0), _single(data.weight)
        else:
            shapes, weight = data.weight[starts], np.ones(len(data), np.float32)
        entries = csr_array((weight, (np.arange(len(data)), units)), (len(data), shapes.size))
        return cls(shapes, entries)

    @property
    def cells(self) -> int:
        return self.shapes.size if self.entries is None else int(self.entries.shape[0])

    def draw(self, generator: np.random.Generator, rounds: int) -> Weights:
        """(C, rounds) the weight of each cell of the likelihood."""
        size = (self.shapes.size, rounds)
        if (self.shapes == 1.0).all():
            drawn = generator.standard_exponential(size, np.float32)
        else:
            drawn = generator.standard_gamma(_single(self.shapes)[:, None], size, np.float32)
        return drawn if self.entries is None else np.asarray(self.entries @ drawn)


def _cells_of_votes(units: NDArray[Any], cell: NDArray[Any], votes: int) -> NDArray[np.int64]:
    """(votes, m) the cells that each vote adds to, from 1, ascending, filled up with zeros."""
    order = np.argsort(units, kind="stable")
    per_vote = np.bincount(units, minlength=votes)
    place = np.arange(units.size) - (np.cumsum(per_vote) - per_vote)[units[order]]
    table = np.zeros((votes, int(per_vote.max(initial=0))), np.int64)
    table[units[order], place] = cell[order] + 1
    table.sort(axis=1)
    return table


def _single(values: FloatArray) -> Weights:
    return np.asarray(values, np.float32)
