"""The data every estimator fits: who was compared with whom, and how it ended."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from .arrays import PART, BoolArray, FloatArray, IntArray, Label, first_position, is_ones, ones
from .labels import as_column, encode
from .rankings import RankingBlock, expand, read_rankings, split

Tallies = Mapping[tuple[tuple[Label, ...], tuple[int, ...]], float]


@dataclass(frozen=True, eq=False)
class Comparisons:
    """Pairs of contenders, row by row, in the order in which the votes were cast.

    labels   the contenders; the arrays below hold indices into it
    left     (n,) int32
    right    (n,) int32, never equal to `left` in the same row
    outcome  (n,) float64: 1 left wins, 0.5 tie, 0 right wins
    weight   (n,) float64 >= 0: how many identical votes the row stands for
    cluster  (n,) int32 or None: rows whose errors may depend on each other, such as all votes
             of one rater. None: each vote by itself, so that a weight of w stands for w
             independent votes; within a given cluster it stands for w dependent ones.
    vote     (n,) int32 or None: rows of one vote, adjacent, in the order (1,2), (1,3), …, (2,3)
             of the contenders that it ranks. None: each row is a vote.

    Use a constructor (`from_arrays`, `from_rankings`, `from_tallies`): they check the data.
    """

    labels: tuple[Label, ...]
    left: IntArray
    right: IntArray
    outcome: FloatArray
    weight: FloatArray
    cluster: IntArray | None = field(default=None, kw_only=True)
    vote: IntArray | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        for array in (self.left, self.right, self.outcome, self.weight, self.cluster, self.vote):
            if array is not None:
                array.flags.writeable = False

    def __len__(self) -> int:
        return int(self.left.size)

    @property
    def n_votes(self) -> int:
        """How many votes there are, identical ones stored as one row counted once."""
        if self.vote is None or not len(self):
            return len(self)
        return int(self.vote[-1]) + 1

    @property
    def n_clusters(self) -> int | None:
        """How many clusters there are, or None where each vote is its own."""
        return None if self.cluster is None else int(self.cluster.max(initial=-1)) + 1

    @classmethod
    def from_arrays(
        cls,
        left: Any,
        right: Any,
        outcome: Any,
        *,
        weight: Any = None,
        cluster: Any = None,
        labels: Iterable[Label] | None = None,
    ) -> Self:
        """One row for each pair.

        `left` and `right` hold labels of any hashable kind (integer arrays are fastest),
        `outcome` 1 where left won, 0.5 for a tie, 0 where right won; `weight` and `cluster` as
        in the class. `labels` fixes the contenders, also those without a vote, and their order.

        Raises ValueError, naming the position, for an unknown outcome, a contender compared
        with itself, a missing label, a weight that is negative or not finite, unequal lengths.
        """
        names, (first, second) = encode((left, right), labels)
        result = _numbers(outcome, "outcome", copy=True)
        _check_lengths(first, right=second, outcome=result)
        _check_rows(names, first, second, result)
        weights = _weights(weight, first.size)
        groups = _groups(cluster, weights)
        return cls(names, first, second, result, weights, cluster=groups)

    @classmethod
    def from_rankings(
        cls,
        items: Any,
        ranks: Any,
        *,
        weight: Any = None,
        cluster: Any = None,
        labels: Iterable[Label] | None = None,
    ) -> Self:
        """One vote for each ranking of K >= 2 contenders: K(K-1)/2 rows, clustered by vote.

        `ranks` are whole numbers from 1, 1 is best, equal ranks are ties. One ranking:
        `items` and `ranks` have K entries. Many: each holds N such rows (K may differ from row
        to row), or `items` holds the same K labels for all rows. `weight` and `cluster` have
        one entry for each ranking.

        Raises ValueError, naming the position, for a contender that is ranked twice in a row,
        an unknown rank, and whatever `from_arrays` refuses.
        """
        flat = read_rankings(items, ranks)
        return cls.from_flat_rankings(*flat, weight=weight, cluster=cluster, labels=labels)

    @classmethod
    def from_flat_rankings(
        cls,
        items: Any,
        ranks: NDArray[np.integer[Any]],
        sizes: NDArray[np.integer[Any]],
        *,
        weight: Any = None,
        cluster: Any = None,
        labels: Iterable[Label] | None = None,
    ) -> Self:
        """The same from the contenders and the ranks of all rankings, one after the other, and
        how many each ranking has. `ranks` and `sizes` are taken to be right.
        """
        names, (indices,) = encode((items,), labels)
        weights = _weights(weight, sizes.size)
        left, right, outcome, vote = expand(indices, ranks.astype(np.int32), sizes.astype(np.intp))
        groups = _groups(cluster, weights)
        if left.size == sizes.size:
            return cls(names, left, right, outcome, weights, cluster=groups)
        row_groups = None if groups is None else groups[vote]
        row_weights = ones(left.size) if is_ones(weights) else weights[vote]
        return cls(names, left, right, outcome, row_weights, cluster=row_groups, vote=vote)

    @classmethod
    def from_tallies(cls, tallies: Tallies, *, labels: Iterable[Label] | None = None) -> Self:
        """One weighted vote for each kind of vote: {(contenders, ranks): count}.

        Exact for every estimator but online Elo, which needs the order: identical votes have
        identical scores, so their share of the sandwich is the count times one of them.
        Kinds with a count of zero are left out. Errors as in `from_rankings`.
        """
        counts = _numbers(list(tallies.values()), "count")
        _reject(
            ~((counts >= 0.0) & np.isfinite(counts)), counts, "count {} is negative or not finite"
        )
        kept = [kind for kind, count in tallies.items() if count > 0]
        return cls.from_rankings(
            [contenders for contenders, _ in kept],
            [ranks for _, ranks in kept],
            weight=counts[counts > 0],
            labels=labels,
        )

    def relabelled(self, labels: Iterable[Label]) -> Self:
        """The same votes with other names for the contenders, in the same order."""
        names = tuple(labels)
        if len(set(names)) != len(self.labels) or len(names) != len(self.labels):
            raise ValueError(f"{len(self.labels)} contenders need as many names, each its own")
        return replace(self, labels=names)

    def clustered_by(self, cluster: Any) -> Self:
        """The same votes with other clusters: one label for each vote, such as its rater."""
        starts = self.vote_starts()
        groups = _groups(cluster, self.weight if starts is None else self.weight[starts])
        if groups is not None and self.vote is not None:
            groups = groups[self.vote]
        return replace(self, cluster=groups)

    def clustered_by_vote(self) -> Self:
        """The same votes, each a cluster of its own."""
        return replace(self, cluster=None)

    def weighted_by(self, weight: FloatArray) -> Self:
        """The same votes with other weights, one for each row."""
        return replace(self, weight=weight)

    def blocks(self) -> list[RankingBlock]:
        """The votes as rankings, those of the same size together."""
        return split(self.left, self.right, self.outcome, self.vote)

    def units(self) -> NDArray[Any]:
        """(n,) what each row belongs to: its cluster, its vote, or itself."""
        if self.cluster is not None:
            return self.cluster
        return np.arange(len(self)) if self.vote is None else self.vote

    def vote_starts(self) -> NDArray[np.intp] | None:
        """(n_votes,) first row of each vote, or None if each row is a vote."""
        return None if self.vote is None else np.flatnonzero(np.diff(self.vote, prepend=-1))

    def rows_per_vote(self) -> int | None:
        """How many rows each vote has, or None if some have more than others."""
        if self.vote is None or not len(self):
            return 1
        count, rest = divmod(len(self), self.n_votes)
        votes = np.arange(self.n_votes, dtype=np.int32)
        # Rows of a vote are adjacent: if its block starts and ends with it, the block is it.
        same = not rest and (self.vote[::count] == votes).all()
        return count if same and (self.vote[count - 1 :: count] == votes).all() else None

    def opponents(self) -> FloatArray:
        """(n,) with how many others each contender of a row was ranked in its vote."""
        if self.vote is None:
            return ones(len(self))
        rows = np.bincount(self.vote)
        return np.asarray((np.sqrt(0.25 + 2.0 * rows) - 0.5)[self.vote])


def _numbers(values: Any, what: str, *, copy: bool = False) -> FloatArray:
    try:
        array = np.array(values, np.float64) if copy else np.asarray(values, np.float64)
    except (TypeError, ValueError):
        for position, value in enumerate(values):
            try:
                float(value)
            except (TypeError, ValueError):
                raise ValueError(
                    f"{what} at position {position} is not a number: {value!r}"
                ) from None
        raise
    if array.ndim != 1:
        raise ValueError(f"{what}: expected a one-dimensional array, not the shape {array.shape}")
    return array


def _weights(weight: Any, size: int) -> FloatArray:
    if weight is None:
        return ones(size)
    weights = _numbers(weight, "weight", copy=True)
    if weights.size != size:
        raise ValueError(f"weight has {weights.size} entries, but there are {size} votes")
    _reject(
        ~((weights >= 0.0) & np.isfinite(weights)), weights, "weight {} is negative or not finite"
    )
    return weights


def _groups(cluster: Any, weight: FloatArray) -> IntArray | None:
    """Cluster of each vote as an index; None if there is no cluster of two."""
    if cluster is None:
        return None
    column = as_column(cluster)
    if len(column) != weight.size:
        raise ValueError(f"cluster has {len(column)} entries, but there are {weight.size} votes")
    names, (groups,) = encode((column,))
    return None if len(names) == weight.size and is_ones(weight) else groups


def _check_lengths(left: IntArray, **others: IntArray | FloatArray) -> None:
    for name, array in others.items():
        if array.size != left.size:
            raise ValueError(f"{name} has {array.size} entries, but left has {left.size}")


def _check_rows(
    names: tuple[Label, ...], left: IntArray, right: IntArray, outcome: FloatArray
) -> None:
    """Part by part, so that a million rows need no intermediate array of a million flags."""
    for start in range(0, left.size, PART):
        rows = slice(start, start + PART)
        part = outcome[rows]
        known = (part == 1.0) | (part == 0.0) | (part == 0.5)
        if not known.all():
            position = start + first_position(~known)
            raise ValueError(
                f"position {position}: outcome {outcome[position]} is unknown; "
                "use 1 (left wins), 0.5 (tie) or 0 (right wins)"
            )
        if (same := left[rows] == right[rows]).any():
            position = start + first_position(same)
            raise ValueError(f"position {position}: {names[left[position]]!r} against itself")


def _reject(bad: BoolArray, values: FloatArray | IntArray, message: str) -> None:
    if bad.any():
        position = first_position(bad)
        raise ValueError(f"position {position}: {message.format(values[position])}")
