"""The likelihood of Bradley-Terry on tallies, a tie being half a win for each."""

from functools import partial

import numpy as np

from .arrays import FloatArray, ones
from .bootstrap import Likelihood
from .comparisons import Comparisons
from .logistic import logistic
from .newton import maximise
from .pair_sums import Rows, cells, gaps
from .prior import VirtualVotes
from .results import Evaluation, Maximum
from .reweighting import Units, Weights
from .scores import RowScore, RowScores
from .tallies import PairTallies


def fit_tallies(tallies: PairTallies, virtual: VirtualVotes, start: FloatArray) -> Maximum:
    """The strengths that maximise `log_likelihood`, from `start` (K,)."""
    return maximise(partial(log_likelihood, tallies, virtual), start, ones(start.size))


def log_likelihood(
    tallies: PairTallies, virtual: VirtualVotes, strengths: FloatArray
) -> Evaluation:
    """Log-likelihood of the tallies and the virtual votes at `strengths` (K,)."""
    log_odds = strengths[tallies.first] - strengths[tallies.second]
    won, slope, log_lost = logistic(log_odds)
    value = float(tallies.score @ log_odds + tallies.total @ log_lost)
    gradient = tallies.differences(tallies.score - tallies.total * won)
    information = tallies.laplacian(tallies.total * slope)
    prior = virtual.evaluate(strengths)
    return Evaluation(
        value + prior.value, gradient + prior.gradient, information + prior.information
    )


def bootstrapped(data: Comparisons, tallies: PairTallies) -> Likelihood:
    """The same likelihood of the votes behind the tallies, to be reweighted."""

    def gradient(weight: Weights, point: Weights) -> FloatArray:
        wins, ties, losses = weight.reshape(3, tallies.first.size, weight.shape[1])
        # The chance of winning is 0.5 + 0.5·tanh(gap/2).
        lead = np.tanh(0.5 * (point[tallies.first] - point[tallies.second]))
        return np.asarray(tallies.sides @ (0.5 * (wins - losses - (wins + ties + losses) * lead)))

    def alone(weight: FloatArray, virtual: VirtualVotes, start: FloatArray) -> FloatArray:
        return fit_tallies(tallies.weighted(weight), virtual, start).point

    units = Units.of(data, 3 * tallies.first.size, tallies.outcome_cells(data), slice(None))
    return Likelihood(units, gradient, alone)


def row_scores(data: Comparisons, strengths: FloatArray) -> RowScore:
    """The scores of rows at `strengths` (K,)."""
    expected = logistic(gaps(strengths)).won

    def score(rows: Rows) -> RowScores:
        residual = data.outcome[rows] - expected[cells(data, rows)]
        return RowScores(residual, np.zeros((0, residual.size)))

    return score
