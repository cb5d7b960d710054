"""Frozen results that several estimators return."""

from typing import NamedTuple

from .arrays import FloatArray


class Interval(NamedTuple):
    """Lower and upper ends, each (K,), in the order of the labels, on the rating scale."""

    lower: FloatArray
    upper: FloatArray


class Evaluation(NamedTuple):
    """A concave function at one point: its value, gradient (D,) and minus its Hessian (D, D)."""

    value: float
    gradient: FloatArray
    information: FloatArray


class Maximum(NamedTuple):
    """Where Newton's method ended, and minus the Hessian there."""

    point: FloatArray
    information: FloatArray
    converged: bool
