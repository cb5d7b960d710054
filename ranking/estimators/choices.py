"""Rankings as a sequence of choices: the best of those left, several at once if they tie.

The likelihood of Davidson-Luce: Firth, Kosmidis & Turner (2019), Davidson-Luce model for
multi-item choice with ties, arXiv:1909.07123. Where S ties t = |S| of the contenders left,

    P(S) ∝ δ_t · (∏_{i in S} α_i)^(1/t),    α = exp θ,  δ_1 = 1.

Its logarithm is linear in θ and log δ up to the normalisation, so the likelihood is concave.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import combinations, combinations_with_replacement, permutations
from math import comb
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from .arrays import BoolArray, FloatArray, IntArray
from .comparisons import Comparisons
from .connectivity import Links
from .rankings import RankingBlock, kinds
from .results import Evaluation
from .reweighting import Weights

_MOST_SUBSETS = 5000
# Kinds at a time, of several rounds each.
_ROUNDS_PART = 2048

Derivative = Callable[[Weights, Weights], FloatArray]


@dataclass(frozen=True, eq=False)
class Stages:
    """All choices among the same number m of contenders: S choices of U different kinds.

    items     (U, m) contenders left
    chosen    (U,) which subset was chosen, an index into `features`
    kind      (S,) the kind of each choice
    rows      (S,) first row of the vote that the choice is part of, among the comparisons
    features  (C, m + T) a row for each subset: 1/t at its t members, then a 1 at its order of
              tie, of the T orders that occur
    """

    items: IntArray
    chosen: IntArray
    kind: NDArray[np.intp]
    rows: NDArray[np.intp]
    features: FloatArray

    def parameters(self, size: int) -> IntArray:
        """(U, m + T) parameter that each column of `features` multiplies; ties follow θ (K,)."""
        orders = self.features.shape[1] - self.items.shape[1]
        ties = np.broadcast_to(size + np.arange(orders, dtype=np.int32), (len(self.items), orders))
        return np.concatenate([self.items, ties], axis=1)

    def members(self) -> BoolArray:
        """(U, m) who was chosen."""
        return np.asarray(self.features[self.chosen, : self.items.shape[1]] > 0)

    def residuals(self, point: FloatArray, size: int) -> tuple[IntArray, FloatArray]:
        """Parameters (m + T, S) and the score of each choice with respect to them."""
        columns = self.parameters(size).T
        mean = self.features.T @ np.exp(self._log_probability(point[columns]))
        return columns[:, self.kind], (self.features[self.chosen].T - mean)[:, self.kind]

    def evaluate(self, point: FloatArray, size: int, weight: FloatArray) -> Evaluation:
        """Log-likelihood of the kinds of choice, each times its `weight` (U,)."""
        columns, dimension = self.parameters(size).T, point.size
        log_probability = self._log_probability(point[columns])
        probability = np.exp(log_probability)
        value = float(weight @ log_probability[self.chosen, np.arange(self.chosen.size)])
        mean = self.features.T @ probability
        residual = weight * (self.features[self.chosen].T - mean)
        gradient = np.zeros(dimension)
        gradient += np.bincount(columns.ravel(), residual.ravel(), dimension)
        information = np.zeros(dimension * dimension)
        for a, b in combinations_with_replacement(range(len(columns)), 2):
            product = (self.features[:, a] * self.features[:, b]) @ probability
            cell = columns[a].astype(np.intp) * dimension + columns[b]
            covariance = weight * (product - mean[a] * mean[b])
            information += np.bincount(
                cell, covariance if a != b else 0.5 * covariance, information.size
            )
        half = information.reshape(dimension, dimension)
        return Evaluation(value, gradient, half + half.T)

    def derivatives(self, size: int) -> Iterator[tuple[slice, Derivative]]:
        """Some kinds at a time: which, and the gradient (D, B) of theirs, in single precision."""
        features = self.features.astype(np.float32)
        columns = self.parameters(size).T
        for start in range(0, len(self.items), _ROUNDS_PART):
            rows = slice(start, start + _ROUNDS_PART)
            part = np.ascontiguousarray(columns[:, rows])
            yield rows, partial(_derivative, features, part, self.chosen[rows])

    def _log_probability(self, parameters: FloatArray) -> FloatArray:
        """(C, U) of each subset, from the parameters (m + T, U)."""
        utility = self.features @ parameters
        largest = utility.max(axis=0)
        return np.asarray(utility - largest - np.log(np.exp(utility - largest).sum(axis=0)))


@dataclass(frozen=True, eq=False)
class Choices:
    """Every choice in the votes, by the number of contenders left; `orders` of tie that occur."""

    stages: tuple[Stages, ...]
    orders: tuple[int, ...]

    @classmethod
    def of(cls, comparisons: Comparisons, *, unranked_last: bool) -> Self:
        """`unranked_last`: those who share the last rank were not ranked among themselves.

        Raises ValueError if a tie could happen in more ways than can be summed over.
        """
        found: dict[int, list[_Raw]] = {}
        for block in comparisons.blocks():
            for left, raw in _stages_of(block):
                found.setdefault(left, []).append(_without_last(raw) if unranked_last else raw)
        kept = {left: _join(raws) for left, raws in sorted(found.items())}
        sizes = {int(n) for raw in kept.values() for n in np.unique(raw.members.sum(axis=1))}
        orders = tuple(sorted(sizes - {1}))
        stages = (_stages(left, raw, orders) for left, raw in kept.items() if len(raw.items))
        return cls(tuple(stages), orders)

    def cells(self) -> tuple[int, NDArray[np.intp], NDArray[np.intp]]:
        """How many kinds C of choice there are, the kind (S,) of each choice among all stages,
        and the first row (S,) of its vote among the comparisons.
        """
        starts = self._starts()
        none = [np.zeros(0, np.intp)]
        kind = [start + part.kind for start, part in zip(starts, self.stages, strict=False)]
        rows = [part.rows for part in self.stages]
        return starts[-1], np.concatenate(none + kind), np.concatenate(none + rows)

    def counts(self, weight: FloatArray) -> FloatArray:
        """(C,) weight of each kind, from the `weight` (n,) of each comparison's vote."""
        number, kind, rows = self.cells()
        return np.zeros(number) + np.bincount(kind, weight[rows], number)

    def evaluate(self, point: FloatArray, size: int, counts: FloatArray) -> Evaluation:
        """Log-likelihood at `point` (K + T,) of the kinds, each times its count (C,)."""
        value, gradient = 0.0, np.zeros(point.size)
        information = np.zeros((point.size, point.size))
        for stages, count in self._with(counts):
            part = stages.evaluate(point, size, count)
            value += part.value
            gradient += part.gradient
            information += part.information
        return Evaluation(value, gradient, information)

    def derivative(self, size: int) -> Derivative:
        """The gradient (D, B) at points (D, B) or (D, 1) with weights (C, B) of the kinds."""
        parts = [
            (slice(cells[rows][0], cells[rows][-1] + 1), derivative)
            for stages, cells in self._with(np.arange(self._starts()[-1]))
            for rows, derivative in stages.derivatives(size)
        ]

        def gradient(weight: Weights, point: Weights) -> FloatArray:
            found = np.zeros((len(point), weight.shape[1]))
            for rows, derivative in parts:
                found += derivative(weight[rows], point)
            return found

        return gradient

    def links(self, counts: FloatArray, votes: FloatArray) -> Links:
        """Whoever is chosen beat or tied all that were left; counts (C,), votes (K,)."""
        links = np.zeros((votes.size, votes.size), np.bool_)
        decided = np.zeros(votes.size, np.bool_)
        for stages, count in self._with(counts):
            members, items = stages.members()[count > 0], stages.items[count > 0]
            decided[items[~members.all(axis=1)]] = True
            for winners, losers in _links(items, members):
                links[winners, losers] = True
        winner, loser = (side.astype(np.int32) for side in np.nonzero(links))
        return Links(winner, loser, decided, votes)

    def bounded_ties(self, counts: FloatArray, size: int) -> BoolArray:
        """(T,) whether votes without a tie, where that one was possible, go round in a circle.

        Then no spread of the strengths explains all of them and log δ has a finite estimate.
        """
        found = [self._has_circle(order, counts, size) for order in self.orders]
        return np.array(found, np.bool_)

    def _has_circle(self, order: int, counts: FloatArray, size: int) -> bool:
        links = np.zeros((size, size), np.bool_)
        for stages, count in self._with(counts):
            if stages.items.shape[1] >= order:
                members = stages.members()
                alone = (members.sum(axis=1) == 1) & (count > 0)
                for winners, losers in _links(stages.items[alone], members[alone]):
                    links[winners, losers] = True
        groups: int = connected_components(csr_array(links), connection="strong")[0]
        return groups < size

    def _starts(self) -> list[int]:
        """Of each stage's kinds among all, and their number."""
        return [0, *np.cumsum([len(part.items) for part in self.stages], dtype=int).tolist()]

    def _with(self, values: Any) -> Iterator[tuple[Stages, Any]]:
        """Each stage and its part of values (C, …)."""
        starts = self._starts()
        for part, start, stop in zip(self.stages, starts, starts[1:], strict=False):
            yield part, values[start:stop]


