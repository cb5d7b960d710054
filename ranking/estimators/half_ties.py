"""The likelihood of Bradley-Terry on tallies, a tie being half a win for each."""

from functools import partial

import numpy as np

from .arrays import FloatArray, ones
from .comparisons import Comparisons
from .logistic import logistic
from .newton import maximise
from .pair_sums import Rows, cells, gaps
from .prior import VirtualVotes
from .results import Evaluation, Maximum
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


def row_scores(data: Comparisons, strengths: FloatArray) -> RowScore:
    """The scores of rows at `strengths` (K,)."""
    expected = logistic(gaps(strengths)).won

    def score(rows: Rows) -> RowScores:
        residual = data.outcome[rows] - expected[cells(data, rows)]
        return RowScores(residual, np.zeros((0, residual.size)))

    return score
