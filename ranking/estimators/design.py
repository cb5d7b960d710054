"""Which comparisons to ask for: where one more vote narrows the intervals most."""

import numpy as np
from scipy.special import expit

from .arrays import FloatArray
from .bradley_terry import BradleyTerry

# What is taken to be known of a contender without votes: its strength varies as four battles
# between equals would leave it (standard deviation 2, that is 347 points).
VARIANCE_WITHOUT_VOTES = 4.0
# Strictly in proportion to the gain, the good pairs would be asked for too seldom.
_SHARPNESS = 4
# Nobody is in a larger share of the comparisons, so that a newcomer does not fill them all.
_LARGEST_SHARE = 0.5


def covariance(fitted: BradleyTerry) -> FloatArray:
    """(K, K) of the strengths: inverse of the information in the votes and in the little
    that is known without any.
    """
    tallies, strengths = fitted.tallies_, fitted.strengths_
    won = expit(strengths[tallies.first] - strengths[tallies.second])
    information = tallies.laplacian(tallies.total * won * (1.0 - won))
    little = np.eye(strengths.size) / VARIANCE_WITHOUT_VOTES
    return np.asarray(np.linalg.inv(information + little), np.float64)


def gains(strengths: FloatArray, covariance: FloatArray) -> FloatArray:
    """(K, K) by how much one more comparison of each pair lowers the sum of all variances.

    A comparison of i and j adds w d dᵀ to the information, with d = e_i − e_j, w = p (1 − p) and
    p the chance that i wins. By the formula of Sherman and Morrison the trace of the covariance
    Σ falls by w ‖Σd‖² / (1 + w dᵀΣd): the greedy step towards an A-optimal design (Fedorov,
    1972). Chiang et al. (2024, arXiv:2403.04132) sample by the interval of each pair's own win
    rate instead, which cannot see what a vote tells about third contenders.

    A ranking of three is worth the sum over its pairs, but for terms of second order and a
    factor common to all: so a triple that holds good pairs is a good triple.
    """
    gap = strengths[:, None] - strengths[None, :]
    information = expit(gap) * expit(-gap)
    return np.asarray(
        information
        * _of_differences(covariance @ covariance)
        / (1.0 + information * _of_differences(covariance))
    )


def wanted_pairs(gain: FloatArray) -> FloatArray:
    """(K, K) how often to ask for each pair: the fourth power of its gain, with a limit.

    The limit: no contender is in more than half of the pairs (of five contenders or more).
    """
    pairs = np.maximum(gain / gain.max(), 1e-2) ** _SHARPNESS
    np.fill_diagonal(pairs, 0.0)
    return _limited(pairs) if len(pairs) * _LARGEST_SHARE > 2 else np.asarray(pairs)


def _of_differences(matrix: FloatArray) -> FloatArray:
    """(K, K) dᵀ M d for the difference d of each pair."""
    own = np.diag(matrix)
    return np.asarray(own[:, None] + own[None, :] - 2.0 * matrix)


def _limited(pairs: FloatArray) -> FloatArray:
    """The same with the rows scaled down of those that would be in too many pairs."""
    odds = _LARGEST_SHARE / (1.0 - _LARGEST_SHARE)
    for _ in range(100):
        own, total = pairs.sum(axis=1), 0.5 * pairs.sum()
        most = int(own.argmax())
        if own[most] <= 1.01 * _LARGEST_SHARE * total:
            break
        factor = odds * (total - own[most]) / own[most]
        pairs[most] *= factor
        pairs[:, most] *= factor
    return pairs
