"""What ratings say about pairs of contenders, and about who is best."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from .arrays import BoolArray, FloatArray
from .intervals import quantile
from .logistic import logistic
from .scale import SCALE


class Pairs(NamedTuple):
    """Each (K, K), row against column.

    win_rate     expected share of votes that the row wins, a tie counting one half
    lower, upper its interval
    significant  whether the interval leaves out one half: the ratings differ
    """

    win_rate: FloatArray
    lower: FloatArray
    upper: FloatArray
    significant: BoolArray


def win_rate(
    rating: ArrayLike, other: ArrayLike, *, tie_odds: float = 0.0, scale: float = SCALE
) -> FloatArray:
    """Expected share of votes that `rating` wins against `other`, a tie being one half.

    Elementwise. `scale` is that of the model: points for each unit of log-odds. So 1274 against
    1224 means 57 %. `tie_odds`: Davidson's δ, of a model that tells ties from half wins
    (Davidson, Plackett-Luce): √αβ·δ is the weight of a tie beside α and β of the wins.
    """
    gap = np.subtract(np.asarray(rating, np.float64), np.asarray(other, np.float64)) / scale
    decided = logistic(gap).won
    tied = 0.5 * tie_odds / np.cosh(0.5 * np.clip(gap, -1400.0, 1400.0))
    return np.asarray((decided + 0.5 * tied) / (1.0 + tied))


def compare_pairs(
    ratings: ArrayLike,
    covariance: ArrayLike,
    level: float = 0.95,
    *,
    clusters: int | None = None,
    scale: float = SCALE,
) -> Pairs:
    """Every pair, from ratings (K,) and their covariance (K, K) as `StrengthModel.covariance`.

    The interval is that of the difference of two ratings, carried over to the win rate. It is
    often narrower than the two ratings' own intervals suggest, which may overlap although the
    difference is significant. Each pair stands for itself: of many pairs without a difference,
    1 − level come out significant by chance. `clusters`: how many the covariance is clustered
    by, if they were given (Student's t).
    """
    rating, covariances = np.asarray(ratings, np.float64), np.asarray(covariance, np.float64)
    if covariances.shape != (rating.size, rating.size):
        raise ValueError(f"{rating.size} ratings, but a covariance of shape {covariances.shape}")
    gap = np.subtract.outer(rating, rating)
    variance = np.diag(covariances)
    spread = np.sqrt(np.maximum(np.add.outer(variance, variance) - 2.0 * covariances, 0.0))
    reach = quantile(level, clusters) * spread
    lower, upper = gap - reach, gap + reach
    rate, low, high = (logistic(points / scale).won for points in (gap, lower, upper))
    return Pairs(rate, low, high, (lower > 0.0) | (upper < 0.0))


def probability_of_best(draws: ArrayLike) -> FloatArray:
    """(K,) in what share of the draws (rounds, K) of the ratings each is the highest.

    Draws as of `StrengthModel.draws`. Those who share the highest rating share the draw.
    """
    drawn = np.asarray(draws, np.float64)
    best = drawn == drawn.max(axis=1, keepdims=True, initial=-np.inf)
    return np.asarray((best / best.sum(axis=1, keepdims=True)).mean(axis=0))
