"""The virtual votes that keep otherwise infinite ratings finite."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from scipy.special import expit

from .arrays import FloatArray
from .connectivity import Connectivity
from .results import Evaluation


@dataclass(frozen=True, eq=False)
class VirtualVotes:
    """`weight` virtual votes along each contrast, a `share` (M,) of them won, the rest lost.

    The bootstrap draws the shares evenly between 0 and 1, as the Bayesian bootstrap of one win
    and one loss does: a resample of votes that all went one way shows no spread, and this brings
    in that of the prior, on which the rating rests.

    contrasts  (M, D) each row times the parameters gives the log-odds of winning
    """

    contrasts: FloatArray
    weight: float
    share: FloatArray

    @classmethod
    def even(cls, contrasts: FloatArray, weight: float) -> Self:
        """Half won, half lost."""
        return cls(contrasts, weight, np.full(len(contrasts), 0.5))

    @classmethod
    def against_core(cls, connectivity: Connectivity, weight: float) -> Self:
        """For each unsettled contender, half won and half lost to an average of the core."""
        size = connectivity.island.size
        contrasts = np.zeros((connectivity.unsettled.size, size))
        contrasts[np.arange(connectivity.unsettled.size), connectivity.unsettled] = 1.0
        if connectivity.core.size:
            contrasts[:, connectivity.core] -= 1.0 / connectivity.core.size
        return cls.even(contrasts, weight)

    def evaluate(self, point: FloatArray) -> Evaluation:
        """Their log-likelihood at `point` (D,)."""
        log_odds = self.contrasts @ point
        won = expit(log_odds)
        value = self.weight * (self.share * log_odds - np.logaddexp(0.0, log_odds)).sum()
        gradient = self.gradient(point, self.share)
        information = self._outer(self.weight * won * (1.0 - won))
        return Evaluation(float(value), gradient, information)

    def gradient(self, point: FloatArray, share: FloatArray) -> FloatArray:
        """(D, B) of their log-likelihood at points (D, B), with shares (M, B) of their own."""
        surplus = share - expit(self.contrasts @ point)
        return np.asarray(self.weight * (self.contrasts.T @ surplus))

    def meat(self, point: FloatArray) -> FloatArray:
        """Their share in the middle of the sandwich, as if they had been cast."""
        won = expit(self.contrasts @ point)
        return self._outer(
            self.weight * (self.share * (1.0 - won) ** 2 + (1 - self.share) * won**2)
        )

    def _outer(self, values: FloatArray) -> FloatArray:
        return np.asarray((self.contrasts.T * values) @ self.contrasts)
