"""Many refits to reweighted votes, side by side."""

from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from .arrays import BoolArray, FloatArray
from .newton import inverse
from .prior import VirtualVotes
from .results import Maximum
from .reweighting import Units, Weights

# Cells times rounds that are worked on at a time, so that they stay in the cache; with very many
# cells so many rounds nevertheless, which take less memory than the votes themselves.
_BATCH = 1 << 18
_LEAST_ROUNDS = 8
# Steps with one fixed Hessian. They contract unless the votes are few, then Newton takes over.
_STEPS = 12
# In units of strength: a hundredth of a rating point.
_SMALL_STEP = 5e-5


class Likelihood(NamedTuple):
    """The log-likelihood of votes whose weights are drawn anew.

    units     what is drawn
    gradient  from weights (C, B) and parameters (D, B) to the derivatives (D, B)
    alone     from weights (C,), virtual votes and a start (D,) to the maximum (D,) by Newton
    """

    units: Units
    gradient: Callable[[Weights, Weights], FloatArray]
    alone: Callable[[FloatArray, VirtualVotes, FloatArray], FloatArray]


def refit(
    likelihood: Likelihood,
    virtual: VirtualVotes,
    found: Maximum,
    flat: FloatArray,
    rounds: int,
    generator: np.random.Generator,
) -> FloatArray:
    """(rounds, D) parameters refitted to reweighted votes, climbing from the estimate `found`."""
    draws = np.empty((rounds, found.point.size))
    if not found.point.size:
        return draws
    bread = inverse(found.information, flat)
    units = likelihood.units
    cells = max(units.cells, units.shapes.size, 1)
    step = max(_BATCH // cells, _LEAST_ROUNDS)
    for part in (draws[start : start + step] for start in range(0, rounds, step)):
        weight = units.draw(generator, len(part))
        share = generator.random((len(virtual.contrasts), len(part)))
        points, settled = _climb(likelihood, virtual, found.point, bread, weight, share)
        part[:] = points.T
        for row in np.flatnonzero(~settled):
            drawn = replace(virtual, share=share[:, row])
            part[row] = likelihood.alone(weight[:, row].astype(np.float64), drawn, found.point)
    return draws


def _climb(
    likelihood: Likelihood,
    virtual: VirtualVotes,
    start: FloatArray,
    bread: FloatArray,
    weight: Weights,
    share: FloatArray,
) -> tuple[FloatArray, BoolArray]:
    """(D, B) parameters and (B,) who arrived: steps of B rounds, all with the Hessian of `start`.

    Each step is shorter than the one before by a factor that hardly changes, so the two tell
    how far the end is. A round has arrived if that is next to nothing.
    """
    # The first step is from the same point for all, who need its chances only once.
    point, before = start[:, None], np.zeros(weight.shape[1])
    for _ in range(_STEPS):
        with np.errstate(over="ignore", invalid="ignore"):
            gradient = likelihood.gradient(weight, point.astype(np.float32))
            gradient = gradient + virtual.gradient(point, share)
            step = bread @ gradient
            point = point + step
            size = np.abs(step).max(axis=0)
            arrived = size**2 <= _SMALL_STEP * (before - size)
        if arrived.all():
            break
        before = size
    return point, arrived