def _links(items: IntArray, members: BoolArray) -> Iterator[tuple[IntArray, IntArray]]:
    """Each chosen contender and each other one left, by their places."""
    for a, b in permutations(range(items.shape[1]), 2):
        chosen = members[:, a]
        yield items[chosen, a], items[chosen, b]


def _derivative(
    features: Weights, columns: IntArray, chosen: IntArray, weight: Weights, point: Weights
) -> FloatArray:
    """(D, B) of kinds with the parameters `columns` (m + T, U)."""
    here = point[columns]
    chance = np.exp(features @ here.reshape(len(columns), -1))
    mean = (features.T @ chance) / chance.sum(axis=0)
    residual = weight * (features[chosen].T[:, :, None] - mean.reshape(here.shape))
    ends = columns.ravel(), np.arange(columns.size)
    sums = csr_array((np.ones(columns.size, np.float32), ends), (len(point), columns.size))
    return np.asarray(sums @ residual.reshape(columns.size, -1))


@dataclass(frozen=True, eq=False)
class _Raw:
    """Choices before the subsets are numbered: items (S, m), members (S, m), vote rows (S,)."""

    items: IntArray
    members: BoolArray
    rows: NDArray[np.intp]


def _stages_of(block: RankingBlock) -> list[tuple[int, _Raw]]:
    stages = []
    for rank in range(1, block.items.shape[1]):
        left = block.ranks >= rank
        chosen = block.ranks == rank
        # A rank that is skipped after a tie makes no choice, nor does the last one alone.
        counts = np.where(chosen.any(axis=1), left.sum(axis=1), 0)
        for count in np.unique(counts[counts >= 2]):
            votes = counts == count
            cells = left & votes[:, None]
            shape = (int(votes.sum()), int(count))
            raw = _Raw(
                block.items[cells].reshape(shape),
                chosen[cells].reshape(shape),
                block.rows[votes],
            )
            stages.append((int(count), raw))
    return stages


