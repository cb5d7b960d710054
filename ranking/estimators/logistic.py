"""The logistic function and what a likelihood needs beside it."""

from typing import NamedTuple

import numpy as np

from .arrays import FloatArray


class Logistic(NamedTuple):
    """At some log-odds: the chance of winning, its derivative, the log of the chance of losing."""

    won: FloatArray
    slope: FloatArray
    log_lost: FloatArray


def logistic(log_odds: FloatArray) -> Logistic:
    """Exact in both tails, and without branches: faster than `scipy.special.expit` alone."""
    small = np.exp(-np.abs(log_odds))
    likelier = 1.0 / (1.0 + small)
    return Logistic(
        likelier * np.exp(np.minimum(log_odds, 0.0)),
        small * likelier * likelier,
        np.log(likelier) - np.maximum(log_odds, 0.0),
    )
