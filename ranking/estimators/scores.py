"""Variance of the score of a model of pairs: the middle of the sandwich.

A row's score is `strength` at its left contender, minus that at its right one, and `others` at
the parameters that follow the K strengths. Scores are added up within what belongs together: a
vote, or a given cluster.
"""

from collections.abc import Callable, Iterator
from itertools import combinations
from math import isqrt
from typing import NamedTuple

import numpy as np
from scipy.sparse import coo_array

from .arrays import PART, FloatArray, is_ones
from .comparisons import Comparisons
from .pair_sums import Rows, cells, differences, laplacian


class RowScores(NamedTuple):
    """Of m rows: derivative of the log-likelihood by θ_left (m,) and by the others (F, m)."""

    strength: FloatArray
    others: FloatArray


RowScore = Callable[[Rows], RowScores]


def score_variance(data: Comparisons, others: int, score: RowScore) -> FloatArray:
    """(K + F, K + F) sum of s sᵀ over the clusters of the data, `others` = F."""
    if data.cluster is not None:
        return _of_clusters(data, others, score)
    return _of_votes(data, others, score)


def _of_votes(data: Comparisons, others: int, score: RowScore) -> FloatArray:
    """A weight stands for that many independent votes.

    The scores of a vote's contenders add up to zero, so that their s sᵀ is the sum over its
    pairs of −s_a s_b (e_a − e_b)(e_a − e_b)ᵀ: one value for each row.
    """
    size, weighted = len(data.labels), not is_ones(data.weight)
    pairs, crossed = np.zeros(size * size), np.zeros((others, size * size))
    rest = np.zeros((others, others))
    for rows, count in _whole_votes(data):
        found, cell = score(rows), cells(data, rows)
        residual = found.strength.reshape(-1, count)
        other = found.others.reshape(others, len(residual), count).sum(axis=2)
        products = _products(residual)
        if weighted:
            weight = data.weight[rows][::count, None]
            products, residual = weight * products, weight * residual
        np.add.at(pairs, cell, products.ravel())
        for sums, of_column in zip(crossed, other, strict=True):
            np.add.at(sums, cell, (residual * of_column[:, None]).ravel())
        rest += (other * weight[:, 0] if weighted else other) @ other.T
    across = differences(crossed, size)
    return np.block([[laplacian(pairs, size), across.T], [across, rest]])


def _products(residual: FloatArray) -> FloatArray:
    """(N, k·(k−1)/2) −s_a s_b for each pair of a vote, s_a the sum of the pairs' residuals."""
    couples = list(combinations(range((1 + isqrt(1 + 8 * residual.shape[1])) // 2), 2))
    if len(couples) == 1:
        return residual**2
    scores = np.zeros((couples[-1][1] + 1, len(residual)))
    for (a, b), of_pair in zip(couples, residual.T, strict=True):
        scores[a] += of_pair
        scores[b] -= of_pair
    return np.stack([-scores[a] * scores[b] for a, b in couples], axis=1)


def _whole_votes(data: Comparisons) -> Iterator[tuple[Rows, int]]:
    """Rows of whole votes of one size, some votes at a time, and how many pairs each has."""
    same = data.rows_per_vote()
    if same is not None:
        step = same * max(PART // same, 1)
        yield from ((slice(start, start + step), same) for start in range(0, len(data), step))
        return
    counts = np.bincount(np.asarray(data.vote))
    starts = np.cumsum(counts) - counts
    for count in np.flatnonzero(np.bincount(counts)).tolist():
        first, step = starts[counts == count], max(PART // count, 1)
        for begin in range(0, first.size, step):
            yield (first[begin : begin + step, None] + np.arange(count)).ravel(), count


def _of_clusters(data: Comparisons, others: int, score: RowScore) -> FloatArray:
    """A weight stands for that many votes which depend on each other."""
    found, size = score(slice(None)), len(data.labels)
    strength, other = data.weight * found.strength, data.weight * found.others
    groups, shape = np.asarray(data.cluster), (data.n_clusters or 0, size)
    entries = np.concatenate([strength, -strength])
    columns = np.concatenate([data.left, data.right])
    summed = coo_array((entries, (np.concatenate([groups, groups]), columns)), shape).tocsr()
    rest = np.zeros((shape[0], others))
    for column in range(others):
        rest[:, column] = np.bincount(groups, other[column], shape[0])
    crossed = np.asarray(summed.T @ rest)
    return np.block([[(summed.T @ summed).toarray(), crossed], [crossed.T, rest.T @ rest]])
