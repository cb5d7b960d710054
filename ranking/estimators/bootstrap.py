"""The bootstrap of Bradley-Terry: many refits to reweighted votes, side by side.

Rubin (1981), The Bayesian bootstrap: each vote, or each cluster of votes, gets a random weight
from the exponential distribution. So a resample never loses a contender's only win, and n
identical votes together draw one weight from a gamma distribution: the cost of counted pairs
does not grow with the votes.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Self

import numpy as np
from scipy.sparse import csr_array
from scipy.special import expit

from .arrays import BoolArray, FloatArray, ones
from .comparisons import Comparisons
from .half_ties import fit_tallies
from .newton import inverse
from .prior import VirtualVotes
from .results import Maximum
from .tallies import PairTallies

# Pairs times rounds that are worked on at a time.
_BATCH = 1 << 17
# Steps with one fixed Hessian. They contract unless the votes are few, then Newton takes over.
_STEPS = 12
# In units of strength: two hundredths of a rating point.
_SMALL_STEP = 1e-4

Draw = Callable[[np.random.Generator, int], tuple[FloatArray, FloatArray]]
"""(score, total), each (P, B): reweighted wins of `first` and comparisons, of B rounds."""


def refit(
    data: Comparisons,
    tallies: PairTallies,
    virtual: VirtualVotes,
    found: Maximum,
    rounds: int,
    generator: np.random.Generator,
) -> FloatArray:
    """(rounds, K) strengths refitted to reweighted votes, climbing from the estimate `found`."""
    draw, climb = _reweighting(data, tallies), _Climb.of(tallies, virtual, found)
    draws = np.empty((rounds, found.point.size))
    step = max(_BATCH // max(tallies.first.size, 1), 1)
    for part in (draws[start : start + step] for start in range(0, rounds, step)):
        score, total = draw(generator, len(part))
        share = generator.random((len(virtual.contrasts), len(part)))
        part[:], settled = climb.climb(score, total, share)
        for row in np.flatnonzero(~settled):
            counts = score[:, row], total[:, row] - score[:, row], np.zeros(len(score))
            votes = PairTallies(tallies.size, tallies.first, tallies.second, *counts)
            part[row] = fit_tallies(votes, replace(virtual, share=share[:, row]), found.point).point
    return draws


@dataclass(frozen=True, eq=False)
class _Climb:
    """Newton's steps of many rounds at once, all with the inverse Hessian of the estimate.

    sides  (K, P) 1 at a pair's first contender, −1 at its second
    """

    tallies: PairTallies
    virtual: VirtualVotes
    start: FloatArray
    bread: FloatArray
    sides: csr_array

    @classmethod
    def of(cls, tallies: PairTallies, virtual: VirtualVotes, found: Maximum) -> Self:
        pairs = np.arange(tallies.first.size)
        ends = np.concatenate([tallies.first, tallies.second]), np.concatenate([pairs, pairs])
        signs = np.repeat([1.0, -1.0], pairs.size)
        sides = csr_array((signs, ends), (tallies.size, pairs.size))
        bread = inverse(found.information, ones(found.point.size))
        return cls(tallies, virtual, found.point, bread, sides)

    def climb(
        self, score: FloatArray, total: FloatArray, share: FloatArray
    ) -> tuple[FloatArray, BoolArray]:
        """(B, K) strengths for these counts (P, B) and virtual shares (M, B), and who arrived."""
        contrasts, weight = self.virtual.contrasts, self.virtual.weight
        point = np.repeat(self.start[:, None], score.shape[1], axis=1)
        half = 0.5 * total
        surplus = score - half
        for _ in range(_STEPS):
            gap = point[self.tallies.first] - point[self.tallies.second]
            # The chance of winning is 0.5 + 0.5·tanh(gap/2).
            gap *= 0.5
            np.tanh(gap, out=gap)
            gap *= half
            gradient = self.sides @ (surplus - gap)
            gradient += weight * (contrasts.T @ (share - expit(contrasts @ point)))
            step = self.bread @ gradient
            point += step
            last = np.abs(step).max(axis=0, initial=0.0)
            if (last < _SMALL_STEP).all():
                break
        return point.T, last < _SMALL_STEP


def _reweighting(data: Comparisons, tallies: PairTallies) -> Draw:
    """How to reweight the votes behind the tallies, as the data cluster them."""
    if data.cluster is None and data.vote is None:
        return partial(_draw_pairs, tallies)
    return partial(_draw_units, *_units(data, tallies))


def _draw_pairs(
    tallies: PairTallies, generator: np.random.Generator, rounds: int
) -> tuple[FloatArray, FloatArray]:
    shape = (tallies.first.size, rounds)
    wins, losses, ties = (
        generator.standard_gamma(counts[:, None], shape)
        for counts in (tallies.wins, tallies.losses, tallies.ties)
    )
    return wins + 0.5 * ties, wins + losses + ties


def _draw_units(
    shapes: FloatArray,
    score: csr_array,
    total: csr_array,
    generator: np.random.Generator,
    rounds: int,
) -> tuple[FloatArray, FloatArray]:
    weight = generator.standard_gamma(shapes[:, None], (shapes.size, rounds))
    return score @ weight, total @ weight


def _units(data: Comparisons, tallies: PairTallies) -> tuple[FloatArray, csr_array, csr_array]:
    """(G,) how many independent votes each unit stands for, and (P, G) what a unit adds.

    A unit is a cluster, or a vote if there are none.
    """
    weight = data.weight
    if data.cluster is not None:
        units, shapes, entry = data.cluster, np.ones(data.n_clusters or 0), weight
    else:
        units, shapes = np.asarray(data.vote), weight[data.vote_starts()]
        entry = np.ones(len(data))
    kept = weight > 0
    first = np.where(data.left < data.right, data.outcome, 1.0 - data.outcome)
    cells = tallies.index(data.left[kept], data.right[kept]), units[kept]
    shape = (tallies.first.size, shapes.size)
    score = csr_array(((entry * first)[kept], cells), shape)
    return shapes, score, csr_array((entry[kept], cells), shape)
