"""Plackett-Luce for rankings of any number of contenders, with ties (Davidson-Luce).

Plackett (1975); Luce (1959); ties: Firth, Kosmidis & Turner (2019), arXiv:1909.07123.
"""

from collections.abc import Mapping
from functools import partial
from typing import Any, Self

import numpy as np
from scipy.linalg import block_diag

from .arrays import BoolArray, FloatArray
from .bootstrap import Likelihood
from .caveats import FEW, UNBOUNDED_TIES
from .choices import Choices
from .comparisons import Comparisons
from .connectivity import Connectivity
from .intervals import cluster_meat
from .newton import maximise
from .prior import VirtualVotes
from .results import Evaluation, Maximum
from .reweighting import Units
from .scale import SCALE
from .strengths import StrengthModel, flat_direction
from .tallies import PairTallies, votes_per_contender


class PlackettLuce(StrengthModel):
    """The best of those left is chosen with odds exp θ, again and again; ties have odds δ.

    For votes of two without ties it is Bradley-Terry; with ties it is Davidson's model (1970).

    unranked_last  those who share the last rank were not ranked among themselves (as in "the
                   best of four"), instead of being tied

    After `fit` also `tie_odds_`: {t: δ_t} for each number t of contenders that tied. The other
    parameters and what it learns: see `StrengthModel`. The prior holds δ_t as well, where the
    votes leave it without a finite estimate (almost everything is a tie).
    """

    tie_odds_: dict[int, float]

    def __init__(
        self,
        *,
        unranked_last: bool = False,
        scale: float = SCALE,
        mean: float = 1000.0,
        anchor: Mapping[Any, float] | None = None,
        prior: float = 1.0,
        few: int = FEW,
    ) -> None:
        super().__init__(scale=scale, mean=mean, anchor=anchor, prior=prior, few=few)
        self.unranked_last = unranked_last

    def fit(self, comparisons: Comparisons) -> Self:
        choices = Choices.of(comparisons, unranked_last=self.unranked_last)
        tallies = PairTallies.of(comparisons)
        counts = choices.counts(comparisons.weight)
        links = choices.links(counts, votes_per_contender(comparisons, tallies))
        connectivity = Connectivity.of(links)
        bounded = choices.bounded_ties(counts, len(comparisons.labels))
        virtual = self._virtual_votes(connectivity, bounded)
        size = len(comparisons.labels)
        start = np.zeros(size + len(choices.orders))
        found = _fit(choices, virtual, counts, start, size)
        self._learn(comparisons, tallies, connectivity, virtual, found)
        odds = np.exp(found.point[size:]).tolist()
        self.tie_odds_ = dict(zip(choices.orders, odds, strict=True))
        if not bounded.all():
            self.caveats_.append(UNBOUNDED_TIES)
        self._choices = choices
        return self

    def _virtual_votes(self, connectivity: Connectivity, bounded: BoolArray) -> VirtualVotes:
        """Those of the strengths, and one for each tie whose odds would grow without bound."""
        strengths = VirtualVotes.against_core(connectivity, self.prior).contrasts
        of_ties = np.eye(bounded.size)[~bounded]
        return VirtualVotes.even(block_diag(strengths, of_ties), self.prior)

    def _meat(self, data: Comparisons) -> FloatArray:
        size, dimension = len(data.labels), self._found.point.size
        columns, scores, groups = [], [], []
        for stages in self._choices.stages:
            parameters, residual = stages.residuals(self._found.point, size)
            columns.append(parameters.ravel())
            # Identical votes are independent unless a cluster says otherwise.
            weight = data.weight[stages.rows]
            factor = np.sqrt(weight) if data.cluster is None else weight
            scores.append((factor * residual).ravel())
            groups.append(np.tile(data.units()[stages.rows], len(parameters)))
        if not columns:
            return np.zeros((dimension, dimension))
        joined = np.concatenate(columns), np.concatenate(scores), np.concatenate(groups)
        return cluster_meat(*joined, dimension)

    def _reweighted(self, data: Comparisons) -> Likelihood:
        choices, size = self._choices, len(data.labels)

        def alone(weight: FloatArray, virtual: VirtualVotes, start: FloatArray) -> FloatArray:
            return _fit(choices, virtual, weight, start, size).point

        units = Units.of(data, *choices.cells())
        return Likelihood(units, choices.derivative(size), alone)


def _fit(
    choices: Choices, virtual: VirtualVotes, counts: FloatArray, start: FloatArray, size: int
) -> Maximum:
    """From the counts (C,) of the kinds of choice."""
    evaluate = partial(_evaluate, choices, virtual, counts, size)
    return maximise(evaluate, start, flat_direction(size, start.size))


def _evaluate(
    choices: Choices, virtual: VirtualVotes, counts: FloatArray, size: int, point: FloatArray
) -> Evaluation:
    """Log-likelihood of the choices and the virtual votes."""
    votes, prior = choices.evaluate(point, size, counts), virtual.evaluate(point)
    return Evaluation(
        votes.value + prior.value,
        votes.gradient + prior.gradient,
        votes.information + prior.information,
    )