def _without_last(raw: _Raw) -> _Raw:
    kept = ~raw.members.all(axis=1)
    return _Raw(raw.items[kept], raw.members[kept], raw.rows[kept])


def _join(raws: list[_Raw]) -> _Raw:
    return _Raw(
        np.concatenate([raw.items for raw in raws]),
        np.concatenate([raw.members for raw in raws]),
        np.concatenate([raw.rows for raw in raws]),
    )


def _stages(left: int, raw: _Raw, orders: tuple[int, ...]) -> Stages:
    order = raw.items.argsort(axis=1)
    table = np.concatenate(
        [np.take_along_axis(values, order, axis=1) for values in (raw.items, raw.members)], axis=1
    )
    first, kind = kinds(table)
    items, members = table[first, :left], table[first, left:].astype(np.bool_)
    features = _features(left, tuple(o for o in orders if o <= left))
    index = {row.tobytes(): subset for subset, row in enumerate(features[:, :left] > 0)}
    one, which = kinds(np.packbits(members, axis=1))
    subsets = np.array([index[members[row].tobytes()] for row in one], np.int32)
    chosen = subsets[which]
    return Stages(items, chosen, kind, raw.rows, features)


def _features(left: int, orders: tuple[int, ...]) -> FloatArray:
    """One row for each subset of one contender, or of as many as an order of tie: see `Stages`."""
    possible = (1, *orders)
    count = sum(comb(left, order) for order in possible)
    if count > _MOST_SUBSETS:
        raise ValueError(
            f"ties among {left} contenders can happen in {count} ways, too many for "
            "PlackettLuce; use BradleyTerry"
        )
    features = np.zeros((count, left + len(orders)))
    subsets = ((order, s) for order in possible for s in combinations(range(left), order))
    for row, (order, subset) in enumerate(subsets):
        features[row, list(subset)] = 1.0 / order
        if order > 1:
            features[row, left + orders.index(order)] = 1.0
    return features
