"""Online Elo: every vote moves the ratings of those it ranks, in the order of the votes.

Elo, A. E. (1978). The Rating of Chessplayers, Past and Present.
"""

import math
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Self

import numpy as np

from .arrays import FloatArray, Label, is_ones
from .caveats import describe_online
from .comparisons import Comparisons
from .connectivity import Connectivity, Links
from .intervals import percentile_interval
from .results import Interval
from .tallies import PairTallies, votes_per_contender

INITIAL = 1000.0
SCALE = 400.0
K = 4.0


def expected_score(rating: float, other: float, scale: float = SCALE) -> float:
    """Expected score of `rating` against `other`: the win rate, a tie counting one half."""
    # The logistic function as a hyperbolic tangent, which cannot overflow.
    return 0.5 + 0.5 * math.tanh((rating - other) * 0.5 * math.log(10.0) / scale)


def elo_update(
    ratings: Sequence[float], ranks: Sequence[int], *, k: float = K, scale: float = SCALE
) -> list[float]:
    """New ratings after one vote that ranks these K >= 2 contenders; 1 is best, ties share.

    Each contender moves by k/(K−1) times the sum over the others of (score − expected score),
    all expectations taken before the vote. So a vote of three moves a contender no further
    than a vote of two, and the sum of the ratings stays the same.
    """
    n = len(ratings)
    if n < 2 or len(ranks) != n:
        raise ValueError(f"need two or more ratings and as many ranks, got {n} and {len(ranks)}")
    change = [0.0] * n
    for i in range(n):
        for j in range(i + 1, n):
            score = 0.5 if ranks[i] == ranks[j] else float(ranks[i] < ranks[j])
            moved = score - expected_score(ratings[i], ratings[j], scale)
            change[i] += moved
            change[j] -= moved
    return [rating + k / (n - 1) * moved for rating, moved in zip(ratings, change, strict=True)]


class Elo:
    """Online Elo ratings. The order matters: recent votes count most.

    k        points at stake in a vote, times the vote's weight
    initial  rating before the first vote, and the mean of all ratings at any time
    scale    a gap of `scale` points is odds of ten to one

    After `fit`: `labels_`, `ratings_` (K,) in that order, `caveats_` (plain sentences).
    """

    labels_: tuple[Label, ...]
    ratings_: FloatArray
    caveats_: list[str]

    def __init__(self, *, k: float = K, initial: float = INITIAL, scale: float = SCALE) -> None:
        self.k = k
        self.initial = initial
        self.scale = scale

    def fit(self, comparisons: Comparisons) -> Self:
        """Apply the votes in their order, as `elo_update` would one by one."""
        if not (self.scale > 0 and math.isfinite(self.scale) and math.isfinite(self.k)):
            raise ValueError(f"k={self.k} and scale={self.scale}: need finite k, scale above 0")
        ratings = [float(self.initial)] * len(comparisons.labels)
        if comparisons.vote is None and is_ones(comparisons.weight):
            self._fit_pairs(ratings, comparisons)
        else:
            self._fit_votes(ratings, comparisons)
        self.labels_ = comparisons.labels
        self.ratings_ = np.array(ratings)
        connectivity = online_connectivity(comparisons)
        self.caveats_ = describe_online(comparisons.labels, connectivity)
        self._comparisons = comparisons
        return self

    def intervals(
        self, level: float = 0.95, method: str = "bootstrap", *, rounds: int = 200, seed: int = 0
    ) -> Interval:
        """What ratings could have come out, had other votes of the same kind been drawn.

        Votes are drawn with replacement and applied in their order: percentiles of `rounds`
        draws. It says nothing about another order. An online rating has no sandwich interval.
        """
        if method != "bootstrap":
            raise ValueError(f'unknown method {method!r}; online Elo has only "bootstrap"')
        return percentile_interval(self._draws(rounds, np.random.default_rng(seed)), level)

    def _fit_pairs(self, ratings: list[float], comparisons: Comparisons) -> None:
        tanh, per_point, half = math.tanh, 0.5 * math.log(10.0) / self.scale, 0.5 * self.k
        rows = zip(
            comparisons.left.tolist(),
            comparisons.right.tolist(),
            (self.k * (comparisons.outcome - 0.5)).tolist(),
            strict=True,
        )
        for one, other, earned in rows:
            ours, theirs = ratings[one], ratings[other]
            moved = earned - half * tanh((ours - theirs) * per_point)
            ratings[one] = ours + moved
            ratings[other] = theirs - moved

    def _fit_votes(self, ratings: list[float], comparisons: Comparisons) -> None:
        left, right = comparisons.left.tolist(), comparisons.right.tolist()
        outcome, weight = comparisons.outcome.tolist(), comparisons.weight.tolist()
        for start, stop in pairwise(_bounds(comparisons)):
            stake = self.k * weight[start] / _opponents(stop - start)
            change: dict[int, float] = {}
            for row in range(start, stop):
                one, other = left[row], right[row]
                expected = expected_score(ratings[one], ratings[other], self.scale)
                moved = stake * (outcome[row] - expected)
                change[one] = change.get(one, 0.0) + moved
                change[other] = change.get(other, 0.0) - moved
            for contender, moved in change.items():
                ratings[contender] += moved

    def _draws(self, rounds: int, generator: np.random.Generator) -> FloatArray:
        """(rounds, K) ratings, all rounds side by side; a vote drawn twice has twice the k."""
        data, per_point = self._comparisons, 0.5 * math.log(10.0) / self.scale
        ratings = np.full((len(data.labels), rounds), float(self.initial))
        left, right, outcome = data.left.tolist(), data.right.tolist(), data.outcome.tolist()
        for start, stop in pairwise(_bounds(data)):
            drawn = generator.poisson(1.0, rounds)
            stake = drawn * (self.k * float(data.weight[start]) / _opponents(stop - start))
            change = [
                stake
                * (
                    outcome[row]
                    - 0.5
                    - 0.5 * np.tanh((ratings[left[row]] - ratings[right[row]]) * per_point)
                )
                for row in range(start, stop)
            ]
            for row, moved in zip(range(start, stop), change, strict=True):
                ratings[left[row]] += moved
                ratings[right[row]] -= moved
        return ratings.T


def online_connectivity(comparisons: Comparisons) -> Connectivity:
    """Whom the votes connect, of those that online ratings rest on."""
    tallies = PairTallies.of(comparisons)
    votes = votes_per_contender(comparisons, tallies)
    return Connectivity.of(replace(Links.of(tallies), votes=votes))


def _opponents(rows: int) -> int:
    """K − 1 from the K(K−1)/2 rows of a vote."""
    return (math.isqrt(1 + 8 * rows) - 1) // 2


def _bounds(comparisons: Comparisons) -> list[int]:
    """The first row of each vote, and the end."""
    starts = comparisons.vote_starts()
    rows = range(len(comparisons)) if starts is None else starts.tolist()
    return [*rows, len(comparisons)]
