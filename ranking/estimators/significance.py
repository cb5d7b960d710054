"""Which differences between ratings are significant, all of them looked at together."""

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtr, stdtr

from .arrays import BoolArray, FloatArray
from .intervals import quantile
from .results import Interval

# Gaps of fewer points than this are none: the rest is rounding in the fit.
_RESOLUTION = 1e-6


def significantly_better(
    ratings: ArrayLike,
    covariance: ArrayLike,
    interval: Interval,
    level: float = 0.95,
    *,
    clusters: int | None = None,
) -> BoolArray:
    """(K, K) whether the row's contender is significantly better than the column's.

    Each difference is held against its own standard error, from the covariance (K, K) of the
    ratings (K,) as `StrengthModel.covariance`. All K·(K−1)/2 pairs are tested together, so that
    of the differences found a share of 1 − level at most is expected to be wrong: Benjamini &
    Hochberg (1995), used for all pairs as by Williams, Jones & Tukey (1999), Journal of
    Educational and Behavioral Statistics 24. `interval` is that of the ratings at the same
    level: where it is wider than the covariance says, as with few votes, the difference is as
    uncertain. `clusters`: how many the covariance is clustered by, if they were given
    (Student's t).
    """
    rating = np.asarray(ratings, np.float64)
    matrix = as_wide_as(interval, covariance, level, clusters=clusters)
    if matrix.shape != (rating.size, rating.size):
        raise ValueError(f"{rating.size} ratings, but a covariance of shape {matrix.shape}")
    gap = np.subtract.outer(rating, rating)
    variance = np.diag(matrix)
    spread = np.sqrt(np.maximum(np.add.outer(variance, variance) - 2.0 * matrix, 0.0))
    first, second = np.triu_indices(rating.size, 1)
    rejected = np.zeros(matrix.shape, bool)
    chance = _chances(gap[first, second], spread[first, second], clusters)
    rejected[first, second] = discoveries(chance, 1.0 - level)
    return (rejected | rejected.T) & (gap > 0.0)


def as_wide_as(
    interval: Interval, covariance: ArrayLike, level: float = 0.95, *, clusters: int | None = None
) -> FloatArray:
    """The covariance (K, K) with variances that are no smaller than the intervals stand for.

    `StrengthModel.intervals` are wider than the covariance where few votes or clusters happen to
    agree too well.
    """
    matrix = np.array(covariance, np.float64)
    error = 0.5 * (interval.upper - interval.lower) / quantile(level, clusters)
    if matrix.shape == (error.size, error.size):
        np.fill_diagonal(matrix, np.maximum(np.diag(matrix), error**2))
    return matrix


def discoveries(chances: ArrayLike, share: float) -> BoolArray:
    """(M,) which of M tests reject, given their p-values; of these `share` at most are false.

    In expectation. Benjamini & Hochberg (1995), Journal of the Royal Statistical Society B 57.
    """
    chance = np.asarray(chances, np.float64)
    ordered = np.sort(chance)
    passed = ordered <= share * np.arange(1, chance.size + 1) / max(chance.size, 1)
    limit = ordered[passed].max(initial=-1.0)
    return np.asarray(chance <= limit)


def _chances(gap: FloatArray, spread: FloatArray, clusters: int | None) -> FloatArray:
    """(M,) p-values, two-sided; 1 where there is no gap or nothing known of its error."""
    tested = (np.abs(gap) > _RESOLUTION) & (spread > 0.0)
    ratio = -np.abs(gap[tested]) / spread[tested]
    chance = np.ones(gap.size)
    chance[tested] = 2.0 * (ndtr(ratio) if clusters is None else stdtr(max(clusters - 1, 1), ratio))
    return chance
