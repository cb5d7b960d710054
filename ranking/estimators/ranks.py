"""Ranks, and the ranks that the intervals leave possible."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .arrays import FloatArray

# Ratings closer than this are the same: the rest is rounding in the fit.
_RESOLUTION = 1e-6


class Ranks(NamedTuple):
    """Each (K,), 1 is best. `low` is the best rank still possible, `high` the worst."""

    rank: NDArray[np.intp]
    low: NDArray[np.intp]
    high: NDArray[np.intp]


def ranks(ratings: ArrayLike) -> NDArray[np.intp]:
    """1 plus the number of contenders with a higher rating; equal ratings share a rank."""
    rating = np.asarray(ratings, np.float64)
    return _above(rating, rating + _RESOLUTION) + 1


def rank_ranges(ratings: ArrayLike, lower: ArrayLike, upper: ArrayLike) -> Ranks:
    """Rank ranges from ratings and the ends of their intervals, each (K,).

    low   1 plus the number of contenders whose interval lies entirely above this one
    high  the number of contenders, itself included, whose interval is not entirely below
    """
    low_end, high_end = np.asarray(lower, np.float64), np.asarray(upper, np.float64)
    for end in (low_end, high_end):
        if end.shape != np.shape(ratings):
            raise ValueError(f"ratings {np.shape(ratings)} and interval {end.shape} differ")
    best = _above(low_end, high_end) + 1
    worst = low_end.size - np.searchsorted(np.sort(high_end), low_end, side="left")
    return Ranks(ranks(ratings), best, worst)


def _above(values: FloatArray, limits: FloatArray) -> NDArray[np.intp]:
    """(K,) how many of the values exceed each limit."""
    return np.asarray(values.size - np.searchsorted(np.sort(values), limits, side="right"))
