"""Newton's method for concave log-likelihoods that are flat along one known direction."""

from collections.abc import Callable

import numpy as np
from scipy.linalg import LinAlgError, cho_factor, cho_solve

from .arrays import FloatArray
from .results import Evaluation, Maximum

# Convergence is quadratic: after a step this small the next would be lost in rounding.
_SMALL_STEP = 1e-6
_MAX_STEPS = 100
_MAX_HALVINGS = 40


def maximise(
    evaluate: Callable[[FloatArray], Evaluation], start: FloatArray, flat: FloatArray
) -> Maximum:
    """Climb from `start` (D,) by Newton steps, halved while they lead downhill.

    `flat` (D,) spans the direction in which the function does not change (adding a constant
    to all strengths); no step goes along it.
    """
    point, here = start, evaluate(start)
    if point.size == 0:
        return Maximum(point, here.information, converged=True)
    for _ in range(_MAX_STEPS):
        step = solve(here.information, here.gradient, flat)
        slack = 1e-12 * (1.0 + abs(here.value))
        for _ in range(_MAX_HALVINGS):
            there = evaluate(point + step)
            if there.value >= here.value - slack:
                break
            step = 0.5 * step
        else:
            return Maximum(point, here.information, converged=False)
        point, here = point + step, there
        if np.abs(step).max(initial=0.0) < _SMALL_STEP:
            return Maximum(point, here.information, converged=True)
    return Maximum(point, here.information, converged=False)


def solve(information: FloatArray, right_side: FloatArray, flat: FloatArray) -> FloatArray:
    """The solution without a part along `flat`, of a matrix that is singular only there."""
    filled = _filled(information, flat)
    try:
        return np.asarray(cho_solve(cho_factor(filled, check_finite=False), right_side))
    except LinAlgError:
        # Positive definite on paper, but not in floating point: weights of very unequal size.
        return np.asarray(np.linalg.lstsq(filled, right_side, rcond=None)[0])


def inverse(information: FloatArray, flat: FloatArray) -> FloatArray:
    """The inverse on everything but `flat`; what it does along `flat` is arbitrary."""
    return solve(information, np.eye(flat.size), flat)


def _filled(information: FloatArray, flat: FloatArray) -> FloatArray:
    level = np.trace(information) / max(flat.sum(), 1.0) ** 2
    return np.asarray(information + (level or 1.0) * np.outer(flat, flat))
