"""Bradley-Terry with covariates: strengths beside what style, position or latency explain.

As LMSYS's style control (https://lmsys.org/blog/2024-08-28-style-control/): the covariates are
differences between the two responses, and their effect is the same for all contenders.
"""

from functools import partial
from typing import Any, Self

import numpy as np
from scipy.linalg import block_diag

from .arrays import FloatArray, is_ones
from .bootstrap import Likelihood
from .comparisons import Comparisons
from .connectivity import Connectivity, Links
from .half_ties import fit_tallies
from .intervals import quantile
from .logistic import logistic
from .newton import maximise
from .pair_sums import Rows, cells, differences, gaps, laplacian, parts, side_matrix
from .prior import VirtualVotes
from .results import Evaluation, Interval
from .reweighting import Units, Weights
from .scores import RowScore, RowScores, score_variance
from .strengths import StrengthModel, flat_direction
from .tallies import PairTallies

# Rows at a time, of several rounds each.
_ROUNDS_PART = 4096


class StyleControlled(StrengthModel):
    """P(left beats right) = 1 / (1 + exp(θ_right − θ_left − x·β)); a tie is half a win for each.

    The ratings are those of equal responses: x = 0. After `fit` also `coefficients_` (F,): what
    one unit of each covariate adds to the log-odds of winning. The other parameters and what it
    learns: see `StrengthModel`. Beside its use there, the prior adds that many virtual votes for
    each covariate, half won and half lost at one unit of it: votes that a covariate explains
    entirely, or one that never differs, would leave its coefficient without a finite estimate.
    """

    coefficients_: FloatArray

    def fit(self, comparisons: Comparisons, covariates: Any = None) -> Self:
        """Fit to votes and their covariates (n, F), left − right; without any: Bradley-Terry.

        Newton's method on all rows. Raises ValueError for a covariate that is not finite, for
        an unequal number of rows, and for an unknown anchor.
        """
        columns = _columns(covariates, len(comparisons))
        size, count = len(comparisons.labels), len(columns)
        tallies = PairTallies.of(comparisons)
        connectivity = Connectivity.of(Links.of(tallies))
        virtual = VirtualVotes.against_core(connectivity, self.prior)
        alone = fit_tallies(tallies, virtual, np.zeros(size)).point
        virtual = VirtualVotes.even(block_diag(virtual.contrasts, np.eye(count)), self.prior)
        evaluate = partial(log_likelihood, comparisons, columns, virtual)
        start = np.concatenate([alone, np.zeros(count)])
        found = maximise(evaluate, start, flat_direction(size, start.size))
        self._learn(comparisons, tallies, connectivity, virtual, found)
        self.coefficients_ = found.point[size:]
        self._columns = columns
        return self

    def coefficient_intervals(self, level: float = 0.95, *, cluster: Any = None) -> Interval:
        """(lower, upper), each (F,): sandwich intervals, clustered as those of the ratings."""
        data = self._clustered(cluster)
        variances = np.diag(self._parameter_covariance(data))[self.strengths_.size :]
        reach = quantile(level, data.n_clusters) * np.sqrt(variances)
        return Interval(self.coefficients_ - reach, self.coefficients_ + reach)

    def _meat(self, data: Comparisons) -> FloatArray:
        score = row_scores(data, self._columns, self._found.point)
        return score_variance(data, len(self._columns), score)

    def _reweighted(self, data: Comparisons) -> Likelihood:
        return bootstrapped(data, self._columns)


def log_likelihood(
    data: Comparisons, columns: FloatArray, virtual: VirtualVotes, point: FloatArray
) -> Evaluation:
    """Log-likelihood of the votes, given covariates (F, n), and of the virtual votes."""
    size, count = len(data.labels), len(columns)
    score, information = np.zeros(size * size), np.zeros(size * size)
    crossed, rest = np.zeros((count, size * size)), np.zeros((count, count))
    slope, value, weighted = np.zeros(count), 0.0, not is_ones(data.weight)
    gap = gaps(point[:size])
    for rows in parts(data):
        cell, x = cells(data, rows), columns[:, rows]
        log_odds = gap[cell] + point[size:] @ x
        won, curvature, log_lost = logistic(log_odds)
        residual = data.outcome[rows] - won
        terms = data.outcome[rows] * log_odds + log_lost
        if weighted:
            weight = data.weight[rows]
            residual, curvature, terms = weight * residual, weight * curvature, weight * terms
        value += float(terms.sum())
        np.add.at(score, cell, residual)
        np.add.at(information, cell, curvature)
        slope += x @ residual
        curved = curvature * x
        rest += curved @ x.T
        for sums, of_column in zip(crossed, curved, strict=True):
            np.add.at(sums, cell, of_column)
    across = differences(crossed, size)
    prior = virtual.evaluate(point)
    gradient = np.concatenate([differences(score, size), slope])
    matrix = np.block([[laplacian(information, size), across.T], [across, rest]])
    return Evaluation(value + prior.value, gradient + prior.gradient, matrix + prior.information)


def bootstrapped(data: Comparisons, columns: FloatArray) -> Likelihood:
    """The same likelihood of the votes, to be reweighted."""
    size, count = len(data.labels), len(columns)
    lead = data.outcome.astype(np.float32)[:, None] - np.float32(0.5)
    covariates = columns.astype(np.float32)
    sides = [
        (rows, side_matrix(data.left[rows], data.right[rows], size))
        for rows in parts(data, _ROUNDS_PART)
    ]

    def gradient(weight: Weights, point: Weights) -> FloatArray:
        found = np.zeros((size + count, weight.shape[1]))
        for rows, ends in sides:
            x = covariates[:, rows]
            log_odds = point[data.left[rows]] - point[data.right[rows]] + x.T @ point[size:]
            # The chance of winning is 0.5 + 0.5·tanh(log_odds/2).
            residual = weight[rows] * (lead[rows] - 0.5 * np.tanh(0.5 * log_odds))
            found[:size] += ends @ residual
            found[size:] += x @ residual
        return found

    def alone(weight: FloatArray, virtual: VirtualVotes, start: FloatArray) -> FloatArray:
        evaluate = partial(log_likelihood, data.weighted_by(weight), columns, virtual)
        return maximise(evaluate, start, flat_direction(size, start.size)).point

    return Likelihood(Units.of_rows(data), gradient, alone)


def row_scores(data: Comparisons, columns: FloatArray, point: FloatArray) -> RowScore:
    """The scores of rows at `point` (K + F,)."""
    size = len(data.labels)
    gap = gaps(point[:size])

    def score(rows: Rows) -> RowScores:
        x = columns[:, rows]
        log_odds = gap[cells(data, rows)] + point[size:] @ x
        residual = data.outcome[rows] - logistic(log_odds).won
        return RowScores(residual, residual * x)

    return score


def _columns(covariates: Any, rows: int) -> FloatArray:
    """(F, n) covariates, a contiguous row for each."""
    if covariates is None:
        return np.zeros((0, rows))
    table = np.asarray(covariates, np.float64)
    if table.ndim != 2 or len(table) != rows:
        raise ValueError(f"covariates have the shape {table.shape}, but there are {rows} rows")
    if not np.isfinite(table).all():
        row, column = np.argwhere(~np.isfinite(table))[0]
        raise ValueError(f"row {row}: covariate {column} is {table[row, column]}")
    return np.array(table.T, order="C")
