"""Intervals: the sandwich, clustered, and the bootstrap."""

import numpy as np
from scipy.sparse import coo_array
from scipy.special import ndtri, stdtrit

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


def percentile_interval(draws: FloatArray, level: float) -> Interval:
    """Central part of bootstrap draws (rounds, K) that holds `level` of them."""
    tail = 0.5 - 0.5 * _checked(level)
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


def resampled(comparisons: Comparisons, generator: np.random.Generator) -> Comparisons:
    """The votes with random weights: the Bayesian bootstrap of clusters, or votes without them.

    Rubin (1981): exponential weights, whose sum over w identical votes is a gamma variable. No
    contender loses its only win, so a resample has a finite estimate wherever the votes have.
    """
    groups = comparisons.cluster
    if groups is not None:
        times = generator.standard_exponential(comparisons.n_clusters)
        return comparisons.weighted_by(comparisons.weight * times[groups])
    starts = comparisons.vote_starts()
    weight = generator.standard_gamma(
        comparisons.weight if starts is None else comparisons.weight[starts]
    )
    groups = comparisons.vote
    return comparisons.weighted_by(weight if groups is None else weight[groups])


def _checked(level: float) -> float:
    if not 0.0 < level < 1.0:
        raise ValueError(f"level {level} must lie between 0 and 1, such as 0.95")
    return level
