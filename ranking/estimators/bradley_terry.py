"""Bradley-Terry: one strength for each contender, fitted to all votes at once.

Bradley & Terry (1952), Biometrika 39; existence of the estimate: Ford (1957).
"""

from functools import partial
from itertools import combinations_with_replacement
from typing import Self

import numpy as np
from scipy.special import expit

from .arrays import FloatArray
from .comparisons import Comparisons
from .connectivity import Connectivity, Links
from .intervals import cluster_meat, resampled
from .newton import maximise
from .prior import VirtualVotes
from .rankings import RankingBlock
from .results import Evaluation, Maximum
from .strengths import StrengthModel, centred
from .tallies import PairTallies

_TINY = np.finfo(np.float64).tiny


class BradleyTerry(StrengthModel):
    """P(left beats right) = 1 / (1 + exp(θ_right − θ_left)); a tie is half a win for each.

    Fitted by Newton's method on the tallies, so its cost does not grow with the votes.
    Parameters and what it learns: see `StrengthModel`.
    """

    def fit(self, comparisons: Comparisons) -> Self:
        tallies = PairTallies.of(comparisons)
        connectivity = Connectivity.of(Links.of(tallies))
        virtual = VirtualVotes.against_core(connectivity, self.prior)
        found = _fit(tallies, virtual, np.zeros(tallies.size))
        self._learn(comparisons, tallies, connectivity, virtual, found)
        return self

    def _meat(self, data: Comparisons) -> FloatArray:
        return _meat(data, self.tallies_, self.strengths_)

    def _draws(self, data: Comparisons, rounds: int, generator: np.random.Generator) -> FloatArray:
        draws = np.empty((rounds, self.strengths_.size))
        for draw in draws:
            tallies = PairTallies.of(resampled(data, generator))
            connectivity = Connectivity.of(Links.of(tallies))
            virtual = VirtualVotes.against_core(connectivity, self.prior).resampled(generator)
            draw[:] = _fit(tallies, virtual, self.strengths_).point
        return centred(draws)


def _fit(tallies: PairTallies, virtual: VirtualVotes, start: FloatArray) -> Maximum:
    return maximise(partial(log_likelihood, tallies, virtual), start, np.ones(start.size))


def log_likelihood(
    tallies: PairTallies, virtual: VirtualVotes, strengths: FloatArray
) -> Evaluation:
    """Log-likelihood of the tallies and the virtual votes at `strengths` (K,)."""
    log_odds = strengths[tallies.first] - strengths[tallies.second]
    won, lost = expit(log_odds), expit(-log_odds)
    log_lost = np.log(np.maximum(lost, _TINY))
    value = float(tallies.score @ log_odds + tallies.total @ log_lost)
    gradient = tallies.differences(tallies.score - tallies.total * won)
    information = tallies.laplacian(tallies.total * won * lost)
    prior = virtual.evaluate(strengths)
    return Evaluation(
        value + prior.value, gradient + prior.gradient, information + prior.information
    )


def _meat(data: Comparisons, tallies: PairTallies, strengths: FloatArray) -> FloatArray:
    """(K, K) variance of the score, clustered as the data say."""
    if data.cluster is None and data.vote is None:
        won = expit(strengths[tallies.first] - strengths[tallies.second])
        return tallies.laplacian(
            tallies.wins * (1.0 - won) ** 2
            + tallies.losses * won**2
            + tallies.ties * (0.5 - won) ** 2
        )
    residual = data.outcome - expit(strengths[data.left] - strengths[data.right])
    if data.cluster is None:
        return _vote_meat(data, residual)
    weighted = data.weight * residual
    return cluster_meat(
        np.concatenate([data.left, data.right]),
        np.concatenate([weighted, -weighted]),
        np.concatenate([data.cluster, data.cluster]),
        len(data.labels),
    )


def _vote_meat(data: Comparisons, residual: FloatArray) -> FloatArray:
    """Sum over the votes of s sᵀ, one pair of positions at a time."""
    size = len(data.labels)
    half = np.zeros(size * size)
    for block in data.blocks():
        scores = _vote_scores(block, residual)
        weight = data.weight[block.rows]
        places = block.items.T.astype(np.intp)
        for a, b in combinations_with_replacement(range(len(places)), 2):
            products = weight * scores[a] * scores[b] * (0.5 if a == b else 1.0)
            half += np.bincount(places[a] * size + places[b], products, half.size)
    meat = half.reshape(size, size)
    return np.asarray(meat + meat.T)


def _vote_scores(block: RankingBlock, residual: FloatArray) -> FloatArray:
    """(K, N) the score of each vote with respect to the strengths of those it ranks."""
    size = block.items.shape[1]
    scores = np.zeros((size, len(block.items)))
    pairs = zip(*np.triu_indices(size, 1), strict=True)
    for column, (one, other) in enumerate(pairs):
        of_pair = residual[block.rows + column]
        scores[one] += of_pair
        scores[other] -= of_pair
    return scores
