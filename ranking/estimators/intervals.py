"""Intervals: the sandwich, clustered, and the bootstrap."""

import math

import numpy as np
from scipy.sparse import coo_array
from scipy.special import ndtr, ndtri, stdtrit

from .arrays import FloatArray, IntArray
from .comparisons import Comparisons
from .results import Interval

# A contender judged by fewer clusters than this gets no narrower interval from clustering.
FEW_CLUSTERS = 10


def quantile(level: float, clusters: int | None) -> float:
    """How many standard errors an interval reaches to each side.

    Normal; with few clusters Student's t with one degree of freedom less than clusters, since
    their variance is itself uncertain (Cameron & Miller, 2015).
    """
    upper = 0.5 + 0.5 * _checked(level)
    return float(ndtri(upper) if clusters is None else stdtrit(max(clusters - 1, 1), upper))


def few_cluster_factor(clusters: int) -> float:
    """G/(G−1): scores of G clusters sum to zero, so their squares are too small on average."""
    return clusters / max(clusters - 1, 1)


def clusters_per_contender(comparisons: Comparisons) -> FloatArray:
    """(K,) in how many clusters each contender was compared; all infinite without clusters."""
    size = len(comparisons.labels)
    if comparisons.cluster is None:
        return np.full(size, np.inf)
    groups = comparisons.cluster.astype(np.int64) * size
    met = np.unique(np.concatenate([groups + comparisons.left, groups + comparisons.right]))
    return np.bincount(met % size, minlength=size).astype(np.float64)


def percentile_interval(draws: FloatArray, level: float, clusters: int | None = None) -> Interval:
    """Central part of bootstrap draws (rounds, K) that holds `level` of them; more if of clusters.

    Draws of the Bayesian bootstrap of G clusters vary (G − 1)/(G + 1) times as much as the
    estimate does, and normally where the estimate has Student's t. Percentiles further out make up
    for both: the expanded percentile interval (Hesterberg, 2015, The American Statistician 69),
    with Rubin's (G + 1)/(G − 1) in place of his G/(G − 1) for multinomial weights.
    """
    tail = 0.5 - 0.5 * _checked(level)
    if clusters is not None:
        stretch = (clusters + 1) / max(clusters - 1, 1)
        tail = float(ndtr(-math.sqrt(stretch) * quantile(level, clusters)))
    lower, upper = np.quantile(draws, [tail, 1.0 - tail], axis=0)
    return Interval(lower, upper)


def sandwich(bread: FloatArray, meat: FloatArray) -> FloatArray:
    """Covariance of an estimate: inverse information · variance of the score · the same.

    Huber (1967); clustered: Liang & Zeger (1986).
    """
    return np.asarray(bread @ meat @ bread.T)


def cluster_meat(columns: IntArray, scores: FloatArray, groups: IntArray, size: int) -> FloatArray:
    """(size, size) sum over the groups of s sᵀ, s the group's sum of scores.

    `scores` (E,) are entries of the score at the parameters `columns` (E,).
    """
    shape = (int(groups.max(initial=-1)) + 1, size)
    summed = coo_array((scores, (groups, columns)), shape).tocsr()
    return np.asarray((summed.T @ summed).toarray(), np.float64)


def _checked(level: float) -> float:
    if not 0.0 < level < 1.0:
        raise ValueError(f"level {level} must lie between 0 and 1, such as 0.95")
    return level
